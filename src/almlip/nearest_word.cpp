// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/nearest_word.h"

#include <algorithm>

namespace almlip {

namespace {

/// Number of single-letter edits that turn one word into the other.
std::size_t edit_distance(const std::string &a, const std::string &b)
{
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}    // namespace

std::string nearest_word(const std::string &given, const std::vector<std::string> &words)
{
  return *std::min_element(words.begin(), words.end(),
                           [&](const std::string &a, const std::string &b) {
                             return edit_distance(a, given) < edit_distance(b, given);
                           });
}

}    // namespace almlip
