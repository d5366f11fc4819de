// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/program_folder.h"

#include <unistd.h>

namespace almlip::cli {

std::string program_folder()
{
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0) return "";
  const std::string program(path, static_cast<std::size_t>(length));
  return program.substr(0, program.rfind('/'));
}

}    // namespace almlip::cli
