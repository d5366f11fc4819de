// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_read.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/text.h"

namespace almlip::pool {

namespace {

using Json = nlohmann::json;

/// Why a row is left out.
struct Unusable {
  std::string reason;
};

std::optional<double> number(const Json &row, const char *key)
{
  const auto found = row.find(key);
  if (found == row.end() || found->is_null()) return std::nullopt;
  if (!found->is_number()) throw Unusable{std::string("with a ") + key + " that is not a number"};
  const double value = found->get<double>();
  if (!std::isfinite(value)) throw Unusable{std::string("with a ") + key + " that is not finite"};
  return value;
}

double needed(const Json &row, const char *key)
{
  const std::optional<double> value = number(row, key);
  if (!value) throw Unusable{std::string("without ") + key};
  return *value;
}

int known_element(const std::string &symbol)
{
  const int z = atomic_number(symbol);
  if (z == 0) throw Unusable{"with an unknown element"};
  return z;
}

/// Numbers of a list of rows of three.
std::vector<double> triples(const Json &rows, const char *name)
{
  std::vector<double> result;
  for (const Json &row : rows) {
    if (!row.is_array() || row.size() != 3) throw Unusable{std::string("with a damaged ") + name};
    for (const Json &value : row) {
      if (!value.is_number() || !std::isfinite(value.get<double>()))
        throw Unusable{std::string("with a damaged ") + name};
      result.push_back(value.get<double>());
    }
  }
  return result;
}

void read_structure(const Json &row, Frame &frame)
{
  const std::vector<double> lattice = triples(row["lattice"], "lattice"),
                            fractions = triples(row["frac_coords"], "frac_coords");
  if (lattice.size() != 9) throw Unusable{"with a damaged lattice"};
  if (!row.contains("species") || fractions.size() != 3 * row["species"].size())
    throw Unusable{"with a damaged frac_coords"};
  std::copy(lattice.begin(), lattice.end(), frame.cell.begin());
  for (std::size_t i = 0; i < fractions.size(); i += 3)
    for (int d = 0; d < 3; ++d)
      frame.positions.push_back(fractions[i] * lattice[d] + fractions[i + 1] * lattice[3 + d] +
                                fractions[i + 2] * lattice[6 + d]);
  if (!(frame.volume() > 1e-6)) throw Unusable{"with a cell that has no volume"};
}

std::string text_of(const Json &row, const char *key)
{
  const auto found = row.find(key);
  if (found == row.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

Frame read_atoms(const Json &row, const std::string &where)
{
  Frame frame;
  frame.source = where;
  if (row.contains("species") && row["species"].is_array()) {
    for (const Json &symbol : row["species"])
      frame.atomic_numbers.push_back(
          known_element(symbol.is_string() ? symbol.get<std::string>() : ""));
    if (row.contains("lattice") && row["lattice"].is_array() && row.contains("frac_coords"))
      read_structure(row, frame);
  } else {
    const std::string formula = text_of(row, "formula");
    if (formula.empty()) throw Unusable{"without formula"};
    frame.atomic_numbers = parse_formula(formula);
    if (frame.atomic_numbers.empty()) throw Unusable{"with a formula that is not understood"};
  }
  if (frame.positions.empty()) frame.pbc = {false, false, false};
  if (frame.atomic_numbers.empty()) throw Unusable{"without atoms"};
  return frame;
}

PoolEntry read_entry(const Json &row, const std::string &where)
{
  PoolEntry entry;
  entry.id = text_of(row, "id").empty() ? text_of(row, "material_id") : text_of(row, "id");
  entry.formation_energy = needed(row, "formation_energy_per_atom");
  entry.band_gap = needed(row, "band_gap");
  if (entry.band_gap < 0.0) throw Unusable{"with a negative band_gap"};
  entry.energy_above_hull =
      number(row, row.contains("e_above_hull") ? "e_above_hull" : "e_above_hull_est");
  entry.fermi_energy = number(row, "fermi_energy");
  entry.magnetization = number(row, "total_magnetization");
  entry.suspect =
      row.contains("suspect") && row["suspect"].is_boolean() && row["suspect"].get<bool>();
  entry.frame = read_atoms(row, where);
  entry.formula = reduced_formula(entry.frame.atomic_numbers);
  if (entry.id.empty()) entry.id = entry.formula;
  return entry;
}

void append(Pool &pool, const Json &row, const std::string &where)
{
  try {
    pool.entries.push_back(read_entry(row, where));
  } catch (const Unusable &unusable) {
    ++pool.dropped[unusable.reason];
  }
}

Json parse_row(const std::string &text, const std::string &where)
{
  Json row = Json::parse(text, nullptr, false);
  if (row.is_discarded()) {    // some writers put NaN and Infinity, which are not JSON: numbers
                               // that are missing
    static const std::regex not_finite(R"(([:\[,]\s*)-?(NaN|Infinity|nan|inf)(?=\s*[,\]}]))");
    row = Json::parse(std::regex_replace(text, not_finite, "$1null"), nullptr, false);
  }
  require(row.is_object(), where,
          ": this is not a JSON object; a pool has one {\"formula\": ..., ...} per line");
  return row;
}

Pool read_json_lines(const std::string &path)
{
  Pool pool;
  std::istringstream lines(read_text(path));
  std::string line;
  for (int count = 1; std::getline(lines, line); ++count)
    if (line.find_first_not_of(" \t\r") != std::string::npos)
      append_json_entry(pool, line, path + ", line " + std::to_string(count));
  return pool;
}

/// Fields of a line; a field in double quotes may hold commas, and two double quotes for one.
std::vector<std::string> split_csv(const std::string &line)
{
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[i++];
      else
        quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else if (line[i] != '\r') {
      fields.back() += line[i];
    }
  }
  return fields;
}

/// A field as a number if it reads as one, as nothing if it is empty, else as text.
Json json_field(const std::string &field)
{
  if (field.empty()) return nullptr;
  if (field == "true" || field == "True") return true;
  if (field == "false" || field == "False") return false;
  std::size_t used = 0;
  try {
    const double value = std::stod(field, &used);
    if (used == field.size()) return value;
  } catch (const std::exception &) {
  }
  return field;
}

Pool read_csv(const std::string &path)
{
  Pool pool;
  std::istringstream lines(read_text(path));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> names = split_csv(line);
  for (int count = 2; std::getline(lines, line); ++count) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::vector<std::string> fields = split_csv(line);
    require(fields.size() == names.size(), path, ", line ", count, ": ", fields.size(),
            " fields, but the header has ", names.size());
    Json row;
    for (std::size_t i = 0; i < names.size(); ++i)
      row[names[i]] =
          names[i] == "formula" || names[i] == "id" ? Json(fields[i]) : json_field(fields[i]);
    append(pool, row, path + ", line " + std::to_string(count));
  }
  return pool;
}

Pool read_frames(const std::string &path)
{
  Pool pool;
  for (Frame &frame : read_extxyz(path)) {
    Json row;
    for (const auto &[key, value] : frame.info)
      row[key] = key == "id" ? Json(value) : json_field(value);
    row["formula"] = frame.atomic_numbers.empty() ? "" : reduced_formula(frame.atomic_numbers);
    row.erase("species");
    const std::size_t before = pool.entries.size();
    append(pool, row, frame.source);
    if (pool.entries.size() > before) pool.entries.back().frame = std::move(frame);
  }
  return pool;
}

/// Fractional coordinates of the atoms of a periodic cell, rounded to 1e-9.
std::vector<std::array<double, 3>> fractions_of(const Frame &frame)
{
  const auto &h = frame.cell;
  std::array<double, 9>
      inverse{};    // columns are the cross products of two cell vectors over the volume
  for (int d = 0; d < 3; ++d) {
    const double *u = &h[3 * ((d + 1) % 3)], *v = &h[3 * ((d + 2) % 3)];
    for (int x = 0; x < 3; ++x)
      inverse[3 * x + d] = u[(x + 1) % 3] * v[(x + 2) % 3] - u[(x + 2) % 3] * v[(x + 1) % 3];
  }
  const double determinant = h[0] * inverse[0] + h[1] * inverse[3] + h[2] * inverse[6];
  std::vector<std::array<double, 3>> result(frame.num_atoms());
  for (int i = 0; i < frame.num_atoms(); ++i)
    for (int d = 0; d < 3; ++d) {
      double sum = 0.0;
      for (int x = 0; x < 3; ++x)
        sum += frame.positions[3 * i + x] * inverse[3 * x + d] / determinant;
      result[i][d] = std::round(sum * 1e9) / 1e9;
    }
  return result;
}

void append_structure(nlohmann::ordered_json &row, const Frame &frame)
{
  const auto &h = frame.cell;
  row["lattice"] = {{h[0], h[1], h[2]}, {h[3], h[4], h[5]}, {h[6], h[7], h[8]}};
  row["frac_coords"] = fractions_of(frame);
  for (int z : frame.atomic_numbers) row["species"].push_back(chemical_symbol(z));
}

}    // namespace

void append_json_entry(Pool &pool, const std::string &text, const std::string &where)
{
  append(pool, parse_row(text, where), where);
}

Pool read_pool(const std::string &path)
{
  const std::string name = ends_with(path, ".gz") ? path.substr(0, path.size() - 3) : path;
  Pool pool;
  if (ends_with(name, ".jsonl"))
    pool = read_json_lines(path);
  else if (ends_with(name, ".csv"))
    pool = read_csv(path);
  else if (ends_with(name, ".xyz") || ends_with(name, ".extxyz"))
    pool = read_frames(path);
  else
    fail(path,
         ": the kind of this file is not known; a pool is .jsonl, .csv, .xyz or .extxyz, or one of "
         "these with .gz");
  require(!pool.entries.empty(), path,
          ": there is no usable entry; left out: ", pool.dropped_text());
  return pool;
}

void write_pool(const std::string &path, const std::vector<PoolEntry> &entries)
{
  std::string text;
  for (const PoolEntry &entry : entries) {
    nlohmann::ordered_json row = {{"id", entry.id},
                                  {"formula", entry.formula},
                                  {"formation_energy_per_atom", entry.formation_energy},
                                  {"band_gap", entry.band_gap}};
    const auto set = [&](const char *key, const std::optional<double> &value) {
      if (value) row[key] = *value;
    };
    set("e_above_hull", entry.energy_above_hull);
    set("fermi_energy", entry.fermi_energy);
    set("total_magnetization", entry.magnetization);
    if (entry.suspect) row["suspect"] = true;
    if (entry.has_structure()) append_structure(row, entry.frame);
    text += row.dump() + "\n";
  }
  write_atomically(path, text);
}

}    // namespace almlip::pool
