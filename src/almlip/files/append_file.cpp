// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/append_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "almlip/error.h"

namespace almlip {

namespace {

/// Whether the name still belongs to the open file, which another process may have replaced.
bool is_at(int descriptor, const std::string &path, std::int64_t &size)
{
  struct stat open_file {
  }, named{};
  if (fstat(descriptor, &open_file) != 0 || stat(path.c_str(), &named) != 0) return false;
  size = open_file.st_size;
  return open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

}    // namespace

std::optional<AppendFile> AppendFile::create(const std::string &path)
{
  const int descriptor = open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return {};
  require(descriptor >= 0, path, ": cannot be created: ", std::strerror(errno));
  flock(descriptor, LOCK_EX | LOCK_NB);    // where there are no locks, nobody else can claim it
  return AppendFile(descriptor, path);
}

std::optional<AppendFile> AppendFile::overwrite(const std::string &path)
{
  const int descriptor = open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  require(descriptor >= 0, path, ": cannot be written: ", std::strerror(errno));
  AppendFile file(descriptor, path);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return {};
  file.truncate(0);
  return file;
}

std::optional<AppendFile> AppendFile::claim(const std::string &path)
{
  const int descriptor = open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) return {};
  AppendFile file(descriptor, path);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 || !is_at(descriptor, path, file.size_)) return {};
  return file;
}

AppendFile::AppendFile(AppendFile &&other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      ends_torn_(other.ends_torn_)
{
}

AppendFile &AppendFile::operator=(AppendFile &&other) noexcept
{
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(size_, other.size_);
  std::swap(ends_torn_, other.ends_torn_);
  return *this;
}

AppendFile::~AppendFile()
{
  if (descriptor_ >= 0) close(descriptor_);
}

bool AppendFile::is_there() const
{
  std::int64_t size = 0;
  return is_at(descriptor_, path_, size);
}

int AppendFile::append(const std::string &text)
{
  const std::string piece = ends_torn_ ? '\n' + text : text;
  std::size_t done = 0;
  while (done < piece.size()) {
    const ssize_t count = ::write(descriptor_, piece.data() + done, piece.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int reason = count < 0 ? errno : ENOSPC;
      ends_torn_ = ftruncate(descriptor_, size_) != 0;
      if (ends_torn_) size_ += static_cast<std::int64_t>(done);
      return reason;
    }
    done += static_cast<std::size_t>(count);
  }
  size_ += static_cast<std::int64_t>(piece.size());
  ends_torn_ = false;
  return 0;
}

void AppendFile::truncate(std::int64_t size)
{
  check(ftruncate(descriptor_, size) == 0, "cut off");
  size_ = size;
}

void AppendFile::sync() { check(fdatasync(descriptor_) == 0, "flushed to disk"); }

std::string AppendFile::read(std::int64_t offset, std::int64_t count) const
{
  std::string text(static_cast<std::size_t>(count), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = pread(descriptor_, text.data() + done, text.size() - done,
                              offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    check(got >= 0, "read");
    require(got > 0, path_, ": is shorter than what was written to it; something has changed it");
    done += static_cast<std::size_t>(got);
  }
  return text;
}

void AppendFile::replace(AppendFile &other)
{
  check(std::rename(path_.c_str(), other.path_.c_str()) == 0, "renamed");
  path_ = other.path_;
}

void AppendFile::remove()
{
  if (is_there()) unlink(path_.c_str());
}

void AppendFile::check(bool ok, const char *what) const
{
  require(ok, path_, ": cannot be ", what, ": ", std::strerror(errno));
}

}    // namespace almlip
