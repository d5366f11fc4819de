// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/potential_check.h"
#include "almlip/potential.h"

namespace almlip {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr const char *format_name = "almlip-potential";
constexpr const char *damaged = "; the file is damaged, get it again or retrain";

/// A JSON value and where it is, such as `Si.almlip.json: committees[0].hidden`.
class Node {
 public:
  Node(const Json &value, std::string file, std::string path)
      : value_(value), file_(std::move(file)), path_(std::move(path))
  {
  }

  bool has(const std::string &key) const { return value_.is_object() && value_.contains(key); }

  Node at(const std::string &key) const
  {
    const std::string path = path_.empty() ? key : path_ + "." + key;
    if (!value_.is_object()) complain("an object");
    const auto found = value_.find(key);
    require(found != value_.end(), file_, ": the key \"", path, "\" is missing", damaged);
    return {*found, file_, path};
  }

  std::vector<Node> items() const
  {
    if (!value_.is_array()) complain("an array");
    std::vector<Node> nodes;
    for (const Json &item : value_)
      nodes.emplace_back(item, file_, path_ + "[" + std::to_string(nodes.size()) + "]");
    return nodes;
  }

  double number() const
  {
    if (!value_.is_number()) complain("a number");
    return value_.get<double>();
  }

  int integer() const
  {
    const double value = number();
    if (value != std::floor(value) || std::abs(value) > 1e9) complain("an integer");
    return static_cast<int>(value);
  }

  std::string text() const
  {
    if (!value_.is_string()) complain("a text");
    return value_.get<std::string>();
  }

  std::vector<double> numbers() const
  {
    if (!value_.is_array()) complain("an array of numbers");
    std::vector<double> numbers;
    numbers.reserve(value_.size());
    for (const Json &item : value_) {
      if (!item.is_number()) items()[numbers.size()].complain("a number");
      numbers.push_back(item.get<double>());
    }
    return numbers;
  }

  std::vector<int> integers() const
  {
    std::vector<int> integers;
    for (const Node &item : items()) integers.push_back(item.integer());
    return integers;
  }

  /// An object of integers.
  std::map<std::string, int> counts() const
  {
    if (!value_.is_object()) complain("an object");
    std::map<std::string, int> counts;
    for (const auto &[key, value] : value_.items()) counts[key] = at(key).integer();
    return counts;
  }

  /// Compact text of a JSON object.
  std::string object() const
  {
    if (!value_.is_object()) complain("an object");
    return value_.dump();
  }

  [[noreturn]] void complain(const std::string &wanted) const
  {
    std::string found = value_.dump();
    if (found.size() > 30) found = found.substr(0, 30) + "...";
    fail(file_, ": ", path_.empty() ? "the content" : path_, " is ", found, ", but it must be ",
         wanted, damaged);
  }

