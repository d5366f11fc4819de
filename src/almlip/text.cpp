// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/text.h"

#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace almlip {

std::string joined(const std::vector<std::string> &words, const std::string &separator)
{
  std::string text;
  for (const std::string &word : words) text += (&word == &words.front() ? "" : separator) + word;
  return text;
}

std::string format(const char *pattern, ...)
{
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, pattern, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

bool ends_with(const std::string &text, const std::string &end)
{
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string shortest_text(double number)
{
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr};
}

std::string duration(double seconds)
{
  const long s = std::lround(seconds);
  if (s < 60) return format("%ld s", s);
  if (s < 3600) return format("%ld:%02ld min", s / 60, s % 60);
  return format("%ld:%02ld h", s / 3600, s / 60 % 60);
}

}    // namespace almlip
