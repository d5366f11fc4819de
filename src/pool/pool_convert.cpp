// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_convert.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "pool/pool_read.h"

namespace almlip::pool {

namespace {

using Json = nlohmann::json;

/// Copies a field under our name, if it is there.
void copy(const Json &from, const char *their_name, Json &to, const char *our_name)
{
  if (from.contains(their_name)) to[our_name] = from[their_name];
}

/// Structure as pymatgen writes it; false if a site is shared by several species or partly empty.
bool copy_structure(const Json &structure, Json &row)
{
  row["lattice"] = structure.at("lattice").at("matrix");
  row["species"] = Json::array();
  for (const Json &site : structure.at("sites")) {
    const Json &species = site.at("species");
    if (species.size() != 1 || species[0].value("occu", 1.0) != 1.0) return false;
    row["species"].push_back(species[0].at("element"));
    row["frac_coords"].push_back(site.at("abc"));
  }
  return true;
}

/// @return our row, or nothing for a structure with partly occupied sites
std::optional<Json> from_materials_project(const Json &record)
{
  Json row;
  copy(record, "material_id", row, "id");
  copy(record, "formula_pretty", row, "formula");
  copy(record, "formation_energy_per_atom", row, "formation_energy_per_atom");
  copy(record, "band_gap", row, "band_gap");
  copy(record, "energy_above_hull", row, "e_above_hull");
  copy(record, "efermi", row, "fermi_energy");
  copy(record, "total_magnetization", row, "total_magnetization");
  if (record.contains("structure") && record["structure"].is_object() &&
      !copy_structure(record["structure"], row))
    return std::nullopt;
  return row;
}

Json from_oqmd(const Json &record)
{
  Json row;
  row["id"] = "oqmd-" + record.value("entry_id", Json(nullptr)).dump();
  copy(record, "name", row, "formula");
  copy(record, "delta_e", row, "formation_energy_per_atom");
  copy(record, "band_gap", row, "band_gap");
  copy(record, "stability", row, "e_above_hull");
  if (!record.contains("unit_cell") || !record.contains("sites") || record["sites"].empty())
    return row;
  row["lattice"] = record["unit_cell"];
  for (const Json &site : record["sites"]) {    // "Cs @ 0.5 0.5 0.5"
    std::istringstream words(site.get<std::string>());
    std::string symbol, at;
    double x = 0, y = 0, z = 0;
    words >> symbol >> at >> x >> y >> z;
    row["species"].push_back(symbol);
    row["frac_coords"].push_back(words.fail() ? Json::array() : Json{x, y, z});
  }
  return row;
}

void append(Pool &pool, const Json &record, const std::string &where)
{
  require(record.is_object(), where, ": this is not a JSON object");
  const bool materials_project =
      record.contains("formation_energy_per_atom") || record.contains("material_id");
  require(materials_project || record.contains("delta_e"), where,
          ": this is neither a record of the Materials Project (it would have \"material_id\" and "
          "\"formation_energy_per_atom\") nor one of OQMD (\"delta_e\")");
  std::optional<Json> row;
  try {
    row = materials_project ? from_materials_project(record) : from_oqmd(record);
  } catch (const Json::exception &) {
    ++pool.dropped["with a damaged structure"];
    return;
  }
  if (row)
    append_json_entry(pool, row->dump(), where);
  else
    ++pool.dropped["with partly occupied sites"];
}

}    // namespace

Pool convert_responses(const std::vector<std::string> &paths)
{
  Pool pool;
  for (const std::string &path : paths) {
    Json response = Json::parse(read_text(path), nullptr, false);
    require(!response.is_discarded(), path,
            ": this is not JSON; save the response of the interface as it came");
    const Json records =
        response.is_object() && response.contains("data") ? response["data"] : response;
    require(records.is_array(), path,
            ": there is no list of records; a response has {\"data\": [...]}");
    for (std::size_t i = 0; i < records.size(); ++i)
      append(pool, records[i], path + ", record " + std::to_string(i + 1));
  }
  require(!pool.entries.empty(), paths.empty() ? "convert" : paths[0],
          ": there is no usable entry; left out: ", pool.dropped_text());
  return pool;
}

}    // namespace almlip::pool
