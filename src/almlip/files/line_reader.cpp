// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "almlip/error.h"

namespace almlip {

namespace {

constexpr std::size_t piece_size = 1 << 16;

int open_for_reading(const std::string &path)
{
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor >= 0, path, ": cannot be read: ", std::strerror(errno));
  struct stat status {};
  const bool folder = fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode);
  if (folder) close(descriptor);
  require(!folder, path, ": cannot be read: it is a folder");
  return descriptor;
}

}    // namespace

void LineReader::Close::operator()(gzFile_s *file) const { gzclose(file); }

LineReader::LineReader(const std::string &path)
    : path_(path), file_(gzdopen(open_for_reading(path), "rb"))
{
  require(file_ != nullptr, path, ": zlib cannot be started");
  gzbuffer(file_.get(), piece_size);
}

bool LineReader::next(std::string &line)
{
  line.clear();
  while (line.empty() || line.back() != '\n') {
    if (position_ == piece_.size() && !fill()) break;
    const std::size_t newline = piece_.find('\n', position_);
    const std::size_t end = newline == std::string::npos ? piece_.size() : newline + 1;
    line.append(piece_, position_, end - position_);
    position_ = end;
  }
  if (line.empty()) return false;
  ++number_;
  return true;
}

void LineReader::rewind()
{
  require(gzrewind(file_.get()) == 0, path_, ": cannot be read a second time");
  piece_.clear();
  position_ = 0;
  number_ = 0;
}

/// Gets the next piece; false at the end of the file.
bool LineReader::fill()
{
  piece_.resize(piece_size);
  errno = 0;
  const int count = gzread(file_.get(), piece_.data(), piece_size);
  int state = Z_OK;
  const char *what = gzerror(file_.get(), &state);
  require(state != Z_ERRNO, path_, ": cannot be read: ", std::strerror(errno));
  require(count >= 0 || state == Z_BUF_ERROR, path_, ": the gzip stream is damaged (", what,
          "); get the file again");
  piece_.resize(static_cast<std::size_t>(std::max(count, 0)));
  position_ = 0;
  return count > 0;
}

}    // namespace almlip
