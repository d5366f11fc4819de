// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_entry.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "almlip/elements.h"

namespace almlip::pool {

namespace {

/// Reads a formula from left to right.
class FormulaReader {
 public:
  explicit FormulaReader(const std::string &text) : text_(text) {}

  /// Atoms up to the end or a closing bracket; false if the formula is not understood.
  bool read(std::vector<int> &atoms, bool in_bracket = false)
  {
    while (position_ < text_.size() && text_[position_] != ')') {
      if (text_[position_] == ' ') {
        ++position_;
        continue;
      }
      std::vector<int> part;
      if (!read_part(part)) return false;
      const int count = read_count();
      if (count < 1 || count * part.size() > max_atoms) return false;
      for (int i = 0; i < count; ++i) atoms.insert(atoms.end(), part.begin(), part.end());
    }
    return in_bracket == (position_ < text_.size());
  }

 private:
  static constexpr std::size_t max_atoms = 100000;

  bool read_part(std::vector<int> &part)
  {
    if (text_[position_] == '(') {
      ++position_;
      if (!read(part, true)) return false;
      ++position_;
      return true;
    }
    std::string symbol(1, text_[position_++]);
    while (position_ < text_.size() && std::islower(static_cast<unsigned char>(text_[position_])))
      symbol += text_[position_++];
    part = {atomic_number(symbol)};
    return part[0] > 0;
  }

  /// The number after a symbol; 1 if there is none, 0 if it is not whole.
  int read_count()
  {
    std::string digits;
    while (position_ < text_.size() &&
           (std::isdigit(static_cast<unsigned char>(text_[position_])) || text_[position_] == '.'))
      digits += text_[position_++];
    if (digits.empty()) return 1;
    const std::size_t point = digits.find('.');
    if (point != std::string::npos && digits.find_first_not_of('0', point + 1) != std::string::npos)
      return 0;
    digits = digits.substr(0, point);
    return digits.empty() || digits.size() > 6 ? 0 : std::stoi(digits);
  }

  const std::string &text_;
  std::size_t position_ = 0;
};

}    // namespace

bool PoolEntry::contains(int atomic_number) const
{
  const std::vector<int> &atoms = frame.atomic_numbers;
  return std::find(atoms.begin(), atoms.end(), atomic_number) != atoms.end();
}

std::string Pool::dropped_text() const
{
  std::string text;
  for (const auto &[reason, count] : dropped)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + reason;
  return text.empty() ? "none" : text;
}

std::vector<int> parse_formula(const std::string &formula)
{
  std::vector<int> atoms;
  if (!FormulaReader(formula).read(atoms)) atoms.clear();
  return atoms;
}

std::string reduced_formula(const std::vector<int> &atomic_numbers)
{
  std::map<std::string, int> count;
  for (int z : atomic_numbers) ++count[chemical_symbol(z)];
  int divisor = 0;
  for (const auto &[symbol, number] : count) divisor = std::gcd(divisor, number);
  std::string text;
  for (const auto &[symbol, number] : count)
    text += symbol + (number == divisor ? "" : std::to_string(number / divisor));
  return text;
}

}    // namespace almlip::pool
