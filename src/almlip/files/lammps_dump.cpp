// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/lammps_dump.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/query/vacuum.h"
#include "almlip/text.h"

namespace almlip {

namespace {

const std::string item_mark = "ITEM: ";

std::vector<std::string> words_of(const std::string &line)
{
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool is_item(const std::string &line) { return line.compare(0, item_mark.size(), item_mark) == 0; }

}    // namespace

template <class... Parts>
void LammpsDump::complain(const Parts &...parts) const
{
  fail(lines_.path(), ", line ", lines_.number(), ": ", parts...);
}

LammpsDump::LammpsDump(const std::string &path, const std::vector<std::string> &elements,
                       std::string kept, int dimension)
    : lines_(path), kept_(std::move(kept)), dimension_(dimension)
{
  for (const std::string &symbol : elements) {
    atomic_number_of_type_.push_back(atomic_number(symbol));
    require(atomic_number_of_type_.back() > 0, "--elements: \"", symbol,
            "\" is not a chemical element; give a symbol for each atom type");
  }
}

bool LammpsDump::next(Frame &frame)
{
  while (!item_.empty() || next_item()) {
    frame = {};
    const int first_line = lines_.number();
    if (read_snapshot(frame) == Outcome::read) return true;
    note_torn(first_line);
  }
  return false;
}

/// Reads up to the next heading; false at the end of the file.
bool LammpsDump::next_item()
{
  std::string line;
  while (true) {
    if (read_line(line)) {
      if (words_of(line).empty()) continue;
      complain("a heading \"ITEM: ...\" is expected, but there is \"", line.substr(0, 40), "\"");
    }
    if (!item_.empty()) return true;
    if (line.empty()) return false;
    note_torn(lines_.number());    // the file ends within a line
  }
}

/// Reads a whole line that is no heading. A heading is kept, also one that follows a torn line.
bool LammpsDump::read_line(std::string &line)
{
  item_.clear();
  if (!lines_.next(line) || line.back() != '\n') return false;
  const std::size_t mark = line.rfind(item_mark);
  if (mark == std::string::npos) return true;
  item_ = joined(words_of(line.substr(mark + item_mark.size())), " ");
  return false;
}

void LammpsDump::note_torn(int first_line)
{
  notes_.push_back(lines_.path() + ": the snapshot from line " + std::to_string(first_line) +
                   " on is not complete and was skipped");
}

/// Reads from the heading at hand to the end of the atoms.
LammpsDump::Outcome LammpsDump::read_snapshot(Frame &frame)
{
  std::int64_t num_atoms = -1;
  std::string step, line;
  bool has_box = false;
  do {
    if (item_.compare(0, 5, "ATOMS") == 0) {
      if (step.empty() || num_atoms < 0 || !has_box) return item_.clear(), Outcome::torn;
      frame.info["step"] = step;
      frame.source = lines_.path() + ", step " + step;
      return read_atoms(num_atoms, frame);
    }
    if (item_ == "TIMESTEP" && !step.empty()) return Outcome::torn;    // another one begins
    if (item_.compare(0, 10, "BOX BOUNDS") == 0) {
      if (read_box(frame) == Outcome::torn) return Outcome::torn;
      has_box = true;
      continue;
    }
    const std::string item = item_;
    if (!read_line(line)) return Outcome::torn;
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) complain("the value of \"", item, "\" is missing");
    if (item == "TIMESTEP") step = words[0];
    if (item == "NUMBER OF ATOMS") num_atoms = static_cast<std::int64_t>(number_of(words[0]));
    if (item == "UNITS") check_units(words[0]);
  } while (next_item());
  return Outcome::torn;
}

void LammpsDump::check_units(const std::string &units) const
{
  if (units != "metal" && units != "real")
    complain("the units are ", units, ", but positions must be in Angstrom: units metal or real");
}

/// Cell and periodic directions from "BOX BOUNDS ...": xlo xhi of an orthogonal box; with xy xz yz
/// the bounds of the box's own bounding box and a tilt factor; or with "abc origin" the cell
/// vectors and the corner.
LammpsDump::Outcome LammpsDump::read_box(Frame &frame)
{
  const std::vector<std::string> words = words_of(item_);
  const bool general = words.size() > 2 && words[2] == "abc";
  const bool tilted = words.size() > 2 && words[2] == "xy";
  const std::size_t flags = general ? 4 : tilted ? 5 : 2;
  if (words.size() != flags + 3)
    complain("the boundary is \"", item_, "\", but three flags such as \"pp pp ff\" are needed");
  for (int d = 0; d < 3; ++d) frame.pbc[d] = words[flags + d] == "pp";

  std::array<std::vector<double>, 3> rows;
  std::string line;
  for (std::vector<double> &row : rows) {
    if (!read_line(line)) return Outcome::torn;
    row = numbers_of(line, general ? 4 : tilted ? 3 : 2);
  }
  if (general) {
    for (int d = 0; d < 3; ++d) {
      std::copy_n(rows[d].begin(), 3, &frame.cell[3 * d]);
      corner_[d] = rows[d][3];
    }
    return Outcome::read;
  }
  const double xy = tilted ? rows[0][2] : 0.0, xz = tilted ? rows[1][2] : 0.0,
               yz = tilted ? rows[2][2] : 0.0;
  corner_ = {rows[0][0] - std::min({0.0, xy, xz, xy + xz}), rows[1][0] - std::min(0.0, yz),
             rows[2][0]};
  const double lx = rows[0][1] - std::max({0.0, xy, xz, xy + xz}) - corner_[0],
               ly = rows[1][1] - std::max(0.0, yz) - corner_[1], lz = rows[2][1] - corner_[2];
  frame.cell = {lx, 0.0, 0.0, xy, ly, 0.0, xz, yz, lz};
  return Outcome::read;
}

LammpsDump::Outcome LammpsDump::read_atoms(std::int64_t num_atoms, Frame &frame)
{
  const std::vector<std::string> words = words_of(item_);
  const Columns columns = columns_of({words.begin() + 1, words.end()});
  std::vector<Atom> atoms;
  std::string line;
  item_.clear();
  while (static_cast<std::int64_t>(atoms.size()) < num_atoms) {
    if (!read_line(line)) return Outcome::torn;
    atoms.push_back(atom_of(line, columns, frame));
  }
  std::stable_sort(atoms.begin(), atoms.end(),
                   [](const Atom &a, const Atom &b) { return a.id < b.id; });
  if (atoms.empty()) complain("there are no atoms in step ", frame.info.at("step"));
  for (const Atom &atom : atoms) {
    frame.atomic_numbers.push_back(atom.atomic_number);
    frame.positions.insert(frame.positions.end(), atom.position.begin(), atom.position.end());
    if (columns.kept >= 0) frame.per_atom[kept_].push_back(atom.kept);
  }
  set_dimension(frame);
  return Outcome::read;
}

/// A sheet of atoms that is periodic in z is either one layer of a stack or a run of two
/// dimensions, in which it has no images. Where these are far away both are the same.
void LammpsDump::set_dimension(Frame &frame) const
{
  if (dimension_ == 2) frame.pbc[2] = false;
  if (dimension_ != 0 || !frame.pbc[2] || frame.num_atoms() < 2) return;
  constexpr double flat = 1e-6;    // Angstrom
  double lowest = frame.positions[2], highest = lowest;
  for (std::size_t i = 2; i < frame.positions.size(); i += 3) {
    lowest = std::min(lowest, frame.positions[i]);
    highest = std::max(highest, frame.positions[i]);
  }
  const double height = frame.cell[8];
  if (highest - lowest < flat && height < default_vacuum)
    complain("step ", frame.info.at("step"), ": all atoms have the same z in a box ", height,
             " Angstrom high, and the dump does not tell whether the run was one of dimension 2; "
             "give --dimension 2, or --dimension 3 if the layers are stacked");
}

LammpsDump::Columns LammpsDump::columns_of(const std::vector<std::string> &names) const
{
  const auto place = [&](const std::string &name) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
  };
  Columns columns;
  columns.count = static_cast<int>(names.size());
  columns.id = place("id");
  columns.type = place("type");
  columns.element = place("element");
  if (!kept_.empty()) columns.kept = place(kept_);
  for (const char *ending : {"su", "s", "u", ""}) {    // the simplest wins
    const std::array<int, 3> found{place(std::string("x") + ending),
                                   place(std::string("y") + ending),
                                   place(std::string("z") + ending)};
    if (std::min({found[0], found[1], found[2]}) < 0) continue;
    columns.position = found;
    columns.scaled = ending[0] == 's';
  }
  if (columns.position[0] < 0)
    complain("there are no positions among the columns ", joined(names, " "),
             "; x y z, xs ys zs, xu yu zu or xsu ysu zsu are needed");
  const bool by_type = columns.type >= 0 && !atomic_number_of_type_.empty();
  if (!by_type && columns.element < 0)
    complain(
        "the elements of the atoms are not known; give --elements with a symbol for each atom "
        "type",
        columns.type < 0 ? ", and dump the column type" : "");
  return columns;
}

