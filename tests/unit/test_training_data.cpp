// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/kernels/radial.h"
#include "almlip/surroundings.h"
#include "message_of.h"
#include "train/folds.h"
#include "train/frame_statistics.h"
#include "train/training_data.h"

namespace almlip::train {
namespace {

/// A cubic cell of 6 Angstrom with the given atoms on a line, 2.4 Angstrom apart.
Frame chain(const std::vector<int> &numbers, const std::string &config_type = "")
{
  Frame frame;
  frame.cell = {6, 0, 0, 0, 6, 0, 0, 0, 6};
  frame.atomic_numbers = numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    frame.positions.insert(frame.positions.end(), {2.4 * static_cast<double>(i), 0.0, 0.0});
  frame.forces.assign(frame.positions.size(), 0.1);
  frame.energy = -1.0 * static_cast<double>(numbers.size());
  frame.config_type = config_type;
  return frame;
}

/// Frames as a file on disk, for as long as this object lives.
class FrameFile {
 public:
  explicit FrameFile(const std::vector<Frame> &frames)
      : path_(testing::TempDir() + "almlip_training_data" + std::to_string(getpid()) + ".extxyz")
  {
    write_extxyz(path_, frames);
  }
  ~FrameFile() { std::remove(path_.c_str()); }
  TrainingSettings settings() const
  {
    TrainingSettings settings;
    settings.train = {path_};
    return settings;
  }

