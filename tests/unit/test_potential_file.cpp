// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "almlip/potential.h"
#include "message_of.h"
#include "random_potential.h"

namespace almlip {
namespace {

/// A potential of two elements in which nothing is empty.
Potential complete_potential()
{
  Potential p = test::random_potential(test::shape_settings("default", {"Si", "C"}), 3);
  std::mt19937_64 random(5);
  const int d = p.settings.num_descriptors();
  p.calibration = {{2.5, 1.0 / 3.0}, {0.6, 0.7}, 1.7, 1234};
  p.zbl = {{1.5, 1.2, 1.2, 1.0}, {1.9, 1.5, 1.5, 1.3}};
  for (int e = 0; e < 2; ++e) {
    Novelty novelty{test::normal_numbers(d * d, 1.0, random), test::normal_numbers(d, 1.0, random),
                    1.1};
    for (int row = 0; row < d; ++row)
      std::fill_n(novelty.whitening.begin() + row * d + row + 1, d - row - 1, 0.0);
    p.novelty.push_back(novelty);
  }
  p.energy_calibration = {0.1 / 3.0, {}, {1, 0, 0, 1}, 1.8, 12, {{0.6, -0.8}}};
  for (int e = 0; e < 2; ++e) {
    std::vector<double> whitening = test::normal_numbers((d + 1) * (d + 1), 1.0, random);
    for (int row = 0; row <= d; ++row)
      std::fill_n(whitening.begin() + row * (d + 1) + row + 1, d - row, 0.0);
    p.energy_calibration.whitening.push_back(whitening);
  }
  p.known_fingerprints = test::normal_numbers(3 * 2 * 2 * d, 1.0, random);
  p.record = {{300.0, 200.0}, {{"", 3}, {"melt 2", 7}}, {0.1 / 3.0, 1.5}, {0.7, 2.0 / 3.0},
              {64, 8},        {2.1, 1.7, 1.7, 0.0},     1.0 / 3.0,        30.0};
  p.least_distance = 0.1 + 0.2;    // needs 17 digits
  p.largest_force = 1e-300;
  p.force_error = -0.0;
  p.provenance = R"({"seed":1,"errors":{"force_mae":0.05}})";
  return p;
}

TEST(ModelSettings, NumberOfDescriptorsCountsChannelsPairsAndCouplings)
{
  ModelSettings s;    // 4 channels, lmax 4: 4 two-body, 4 x 10 three-body
  EXPECT_EQ(s.num_descriptors(), 4 + 40 + 9 * 16);
  s.partners = "same";
  EXPECT_EQ(s.num_descriptors(), 4 + 40 + 9 * 4);
  s.four_body = "b3";
  s.lmax = 3;
  EXPECT_EQ(s.num_descriptors(), 4 + 30 + 4 * 4);
}

TEST(PotentialFile, RoundTripIsExact)
{
  const Potential p = complete_potential();
  const std::string text = to_json(p);
  const Potential q = parse_potential(text, "test");
  EXPECT_EQ(q.settings.elements, p.settings.elements);
  EXPECT_EQ(q.radial, p.radial);
  for (int e = 0; e < 2; ++e) {
    EXPECT_EQ(q.committees[e].reference_energy, p.committees[e].reference_energy);
    EXPECT_EQ(q.committees[e].mean, p.committees[e].mean);
    EXPECT_EQ(q.committees[e].inverse_deviation, p.committees[e].inverse_deviation);
    EXPECT_EQ(q.committees[e].hidden, p.committees[e].hidden);
    EXPECT_EQ(q.committees[e].hidden_bias, p.committees[e].hidden_bias);
    EXPECT_EQ(q.committees[e].output, p.committees[e].output);
    EXPECT_EQ(q.committees[e].skip, p.committees[e].skip);
    EXPECT_EQ(q.committees[e].output_bias, p.committees[e].output_bias);
    EXPECT_EQ(q.novelty[e].whitening, p.novelty[e].whitening);
    EXPECT_EQ(q.novelty[e].center, p.novelty[e].center);
  }
  EXPECT_EQ(q.calibration.factor, p.calibration.factor);
  EXPECT_EQ(q.calibration.exponent, p.calibration.exponent);
  EXPECT_EQ(q.energy_calibration.factor, p.energy_calibration.factor);
  EXPECT_EQ(q.energy_calibration.whitening, p.energy_calibration.whitening);
  EXPECT_EQ(q.energy_calibration.together, p.energy_calibration.together);
  EXPECT_EQ(q.energy_calibration.untold, p.energy_calibration.untold);
  EXPECT_EQ(q.energy_calibration.quantile90, p.energy_calibration.quantile90);
  EXPECT_EQ(q.energy_calibration.num_frames, p.energy_calibration.num_frames);
  EXPECT_EQ(q.zbl.inner, p.zbl.inner);
  EXPECT_EQ(q.zbl.outer, p.zbl.outer);
  EXPECT_EQ(q.known_fingerprints, p.known_fingerprints);
  EXPECT_EQ(q.record.num_atoms, p.record.num_atoms);
  EXPECT_EQ(q.record.num_frames, p.record.num_frames);
  EXPECT_EQ(q.record.held_out_sigma, p.record.held_out_sigma);
  EXPECT_EQ(q.record.held_out_novelty, p.record.held_out_novelty);
  EXPECT_EQ(q.record.held_out_atoms, p.record.held_out_atoms);
  EXPECT_EQ(q.record.min_distances, p.record.min_distances);
  EXPECT_EQ(q.record.rms_force, p.record.rms_force);
  EXPECT_EQ(q.record.force_limit, p.record.force_limit);
  EXPECT_EQ(q.least_distance, p.least_distance);
  EXPECT_EQ(q.largest_force, p.largest_force);
  EXPECT_TRUE(std::signbit(q.force_error));
  EXPECT_EQ(q.provenance, p.provenance);
  EXPECT_EQ(to_json(q), text);    // and whatever is not listed above
}

TEST(PotentialFile, FilesWithoutARecordOfTheTrainingSetAreRead)
{
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(complete_potential()));
  for (const char *key : {"rms_force", "force_limit", "num_frames", "num_atoms", "min_distances",
                          "held_out_sigma", "held_out_novelty", "held_out_atoms"})
    EXPECT_EQ(json["training"].erase(key), 1u);
  const Potential old = parse_potential(json.dump(), "test");
  EXPECT_TRUE(old.record.held_out_sigma.empty());
  EXPECT_TRUE(old.record.min_distances.empty());
  EXPECT_EQ(old.record.force_limit, 0.0);
  EXPECT_EQ(old.least_distance, 0.1 + 0.2);
}

TEST(PotentialFile, FilesWithoutACalibrationOfEnergiesAreRead)
{
  auto json = nlohmann::json::parse(to_json(complete_potential()));
  json["energy_calibration"].erase("untold");
  EXPECT_EQ(parse_potential(json.dump(), "old").energy_calibration.num_frames, 12);
  json.erase("energy_calibration");
  EXPECT_EQ(parse_potential(json.dump(), "old").energy_calibration.num_frames, 0);
}

TEST(PotentialFile, ShapeSettingsSurviveARoundTrip)
{
  ModelSettings s;
  s.elements = {"Cu"};
  s.cutoff = 4.1;
  s.num_channels = 3;
  s.lmax = 3;
  s.num_radial = 7;
  s.four_body = "b3";
  s.partners = "same";
  s.num_hidden = 5;
  s.num_members = 2;
  const ModelSettings t = parse_potential(to_json(test::random_potential(s, 1)), "test").settings;
  EXPECT_EQ(t.cutoff, 4.1);
  EXPECT_EQ(t.num_channels, 3);
  EXPECT_EQ(t.lmax, 3);
  EXPECT_EQ(t.num_radial, 7);
  EXPECT_EQ(t.four_body, "b3");
  EXPECT_EQ(t.partners, "same");
  EXPECT_EQ(t.num_hidden, 5);
  EXPECT_EQ(t.num_members, 2);
}

TEST(PotentialFile, LinesAreShortAndFew)
{
  std::istringstream lines(to_json(complete_potential()));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 100u) << line;
  EXPECT_LT(count,
            40000);    // 2 x 15040 weights and 2 x 17766 whitening numbers, several on a line
}