LammpsDump::Atom LammpsDump::atom_of(const std::string &line, const Columns &columns,
                                     const Frame &frame) const
{
  const std::vector<std::string> words = words_of(line);
  if (static_cast<int>(words.size()) != columns.count)
    complain("there are ", words.size(), " words, but ", columns.count, " columns");
  Atom atom;
  if (columns.id >= 0) atom.id = static_cast<std::int64_t>(number_of(words[columns.id]));
  if (columns.kept >= 0) atom.kept = number_of(words[columns.kept]);
  atom.atomic_number = atomic_number_of(words, columns);
  std::array<double, 3> x{};
  for (int d = 0; d < 3; ++d) x[d] = number_of(words[columns.position[d]]);
  for (int d = 0; d < 3; ++d)
    atom.position[d] =
        columns.scaled ? x[0] * frame.cell[d] + x[1] * frame.cell[3 + d] + x[2] * frame.cell[6 + d]
                       : x[d] - corner_[d];
  return atom;
}

int LammpsDump::atomic_number_of(const std::vector<std::string> &words,
                                 const Columns &columns) const
{
  if (columns.type < 0 || atomic_number_of_type_.empty()) {
    const std::string &symbol = words[columns.element];
    const int number = atomic_number(symbol);
    if (number == 0)
      complain("\"", symbol,
               "\" is not a chemical element; give --elements, or set the elements "
               "by dump_modify");
    return number;
  }
  const double type = number_of(words[columns.type]);
  const auto most = static_cast<double>(atomic_number_of_type_.size());
  if (!(type >= 1.0 && type <= most))
    complain("an atom has type ", words[columns.type], ", but --elements has ", most,
             " symbols; give one for each type");
  return atomic_number_of_type_[static_cast<std::size_t>(type) - 1];
}

double LammpsDump::number_of(const std::string &word) const
{
  double number = 0.0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), number);
  if (result.ec != std::errc() || result.ptr != word.data() + word.size())
    complain("\"", word, "\" is not a number");
  return number;
}

std::vector<double> LammpsDump::numbers_of(const std::string &line, std::size_t count) const
{
  std::vector<double> numbers;
  for (const std::string &word : words_of(line)) numbers.push_back(number_of(word));
  if (numbers.size() != count)
    complain("there are ", numbers.size(), " numbers, but ", count, " are needed");
  return numbers;
}

bool is_lammps_dump(const std::string &path)
{
  LineReader lines(path);
  std::string line;
  return lines.next(line) && is_item(line);
}

}    // namespace almlip
