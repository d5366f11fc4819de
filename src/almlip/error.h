// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace almlip {

/// The one exception of the core and the trainer. The message is one line that says where, what was
/// found, what is allowed and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws an Error whose message is all parts, one after the other.
template <class... Parts>
[[noreturn]] void fail(const Parts &...parts)
{
  std::ostringstream message;
  message.precision(10);
  (message << ... << parts);
  throw Error(message.str());
}

/// Throws an Error with all parts as message unless `ok`.
template <class... Parts>
void require(bool ok, const Parts &...parts)
{
  if (!ok) fail(parts...);
}

}    // namespace almlip
