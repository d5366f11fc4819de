// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/spool_format.h"

#include <sstream>
#include <string_view>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/extxyz_comment.h"
#include "almlip/potential.h"
#include "almlip/text.h"

namespace almlip {

namespace {

constexpr std::string_view check_key = " check=";
constexpr std::size_t check_length = check_key.size() + 16;    // with its hash

/// Where the comment line, the second one, ends.
std::size_t end_of_comment(const std::string &text) { return text.find('\n', text.find('\n') + 1); }

/// Takes the check out of the text of a frame; whether it held.
bool take_check(std::string &text)
{
  const std::size_t start = end_of_comment(text) - check_length;
  const std::string found = text.substr(start + check_key.size(), 16);
  text.erase(start, check_length);
  return content_hash(text) == found;
}

}    // namespace

bool is_blank(const std::string &line)
{
  return line.find_first_not_of(" \t\r\n") == std::string::npos;
}

bool has_check(const std::string &comment)
{
  return comment.size() > check_length && comment.back() == '\n' &&
         comment.compare(comment.size() - 1 - check_length, check_key.size(), check_key) == 0;
}

std::string to_spool_text(const Frame &frame)
{
  std::string text = to_extxyz(frame);
  const std::string check = std::string(check_key) + content_hash(text);
  return text.insert(end_of_comment(text), check);
}

std::int64_t SpoolRecord::number() const
{
  const std::vector<std::int64_t> numbers = numbers_of("candidate");
  return numbers.empty() ? 0 : numbers[0];
}

std::vector<std::int64_t> SpoolRecord::numbers_of(const std::string &key) const
{
  std::vector<std::int64_t> numbers;
  const auto entry = keys.find(key);
  if (entry == keys.end()) return numbers;
  std::istringstream words(entry->second);
  for (std::int64_t number = 0; words >> number;) numbers.push_back(number);
  return numbers;
}

bool SpoolScanner::next(SpoolRecord &record)
{
  std::string line;
  while (take(line)) {
    if (is_blank(line)) continue;
    if (read_frame(line, record)) return true;
    const auto length = static_cast<std::int64_t>(line.size());
    if (num_skipped_ == 0) first_skipped_ = offset_ - length;
    num_skipped_ += length;
  }
  return false;
}

/// Reads the frame that begins with this line; if there is none, all lines but this are put back.
bool SpoolScanner::read_frame(const std::string &first_line, SpoolRecord &record)
{
  const int num_atoms = atoms_of_frame(first_line), line_number = line_;
  if (num_atoms < 1) return false;
  const std::int64_t offset = offset_ - static_cast<std::int64_t>(first_line.size());
  std::vector<std::string> lines{first_line};
  std::string line;
  while (static_cast<int>(lines.size()) < num_atoms + 2 && take(line)) {
    lines.push_back(line);
    if (!has_check(lines[1])) break;
  }
  std::string text = joined(lines, "");
  const bool whole = static_cast<int>(lines.size()) == num_atoms + 2 && text.back() == '\n';
  if (!whole || !has_check(lines[1]) || !take_check(text)) {
    put_back(lines);
    return false;
  }
  const std::size_t comment = text.find('\n') + 1;
  record = {text, {}, offset, offset_ - offset, line_number};
  for (auto &[key, value] : parse_comment({text.data() + comment, end_of_comment(text) - comment}))
    record.keys[key] = std::move(value);
  return true;
}

/// All lines but the first are to be taken again.
void SpoolScanner::put_back(const std::vector<std::string> &lines)
{
  for (std::size_t k = lines.size() - 1; k > 0; --k) {
    offset_ -= static_cast<std::int64_t>(lines[k].size());
    --line_;
    put_back_.push_front(lines[k]);
  }
}

bool SpoolScanner::take(std::string &line)
{
  if (put_back_.empty()) {
    if (!lines_.next(line)) return false;
  } else {
    line = std::move(put_back_.front());
    put_back_.pop_front();
  }
  ++line_;
  offset_ += static_cast<std::int64_t>(line.size());
  return true;
}

void SpoolScanner::rewind()
{
  lines_.rewind();
  put_back_.clear();
  offset_ = num_skipped_ = 0;
  line_ = 0;
}

std::string SpoolScanner::note() const
{
  if (num_skipped_ == 0) return {};
  std::ostringstream note;
  note
      << path() << ": " << num_skipped_ << " bytes from byte " << first_skipped_
      << " on are no whole frame and were skipped (its writer was killed, the disk was full, it is "
         "damaged, or it is being written)";
  return note.str();
}

}    // namespace almlip
