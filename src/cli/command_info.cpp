// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_info.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "almlip/files/text_file.h"
#include "almlip/potential.h"
#include "almlip/text.h"

namespace almlip::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InfoOptions {
  std::string potential;
  bool json = false;
};

bool has_novelty(const Potential &potential)
{
  return std::any_of(potential.novelty.begin(), potential.novelty.end(),
                     [](const Novelty &novelty) { return !novelty.whitening.empty(); });
}

std::size_t num_known(const Potential &potential)
{
  const ModelSettings &s = potential.settings;
  return potential.known_fingerprints.size() / (2 * s.elements.size() * s.num_descriptors());
}

std::size_t num_weights(const Potential &potential)
{
  std::size_t count = potential.radial.size();
  for (const ElementCommittee &c : potential.committees)
    count += c.hidden.size() + c.hidden_bias.size() + c.output.size() + c.skip.size() +
             c.output_bias.size();
  return count;
}

Json summary(const Potential &potential, const std::string &path, const std::string &hash)
{
  const ModelSettings &s = potential.settings;
  Json json = {{"file", path}, {"hash", hash}, {"elements", s.elements}, {"cutoff", s.cutoff}};
  json["descriptor"] = {{"num_descriptors", s.num_descriptors()},
                        {"num_channels", s.num_channels},
                        {"lmax", s.lmax},
                        {"num_radial", s.num_radial},
                        {"four_body", s.four_body},
                        {"partners", s.partners}};
  json["network"] = {{"num_members", s.num_members},
                     {"num_hidden", s.num_hidden},
                     {"num_weights", num_weights(potential)}};
  for (std::size_t e = 0; e < s.elements.size(); ++e)
    json["reference_energy"][s.elements[e]] = potential.committees[e].reference_energy;
  json["calibration"] = {{"factor", potential.calibration.factor},
                         {"exponent", potential.calibration.exponent},
                         {"quantile90", potential.calibration.quantile90},
                         {"num_atoms", potential.calibration.num_atoms}};
  if (potential.energy_calibration.num_frames > 0)
    json["energy_calibration"] = {{"factor", potential.energy_calibration.factor},
                                  {"quantile90", potential.energy_calibration.quantile90},
                                  {"num_frames", potential.energy_calibration.num_frames}};
  json["zbl"] = {{"inner", potential.zbl.inner}, {"outer", potential.zbl.outer}};
  json["training"] = {{"num_fingerprints", num_known(potential)},
                      {"has_novelty", has_novelty(potential)},
                      {"least_distance", potential.least_distance},
                      {"largest_force", potential.largest_force},
                      {"force_error", potential.force_error}};
  json["provenance"] = Json::parse(potential.provenance);
  return json;
}

std::string unit_of(const std::string &key)
{
  if (key == "cutoff" || key == "least_distance") return " Angstrom";
  if (key == "largest_force" || key == "force_error" || key == "force_mae" || key == "force_rmse")
    return " eV/Angstrom";
  if (key == "energy_mae" || key == "energy_rmse" || key == "energy_sigma") return " eV/atom";
  if (key == "stress_mae" || key == "stress_rmse") return " GPa";
  return "";
}

/// Readable: numbers to eight digits, of the marks of learned frames their number.
std::string text_of(const std::string &key, const Json &value)
{
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return format("%.8g", value.get<double>());
  if (key == "learned") return std::to_string(value.size()) + " frames";
  if (value.is_array() && !value.empty()) {
    std::vector<std::string> entries;
    for (const Json &entry : value) entries.push_back(text_of("", entry));
    return joined(entries);
  }
  return value.dump();
}

/// One line for each value; objects become headings.
void print(const Json &object, std::size_t indent, const std::string &unit)
{
  std::size_t width = 0;
  for (const auto &[key, value] : object.items()) width = std::max(width, key.size());
  for (const auto &[key, value] : object.items()) {
    std::cout << std::string(indent, ' ') << key;
    if (value.is_object() && !value.empty()) {
      std::cout << '\n';
      print(value, indent + 2, key == "reference_energy" ? " eV" : "");
    } else if (value.is_array() && !value.empty() && value[0].is_object()) {
      std::cout << '\n';
      for (const Json &entry : value)
        std::cout << std::string(indent + 2, ' ') << entry.dump() << '\n';
    } else {
      std::cout << std::string(width - key.size() + 2, ' ') << text_of(key, value)
                << (unit.empty() ? unit_of(key) : unit) << '\n';
    }
  }
}

void run(const InfoOptions &options)
{
  const std::string text = read_text(options.potential);
  const Potential potential = parse_potential(text, options.potential);
  const Json json = summary(potential, options.potential, content_hash(text));
  if (options.json)
    std::cout << json.dump(2) << '\n';
  else
    print(json, 0, "");
}

}    // namespace

void add_info_command(CLI::App &app)
{
  const auto options = std::make_shared<InfoOptions>();
  CLI::App *command = app.add_subcommand("info", "Show what a potential file holds");
  command->add_option("potential", options->potential, "potential file")
      ->required()
      ->type_name("POT");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] { run(*options); });
}

}    // namespace almlip::cli
