// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>

#include "almlip/error.h"

namespace almlip::test {

/// What the Error says that some work throws; "no error" if it throws none.
inline std::string message_of(const std::function<void()> &work)
{
  try {
    work();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

}    // namespace almlip::test
