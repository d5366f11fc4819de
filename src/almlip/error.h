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

/// The text with control characters as \\xNN: a message with a zero byte would end there.
inline std::string printable(const std::string &text)
{
  constexpr const char *digits = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t')
      result += c;
    else
      result += {'\\', 'x', digits[byte / 16], digits[byte % 16]};
  }
  return result;
}

/// Throws an Error whose message is all parts, one after the other.
template <class... Parts>
[[noreturn]] void fail(const Parts &...parts)
{
  std::ostringstream message;
  message.precision(10);
  (message << ... << parts);
  throw Error(printable(message.str()));
}

/// Throws an Error with all parts as message unless `ok`.
template <class... Parts>
void require(bool ok, const Parts &...parts)
{
  if (!ok) fail(parts...);
}

}    // namespace almlip
