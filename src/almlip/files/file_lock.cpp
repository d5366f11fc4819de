// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "almlip/text.h"

namespace almlip {

FileLock::FileLock(const std::string &path, double patience)
{
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(patience);
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    problem_ = path + ": cannot be opened: " + std::strerror(errno);
    return;
  }
  while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      problem_ = path + ": cannot be locked: " + std::strerror(errno);
      return;
    }
    if (Clock::now() >= end) {
      problem_ = path + format(": another process has held it for %.3g s", patience);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

FileLock::~FileLock()
{
  if (descriptor_ >= 0) close(descriptor_);
}

}    // namespace almlip
