// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "almlip/text.h"

namespace almlip {

FileLock::FileLock(const std::string &path, double patience, const std::function<void()> &waits)
{
  using Clock = std::chrono::steady_clock;
  constexpr auto moment = std::chrono::seconds(2);
  const auto begin = Clock::now();
  bool told = false;
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
    const auto waited = Clock::now() - begin;
    if (waited >= std::chrono::duration<double>(patience)) {
      problem_ = path + format(": another process has held it for %.3g s", patience);
      return;
    }
    if (waited > moment && !std::exchange(told, true)) waits();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

FileLock::~FileLock()
{
  if (descriptor_ >= 0) close(descriptor_);
}

}    // namespace almlip