 private:
  std::string path_;
};

std::string error_of(const std::vector<Frame> &frames)
{
  return test::message_of([&] { read_training_data(FrameFile(frames).settings()); });
}

TEST(ReferenceEnergies, AreExactForSumsOverAtoms)
{
  std::vector<Frame> frames{chain({14, 14}), chain({14, 8}), chain({8, 8, 8})};
  frames[0].energy = 2 * -100.5;
  frames[1].energy = -100.5 - 430.25;
  frames[2].energy = 3 * -430.25;
  const std::vector<double> reference = fit_reference_energies(frames, {"O", "Si"});

  EXPECT_NEAR(reference[0], -430.25, 1e-9);    // rounding
  EXPECT_NEAR(reference[1], -100.5, 1e-9);
}

TEST(ReferenceEnergies, ShareTheDeviationWhenCompositionsAreAlike)
{
  std::vector<Frame> frames{chain({14, 8}), chain({14, 8, 14, 8})};
  frames[0].energy = -20.0;
  frames[1].energy = -40.0;
  const std::vector<double> reference = fit_reference_energies(frames, {"O", "Si"});

  EXPECT_NEAR(reference[0], -10.0, 1e-9);
  EXPECT_NEAR(reference[1], -10.0, 1e-9);
}

TEST(ReferenceEnergies, AreThoseOfIsolatedAtomsWhereCompositionsAreAlike)
{
  std::vector<Frame> frames{chain({14, 8}), chain({14, 8, 14, 8})};
  frames[0].energy = -100.5 - 430.25 - 6.0;    // 3 eV/atom below the atoms
  frames[1].energy = 2 * *frames[0].energy;
  const std::vector<double> reference =
      fit_reference_energies(frames, {"O", "Si"}, {{"O", -430.25}, {"Si", -100.5}});

  EXPECT_NEAR(reference[0], -433.25, 1e-9);
  EXPECT_NEAR(reference[1], -103.5, 1e-9);
}

std::vector<Frame> two_types()
{
  std::vector<Frame> frames;
  for (int n = 0; n < 40; ++n) frames.push_back(chain({14, 14}, n < 10 ? "rare" : "frequent"));
  for (std::size_t n = 0; n < frames.size(); ++n) frames[n].energy = -static_cast<double>(n);
  return frames;
}

TEST(SplitOff, TakesTheSameShareOfEveryConfigType)
{
  std::vector<Frame> frames = two_types();
  const std::vector<Frame> held_out = split_off(frames, 0.2, 1);

  EXPECT_EQ(held_out.size(), 8u);
  EXPECT_EQ(frames.size(), 32u);
  EXPECT_EQ(std::count_if(held_out.begin(), held_out.end(),
                          [](const Frame &f) { return f.config_type == "rare"; }),
            2);
}

TEST(SplitOff, DependsOnTheSeedOnly)
{
  std::vector<Frame> a = two_types(), b = two_types(), c = two_types();
  const auto energies = [](const std::vector<Frame> &frames) {
    std::set<double> set;
    for (const Frame &frame : frames) set.insert(*frame.energy);
    return set;
  };
  const std::set<double> first = energies(split_off(a, 0.2, 1));

  EXPECT_EQ(first, energies(split_off(b, 0.2, 1)));
  EXPECT_NE(first, energies(split_off(c, 0.2, 2)));
}

TEST(SplitOff, LeavesTheOnlyFrameOfATypeForTraining)
{
  std::vector<Frame> frames{chain({14}, "alone"), chain({14}, "pair"), chain({14}, "pair")};
  const std::vector<Frame> held_out = split_off(frames, 0.5, 1);

  ASSERT_EQ(held_out.size(), 1u);
  EXPECT_EQ(held_out[0].config_type, "pair");
}

TEST(SplitOff, LearnsEveryElement)
{
  for (int seed = 1; seed <= 20; ++seed) {
    std::vector<Frame> frames(30, chain({14}, "a"));
    frames[7] = chain({14, 8}, "a");    // the only atom of oxygen
    const std::vector<Frame> held_out = split_off(frames, 1.0 / 3.0, seed);

    EXPECT_GE(held_out.size(), 9u);
    for (const Frame &frame : held_out) EXPECT_EQ(frame.atomic_numbers, std::vector<int>{14});
  }
}

TEST(ShareHeldOut, IsTenFramesOfAWarmStartOrAThird)
{
  TrainingSettings settings;
  EXPECT_EQ(share_held_out(settings, 30), 0.1);    // folds judge
  settings.start = "old.almlip.json";
  EXPECT_DOUBLE_EQ(30 * share_held_out(settings, 30), 10.0);
  EXPECT_DOUBLE_EQ(60 * share_held_out(settings, 60), 10.0);
  EXPECT_DOUBLE_EQ(12 * share_held_out(settings, 12), 4.0);
  EXPECT_EQ(share_held_out(settings, 100), 0.1);
  settings.validation_fraction = 0.0;
  EXPECT_EQ(share_held_out(settings, 30), 0.0);
  settings.validation_fraction = 0.2;
  EXPECT_EQ(share_held_out(settings, 60), 0.2);
  settings.validation_fraction = 0.1;
  settings.folds = 0;    // as asked for
  EXPECT_EQ(share_held_out(settings, 30), 0.1);
}

TEST(FoldsOf, GiveEveryFoldItsShareOfEveryConfigType)
{
  std::vector<Frame> frames(33);
  for (std::size_t f = 0; f < frames.size(); ++f) frames[f].config_type = f < 20 ? "a" : "b";
  const std::vector<int> fold = folds_of(frames, 5, 1);

  for (int k = 0; k < 5; ++k) {
    EXPECT_EQ(std::count(fold.begin(), fold.begin() + 20, k), 4);
    EXPECT_GE(std::count(fold.begin() + 20, fold.end(), k), 13 / 5);
  }
  EXPECT_EQ(fold, folds_of(frames, 5, 1));
  EXPECT_NE(fold, folds_of(frames, 5, 2));
}

TEST(JudgingFolds, LeaveFramesThatAFitCannotDoWithout)
{
  std::vector<Frame> frames;
  for (int n = 0; n < 9; ++n) frames.push_back(chain({14, 14}, "many"));
  frames.push_back(chain({14, 14}, "alone"));
  frames.push_back(chain({14, 8}, "many"));    // the only atom of oxygen
  const std::vector<int> fold = judging_folds(frames, 3, 1);

  EXPECT_EQ(fold[9], -1);
  EXPECT_EQ(fold[10], -1);
  for (int k = 0; k < 3; ++k) EXPECT_GE(std::count(fold.begin(), fold.end(), k), 3);
}

TEST(JudgingFolds, FramesThatHaveEachTheirOwnKindAreOneKind)
{
  std::vector<Frame> frames;
  for (int n = 0; n < 12; ++n) frames.push_back(chain({14, 14}, std::to_string(n)));
  const std::vector<int> fold = judging_folds(frames, 3, 1);
  for (int k = 0; k < 3; ++k) EXPECT_EQ(std::count(fold.begin(), fold.end(), k), 4);

  EXPECT_EQ(split_off(frames, 0.25, 1).size(), 3u);
  EXPECT_EQ(frames.size(), 9u);
}

TEST(JudgingFolds, NoneIsEmpty)
{
  const std::vector<Frame> frames{chain({14}, "a"), chain({14}, "a"), chain({14}, "b"),
                                  chain({14, 8}, "a"), chain({14, 32}, "a")};
  const std::vector<int> fold = judging_folds(frames, 5, 1);

  EXPECT_EQ(std::set<int>(fold.begin(), fold.end()), (std::set<int>{-1, 0, 1}));
  EXPECT_EQ(num_folds_to_judge(fold), 2);
}

TEST(JudgingFolds, AreAsManyAsJudgeTwentyFrames)
{
  const auto judged = [](int num_frames) {
    const std::vector<Frame> frames(static_cast<std::size_t>(num_frames), chain({14, 14}, "a"));
    return num_folds_to_judge(judging_folds(frames, 3, 1));
  };
  EXPECT_EQ(judged(12), 3);
  EXPECT_EQ(judged(28), 3);    // 10 + 9 in the first two
  EXPECT_EQ(judged(29), 2);    // 10 + 10
  EXPECT_EQ(judged(57), 2);    // 19 in the first
  EXPECT_EQ(judged(58), 1);    // 20
}

TEST(JudgingFolds, AFitLearnsWhatIsNotInItsFold)
{
  TrainingData data;
  for (int n = 0; n < 4; ++n) data.train.push_back(chain({14}, std::to_string(n)));
  data.num_folds = 2;
  data.fold = {0, 1, -1, 0};
  const TrainingData part = without_fold(data, 0);

  ASSERT_EQ(part.train.size(), 2u);
  EXPECT_EQ(part.train[0].config_type, "1");
  EXPECT_EQ(part.train[1].config_type, "2");
  ASSERT_EQ(part.held_out.size(), 2u);
  EXPECT_EQ(part.held_out[1].config_type, "3");
}

TEST(WhitenRadial, FunctionsAreOrthonormalOnThePairDistances)
{
  constexpr double cutoff = 5.0;
  std::vector<Frame> frames;
  for (int n = 0; n < 40; ++n) frames.push_back(chain({14, 14}));
  for (std::size_t n = 0; n < frames.size(); ++n)
    frames[n].positions[3] = 2.0 + 0.05 * static_cast<double>(n);
  const std::vector<double> whitening = whiten_radial(frames, cutoff, 8);
  const Eigen::Map<const Eigen::Matrix<double, 8, 8, Eigen::RowMajor>> rows(whitening.data());

  Eigen::Matrix<double, 8, 8> gram = Eigen::Matrix<double, 8, 8>::Zero();
  double sum = 0.0;
  for (const Frame &frame : frames) {
    const Surroundings s = find_surroundings(frame, cutoff);
    for (int i = 0; i < 2; ++i)
      for (int p = s.first[i]; p < s.first[i + 1]; ++p) {
        const double *a = &s.positions[3 * i], *b = &s.positions[3 * s.neighbors[p]];
        const double r = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        Eigen::Matrix<double, 8, 1> values;
        for (int q = 0; q < 8; ++q) values(q) = RadialBasis<double, 1, 8>(r, 1 / cutoff).value(q);
        gram += rows * values * (rows * values).transpose() / (r * r);
        sum += 1 / (r * r);
      }
  }
  for (int q = 0; q < 4; ++q)    // the leading ones, above the floor of the eigenvalues
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(gram(q, k) / sum, q == k, 1e-8);
}

TEST(TrainingData, HashFollowsTheNumbersAndNotTheSplit)
{
  std::vector<Frame> frames = two_types();
  const auto hash = [&] { return read_training_data(FrameFile(frames).settings()).hash; };
  const std::string first = hash();

  EXPECT_EQ(first, hash());
  frames[5].forces[2] += 1e-12;
  EXPECT_NE(first, hash());
}

TEST(TrainingData, KnowsElementsLeastDistanceAndLargestForce)
{
  std::vector<Frame> frames(20, chain({14, 8}));
  for (Frame &frame : frames) frame.forces[4] = -3.0;
  const TrainingData data = read_training_data(FrameFile(frames).settings());

  EXPECT_EQ(data.elements, (std::vector<std::string>{"O", "Si"}));
  EXPECT_EQ(data.train.size(), 20u);    // few: judged by folds
  EXPECT_NEAR(data.least_distance, 2.4, 1e-12);
  EXPECT_NEAR(data.largest_force, std::sqrt(9.02), 1e-12);
}

TEST(TrainingData, AtomsOnTopOfEachOtherAreNamed)
{
  std::vector<Frame> frames(10, chain({14, 14}));
  frames[3].positions[3] = 0.3;
  const std::string message = error_of(frames);

  EXPECT_NE(message.find("frame 4"), std::string::npos) << message;
  EXPECT_NE(message.find("atoms 1 and 2 are 0.3 Angstrom apart, but at least 0.5 are asked for"),
            std::string::npos)
      << message;
}

TEST(TrainingData, IsolatedAtomsAreNamedOrSkipped)
{
  std::vector<Frame> frames(10, chain({14, 14}));
  frames[3] = chain({14, 14});
  frames[3].pbc = {false, false, false};
  frames[3].positions[3] = 20.0;
  EXPECT_NE(error_of(frames).find("atom 1 has no neighbour within the cutoff of 6 Angstrom"),
            std::string::npos)
      << error_of(frames);

  const FrameFile file(frames);
  TrainingSettings settings = file.settings();
  settings.isolated_atoms = "skip";
  EXPECT_EQ(read_training_data(settings).num_skipped, 1);
}

TEST(TrainingData, CutoffReachesTheNeighborOfAnAdatom)
{
  std::vector<Frame> frames(10, chain({14}));    // dense: 30 neighbours within 4.48 Angstrom
  for (Frame &frame : frames) frame.cell = {2, 0, 0, 0, 2, 0, 0, 0, 2};
  frames[3] = chain({14, 14, 14, 14});
  frames[3].pbc = {false, false, false};
  frames[3].positions = {0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 4.6};
  const FrameFile file(frames);
  TrainingSettings settings = file.settings();
  const TrainingData data = read_training_data(settings);

  EXPECT_NEAR(data.cutoff, 5.98, 1e-9);
  EXPECT_NE(data.cutoff_reason.find("atom 4 is at 4.60: cutoff 5.98"), std::string::npos)
      << data.cutoff_reason;
  EXPECT_EQ(data.num_skipped, 0);

  settings.isolated_atoms = "skip";
  const TrainingData without = read_training_data(settings);
  EXPECT_LT(without.cutoff, 4.6);
  EXPECT_EQ(without.num_skipped, 1);
}

TEST(TrainingData, AtomAloneGivesItsEnergyAndIsNotLearned)
{
  std::vector<Frame> frames(10, chain({14, 14}));
  frames[3] = chain({14});
  frames[3].energy = -103.5;
  const TrainingData data = read_training_data(FrameFile(frames).settings());
  EXPECT_EQ(data.train.size() + data.held_out.size(), 9u);
  EXPECT_EQ(data.atom_energies, (std::map<std::string, double>{{"Si", -103.5}}));

  frames[4] = frames[3];
  frames[4].energy = -103.6;
  EXPECT_NE(error_of(frames).find("the isolated atom of Si has -103.6 eV, but another frame has it "
                                  "with -103.5 eV"),
            std::string::npos)
      << error_of(frames);
}

TEST(TrainingData, FramesWithoutForcesAreReadForTheirEnergies)
{
  std::vector<Frame> frames(10, chain({14, 14}));
  frames[0].forces.clear();
  const TrainingData data = read_training_data(FrameFile(frames).settings());
  EXPECT_EQ(data.train.size() + data.held_out.size(), 10u);

  for (Frame &frame : frames) frame.forces.clear();
  EXPECT_NE(error_of(frames).find("there is no column of forces"), std::string::npos);
}

TEST(TrainingData, ElementsOutsideTheListAreNamed)
{
  const FrameFile file(std::vector<Frame>(10, chain({14, 8})));
  TrainingSettings settings = file.settings();
  settings.elements = {"Si"};

  EXPECT_THROW(read_training_data(settings), Error);
  settings.elements = {"Si", "O", "H"};    // no frame has hydrogen
  EXPECT_THROW(read_training_data(settings), Error);
}

TEST(TrainingData, AnElementWithoutNeighborsIsToldWhereItsAtomsAre)
{
  std::vector<Frame> frames(10, chain({14, 14}));
  frames[3] = chain({8});
  EXPECT_EQ(error_of(frames),
            "O is there as an isolated atom only, from which no interaction is learned; add frames "
            "in which it has neighbours, or remove the isolated atom");

  const FrameFile file(std::vector<Frame>(10, chain({14, 14})));
  TrainingSettings settings = file.settings();
  settings.elements = {"Si", "H"};
  const auto told = [&] { return test::message_of([&] { read_training_data(settings); }); };
  EXPECT_EQ(told(),
            "no training frame has an atom of H, which \"elements\" lists; add frames with it, or "
            "take it off the list");
}

TEST(TrainingData, AnElementThatOnlyTheStartHasIsTold)
{
  const FrameFile file(std::vector<Frame>(10, chain({14, 14})));
  TrainingSettings settings = file.settings();
  settings.elements = {"H"};    // of the start
  settings.start = "H.almlip.json";
  TrainingData data = read_training_data(settings);
  EXPECT_EQ(test::message_of([&] { hold_out(data, settings); }),
            "no training frame has an atom of H, which H.almlip.json has; add frames with it, lest "
            "it is forgotten, or fit without \"start\"");
}

TEST(TrainingData, TooFewFramesAreAnError)
{
  EXPECT_NE(error_of({chain({14, 14}), chain({14, 14})}).find("at least 4 are needed"),
            std::string::npos);
}

TEST(TrainingData, LeastDistancesArePairsOfElements)
{
  Frame frame;    // no cell: O-Si 1.6, Si-Si 2.5, O-O 4.1 Angstrom
  frame.pbc = {false, false, false};
  frame.atomic_numbers = {8, 14, 14, 8};
  frame.positions = {0, 0, 0, 1.6, 0, 0, 4.1, 0, 0, 0, 4.1, 0};
  const std::vector<double> distance = min_pair_distances({frame}, {"Si", "O"}, 4.0);
  ASSERT_EQ(distance.size(), 4u);
  EXPECT_NEAR(distance[0], 2.5, 1e-12);
  EXPECT_NEAR(distance[1], 1.6, 1e-12);
  EXPECT_NEAR(distance[2], 1.6, 1e-12);
  EXPECT_EQ(distance[3], 4.0);    // not within reach
}

TEST(TrainingData, OneViolentFrameDoesNotSayWhatForcesAreUsual)
{
  std::vector<Frame> frames;
  for (const double force : {1.0, 2.0, 480.0, 1.5, 4.0}) {
    frames.push_back(chain({14, 14}));
    frames.back().forces = {0, 0, 0, 0, force, 0};
  }
  EXPECT_EQ(usual_largest_force(frames), 4.0);    // 480 is 120 times as large
  EXPECT_EQ(usual_largest_force({}), 0.0);
}

}    // namespace
}    // namespace almlip::train
