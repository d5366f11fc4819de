// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "almlip/error.h"
#include "almlip/kernels/shape.h"
#include "message_of.h"
#include "train/training_settings.h"

namespace almlip::train {
namespace {

std::string error_of(const std::string &text)
{
  TrainingSettings settings;
  return test::message_of([&] { apply_settings_text(settings, text, "s.json"); });
}

TEST(TrainingSettings, AreTheSameAfterPrintingAndReading)
{
  TrainingSettings settings, copy;
  settings.cutoff = 5.2;
  settings.num_hidden = 32;
  settings.train = {"a.extxyz", "b.extxyz.gz"};
  settings.novelty = false;

  apply_settings_text(copy, to_json(settings), "s.json");

  EXPECT_EQ(to_json(copy), to_json(settings));
}

TEST(TrainingSettings, UnknownKeyNamesTheNearestOne)
{
  const std::string message = error_of("{\"cutof\": 5.0}");

  EXPECT_NE(message.find("s.json: there is no setting \"cutof\"; did you mean \"cutoff\"? The "
                         "settings are train, validation, "),
            std::string::npos)
      << message;
}

TEST(TrainingSettings, ErrorsNameWhatWasFoundAndWhatIsAllowed)
{
  EXPECT_EQ(error_of("{\"cutoff\": -1}"),
            "s.json: \"cutoff\" is -1 Angstrom, but it must be from 1 to 20");
  EXPECT_EQ(error_of("{\"epochs\": 2.5}"),
            "s.json: \"epochs\" is 2.5, but it must be a whole number or null");
  EXPECT_EQ(
      error_of("{\"preset\": \"quick\"}"),
      "s.json: \"preset\" is \"quick\", but it must be one of fast, default, accurate, large");
  EXPECT_EQ(error_of("{\"train\": \"a.xyz\"}"),
            "s.json: \"train\" is \"a.xyz\", but it must be a list of texts");
  EXPECT_EQ(error_of("[]"), "s.json: the settings must be a JSON object, {\"key\": value, ...}");
}

TEST(TrainingSettings, TextThatIsNoJsonIsAnError)
{
  EXPECT_EQ(error_of("{\"cutoff\": }").find("s.json is not valid JSON: "), 0u);
  EXPECT_EQ(
      error_of("2\nLattice=\"4 0 0 0 4 0 0 0 4\""),
      "s.json is no file of settings in JSON, which begins with {; frames come after --train");
}

TEST(TrainingSettings, CommentsAreAllowed)
{
  EXPECT_EQ(error_of("{\"cutoff\": 4.0 // Angstrom, two shells\n}"), "no error");
}

TEST(TrainingSettings, FlagsAreReadByTheTypeOfTheirKey)
{
  TrainingSettings settings;
  apply_flag(settings, "elements", {"Si", "O"});
  apply_flag(settings, "epochs", {"7"});
  apply_flag(settings, "output", {"5"});    // a file may be called 5
  apply_flag(settings, "learning_rate", {"null"});

  EXPECT_EQ(settings.elements, (std::vector<std::string>{"Si", "O"}));
  EXPECT_EQ(settings.epochs, 7);
  EXPECT_EQ(settings.output, "5");
  EXPECT_FALSE(settings.learning_rate.has_value());
  EXPECT_THROW(apply_flag(settings, "epochs", {"many"}), Error);
}

TEST(TrainingSettings, PresetsAreTheCompiledShapes)
{
  const auto preset = [](const std::string &name) {
    TrainingSettings settings;
    settings.preset = name;
    return model_settings(settings, {"Si"}, 4.5);
  };
  EXPECT_TRUE(has_shape<shape_fast>(preset("fast")));
  EXPECT_TRUE(has_shape<shape_default>(preset("default")));
  EXPECT_TRUE(has_shape<shape_accurate>(preset("accurate")));
  EXPECT_TRUE(has_shape<shape_large>(preset("large")));
  // channels, lmax C (C + 1) / 2 pairs, couplings times partners
  EXPECT_EQ(preset("fast").num_descriptors(), 4 + 3 * 10 + 4 * 4);
  EXPECT_EQ(preset("default").num_descriptors(), 4 + 4 * 10 + 9 * 16);
  EXPECT_EQ(preset("accurate").num_descriptors(), 5 + 4 * 15 + 16 * 25);
  EXPECT_EQ(preset("large").num_descriptors(), 6 + 4 * 21 + 16 * 36);
  EXPECT_EQ(preset("large").num_hidden, 32);
}

TEST(TrainingSettings, SingleKeysWinOverThePreset)
{
  TrainingSettings settings;
  settings.preset = "accurate";
  settings.num_hidden = 24;
  const ModelSettings model = model_settings(settings, {"Si"}, 4.5);

  EXPECT_EQ(model.cutoff, 4.5);
  EXPECT_EQ(model.four_body, "d4");
  EXPECT_EQ(model.num_hidden, 24);
}

TEST(TrainingSettings, ContinuedFitKeepsTheModelOfThePotentialExceptWhatIsGiven)
{
  const ModelSettings start = model_settings({}, {"Si", "O"}, 4.2);    // the default preset
  TrainingSettings settings;
  settings.members = 3;
  const TrainingSettings known = continued(settings, start);
  const ModelSettings model = model_settings(known, known.elements, *known.cutoff);

  EXPECT_EQ(model.elements, start.elements);
  EXPECT_EQ(model.cutoff, 4.2);
  EXPECT_EQ(model.num_members, 3);
  EXPECT_EQ(model.num_descriptors(), start.num_descriptors());
}

TEST(TrainingSettings, ContinuedFitHasTheRecipeOfItsPreset)
{
  TrainingSettings settings;
  settings.preset = "large";
  const ModelSettings start = model_settings(settings, {"Ti", "O"}, 4.2);
  EXPECT_EQ(continued({}, start).preset, "large");

  settings.num_hidden = 24;
  EXPECT_FALSE(continued({}, model_settings(settings, {"Ti", "O"}, 4.2)).preset.has_value());
}

TEST(TrainingSettings, GivenPresetIsNotReplacedByTheShapeOfThePotential)
{
  TrainingSettings settings;
  settings.preset = "accurate";
  const TrainingSettings known = continued(settings, model_settings({}, {"Si"}, 4.2));

  EXPECT_EQ(model_settings(known, {"Si"}, 4.2).four_body, "d4");
}

TEST(TrainingSettings, PathsAndTimesDoNotShapeTheResult)
{
  TrainingSettings one, other;
  other.output = "elsewhere.json";
  other.max_seconds = 5.0;

  EXPECT_EQ(to_json(one, true), to_json(other, true));
  other.seed = 2;
  EXPECT_NE(to_json(one, true), to_json(other, true));
}

TEST(Schedule, RisesToThePeakAndEndsAtTheFinalRate)
{
  const Schedule schedule{10, 100, 50, 0.01, 0.002, 1.0, 0.1, 0};
  EXPECT_EQ(schedule.rate(0), 0.0);
  EXPECT_NEAR(schedule.rate(25), 0.005, 1e-4);    // half the rise, the cosine has hardly begun
  EXPECT_NEAR(schedule.rate(500), 0.00501, 1e-5);
  EXPECT_NEAR(schedule.rate(1000), 0.01 * 0.002, 1e-12);
}

TEST(Schedule, EnergyWeightRisesAtTheEnd)
{
  const Schedule schedule{10, 100, 50, 0.01, 0.002, 25.0, 0.1, 0};
  EXPECT_EQ(schedule.energy_factor(0), 1.0);
  EXPECT_EQ(schedule.energy_factor(900), 1.0);
  EXPECT_NEAR(schedule.energy_factor(950), 5.0, 1e-9);    // half of the rise, geometrically
  EXPECT_NEAR(schedule.energy_factor(1000), 25.0, 1e-9);
}

TEST(Schedule, StressesWeighLittleUntilOffsetsAreFound)
{
  Schedule schedule;
  schedule.epochs = 100;
  schedule.steps_per_epoch = 10;
  EXPECT_EQ(schedule.stress_weight(0, 0.1, false), 0.001);
  EXPECT_EQ(schedule.stress_weight(500, 0.1, false), 0.001);
  EXPECT_NEAR(schedule.stress_weight(550, 0.1, false), 0.01, 1e-12);    // geometric, over a tenth
  EXPECT_NEAR(schedule.stress_weight(600, 0.1, false), 0.1, 1e-12);
  EXPECT_NEAR(schedule.stress_weight(999, 0.1, false), 0.1, 1e-12);
  EXPECT_EQ(schedule.stress_weight(0, 1e-4, false), 1e-4);    // small ones stay
  EXPECT_EQ(schedule.stress_weight(999, 0.0, false), 0.0);
  EXPECT_EQ(schedule.stress_weight(999, 0.1, true), 0.001);
  EXPECT_EQ(schedule.stress_weight(999, 1e-4, true), 1e-4);
  schedule.is_last_passes = true;
  EXPECT_EQ(schedule.stress_weight(0, 0.1, false), 0.1);
}

TEST(Schedule, FewFramesGetMoreEpochsAndManyFewer)
{
  TrainingSettings settings;
  EXPECT_EQ(make_schedule(settings, 16).num_steps(), 2000);    // 2 steps per epoch
  EXPECT_EQ(make_schedule(settings, 400).num_steps(), 80 * 50);
  EXPECT_EQ(make_schedule(settings, 8000).num_steps(), 24000);
  EXPECT_EQ(make_schedule(settings, 400000).num_steps(), 25000);    // one epoch
  settings.preset = "accurate";
  EXPECT_EQ(make_schedule(settings, 400).num_steps(), 160 * 50);
  settings.preset = "large";
  EXPECT_EQ(make_schedule(settings, 400).num_steps(), 240 * 50);
  EXPECT_EQ(make_schedule(settings, 16).num_steps(), 6000);
  EXPECT_EQ(make_schedule(settings, 8000).num_steps(), 60000);
  settings.start = "old.json";
  EXPECT_EQ(make_schedule(settings, 16).num_steps(), 700);
  settings.epochs = 3;
  EXPECT_EQ(make_schedule(settings, 16).num_steps(), 6);
}

TEST(Schedule, ManyFramesAreLearnedInLargerBatchesAtALowerRate)
{
  TrainingSettings settings;
  EXPECT_EQ(make_schedule(settings, 600).batch, 8);
  EXPECT_EQ(make_schedule(settings, 600).learning_rate, 0.01);
  EXPECT_EQ(make_schedule(settings, 601).batch, 16);
  EXPECT_EQ(make_schedule(settings, 601).learning_rate, 0.005);
  // the last passes, over a few more frames, go on as the fit has learned
  const Schedule last = make_schedule(for_all_frames(settings, 600), 660);
  EXPECT_EQ(last.batch, 8);
  EXPECT_EQ(last.learning_rate, 0.003);
  settings.start = "old.json";    // at a rate that forgets nothing
  EXPECT_EQ(make_schedule(settings, 600).learning_rate, 0.0008);
  EXPECT_EQ(make_schedule(settings, 601).learning_rate, 0.0008);
  settings.batch = 10;
  settings.learning_rate = 0.02;
  EXPECT_EQ(make_schedule(settings, 601).batch, 10);
  EXPECT_EQ(make_schedule(settings, 601).learning_rate, 0.02);
}

TEST(NumJudgingFits, AreForFewFramesOfWhichNothingElseIsSaid)
{
  TrainingSettings settings;
  EXPECT_EQ(num_folds(settings, 4), 0);    // too few to learn without a part
  EXPECT_EQ(num_folds(settings, 5), 5);
  EXPECT_EQ(num_folds(settings, 6), 3);
  EXPECT_EQ(num_folds(settings, 30), 3);
  EXPECT_EQ(num_folds(settings, 94), 3);
  EXPECT_EQ(num_folds(settings, 95), 0);    // ten are held out
  settings.folds = 5;
  EXPECT_EQ(num_folds(settings, 95), 5);
  settings.folds.reset();
  settings.all_frames_epochs = 2;
  EXPECT_EQ(num_folds(settings, 30), 0);
  settings.all_frames_epochs.reset();
  settings.validation_fraction = 0.0;
  EXPECT_EQ(num_folds(settings, 30), 0);
}

}    // namespace
}    // namespace almlip::train
