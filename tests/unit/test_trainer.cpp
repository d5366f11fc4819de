// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "almlip/error.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

namespace almlip::train {
namespace {

/// L = sum over frames of |parameters - energy of the frame|^2, shared among the frames of the
/// batch.
class QuadraticLoss : public CommitteeLoss {
 public:
  struct Target : PreparedFrame {
    std::size_t bytes() const override { return sizeof(*this); }
    double energy = 0.0, virial = 0.0;
  };
  std::unique_ptr<PreparedFrame> prepare(const Frame &frame) override
  {
    auto target = std::make_unique<Target>();
    target->num_atoms = frame.num_atoms();
    target->energy = *frame.energy;
    target->virial = (*frame.virial)[0];
    return target;
  }
  void set_standardisation(const std::vector<double> &, const std::vector<double> &) override {}
  void set_parameters(const std::vector<double> &parameters) override { parameters_ = parameters; }
  std::vector<double> descriptors(const PreparedFrame &) override { return {}; }
  MemberPrediction predict(const PreparedFrame &frame) override
  {
    const double mean = std::accumulate(parameters_.begin(), parameters_.end(), 0.0) /
                        static_cast<double>(parameters_.size());
    return {{mean},
            std::vector<double>(3 * static_cast<std::size_t>(frame.num_atoms), 0.0),
            {Tensor6{}}};
  }
  void clear_gradient() override { gradient_.assign(parameters_.size(), 0.0); }
  FrameLoss add(const PreparedFrame &frame, const BatchWeights &weights, double, bool) override
  {
    double loss = 0.0;
    for (std::size_t n = 0; n < parameters_.size(); ++n) {
      const double error = parameters_[n] - static_cast<const Target &>(frame).energy;
      gradient_[n] += 2.0 * weights.per_frame * error;
      loss += weights.per_frame * error * error;
    }
    return {loss, static_cast<const Target &>(frame).virial};
  }
  void gradient(std::vector<double> &gradient) const override { gradient = gradient_; }

 private:
  std::vector<double> parameters_, gradient_;
};

/// Single atoms without forces, with energies 0.9, 1.0 and 1.1 in turn, and as many virials.
std::vector<Frame> scattered_frames(int count)
{
  std::vector<Frame> frames(static_cast<std::size_t>(count));
  for (std::size_t n = 0; n < frames.size(); ++n) {
    frames[n].atomic_numbers = {14};
    frames[n].positions = frames[n].forces = {0.0, 0.0, 0.0};
    frames[n].energy = 0.9 + 0.1 * static_cast<double>(n % 3);
    frames[n].cell = {3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0};
    const double virial = -0.5 * *frames[n].energy;
    frames[n].virial = Tensor6{virial, virial, virial, 0.0, 0.0, 0.0};
  }
  return frames;
}

/// A fit of one parameter per block to the mean energy.
class TrainerFit : public testing::Test {
 protected:
  TrainerFit()
  {
    settings.epochs = 20;
    settings.batch = 4;
    settings.warmup_steps = 0;
    settings.learning_rate = 0.1;
  }
  TrainingState fresh() const
  {
    TrainingState state;
    state.parameters = {0.0, 0.5};
    state.optimiser = Soap::create({{0, 1, 1}, {1, 1, 1}}, {}, "double");
    return state;
  }
  void run(TrainingState &state, const Trainer::Hooks &hooks = {})
  {
    Trainer(loss, model, settings, ranks).run(state, train, held_out, hooks);
  }