TEST(PotentialFile, HashIsThatOfThePublishedAlgorithm)
{
  // test vectors of FNV-1a, 64 bit: http://www.isthe.com/chongo/tech/comp/fnv/
  EXPECT_EQ(content_hash(""), "cbf29ce484222325");
  EXPECT_EQ(content_hash("foobar"), "85944171f73967e8");
}

std::string parse_error_of(const std::string &text)
{
  return test::message_of([&] { parse_potential(text, "Si.almlip.json"); });
}

/// The error after the value at a JSON pointer was replaced; removed if the replacement is empty.
std::string error_with(const std::string &pointer, const std::string &replacement)
{
  static const nlohmann::json good = nlohmann::json::parse(to_json(complete_potential()));
  nlohmann::json changed = good;
  const nlohmann::json::json_pointer place(pointer);
  auto &parent = changed[place.parent_pointer()];
  if (!replacement.empty())
    changed[place] = nlohmann::json::parse(replacement);
  else if (parent.is_array())
    parent.erase(std::stoul(place.back()));
  else
    parent.erase(place.back());
  return parse_error_of(changed.dump());
}

TEST(PotentialFile, DamagedFileIsAClearError)
{
  const std::string text = to_json(complete_potential());
  const std::string error = parse_error_of(text.substr(0, text.size() / 2));
  EXPECT_EQ(error.rfind("Si.almlip.json: this is not a complete JSON file (", 0), 0u) << error;
  EXPECT_NE(error.find("; the file is damaged, get it again or retrain"), std::string::npos)
      << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_EQ(
      parse_error_of("2\nLattice=\"4 0 0 0 4 0 0 0 4\""),
      "Si.almlip.json: this is not a potential, which begins with {; give a file that `almlip "
      "train` wrote");
  EXPECT_EQ(parse_error_of("[1]"),
            "Si.almlip.json: the content is [1], but it must be an object; the file is damaged, "
            "get it again or retrain");
}

