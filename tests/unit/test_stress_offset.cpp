// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/stress_offset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "almlip/error.h"
#include "message_of.h"

namespace almlip::train {
namespace {

constexpr double gpa = 160.2176634;    // of 1 eV/Angstrom^3

Frame cube(double edge, const std::string &source = "")
{
  Frame frame;
  frame.cell = {edge, 0.0, 0.0, 0.0, edge, 0.0, 0.0, 0.0, edge};
  frame.atomic_numbers = {29, 29};
  frame.energy = -7.0;
  frame.virial = Tensor6{};
  if (!source.empty()) frame.info["label_source"] = source;
  return frame;
}

/// Cells of two atoms whose volumes differ by 3 % in turn.
std::vector<Frame> cells(int count, const std::string &source = "")
{
  std::vector<Frame> frames;
  for (int n = 0; n < count; ++n) frames.push_back(cube(n % 2 == 0 ? 3.0 : 3.03, source));
  return frames;
}

std::vector<const Frame *> addresses(const std::vector<Frame> &frames)
{
  std::vector<const Frame *> all;
  for (const Frame &frame : frames) all.push_back(&frame);
  return all;
}

StressOffsets found(const std::string &mode, const std::vector<Frame> &frames,
                    const std::vector<double> &errors)
{
  StressOffsets offsets;
  StressOffsetFit(mode, addresses(frames)).update(errors, offsets);
  return offsets;
}

/// Errors around a center, alternately above and below by `spread`.
std::vector<double> scattered(std::size_t count, double center, double spread)
{
  std::vector<double> errors;
  for (std::size_t n = 0; n < count; ++n)
    errors.push_back(center + (n % 2 == 0 ? spread : -spread));
  return errors;
}

TEST(StressOffset, AutoTakesOffWhatIsLargeAndWhatTheFramesAgreeOn)
{
  const std::vector<Frame> frames = cells(20);
  const double one_gpa = 13.5 / gpa;    // eV per atom at 13.5 Angstrom^3
  const auto taken = [&](double center, double spread) {
    return found("auto", frames, scattered(20, one_gpa * center, one_gpa * spread))
        .at("unnamed")
        .virial;
  };

  EXPECT_NEAR(taken(-2.0, 0.1), -2.0 * one_gpa, 0.11 * one_gpa);    // one of the two errors
  EXPECT_EQ(taken(-0.3, 0.01), 0.0);                                // below 0.5 GPa
  EXPECT_EQ(taken(-2.0, 1.0), 0.0);                                 // within three spreads
}

TEST(StressOffset, BelowTheSpreadIsTheErrorOfTheFit)
{
  const double one_gpa = 13.5 / gpa;
  const auto in_doubt = [&](double center, double spread) {
    return is_in_doubt({0.0, one_gpa * center, one_gpa * spread, 13.5, 20});
  };

  EXPECT_TRUE(in_doubt(-2.0, 1.0));
  EXPECT_FALSE(in_doubt(-0.83, 0.97));
  EXPECT_FALSE(in_doubt(-0.3, 0.01));    // below 0.5 GPa
}

TEST(StressOffset, AutoLeavesLabelsAloneWhereEnergiesDoNotTellThePressure)
{
  const std::vector<Frame> one_volume(20, cube(3.0));
  std::vector<Frame> with_slabs(20, cube(3.0));
  for (std::size_t n = 0; n < 10; ++n) with_slabs[n].cell[8] = 6.0;    // half of it vacuum
  for (const std::vector<Frame> &frames : {one_volume, with_slabs}) {
    const StressOffset offset = found("auto", frames, scattered(20, -0.2, 0.0)).at("unnamed");
    EXPECT_EQ(offset.virial, 0.0);
    EXPECT_EQ(offset.found, -0.2);
  }
  EXPECT_EQ(found("on", one_volume, scattered(20, -0.2, 0.0)).at("unnamed").virial, -0.2);
}

TEST(StressOffset, EachSourceHasItsOwn)
{
  std::vector<Frame> frames = cells(10, "400 eV");
  const std::vector<Frame> others = cells(10, "700 eV"), few = cells(3, "new");
  frames.insert(frames.end(), others.begin(), others.end());
  frames.insert(frames.end(), few.begin(), few.end());
  std::vector<double> errors(10, -0.2);
  errors.insert(errors.end(), 10, -0.001);
  errors.insert(errors.end(), 3, -0.4);
  const StressOffsets offsets = found("auto", frames, errors);

  EXPECT_EQ(offsets.at("400 eV").virial, -0.2);
  EXPECT_EQ(offsets.at("700 eV").virial, 0.0);    // 0.012 GPa
  EXPECT_EQ(offsets.at("new").virial, 0.0);       // fewer than eight frames
  const StressOffsetFit fit("auto", addresses(frames));
  EXPECT_EQ(fit.virial(0, offsets), -0.2);
  EXPECT_EQ(fit.virial(10, offsets), 0.0);
  EXPECT_EQ(fit.virial(22, offsets), 0.0);
  EXPECT_FALSE(fit.is_in_doubt(0, offsets));
  EXPECT_FALSE(fit.is_in_doubt(10, offsets));
  EXPECT_TRUE(fit.is_in_doubt(22, offsets));
  EXPECT_TRUE(fit.is_in_doubt(0, {}));    // nothing is known yet
  EXPECT_FALSE(StressOffsetFit("off", addresses(frames)).is_in_doubt(22, offsets));
  EXPECT_FALSE(StressOffsetFit("on", addresses(frames)).is_in_doubt(22, {}));
}

TEST(StressOffset, DoesNotDependOnTheOrderOfFrames)
{
  std::vector<Frame> frames = cells(21);
  std::vector<double> errors;
  for (int n = 0; n < 21; ++n) errors.push_back(-0.2 + 0.01 * std::sin(n));
  const std::string before = to_json(found("auto", frames, errors));
  std::reverse(frames.begin(), frames.end());
  std::reverse(errors.begin(), errors.end());

  EXPECT_EQ(to_json(found("auto", frames, errors)), before);
}

TEST(StressOffset, OneWildFrameDoesNotMoveIt)
{
  std::vector<double> errors(21, -0.2);
  errors[4] = 50.0;    // eV per atom

  EXPECT_EQ(found("on", cells(21), errors).at("unnamed").virial, -0.2);
}

TEST(StressOffset, MakesAPredictionThatOfALabel)
{
  const StressOffsets offsets = {{"400 eV", {-0.2, -0.2, 0.0, 13.5, 20}}};
  FramePrediction prediction;
  prediction.virial = {1.0, 2.0, 3.0, 0.1, 0.2, 0.3};
  add_stress_offset(offsets, cube(3.0, "700 eV"), prediction);
  EXPECT_EQ(prediction.virial[0], 1.0);
  add_stress_offset(offsets, cube(3.0, "400 eV"), prediction);    // of two atoms

  EXPECT_EQ(prediction.virial, (Tensor6{0.6, 1.6, 2.6, 0.1, 0.2, 0.3}));
}

TEST(StressOffset, SurvivesAFileAndSaysPressures)
{
  const StressOffsets offsets = {{"unnamed", {-0.17, -0.171, 0.009, 12.03, 262}},
                                 {"new", {0.0, 0.001, 0.002, 12.0, 9}}};
  Potential potential;
  potential.provenance = "{\"stress_offset\": " + to_json(offsets) + "}";

  EXPECT_EQ(to_json(stress_offsets_of(potential)), to_json(offsets));
  const std::string text = text_of(offsets);
  EXPECT_NE(text.find("stress labels: pressure 2.28 GPa below the potential's at 12.03"),
            std::string::npos);    // 0.171 eV * 160.2 / 12.03
  EXPECT_NE(text.find("-0.1700 eV/atom are taken off"), std::string::npos);
  EXPECT_NE(text.find("stress labels of new: pressure 0.01 GPa above"), std::string::npos);
  EXPECT_TRUE(stress_offsets_of(Potential()).empty());
  const std::string message = test::message_of([] { stress_offsets_of_json("{\"a\": {}}"); });
  EXPECT_NE(message.find("offsets of the stress labels cannot be read"), std::string::npos);
}

}    // namespace
}    // namespace almlip::train
