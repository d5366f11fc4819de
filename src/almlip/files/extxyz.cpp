// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/extxyz.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz_comment.h"
#include "almlip/text.h"

namespace almlip {

namespace {

constexpr double min_volume = 1e-3;    // Angstrom^3 of a periodic cell

/// One entry of `Properties`.
struct Column {
  std::string name;
  char type;                                    ///< S, R, I or L
  int count;                                    ///< columns of the file
  std::vector<double> *numbers = nullptr;       ///< where real numbers go, or
  std::vector<std::string> *words = nullptr;    ///< where text goes
  bool must_be_finite = false;

  bool is_species() const
  {
    return count == 1 && (name == "species" || name == "Z" || name == "numbers");
  }
};

/// What a key stands for: of any name if it was asked for (a stress with "virial" in its name is a
/// virial), else by its spelling.
Quantity quantity_of_key(const std::string &key, const LabelKeys &keys)
{
  const auto listed = [&](const std::vector<std::string> &names) {
    return std::find(names.begin(), names.end(), key) != names.end();
  };
  const Quantity usual = quantity_of(key);
  if (usual != Quantity::other) return usual;
  if (listed(keys.energy)) return Quantity::energy;
  if (listed(keys.forces)) return Quantity::forces;
  if (!listed(keys.stress)) return usual;
  return key.find("irial") == std::string::npos ? Quantity::stress : Quantity::virial;
}

/// Whether two energies, eV, are one number that was printed with more or fewer digits.
bool same_energy(double a, double b) { return std::abs(a - b) <= 1e-6; }

std::optional<double> parse_number(std::string_view text)
{
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double number = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ptr != text.data() + text.size()) return {};
  // too small or too large for a double: the nearest, 0 or infinity
  if (result.ec == std::errc::result_out_of_range)
    return std::strtod(std::string(text).c_str(), nullptr);
  if (result.ec != std::errc()) return {};
  return number;
}

/// Takes the next word off the front of `line`; empty at the end.
std::string_view next_word(std::string_view &line)
{
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  std::size_t start = 0;
  while (start < line.size() && is_blank(line[start])) ++start;
  std::size_t end = start;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

/// The words of a value such as "1 0 0", "[[1, 0], [0, 1]]" or "T, F, T".
std::vector<std::string> words_of_array(std::string text)
{
  for (char &c : text)
    if (c == ',' || c == '[' || c == ']' || c == '{' || c == '}') c = ' ';
  std::vector<std::string> words;
  std::string_view rest = text;
  while (true) {
    const std::string_view word = next_word(rest);
    if (word.empty()) return words;
    words.emplace_back(word);
  }
}

std::vector<std::string> split(const std::string &text, char separator)
{
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// Reads one file, frame by frame.
class ExtxyzReader {
 public:
  ExtxyzReader(const std::string &path, const ExtxyzNeeds &needs, std::string text)
      : path_(path), needs_(needs), text_(std::move(text)), rest_(text_)
  {
  }

  std::vector<Frame> read(ReadReport &report);
  /// The first frame of the text, which has these numbers in its file.
  Frame read_one(int frame_number, int first_line);

 private:
  template <class... Parts>
  [[noreturn]] void complain(const Parts &...parts) const
  {
    fail(path_, ", frame ", frame_number_, ", line ", line_number_, ": ", parts...);
  }

  bool next_line(std::string_view &line);
  int parse_num_atoms(std::string_view line) const;
  Frame read_frame(int num_atoms);

  std::vector<std::pair<std::string, std::string>> keys_of(std::string_view line) const;
  void read_comment(std::string_view line, Frame &frame);
  void take_key(const std::string &key, const std::string &value, Frame &frame);
  void take_cell(const std::string &key, const std::string &value, Frame &frame);
  void take_energy(Frame &frame);
  void take_virial(Frame &frame);
  void choose_forces();
  std::string choose(const char *what, const std::vector<LabelText> &found,
                     const std::vector<std::string> &wanted, const char *flag,
                     std::string &key) const;
  void finish_cell(Frame &frame) const;
  std::vector<std::string> other_numbers(const Frame &frame) const;
  void check_needs(const Frame &frame) const;
  void check_sizes(const Frame &frame, int num_atoms) const;
  void check_force(const Frame &frame, int i) const;
  void count(const Frame &frame, ReadReport &report) const;
  double number_of(const std::string &key, const std::string &text) const;
  std::vector<double> numbers_of(const std::string &key, const std::string &text) const;
  std::array<bool, 3> pbc_of(const std::string &key, const std::string &text) const;
  Tensor6 tensor_of(const std::string &key, const std::string &text) const;

  void parse_properties(const std::string &text);
  void plan_columns(int num_atoms, Frame &frame);
  void read_atom(std::string_view line, int i, Frame &frame);
  int species_of(std::string_view word, const Column &column) const;
  double real_of(std::string_view word, const Column &column) const;

  const std::string path_;
  const ExtxyzNeeds needs_;
  const std::string text_;
  std::string_view rest_;
  int frame_number_ = 0, line_number_ = 0;

  // of the present frame
  bool has_lattice_ = false, has_pbc_ = false;
  std::map<Quantity, std::vector<LabelText>> labels_;    ///< as they stand in the comment line
  std::string energy_key_, forces_key_, stress_key_;     ///< what was taken; empty: nothing
  std::string properties_;
  std::vector<Column> columns_;
};

bool ExtxyzReader::next_line(std::string_view &line)
{
  if (rest_.empty()) return false;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++line_number_;
  return true;
}

std::vector<Frame> ExtxyzReader::read(ReadReport &report)
{
  std::vector<Frame> frames;
  std::string_view line;
  while (next_line(line)) {
    std::string_view words = line;
    if (next_word(words).empty()) continue;
    ++frame_number_;
    frames.push_back(read_frame(parse_num_atoms(line)));
    count(frames.back(), report);
  }
  require(!frames.empty(), path_, ": there is no frame in this file");
  return frames;
}

Frame ExtxyzReader::read_one(int frame_number, int first_line)
{
  frame_number_ = frame_number;
  line_number_ = first_line - 1;
  std::string_view line;
  next_line(line);
  return read_frame(parse_num_atoms(line));
}

int ExtxyzReader::parse_num_atoms(std::string_view line) const
{
  const int num_atoms = atoms_of_frame(line);
  if (num_atoms < 1)
    complain("a frame must begin with its number of atoms, 1 or more, but there is \"",
             std::string(line).substr(0, 40), "\"",
             frame_number_ > 1 ? "; if it is an atom of the frame before, correct the number there"
                               : "");
  return num_atoms;
}

Frame ExtxyzReader::read_frame(int num_atoms)
{
  Frame frame;
  frame.source = path_ + ", frame " + std::to_string(frame_number_);
  std::string_view line;
  if (!next_line(line)) complain("the file ends before the comment line; it is incomplete");
  read_comment(line, frame);
  check_needs(frame);
  if (needs_.labels) check_sizes(frame, num_atoms);

  // each atom needs a line of at least two characters: no memory for what cannot be there
  if (static_cast<std::size_t>(num_atoms) > rest_.size())
    complain("the frame has ", num_atoms, " atoms, but the file ends; it is incomplete");
  plan_columns(num_atoms, frame);
  for (int i = 0; i < num_atoms; ++i) {
    if (!next_line(line))
      complain("the frame has ", num_atoms, " atoms, but the file ends after ", i,
               " of them; it is incomplete");
    read_atom(line, i, frame);
    if (needs_.labels) check_force(frame, i);
  }
  return frame;
}

std::vector<std::pair<std::string, std::string>> ExtxyzReader::keys_of(std::string_view line) const
{
  try {
    return parse_comment(line);
  } catch (const Error &error) {
    complain(error.what());
  }
}

void ExtxyzReader::read_comment(std::string_view line, Frame &frame)
{
  has_lattice_ = has_pbc_ = false;
  labels_.clear();
  properties_.clear();
  for (const auto &[key, value] : keys_of(line)) take_key(key, value, frame);
  if (!has_lattice_ && !has_pbc_ && labels_.empty() && properties_.empty())
    complain(
        "this is plain XYZ, which does not say whether it is periodic; write extended XYZ with "
        "Lattice=\"...\", or pbc=\"F F F\" for a molecule");
  // what a plain XYZ file has
  if (properties_.empty()) properties_ = "species:S:1:pos:R:3";
  parse_properties(properties_);
  finish_cell(frame);
  take_energy(frame);
  take_virial(frame);
  choose_forces();
}

void ExtxyzReader::take_key(const std::string &key, const std::string &value, Frame &frame)
{
  switch (const Quantity quantity = quantity_of_key(key, needs_.keys)) {
    case Quantity::lattice:
    case Quantity::pbc:
      return take_cell(key, value, frame);
    case Quantity::other:
      if (key == "Properties" || key == "properties")    // small letters: NEP
        properties_ = value;
      else if (key == "config_type")
        frame.config_type = value;
      else if (needs_.labels && is_other_unit(key, value))
        complain(key, " is \"", value, "\", but labels must be in eV and Angstrom; convert them");
      else
        frame.info[key] = value;
      return;
    default:
      for (const auto &[other, text] : labels_[quantity])
        if (other == key && text != value)
          complain(key, " is given twice, as \"", text, "\" and as \"", value, "\"");
      labels_[quantity].emplace_back(key, value);
  }
}

double ExtxyzReader::number_of(const std::string &key, const std::string &text) const
{
  const std::vector<double> numbers = numbers_of(key, text);
  if (numbers.size() != 1) complain(key, " is \"", text, "\", but it must be one number");
  return numbers[0];
}

std::vector<double> ExtxyzReader::numbers_of(const std::string &key, const std::string &text) const
{
  std::vector<double> numbers;
  for (const std::string &word : words_of_array(text)) {
    const std::optional<double> number = parse_number(word);
    if (!number) complain(key, " holds \"", word, "\", which is not a number");
    if (!std::isfinite(*number)) complain(key, " holds ", word, ", but numbers must be finite");
    numbers.push_back(*number);
  }
  return numbers;
}

std::array<bool, 3> ExtxyzReader::pbc_of(const std::string &key, const std::string &text) const
{
  const std::vector<std::string> words = words_of_array(text);
  std::array<bool, 3> pbc{};
  if (words.size() != 3) complain(key, " is \"", text, "\", but three of T and F are needed");
  for (int d = 0; d < 3; ++d) {
    const std::string &w = words[d];
    pbc[d] = w == "T" || w == "True" || w == "true" || w == "1";
    if (!pbc[d] && w != "F" && w != "False" && w != "false" && w != "0")
      complain(key, " is \"", text, "\", but three of T and F are needed");
  }
  return pbc;
}

Tensor6 ExtxyzReader::tensor_of(const std::string &key, const std::string &text) const
{
  const std::vector<double> t = numbers_of(key, text);
  // six numbers are in the order of Voigt: xx yy zz yz xz xy
  const bool is_stress = quantity_of_key(key, needs_.keys) == Quantity::stress;
  if (t.size() == 6 && is_stress) return {t[0], t[1], t[2], t[5], t[4], t[3]};
  if (t.size() != 9)
    complain(key, " has ", t.size(), " numbers, but ", is_stress ? "9 or 6" : "9", " are needed");
  return {t[0], t[4], t[8], (t[1] + t[3]) / 2, (t[2] + t[6]) / 2, (t[5] + t[7]) / 2};
}

void ExtxyzReader::finish_cell(Frame &frame) const
{
  if (!has_pbc_) frame.pbc.fill(has_lattice_);
  const bool any = frame.pbc[0] || frame.pbc[1] || frame.pbc[2];
  if (any && !has_lattice_)
    complain(
        "pbc asks for a periodic cell, but there is no Lattice; give it, or set "
        "pbc=\"F F F\"");
  if (frame.pbc[0] && frame.pbc[1] && frame.pbc[2] && frame.volume() < min_volume)
    complain("the periodic cell has a volume of ", frame.volume(),
             " Angstrom^3; give three independent vectors in Lattice, or set pbc=\"F F F\"");
}

/// `Lattice`, `pbc` and their other spellings.
void ExtxyzReader::take_cell(const std::string &key, const std::string &value, Frame &frame)
{
  const bool is_lattice = quantity_of(key) == Quantity::lattice;
  const Frame before = frame;
  if (is_lattice) {
    const std::vector<double> cell = numbers_of(key, value);
    if (cell.size() != 9) complain(key, " has ", cell.size(), " numbers, but 9 are needed");
    std::copy(cell.begin(), cell.end(), frame.cell.begin());
  } else {
    frame.pbc = pbc_of(key, value);
  }
  bool &has = is_lattice ? has_lattice_ : has_pbc_;
  if (has && (before.cell != frame.cell || before.pbc != frame.pbc))
    complain(key, " is \"", value, "\", but the line has another ", is_lattice ? "cell" : "pbc",
             " before it; keep the right one");
  has = true;
}

/// The text of the label to take, and its key; both empty if there is none.
std::string ExtxyzReader::choose(const char *what, const std::vector<LabelText> &found,
                                 const std::vector<std::string> &wanted, const char *flag,
                                 std::string &key) const
{
  const LabelChoice choice = choose_label(found, wanted);
  key = choice.taken.first;
  if (needs_.labels && !choice.rivals.empty() && choice.rivals[0].second != choice.taken.second)
    complain("the ", what, " is there as ", choice.taken.first, " and as ", choice.rivals[0].first,
             "; name the one to take with ", flag);
  return choice.taken.second;
}

void ExtxyzReader::take_energy(Frame &frame)
{
  const std::vector<LabelText> &found = labels_[Quantity::energy];
  const std::string text = choose("energy", found, needs_.keys.energy, "--energy-key", energy_key_);
  if (energy_key_.empty()) return;
  frame.energy = number_of(energy_key_, text);
  for (const auto &[key, value] : found)    // the same number under another name is no other source
    if (same_energy(number_of(key, value), *frame.energy)) frame.energy_keys.push_back(key);
}

void ExtxyzReader::take_virial(Frame &frame)
{
  const std::vector<std::string> &wanted = needs_.keys.stress;
  std::string stress_key;
  const std::string virial =
      choose("virial", labels_[Quantity::virial], wanted, "--stress-key", stress_key_);
  const std::string stress =
      choose("stress", labels_[Quantity::stress], wanted, "--stress-key", stress_key);
  if (!stress_key_.empty()) frame.virial = tensor_of(stress_key_, virial);
  if (stress_key.empty() || frame.volume() < min_volume) return;
  Tensor6 of_stress = tensor_of(stress_key, stress);
  for (double &component : of_stress) component *= -frame.volume();
  if (!frame.virial) {
    frame.virial = of_stress;
    stress_key_ = stress_key;
    return;
  }
  double size = 0.0, difference = 0.0;
  for (int q = 0; q < 6; ++q) {
    size = std::max({size, std::abs(of_stress[q]), std::abs((*frame.virial)[q])});
    difference = std::max(difference, std::abs(of_stress[q] - (*frame.virial)[q]));
  }
  constexpr double rounding = 1e-3;    // of numbers printed with few digits
  if (needs_.labels && difference > rounding * size + rounding)
    complain(stress_key_, " (-dE/dstrain, eV) and ", stress_key,
             " (eV/Angstrom^3, ASE's sign) contradict each other by ", difference,
             " eV: unit or sign of one is wrong; remove one, or name the right one with "
             "--stress-key");
}

void ExtxyzReader::choose_forces()
{
  std::vector<LabelText> found;
  for (const Column &column : columns_)
    if (column.type == 'R' && column.count == 3 &&
        quantity_of_key(column.name, needs_.keys) == Quantity::forces)
      found.emplace_back(column.name, column.name);
  choose("column of forces", found, needs_.keys.forces, "--forces-key", forces_key_);
}

/// What may be a label under a name of its own: other keys of the comment line that hold a number.
std::vector<std::string> ExtxyzReader::other_numbers(const Frame &frame) const
{
  std::vector<std::string> keys;
  const auto found = labels_.find(Quantity::energy);
  if (found != labels_.end())
    for (const auto &[key, text] : found->second) keys.push_back(key);
  for (const auto &[key, text] : frame.info)
    if (parse_number(text)) keys.push_back(key);
  return keys;
}

void ExtxyzReader::check_needs(const Frame &frame) const
{
  const auto named = [](const std::vector<std::string> &keys, const char *usual) {
    return keys.empty() ? std::string(usual) : joined(keys, " or ");
  };
  if (needs_.energy && !frame.energy) {
    const std::vector<std::string> others = other_numbers(frame);
    complain("there is no ", named(needs_.keys.energy, "energy"),
             "=... in the comment line, but the energy is needed",
             others.empty() ? "; add it, in eV"
                            : "; other numbers are " + joined(others) +
                                  ": name the energy's key with --energy-key");
  }
  if (needs_.forces && forces_key_.empty())
    complain("there is no column \"", named(needs_.keys.forces, "forces"),
             "\" in Properties=", properties_, ", but forces are needed");
}

// Labels that nothing in nature has, in whatever unit they may be, would decide a fit alone.

void ExtxyzReader::check_sizes(const Frame &frame, int num_atoms) const
{
  constexpr double most_energy = 1e7;     // eV/atom; with all its electrons uranium has 8e5
  constexpr double most_virial = 1e15;    // eV; 1 TPa that is written in Pa, of 1000 Angstrom^3
  const double energy = frame.energy.value_or(0.0) / num_atoms;
  if (std::abs(energy) > most_energy)
    complain(energy_key_, " is ", energy, " eV per atom, but at most ", most_energy,
             " are possible; correct it, or remove the frame");
  for (const double component : frame.virial.value_or(Tensor6{}))
    if (std::abs(component) > most_virial)
      complain(stress_key_, " has a component of ", component, " eV, but at most ", most_virial,
               " are possible; correct it, or remove the frame");
}

void ExtxyzReader::check_force(const Frame &frame, int i) const
{
  constexpr double most = 1e6;    // eV/Angstrom; two nuclei of copper at 0.1 Angstrom
  for (std::size_t n = 3 * std::size_t(i);
       n < std::min(frame.forces.size(), 3 * std::size_t(i + 1)); ++n)
    if (std::abs(frame.forces[n]) > most)
      complain("atom ", i + 1, " has a force of ", frame.forces[n], " eV/Angstrom, but at most ",
               most, " are possible; correct it, or remove the frame");
}

void ExtxyzReader::count(const Frame &frame, ReadReport &report) const
{
  ++report.frames;
  const auto &names = frame.energy_keys;
  // the energy of `almlip label` and `almlip convert` is the one that the forces belong to
  const bool either = std::count(names.begin(), names.end(), "energy") > 0 &&
                      (std::count(names.begin(), names.end(), "free_energy") > 0 ||
                       frame.info.count("labelled_by") + frame.info.count("energy_kind") > 0);
  if (either) ++report.either_energy;
  if (frame.energy && !either) ++report.energy_keys[energy_key_];
  if (!frame.forces.empty()) ++report.forces_keys[forces_key_ == "force" ? "forces" : forces_key_];
  if (frame.virial) ++report.stress_keys[stress_key_ == "virial" ? "stress" : stress_key_];
  for (const auto &[quantity, labels] : labels_)
    for (const auto &[key, value] : labels) {
      const bool used = quantity == Quantity::energy
                            ? frame.energy && same_energy(number_of(key, value), *frame.energy)
                            : frame.virial.has_value();
      if (!used) ++report.unused[key];
    }
}

void ExtxyzReader::parse_properties(const std::string &text)
{
  columns_.clear();
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() % 3 != 0) complain("Properties=", text, " is not a list of name:type:count");
  for (std::size_t p = 0; p < parts.size(); p += 3) {
    const std::optional<double> count = parse_number(parts[p + 2]);
    const bool ok = parts[p + 1].size() == 1 && std::string("SRIL").find(parts[p + 1]) < 4;
    if (!ok || !count || *count < 1 || *count > 1000 || *count != std::floor(*count))
      complain("Properties holds ", parts[p], ":", parts[p + 1], ":", parts[p + 2],
               ", but a type of S, R, I or L and a count of 1 or more are needed");
    columns_.push_back({parts[p], parts[p + 1][0], static_cast<int>(*count)});
  }
}

void ExtxyzReader::plan_columns(int num_atoms, Frame &frame)
{
  const std::size_t n = static_cast<std::size_t>(num_atoms);
  frame.text_columns.reserve(columns_.size());    // addresses stay
  bool has_species = false;
  for (Column &column : columns_) {
    const auto &name = column.name;
    has_species = has_species || column.is_species();
    if (column.is_species()) continue;
    const bool real = column.type == 'R';
    if (real && name == "pos" && column.count == 3)
      column.numbers = &frame.positions;
    else if (real && name == forces_key_ && column.count == 3)
      column.numbers = &frame.forces;
    else if (real && column.count == 1)
      column.numbers = &frame.per_atom[name];
    else if (real && column.count == 3)
      column.numbers = &frame.per_atom_vectors[name];
    if (column.numbers) {
      column.numbers->resize(n * column.count);
    } else {
      frame.text_columns.push_back({name, column.type, column.count, {}});
      column.words = &frame.text_columns.back().words;
      column.words->resize(n * column.count);
    }
    column.must_be_finite = column.numbers == &frame.positions || column.numbers == &frame.forces;
  }
  if (!has_species)
    complain("there is no column \"species:S:1\" or \"Z:I:1\" in Properties=", properties_);
  if (frame.positions.empty())
    complain("there is no column \"pos:R:3\" in Properties=", properties_);
  frame.atomic_numbers.assign(num_atoms, 0);
}

void ExtxyzReader::read_atom(std::string_view line, int i, Frame &frame)
{
  for (const Column &column : columns_)
    for (int k = 0; k < column.count; ++k) {
      const std::string_view word = next_word(line);
      if (word.empty())
        complain("the line ends before column \"", column.name, "\" of atom ", i + 1,
                 "; Properties=", properties_);
      const std::size_t place = static_cast<std::size_t>(i) * column.count + k;
      if (column.is_species())
        frame.atomic_numbers[i] = species_of(word, column);
      else if (column.numbers)
        (*column.numbers)[place] = real_of(word, column);
      else
        (*column.words)[place] = word;
    }
  if (!next_word(line).empty()) complain("the line has more columns than Properties=", properties_);
}

int ExtxyzReader::species_of(std::string_view word, const Column &column) const
{
  int z = 0;
  if (column.type == 'I')
    std::from_chars(word.data(), word.data() + word.size(), z);
  else
    z = atomic_number(std::string(word));
  if (z >= 1 && z <= 118) return z;
  if (column.type != 'I' && parse_number(word))
    complain("\"", std::string(word),
             "\" is where a chemical element is expected; are there fewer atoms than the frame's "
             "first line says?");
  complain("\"", std::string(word), "\" is not a chemical element");
}

double ExtxyzReader::real_of(std::string_view word, const Column &column) const
{
  const std::optional<double> number = parse_number(word);
  if (!number)
    complain("column \"", column.name, "\" holds \"", std::string(word),
             "\", which is not a number");
  if (column.must_be_finite && !std::isfinite(*number))
    complain("column \"", column.name, "\" holds ", std::string(word),
             ", but numbers must be finite");
  return *number;
}

}    // namespace

std::vector<Frame> read_extxyz(const std::string &path, const ExtxyzNeeds &needs,
                               ReadReport *report)
{
  ReadReport own;
  return ExtxyzReader(path, needs, read_text(path)).read(report ? *report : own);
}

std::vector<Frame> read_extxyz(const std::vector<std::string> &paths, const ExtxyzNeeds &needs,
                               ReadReport *report)
{
  std::vector<Frame> frames;
  for (const std::string &path : paths) {
    std::vector<Frame> more = read_extxyz(path, needs, report);
    std::move(more.begin(), more.end(), std::back_inserter(frames));
  }
  return frames;
}

Frame parse_extxyz(const std::string &text, const std::string &path, int frame_number,
                   int first_line)
{
  return ExtxyzReader(path, {}, text).read_one(frame_number, first_line);
}

int atoms_of_frame(std::string_view first_line)
{
  const std::string_view word = next_word(first_line);
  int num_atoms = 0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), num_atoms);
  const bool whole = result.ec == std::errc() && result.ptr == word.data() + word.size();
  return whole && first_line.find_first_not_of(" \t\r\n") == std::string_view::npos ? num_atoms : 0;
}

ExtxyzStream::ExtxyzStream(const std::string &path) : lines_(path) {}

bool ExtxyzStream::next(Frame &frame)
{
  std::string text, line;
  while (text.find_first_not_of(" \t\r\n") == std::string::npos)
    if (!lines_.next(text)) {
      require(frame_number_ > 0, lines_.path(), ": there is no frame in this file");
      return false;
    }
  const int first_line = lines_.number(), num_atoms = atoms_of_frame(text);
  int num_lines = 0;
  while (num_lines <= num_atoms && lines_.next(line)) text += line, ++num_lines;
  const bool is_torn =    // or a number cut short
      num_atoms > 0 && (num_lines <= num_atoms || text.back() != '\n');
  if (frame_number_ > 0 && is_torn) {
    notes_.push_back(lines_.path() + ": the frame from line " + std::to_string(first_line) +
                     " on is not complete and was skipped");
    return false;
  }
  frame = parse_extxyz(text, lines_.path(), ++frame_number_, first_line);
  return true;
}

}    // namespace almlip