TEST(PotentialFile, OtherFormatAndVersionAreErrors)
{
  EXPECT_EQ(error_with("/format", "\"other\""),
            "Si.almlip.json: the format is \"other\", but \"almlip-potential\" is needed; give a "
            "file that `almlip train` wrote");
  EXPECT_EQ(error_with("/format_version", "2"),
            "Si.almlip.json: format_version is 2, but this program reads version 1; use a matching "
            "version of ALMLIP or retrain");
  EXPECT_EQ(error_with("/units/length", "\"bohr\""),
            "Si.almlip.json: units.length is \"bohr\", but \"Angstrom\" is needed");
}

TEST(PotentialFile, MissingKeysAndWrongTypesAreErrors)
{
  const std::string end = "; the file is damaged, get it again or retrain";
  EXPECT_EQ(error_with("/committees/1/hidden", ""),
            "Si.almlip.json: the key \"committees[1].hidden\" is missing" + end);
  EXPECT_EQ(error_with("/calibration", ""),
            "Si.almlip.json: the key \"calibration\" is missing" + end);
  EXPECT_EQ(error_with("/committees/0/hidden/7", "null"),
            "Si.almlip.json: committees[0].hidden[7] is null, but it must be a number" + end);
  EXPECT_EQ(error_with("/network/num_hidden", "1.5"),
            "Si.almlip.json: network.num_hidden is 1.5, but it must be an integer" + end);
  EXPECT_EQ(error_with("/committees/0/element", "\"C\""),
            "Si.almlip.json: committees[0].element is \"C\", but it must be in the order of "
            "\"elements\"" +
                end);
}

TEST(PotentialFile, WrongLengthsAreErrors)
{
  const std::string end = "; the file is damaged, get it again or retrain";
  EXPECT_EQ(error_with("/committees/0/hidden/15039", ""),
            "Si.almlip.json: committees[0].hidden has 15039 numbers, but 5 x 16 x 188 = 15040 are "
            "needed" +
                end);
  EXPECT_EQ(error_with("/committees/1/output_bias", "[]"),
            "Si.almlip.json: committees[1].output_bias has 0 numbers, but 5 are needed" + end);
  EXPECT_EQ(error_with("/known_fingerprints/0", ""),
            "Si.almlip.json: known_fingerprints has 2255 numbers, but a multiple of 2 x 2 x 188 = "
            "752 is needed" +
                end);
  EXPECT_EQ(error_with("/training/held_out_atoms", "[64]"),
            "Si.almlip.json: training.held_out_atoms has 1 numbers, but 2 are needed" + end);
  EXPECT_EQ(error_with("/training/held_out_atoms/0", "0"),
            "Si.almlip.json: training.held_out_atoms[0] is 0, but it must be at least 1" + end);
  EXPECT_EQ(
      error_with("/training/held_out_sigma/1", "-0.5"),
      "Si.almlip.json: training.held_out_sigma[1] is -0.5, but it must not be negative" + end);
  EXPECT_EQ(error_with("/training/force_limit", "-1"),
            "Si.almlip.json: training.force_limit is -1, but it must not be negative" + end);
  EXPECT_EQ(error_with("/training/rms_force", "-1"),
            "Si.almlip.json: training.rms_force is -1, but it must not be negative" + end);
  EXPECT_THAT(error_with("/training/min_distances/0", "50"),
              ::testing::StartsWith("Si.almlip.json: training.min_distances[0] is 50, but it must "
                                    "be from 0 to the cutoff, "));
  EXPECT_EQ(error_with("/training/min_distances", "[2]"),
            "Si.almlip.json: training.min_distances has 1 numbers, but 2 x 2 = 4 are needed" + end);
  EXPECT_EQ(
      error_with("/novelty/0/whitening", "[1]"),
      "Si.almlip.json: novelty[0].whitening is [1], but it must be a triangle of 17766 numbers" +
          end);
  EXPECT_EQ(error_with("/energy_calibration/whitening/1", "[1]"),
            "Si.almlip.json: energy_calibration.whitening[1] is [1], but it must be a triangle of "
            "17955 numbers" +
                end);
  EXPECT_EQ(error_with("/energy_calibration/together", "[1]"),
            "Si.almlip.json: energy_calibration.together has 1 numbers, but 4 are needed" + end);
  EXPECT_EQ(
      error_with("/committees/1", ""),
      "Si.almlip.json: committees has 1 entries, but 2 are needed, one for each element" + end);
}

