// SPDX-License-Identifier: GPL-2.0-or-later
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/potential_check.h"
#include "almlip/potential.h"

namespace almlip {

namespace {

using Json = nlohmann::ordered_json;

std::vector<double> packed_triangle(const std::vector<double> &full, int dimension)
{
  std::vector<double> packed;
  for (int row = 0; row < dimension; ++row)
    for (int column = 0; column <= row; ++column)
      packed.push_back(full[static_cast<std::size_t>(row) * dimension + column]);
  return packed;
}

Json settings_to_json(const ModelSettings &settings)
{
  Json json;
  json["format"] = "almlip-potential";
  json["format_version"] = 1;
  json["units"] = {{"energy", "eV"}, {"length", "Angstrom"}};
  json["elements"] = settings.elements;
  json["cutoff"] = settings.cutoff;
  json["descriptor"] = {{"num_channels", settings.num_channels},
                        {"lmax", settings.lmax},
                        {"num_radial", settings.num_radial},
                        {"four_body", settings.four_body},
                        {"partners", settings.partners}};
  json["network"] = {{"num_hidden", settings.num_hidden}, {"num_members", settings.num_members}};
  return json;
}

Json committee_to_json(const ElementCommittee &committee, const std::string &element)
{
  return {{"element", element},
          {"reference_energy", committee.reference_energy},
          {"mean", committee.mean},
          {"inverse_deviation", committee.inverse_deviation},
          {"hidden", committee.hidden},
          {"hidden_bias", committee.hidden_bias},
          {"output", committee.output},
          {"skip", committee.skip},
          {"output_bias", committee.output_bias}};
}

Json novelty_to_json(const Novelty &novelty, const std::string &element, int dimension)
{
  const auto whitening = novelty.whitening.empty() ? std::vector<double>{}
                                                   : packed_triangle(novelty.whitening, dimension);
  return {{"element", element},
          {"threshold", novelty.threshold},
          {"center", novelty.center},
          {"whitening", whitening}};
}

Json energy_calibration_to_json(const EnergyCalibration &calibration, int dimension)
{
  Json json = {{"factor", calibration.factor},         {"quantile90", calibration.quantile90},
               {"num_frames", calibration.num_frames}, {"together", calibration.together},
               {"untold", calibration.untold},         {"whitening", Json::array()}};
  for (const std::vector<double> &whitening : calibration.whitening)
    json["whitening"].push_back(packed_triangle(whitening, dimension));
  return json;
}

Json training_to_json(const Potential &potential)
{
  const TrainingRecord &record = potential.record;
  return {{"least_distance", potential.least_distance},
          {"largest_force", potential.largest_force},
          {"force_error", potential.force_error},
          {"rms_force", record.rms_force},
          {"force_limit", record.force_limit},
          {"num_frames", record.num_frames},
          {"num_atoms", record.num_atoms},
          {"min_distances", record.min_distances},
          {"held_out_sigma", record.held_out_sigma},
          {"held_out_novelty", record.held_out_novelty},
          {"held_out_atoms", record.held_out_atoms}};
}

/// Writes objects one key a line, and arrays of numbers many numbers a line.
class Layout {
 public:
  std::string text;

  void append(const Json &value, int depth)
  {
    if (value.is_object() && !value.empty())
      append_object(value, depth);
    else if (value.is_array() && !value.empty() && value[0].is_structured())
      append_array(value, depth);
    else if (value.is_array())
      append_row(value, depth);
    else
      text += value.dump();
  }

  /// Adds a last key to an object that is complete.
  void append_key(const std::string &key, const std::vector<double> &numbers)
  {
    constexpr std::size_t digits = 24;    // of a number, at most
    text.reserve(text.size() + digits * numbers.size());
    text.resize(text.rfind('\n'));
    text += ',';
    new_line(1);
    text += Json(key).dump() + ": ";
    append_row(numbers, 1);
    text += "\n}\n";
  }

 private:
  void new_line(int depth) { text.append("\n").append(2 * depth, ' '); }

  void append_object(const Json &object, int depth)
  {
    const char *separator = "{";
    for (const auto &[key, value] : object.items()) {
      text += separator;
      new_line(depth + 1);
      text += Json(key).dump() + ": ";
      append(value, depth + 1);
      separator = ",";
    }
    new_line(depth);
    text += '}';
  }

  void append_array(const Json &array, int depth)
  {
    const char *separator = "[";
    for (const Json &value : array) {
      text += separator;
      new_line(depth + 1);
      append(value, depth + 1);
      separator = ",";
    }
    new_line(depth);
    text += ']';
  }

  /// @param array  Json array, or plain numbers, for which a Json array would be much larger
  template <class Array>
  void append_row(const Array &array, int depth)
  {
    constexpr std::size_t width = 100;
    std::size_t line_start = text.rfind('\n') + 1;
    text += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string word = Json(array[i]).dump();
      if (i > 0) text += ',';
      if (text.size() + word.size() + 2 - line_start > width) {    // a blank and a comma or bracket
        new_line(depth + 1);
        line_start = text.rfind('\n') + 1;
      } else if (i > 0) {
        text += ' ';
      }
      text += word;
    }
    text += ']';
  }
};

}    // namespace

std::string to_json(const Potential &potential)
{
  const ModelSettings &settings = potential.settings;
  validate(settings, "potential");
  check_content(potential, "potential");

  Json json = settings_to_json(settings);
  json["calibration"] = {{"factor", potential.calibration.factor},
                         {"exponent", potential.calibration.exponent},
                         {"quantile90", potential.calibration.quantile90},
                         {"num_atoms", potential.calibration.num_atoms}};
  if (potential.energy_calibration.num_frames > 0)
    json["energy_calibration"] =
        energy_calibration_to_json(potential.energy_calibration, settings.num_descriptors() + 1);
  json["zbl"] = {{"inner", potential.zbl.inner}, {"outer", potential.zbl.outer}};
  json["training"] = training_to_json(potential);
  json["provenance"] = Json::parse(potential.provenance, nullptr, false);
  require(json["provenance"].is_object(), "potential: provenance is not a JSON object");
  json["radial"] = potential.radial;
  json["committees"] = Json::array();
  for (std::size_t e = 0; e < potential.committees.size(); ++e)
    json["committees"].push_back(committee_to_json(potential.committees[e], settings.elements[e]));
  json["novelty"] = Json::array();
  for (std::size_t e = 0; e < potential.novelty.size(); ++e)
    json["novelty"].push_back(
        novelty_to_json(potential.novelty[e], settings.elements[e], settings.num_descriptors()));

  Layout layout;
  layout.append(json, 0);
  layout.append_key("known_fingerprints", potential.known_fingerprints);
  return std::move(layout.text);
}

}    // namespace almlip
