// SPDX-License-Identifier: GPL-2.0-or-later
#include <charconv>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/extxyz_comment.h"
#include "almlip/text.h"

namespace almlip {

namespace {

template <class Numbers>
std::string joined(const Numbers &numbers)
{
  std::string text;
  for (const double number : numbers) {
    if (!text.empty()) text += ' ';
    text += shortest_text(number);
  }
  return text;
}

/// All nine components, times `factor`.
std::array<double, 9> full_tensor(const Tensor6 &t, double factor)
{
  std::array<double, 9> full{t[0], t[3], t[4], t[3], t[1], t[5], t[4], t[5], t[2]};
  for (double &component : full) component *= factor;
  return full;
}

std::string properties(const Frame &frame)
{
  std::string text = "species:S:1:pos:R:3";
  if (!frame.forces.empty()) text += ":forces:R:3";
  for (const auto &[name, values] : frame.per_atom) text += ":" + name + ":R:1";
  for (const auto &[name, values] : frame.per_atom_vectors) text += ":" + name + ":R:3";
  for (const TextColumn &column : frame.text_columns)
    text += ":" + column.name + ":" + column.type + ":" + std::to_string(column.count);
  return text;
}

std::string comment(const Frame &frame)
{
  std::string line;
  const double volume = frame.volume();
  if (frame.cell != std::array<double, 9>{}) append_key(line, "Lattice", joined(frame.cell));
  append_key(line, "Properties", properties(frame));
  append_key(line, "pbc",
             std::string(frame.pbc[0] ? "T" : "F") + (frame.pbc[1] ? " T" : " F") +
                 (frame.pbc[2] ? " T" : " F"));
  if (frame.energy) append_key(line, "energy", joined(std::array<double, 1>{*frame.energy}));
  if (frame.virial) {
    append_key(line, "virial", joined(full_tensor(*frame.virial, 1.0)));
    if (volume > 0.0) append_key(line, "stress", joined(full_tensor(*frame.virial, -1.0 / volume)));
  }
  if (!frame.config_type.empty()) append_key(line, "config_type", frame.config_type);
  for (const auto &[key, value] : frame.info) append_key(line, key, value);
  return line;
}

void append_numbers(std::string &text, const std::vector<double> &values, int i, int count)
{
  for (int d = 0; d < count; ++d) {
    text += ' ';
    text += shortest_text(values[count * i + d]);
  }
}

void require_lengths(const Frame &frame)
{
  const std::size_t n = frame.atomic_numbers.size();
  const auto check = [&](const std::string &name, std::size_t length, std::size_t needed) {
    require(length == needed, "write_extxyz: ", frame.source, ": ", name, " has ", length,
            " values, but ", needed, " are needed for ", n, " atoms");
  };
  check("pos", frame.positions.size(), 3 * n);
  if (!frame.forces.empty()) check("forces", frame.forces.size(), 3 * n);
  for (const auto &[name, values] : frame.per_atom) check(name, values.size(), n);
  for (const auto &[name, values] : frame.per_atom_vectors) check(name, values.size(), 3 * n);
  for (const TextColumn &column : frame.text_columns)
    check(column.name, column.words.size(), column.count * n);
}

}    // namespace

std::string to_extxyz(const Frame &frame)
{
  require_lengths(frame);
  std::string text = std::to_string(frame.num_atoms()) + '\n' + comment(frame) + '\n';
  for (int i = 0; i < frame.num_atoms(); ++i) {
    text += chemical_symbol(frame.atomic_numbers[i]);
    append_numbers(text, frame.positions, i, 3);
    if (!frame.forces.empty()) append_numbers(text, frame.forces, i, 3);
    for (const auto &[name, values] : frame.per_atom) append_numbers(text, values, i, 1);
    for (const auto &[name, values] : frame.per_atom_vectors) append_numbers(text, values, i, 3);
    for (const TextColumn &column : frame.text_columns)
      for (int k = 0; k < column.count; ++k) text += ' ' + column.words[column.count * i + k];
    text += '\n';
  }
  return text;
}

void write_extxyz(const std::string &path, const std::vector<Frame> &frames)
{
  std::string text;
  for (const Frame &frame : frames) text += to_extxyz(frame);
  write_atomically(path, text);
}

}    // namespace almlip