 private:
  const Json &value_;
  std::string file_, path_;
};

Json parse_json(const std::string &text, const std::string &name)
{
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  require(first != std::string::npos, name, ": the file is empty; get it again or retrain");
  require(text[first] == '{' || text[first] == '[', name,
          ": this is not a potential, which begins with {; give a file that `almlip train` wrote");
  try {
    return Json::parse(text);
  } catch (const Json::exception &error) {
    std::string reason = error.what();
    // drop the library's own "[json.exception.parse_error.101] "
    if (!reason.empty() && reason[0] == '[') reason.erase(0, reason.find(']') + 2);
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    if (reason.size() > 160) reason = reason.substr(0, 160) + "...";
    fail(name, ": this is not a complete JSON file (", reason, ")", damaged);
  }
}

void check_format(const Node &root, const std::string &name)
{
  const std::string format = root.at("format").text();
  require(format == format_name, name, ": the format is \"", format, "\", but \"", format_name,
          "\" is needed; give a file that `almlip train` wrote");
  const int version = root.at("format_version").integer();
  require(version == format_version, name, ": format_version is ", version,
          ", but this program reads version ", format_version,
          "; use a matching version of ALMLIP or retrain");
  for (const auto &[key, unit] : {std::pair("energy", "eV"), std::pair("length", "Angstrom")}) {
    const std::string found = root.at("units").at(key).text();
    require(found == unit, name, ": units.", key, " is \"", found, "\", but \"", unit,
            "\" is needed");
  }
}

ModelSettings parse_settings(const Node &root)
{
  ModelSettings settings;
  for (const Node &element : root.at("elements").items())
    settings.elements.push_back(element.text());
  settings.cutoff = root.at("cutoff").number();
  const Node descriptor = root.at("descriptor");
  settings.num_channels = descriptor.at("num_channels").integer();
  settings.lmax = descriptor.at("lmax").integer();
  settings.num_radial = descriptor.at("num_radial").integer();
  settings.four_body = descriptor.at("four_body").text();
  settings.partners = descriptor.at("partners").text();
  const Node network = root.at("network");
  settings.num_hidden = network.at("num_hidden").integer();
  settings.num_members = network.at("num_members").integer();
  return settings;
}

ElementCommittee parse_committee(const Node &node)
{
  ElementCommittee committee;
  committee.reference_energy = node.at("reference_energy").number();
  committee.mean = node.at("mean").numbers();
  committee.inverse_deviation = node.at("inverse_deviation").numbers();
  committee.hidden = node.at("hidden").numbers();
  committee.hidden_bias = node.at("hidden_bias").numbers();
  committee.output = node.at("output").numbers();
  committee.skip = node.at("skip").numbers();
  committee.output_bias = node.at("output_bias").numbers();
  return committee;
}

/// The lower triangle [D (D + 1) / 2] of the file as a full matrix [D][D].
std::vector<double> full_triangle(const std::vector<double> &packed, int dimension)
{
  std::vector<double> full(static_cast<std::size_t>(dimension) * dimension, 0.0);
  std::size_t next = 0;
  for (int row = 0; row < dimension; ++row)
    for (int column = 0; column <= row; ++column)
      full[static_cast<std::size_t>(row) * dimension + column] = packed[next++];
  return full;
}

TrainingRecord parse_record(const Node &node)
{
  TrainingRecord record;
  if (!node.has("num_atoms")) return record;    // of a file of an earlier version
  record.num_atoms = node.at("num_atoms").numbers();
  record.num_frames = node.at("num_frames").counts();
  record.held_out_sigma = node.at("held_out_sigma").numbers();
  record.held_out_novelty = node.at("held_out_novelty").numbers();
  record.held_out_atoms = node.at("held_out_atoms").integers();
  record.min_distances = node.at("min_distances").numbers();
  record.rms_force = node.at("rms_force").number();
  record.force_limit = node.at("force_limit").number();
  return record;
}

/// A triangle of a matrix of this dimension, as a full matrix.
std::vector<double> parse_triangle(const Node &node, int dimension)
{
  const std::vector<double> packed = node.numbers();
  const std::size_t needed = static_cast<std::size_t>(dimension) * (dimension + 1) / 2;
  if (packed.size() != needed)
    node.complain("a triangle of " + std::to_string(needed) + " numbers");
  return full_triangle(packed, dimension);
}

EnergyCalibration parse_energy_calibration(const Node &node, int num_descriptors)
{
  EnergyCalibration calibration;
  calibration.factor = node.at("factor").number();
  calibration.quantile90 = node.at("quantile90").number();
  calibration.num_frames = node.at("num_frames").integer();
  calibration.together = node.at("together").integers();
  if (node.has("untold"))    // not in files of earlier versions
    for (const Node &item : node.at("untold").items()) calibration.untold.push_back(item.numbers());
  for (const Node &item : node.at("whitening").items())
    calibration.whitening.push_back(parse_triangle(item, num_descriptors + 1));
  return calibration;
}

Novelty parse_novelty(const Node &node, int dimension)
{
  Novelty novelty;
  novelty.threshold = node.at("threshold").number();
  novelty.center = node.at("center").numbers();
  const Node whitening = node.at("whitening");
  if (whitening.numbers().empty() && novelty.center.empty()) return novelty;
  novelty.whitening = parse_triangle(whitening, dimension);
  return novelty;
}

void check_element(const Node &node, const std::vector<std::string> &elements, std::size_t index)
{
  const Node element = node.at("element");
  if (index >= elements.size() || element.text() != elements[index])
    element.complain("in the order of \"elements\"");
}

Potential parse_content(const Node &root, const std::string &name)
{
  Potential potential;
  potential.settings = parse_settings(root);
  validate(potential.settings, name);
  potential.radial = root.at("radial").numbers();
  for (const Node &node : root.at("committees").items()) {
    check_element(node, potential.settings.elements, potential.committees.size());
    potential.committees.push_back(parse_committee(node));
  }

  const Node calibration = root.at("calibration");
  potential.calibration.factor = calibration.at("factor").numbers();
  potential.calibration.exponent = calibration.at("exponent").numbers();
  potential.calibration.quantile90 = calibration.at("quantile90").number();
  potential.calibration.num_atoms = calibration.at("num_atoms").integer();

  if (root.has(
          "energy_calibration"))    // else the file is of an earlier version, or not calibrated
    potential.energy_calibration = parse_energy_calibration(root.at("energy_calibration"),
                                                            potential.settings.num_descriptors());

  potential.zbl.inner = root.at("zbl").at("inner").numbers();
  potential.zbl.outer = root.at("zbl").at("outer").numbers();

  for (const Node &node : root.at("novelty").items()) {
    check_element(node, potential.settings.elements, potential.novelty.size());
    potential.novelty.push_back(parse_novelty(node, potential.settings.num_descriptors()));
  }

  const Node training = root.at("training");
  potential.least_distance = training.at("least_distance").number();
  potential.largest_force = training.at("largest_force").number();
  potential.force_error = training.at("force_error").number();
  potential.record = parse_record(training);
  potential.known_fingerprints = root.at("known_fingerprints").numbers();
  potential.provenance = root.at("provenance").object();
  return potential;
}

}    // namespace

Potential parse_potential(const std::string &text, const std::string &name)
{
  const Json json = parse_json(text, name);
  const Node root(json, name, "");
  check_format(root, name);
  Potential potential = parse_content(root, name);
  check_content(potential, name);
  return potential;
}

}    // namespace almlip
