// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "almlip/error.h"

namespace almlip {

namespace {

bool is_gzip(const std::string &bytes)
{
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

std::string read_bytes(const std::string &path)
{
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  require(exists, path, ": cannot be read: ", std::strerror(errno));
  require(!S_ISDIR(status.st_mode), path, ": cannot be read: it is a folder");

  const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  require(file != nullptr, path, ": cannot be read: ", std::strerror(errno));
  std::string bytes;
  std::vector<char> chunk(1 << 20);
  while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get()))
    bytes.append(chunk.data(), count);
  require(!std::ferror(file.get()), path, ": cannot be read: ", std::strerror(errno));
  return bytes;
}

/// Inflates one gzip member after the other.
class GzipReader {
 public:
  GzipReader(const std::string &path, const std::string &bytes) : path_(path), bytes_(bytes)
  {
    // 15 bits of window, 16: gzip header and checksum
    require(inflateInit2(&stream_, 15 + 16) == Z_OK, path, ": zlib cannot be started");
  }
  ~GzipReader() { inflateEnd(&stream_); }
  GzipReader(const GzipReader &) = delete;
  GzipReader &operator=(const GzipReader &) = delete;

  std::string read()
  {
    std::string text;
    do {
      read_member(text);
      inflateReset(&stream_);
    } while (is_gzip(bytes_.substr(position_, 2)));
    return text;
  }

 private:
  void read_member(std::string &text)
  {
    std::vector<char> chunk(1 << 20);
    int state = Z_OK;
    while (state != Z_STREAM_END) {
      // zlib counts in unsigned int
      const std::size_t num_in = std::min(bytes_.size() - position_, std::size_t(1) << 30);
      stream_.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes_.data() + position_));
      stream_.avail_in = static_cast<uInt>(num_in);
      stream_.next_out = reinterpret_cast<Bytef *>(chunk.data());
      stream_.avail_out = static_cast<uInt>(chunk.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      position_ += num_in - stream_.avail_in;
      text.append(chunk.data(), chunk.size() - stream_.avail_out);

      require(state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR, path_,
              ": the gzip stream is damaged (", stream_.msg ? stream_.msg : "unknown reason",
              "); get the file again");
      require(state != Z_BUF_ERROR, path_,
              ": the gzip stream ends too early; the file is incomplete, get it again");
    }
  }

  const std::string &path_, &bytes_;
  std::size_t position_ = 0;
  z_stream stream_{};
};

bool begins_with(const std::string &bytes, const std::string &start)
{
  return bytes.compare(0, start.size(), start) == 0;
}

/// Refuses what is no plain text, with what to do.
void check_encoding(const std::string &path, const std::string &text)
{
  const struct {
    std::string start;
    const char *what, *remedy;
  } others[] = {{"\xfd"
                 "7zXZ",
                 "compressed with xz", "unpack it with unxz"},
                {"BZh", "compressed with bzip2", "unpack it with bunzip2"},
                {"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with unzstd"},
                {"PK\x03\x04", "a zip archive", "unpack it with unzip"},
                {"\xff\xfe", "text in UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"},
                {"\xfe\xff", "text in UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"}};
  for (const auto &other : others)
    require(!begins_with(text, other.start), path, ": this is ", other.what,
            ", but plain text or gzip is needed; ", other.remedy);
}

/// Refuses what a rename would put text in the place of, or would make a lie of the name.
void check_name(const std::string &path)
{
  namespace fs = std::filesystem;
  std::error_code absent;
  const fs::file_status status = fs::status(path, absent);
  require(!path.empty(), "the name of the file to write is empty");
  require(!fs::is_directory(status), path, ": cannot be written: it is a folder; name a file");
  require(!fs::exists(status) || fs::is_regular_file(status), path,
          ": cannot be written: it is no ordinary file; name another");
  require(fs::path(path).extension() != ".gz", path,
          ": what is written is plain text; name it without .gz, and run gzip on it");
}

/// A file under construction that is removed unless it was renamed to its final name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string &final_path)
      : final_path_(final_path), path_(final_path + ".XXXXXX")
  {
    descriptor_ = mkstemp(path_.data());
    check(descriptor_ >= 0);
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor_, 0666 & ~mask);    // mkstemp leaves it readable for the owner only
  }
  ~TemporaryFile()
  {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  void write(const std::string &text)
  {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = ::write(descriptor_, text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      check(count >= 0);
      done += static_cast<std::size_t>(count);
    }
    check(fsync(descriptor_) == 0);
  }

  /// False if another file has that name.
  bool take_name(const std::string &path)
  {
    if (link(path_.c_str(), path.c_str()) == 0) return true;
    const bool is_there = errno == EEXIST;
    struct stat status {};
    if (stat(path_.c_str(), &status) == 0 && status.st_nlink == 2) return true;    // NFS, repeated
    if (is_there || !create_exclusively(path)) return false;
    final_path_ = path;
    if (std::rename(path_.c_str(), path.c_str()) != 0) {
      const int problem = errno;
      unlink(path.c_str());
      errno = problem;
      check(false);
    }
    renamed_ = true;
    return true;
  }

  void rename()
  {
    check(std::rename(path_.c_str(), final_path_.c_str()) == 0);
    renamed_ = true;
  }

 private:
  void check(bool ok) const
  {
    require(ok, final_path_, ": cannot be written: ", std::strerror(errno));
  }

  std::string final_path_, path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

}    // namespace

std::string read_text(const std::string &path)
{
  std::string bytes = read_bytes(path);
  std::string text = is_gzip(bytes) ? GzipReader(path, bytes).read() : std::move(bytes);
  check_encoding(path, text);
  if (begins_with(text, "\xef\xbb\xbf")) text.erase(0, 3);    // byte order mark of UTF-8
  return text;
}

void write_atomically(const std::string &path, const std::string &text)
{
  check_name(path);
  TemporaryFile file(path);
  file.write(text);
  file.rename();
}

int write_under_free_name(int first, const std::function<std::string(int)> &name,
                          const std::function<bool(int)> &is_taken, const std::string &text)
{
  check_name(name(first));
  TemporaryFile file(name(first));
  file.write(text);
  int number = first;
  while (is_taken(number) || !file.take_name(name(number))) ++number;
  return number;
}

bool create_exclusively(const std::string &path)
{
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (descriptor < 0 && errno == EEXIST) return false;
  require(descriptor >= 0, path, ": cannot be written: ", std::strerror(errno));
  close(descriptor);
  return true;
}

void try_to_write(const std::string &path, const std::vector<std::string> &inputs)
{
  namespace fs = std::filesystem;
  check_name(path);
  std::error_code absent;
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : ".";
  for (const std::string &input : inputs) {
    require(!fs::equivalent(path, input, absent), path,
            " is read, so that it cannot be written as well; name another file");
    require(!fs::exists(path, absent) || !fs::equivalent(folder, input, absent), path,
            " is in the folder ", input,
            ", which is read, so that it cannot be written over; name another file");
  }
  constexpr std::size_t some = 1 << 16;    // a full disk often has room for an empty file
  TemporaryFile(path).write(std::string(some, '\n'));
}

}    // namespace almlip
