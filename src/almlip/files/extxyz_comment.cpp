// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/extxyz_comment.h"

#include "almlip/error.h"

namespace almlip {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/// Reads keys and values from left to right.
class CommentParser {
 public:
  explicit CommentParser(std::string_view line) : line_(line) {}

  std::vector<std::pair<std::string, std::string>> parse()
  {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (skip_blanks()) {
      std::string key = at('"') || at('\'') ? quoted() : bare("=");
      skip_blanks();
      if (!at('=')) {
        pairs.emplace_back(std::move(key), "T");
        continue;
      }
      require(!key.empty(), "there is a '=' without a key before it");
      ++position_;
      skip_blanks();
      pairs.emplace_back(std::move(key), value());
    }
    return pairs;
  }

 private:
  bool at(char c) const { return position_ < line_.size() && line_[position_] == c; }

  bool skip_blanks()
  {
    while (position_ < line_.size() && is_blank(line_[position_])) ++position_;
    return position_ < line_.size();
  }

  std::string value()
  {
    if (at('"') || at('\'')) return quoted();
    if (at('{')) {
      const std::string text = bracketed('{', '}');
      return text.substr(1, text.size() - 2);
    }
    if (at('[')) return bracketed('[', ']');
    return bare("");
  }

  std::string bare(std::string_view stops)
  {
    const std::size_t start = position_;
    while (position_ < line_.size() && !is_blank(line_[position_]) &&
           stops.find(line_[position_]) == std::string_view::npos)
      ++position_;
    return std::string(line_.substr(start, position_ - start));
  }

  std::string quoted()
  {
    const char quote = line_[position_++];
    std::string text;
    for (; position_ < line_.size(); ++position_) {
      char c = line_[position_];
      if (c == quote) {
        ++position_;
        return text;
      }
      if (c == '\\' && position_ + 1 < line_.size()) {
        c = line_[++position_];
        if (c == 'n') c = '\n';
      }
      text += c;
    }
    fail("a quote ", quote, " is opened but never closed");
  }

  /// With the brackets; brackets of the same kind may be nested.
  std::string bracketed(char open, char close)
  {
    const std::size_t start = position_;
    int depth = 0;
    for (; position_ < line_.size(); ++position_) {
      if (at(open)) ++depth;
      if (at(close) && --depth == 0) {
        ++position_;
        return std::string(line_.substr(start, position_ - start));
      }
    }
    fail("a bracket ", open, " is opened but never closed");
  }

  std::string_view line_;
  std::size_t position_ = 0;
};

bool is_bracketed_array(const std::string &value)
{
  return value.size() >= 2 && value.front() == '[' && value.back() == ']' &&
         value.find_first_of("\"'\\\n") == std::string::npos;
}

std::string quoted_if_needed(const std::string &value)
{
  if (is_bracketed_array(value)) return value;
  if (!value.empty() && value.find_first_of(" \t\r\n\v\f\"'\\={}[],") == std::string::npos)
    return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + '"';
}

}    // namespace

std::vector<std::pair<std::string, std::string>> parse_comment(std::string_view line)
{
  return CommentParser(line).parse();
}

void append_key(std::string &line, const std::string &key, const std::string &value)
{
  if (!line.empty()) line += ' ';
  line += quoted_if_needed(key) + '=' + quoted_if_needed(value);
}

}    // namespace almlip