TEST(PotentialFile, ValuesOutOfRangeAreErrors)
{
  const std::string end = "; the file is damaged, get it again or retrain";
  EXPECT_EQ(error_with("/calibration/exponent/1", "1.5"),
            "Si.almlip.json: calibration.exponent[1] is 1.5, but it must be from 0 to 1" + end);
  EXPECT_EQ(error_with("/energy_calibration/factor", "0"),
            "Si.almlip.json: energy_calibration.factor is 0, but it must be positive" + end);
  EXPECT_EQ(error_with("/zbl/outer/1", "1.6"),
            "Si.almlip.json: zbl has inner 1.2 and outer 1.6 at index 1, but 0 < inner < outer <= "
            "cutoff, the same for both orders of the elements, is needed" +
                end);
}

TEST(PotentialFile, AnEmptyFileIsNamedSo)
{
  for (const char *text : {"", " \n"})
    EXPECT_EQ(parse_error_of(text), "Si.almlip.json: the file is empty; get it again or retrain");
}

TEST(PotentialFile, NotANumberCannotBeReadOrWritten)
{
  std::string text = to_json(complete_potential());
  text.replace(text.find("\"quantile90\": 1.7"), 17, "\"quantile90\": NaN");
  EXPECT_EQ(parse_error_of(text).rfind("Si.almlip.json: this is not a complete JSON file (", 0),
            0u);

  Potential p = complete_potential();
  p.committees[1].skip[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(test::message_of([&] { to_json(p); }),
            "potential: committees[1].skip[3] is nan, but numbers must be finite; retrain");
}

std::string settings_error(void (*change)(ModelSettings &))
{
  ModelSettings settings;
  settings.elements = {"Si"};
  change(settings);
  return test::message_of([&] { validate(settings, "Si.almlip.json"); });
}

TEST(ModelSettings, ValidationNamesKeyValueAndRange)
{
  EXPECT_EQ(settings_error([](ModelSettings &) {}), "no error");
  EXPECT_EQ(settings_error([](ModelSettings &s) {
              s.elements = {"Si", "Xx"};
            }),
            "Si.almlip.json: \"elements\" holds \"Xx\", which is not a chemical element");
  EXPECT_EQ(settings_error([](ModelSettings &s) {
              s.elements = {"Si", "Si"};
            }),
            "Si.almlip.json: \"elements\" holds Si twice");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.cutoff = -1; }),
            "Si.almlip.json: \"cutoff\" is -1 Angstrom, but it must be positive and 20 at most");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.num_members = 0; }),
            "Si.almlip.json: \"num_members\" is 0, but 1 to 64 are allowed");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.four_body = "d5"; }),
            "Si.almlip.json: \"four_body\" is \"d5\", but \"b3\", \"c4\", \"d4\", \"none\" or "
            "couplings l1 l2 L such as \"112 222 123\" are allowed");
  EXPECT_EQ(
      settings_error([](ModelSettings &s) { s.four_body = "112 223"; }),
      "Si.almlip.json: \"four_body\" holds \"223\", but a coupling l1 l2 L needs l1 <= l2, l2 "
      "- l1 <= L <= l1 + l2 and an even sum");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.four_body = "112 222 112"; }),
            "Si.almlip.json: \"four_body\" holds \"112\" twice");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.partners = "none"; }),
            "Si.almlip.json: \"partners\" is \"none\", but \"all\" and \"same\" are allowed");
  EXPECT_EQ(settings_error([](ModelSettings &s) { s.lmax = 3; }),
            "Si.almlip.json: \"lmax\" is 3, but the couplings \"c4\" need 4 to 6");
}

}    // namespace
}    // namespace almlip
