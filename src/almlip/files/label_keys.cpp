// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/label_keys.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "almlip/error.h"
#include "almlip/text.h"

namespace almlip {

namespace {

std::string lower_case(std::string text)
{
  for (char &c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string without_prefix(const std::string &key)
{
  for (const std::string prefix : {"ref_", "reference_", "dft_", "qm_"})
    if (key.rfind(prefix, 0) == 0) return key.substr(prefix.size());
  return key;
}

/// How far a key is from what ASE writes: 0 not at all; larger is inferior.
int rank_of(const std::string &key)
{
  static const std::vector<std::string> usual = {"free_energy", "energy", "forces",
                                                 "force",       "stress", "virial"};
  if (key == "energy") return 1;    // free_energy is what the forces are the slope of
  return std::count(usual.begin(), usual.end(), key) > 0 ? 0 : 2;
}

int place_in(const std::vector<std::string> &wanted, const std::string &key)
{
  return static_cast<int>(std::find(wanted.begin(), wanted.end(), key) - wanted.begin());
}

std::string listed(const std::map<std::string, int> &frames_by_key)
{
  std::vector<std::string> words;
  for (const auto &[key, frames] : frames_by_key)
    words.push_back(key + " in " + std::to_string(frames));
  return joined(words);
}

/// @param others  frames that have it under any of the keys
std::string counted(const std::map<std::string, int> &keys, const std::string &plural,
                    const std::string &usual, int others = 0)
{
  int sum = others;
  std::vector<std::string> names;
  for (const auto &[key, frames] : keys) sum += frames, names.push_back(key);
  const bool plain = names.empty() || (names.size() == 1 && names[0] == usual);
  return ", " + std::to_string(sum) + " " + plural + (plain ? "" : " (" + joined(names) + ")");
}

void require_one(const std::map<std::string, int> &keys, const std::string &what,
                 const std::string &flag)
{
  require(keys.size() < 2, "the ", what, " come from different keys: ", listed(keys),
          " frames; labels of different kinds do not belong into one set. Name the key with ", flag,
          ", or several in order of preference");
}

}    // namespace

Quantity quantity_of(const std::string &key)
{
  static const std::map<std::string, Quantity> names = {{"energy", Quantity::energy},
                                                        {"free_energy", Quantity::energy},
                                                        {"total_energy", Quantity::energy},
                                                        {"forces", Quantity::forces},
                                                        {"force", Quantity::forces},
                                                        {"stress", Quantity::stress},
                                                        {"virial", Quantity::virial},
                                                        {"virials", Quantity::virial},
                                                        {"lattice", Quantity::lattice},
                                                        {"cell", Quantity::lattice},
                                                        {"pbc", Quantity::pbc}};
  const auto found = names.find(without_prefix(lower_case(key)));
  return found == names.end() ? Quantity::other : found->second;
}

bool is_other_unit(const std::string &key, const std::string &value)
{
  static const std::regex unit("(energy|forces?|stress|virials?)[-_]?units?$", std::regex::icase),
      ours("ev(/(a|ang|angstrom)(\\^3)?)?", std::regex::icase);
  return std::regex_search(key, unit) && !std::regex_match(value, ours);
}

LabelChoice choose_label(const std::vector<LabelText> &found,
                         const std::vector<std::string> &wanted)
{
  const auto rank = [&](const LabelText &label) {
    return wanted.empty() ? rank_of(label.first) : place_in(wanted, label.first);
  };
  LabelChoice choice;
  int best = wanted.empty() ? 3 : static_cast<int>(wanted.size());
  for (const LabelText &label : found)
    if (rank(label) < best) best = rank(label), choice.taken = label;
  if (choice.taken.first.empty()) return choice;
  for (const LabelText &label : found) {
    // without a list other spellings are rivals of the usual ones, too
    const bool rival =
        wanted.empty() ? rank(label) == best || rank(label) == 2 : rank(label) == best;
    if (rival && label != choice.taken) choice.rivals.push_back(label);
  }
  return choice;
}

std::string ReadReport::text() const
{
  std::string text = std::to_string(frames) + (frames == 1 ? " frame" : " frames") +
                     counted(energy_keys, "energies", "energy", either_energy) +
                     counted(forces_keys, "with forces", "forces") +
                     counted(stress_keys, "with stress", "stress");
  if (!unused.empty()) text += "; not used: " + listed(unused) + " frames";
  return text;
}

void ReadReport::require_one_source(const LabelKeys &keys) const
{
  if (keys.energy.empty()) require_one(energy_keys, "energies", "--energy-key");
  if (keys.forces.empty()) require_one(forces_keys, "forces", "--forces-key");
}

}    // namespace almlip