  TrainingSettings settings;
  QuadraticLoss loss;
  TrainingModel model;
  Ranks ranks;
  std::vector<Frame> frames = scattered_frames(30), others = scattered_frames(6);
  PreparedFrames train{loss, frames, ranks}, held_out{loss, others, ranks};
};

TEST_F(TrainerFit, FindsTheMinimum)
{
  TrainingState state = fresh();
  run(state);

  for (const double parameter : state.kept_parameters)
    EXPECT_NEAR(parameter, 1.0, 0.02);    // scatter of batches
}

TEST_F(TrainerFit, TakesTheMedianVirialErrorForTheOffset)
{
  settings.stress_offset = "on";
  TrainingState state = fresh();
  run(state);

  const StressOffset &offset = state.kept_stress_offsets.at("unnamed");
  EXPECT_EQ(offset.virial, -0.5);    // of -0.45, -0.5 and -0.55 eV
  EXPECT_EQ(offset.num_frames, 30);
  EXPECT_DOUBLE_EQ(offset.volume, 27.0);
}

TEST_F(TrainerFit, ContinuesExactlyFromACheckpointAfterAnyStep)
{
  TrainingState whole = fresh();
  run(whole);
  const std::string folder = testing::TempDir() + "almlip_checkpoint" + std::to_string(getpid());
  settings.checkpoint_seconds = 0.0;
  TrainingState broken = fresh();
  Trainer::Hooks hooks;
  hooks.checkpoint = [&](const TrainingState &now) {
    if (now.step == 13) write_checkpoint(folder, "this fit", now);
  };
  run(broken, hooks);

  TrainingState continued = fresh();
  ASSERT_TRUE(read_checkpoint(folder, "this fit", continued));
  EXPECT_EQ(continued.step, 13);
  run(continued);
  EXPECT_EQ(continued.parameters, whole.parameters);
  EXPECT_EQ(continued.kept_parameters, whole.kept_parameters);
  EXPECT_EQ(continued.virial_errors, whole.virial_errors);
  EXPECT_EQ(to_json(continued.kept_stress_offsets), to_json(whole.kept_stress_offsets));
  EXPECT_THROW(read_checkpoint(folder, "that fit", continued), Error);
  std::filesystem::remove_all(folder);
}

TEST_F(TrainerFit, StopsWhenPatienceIsLost)
{
  settings.epochs = 1000;
  settings.patience = 10;
  settings.final_rate = 1.0;
  TrainingState state = fresh();
  run(state);

  EXPECT_LT(state.step, 1000 * 8 / 2);    // 8 steps per epoch
  EXPECT_GT(state.kept_epoch, 0);
}

TEST(EpochOrder, IsAPermutationThatDependsOnSeedAndEpoch)
{
  const std::vector<int> order = epoch_order(50, 1, 3);
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> counting(50);
  std::iota(counting.begin(), counting.end(), 0);

  EXPECT_EQ(sorted, counting);
  EXPECT_EQ(order, epoch_order(50, 1, 3));
  EXPECT_NE(order, epoch_order(50, 1, 4));
  EXPECT_NE(order, epoch_order(50, 2, 3));
}

TEST(Deal, BalancesAtoms)
{
  const std::vector<int> atoms{64, 2, 30, 34, 2, 60}, owner = deal(atoms, 2);
  int load = 0;
  for (std::size_t f = 0; f < atoms.size(); ++f) load += owner[f] == 0 ? atoms[f] : 0;

  EXPECT_EQ(load, 96);    // half of 192
}

TEST(DealBatch, GivesEveryFrameToOneRankAndBalancesAtoms)
{
  const std::vector<int> atoms{16, 16, 16, 16, 16, 16}, owners{0, 0, 0, 0, 0, 1},
      batch{5, 3, 1, 0};    // three of four belong to rank 0
  std::vector<int> dealt;
  for (int rank = 0; rank < 2; ++rank) {
    const std::vector<int> mine = deal_batch(batch, atoms, owners, 1.2, rank, 2);
    EXPECT_EQ(mine.size(), 2u);
    dealt.insert(dealt.end(), mine.begin(), mine.end());
  }
  std::sort(dealt.begin(), dealt.end());
  EXPECT_EQ(dealt, (std::vector<int>{0, 1, 3, 5}));
}

TEST(DealBatch, MovesNoFrameThatWouldOnlySwapTheLoads)
{
  EXPECT_EQ(deal_batch({0}, {8}, {0}, 1.2, 0, 3), std::vector<int>{0});
  EXPECT_TRUE(deal_batch({0}, {8}, {0}, 1.2, 1, 3).empty());
}

TEST(PreparedFrames, BeyondTheMemoryArePreparedWhenTheyAreUsed)
{
  const Ranks ranks;
  QuadraticLoss loss;
  const std::vector<Frame> frames = scattered_frames(5);
  const double bytes = static_cast<double>(loss.prepare(frames[0])->bytes());
  const PreparedFrames prepared(loss, frames, ranks, 2.5 * bytes);

  EXPECT_EQ(prepared.num_kept(), 2);
  EXPECT_EQ(prepared.bytes(), 2 * bytes);
  EXPECT_EQ(prepared.prepared(0), prepared.prepared(0));
  EXPECT_NE(prepared.prepared(4), prepared.prepared(4));
  EXPECT_EQ(prepared.prepared(4)->num_atoms, 1);
}

TEST(PreparedFrames, OfTwoListsAreNotPreparedAnew)
{
  const Ranks ranks;
  QuadraticLoss loss;
  const std::vector<Frame> frames = scattered_frames(5), others = scattered_frames(2);
  const PreparedFrames first(loss, frames, ranks), second(loss, others, ranks), both(first, second);

  EXPECT_EQ(both.size(), 7);
  EXPECT_EQ(both.own(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(both.prepared(4), first.prepared(4));
  EXPECT_EQ(both.prepared(6), second.prepared(1));
  EXPECT_EQ(&both.frame(6), &others[1]);
}

}    // namespace
}    // namespace almlip::train
