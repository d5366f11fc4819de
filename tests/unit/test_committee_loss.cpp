// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/initial_model.h"
#include "train/loss/committee_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "almlip/calculator.h"
#include "almlip/kernels/instruction_set.h"
#include "random_potential.h"

namespace almlip::train {
namespace {

using test::normal_numbers;
using test::random_frame;
using test::shape_settings;

/// A model, parameters of order one and two labelled frames with random references.
struct Problem {
  TrainingModel model;
  std::vector<double> parameters;
  std::vector<Frame> frames;

  Problem(const std::string &preset, const std::vector<std::string> &elements)
  {
    std::mt19937_64 random(11);
    ModelSettings &s = model.settings = shape_settings(preset, elements);
    s.num_hidden = 12;    // not a whole number of packs
    s.num_members = 3;
    const std::size_t E = elements.size(), D = s.num_descriptors();
    model.scale = 1.7;
    model.violent_force = 1.5;    // less than many of the forces
    model.whitening = normal_numbers(s.num_radial * s.num_radial, 0.5, random);
    model.reference_energy = normal_numbers(E, 2.0, random);
    model.mean = normal_numbers(E * D, 0.3, random);
    model.inverse_deviation.assign(E * D, 0.2);
    for (const ParameterBlock &b : CommitteeLoss::layout(s)) {
      const double deviation = b.kind == ParameterBlock::Kind::hidden ? 0.5 / std::sqrt(D) : 0.3;
      const std::vector<double> entries =
          normal_numbers(static_cast<std::size_t>(b.rows) * b.cols, deviation, random);
      parameters.insert(parameters.end(), entries.begin(), entries.end());
    }
    frames = {random_frame({14, 8, 8, 14, 8}, 5.0, 1),
              random_frame({14, 14, 8, 14, 14, 14, 8, 8, 14, 14, 14}, 6.5, 2)};
    if (E == 1)
      for (Frame &f : frames) f.atomic_numbers.assign(f.num_atoms(), 14);
    for (Frame &f : frames) {
      f.energy = -3.0 * f.num_atoms();
      f.forces = normal_numbers(3 * f.num_atoms(), 1.0, random);
      f.virial = Tensor6{1, -2, 3, 0.5, -0.7, 0.9};
    }
  }
};

/// Loss of all frames; fills the gradient if there is one.
double loss(CommitteeLoss &kernel, const Problem &problem, const std::vector<double> &parameters,
            const BatchWeights &weights, std::vector<double> *gradient = nullptr)
{
  kernel.set_parameters(parameters);
  kernel.clear_gradient();
  double sum = 0;
  for (const Frame &f : problem.frames)
    sum += kernel.add(*kernel.prepare(f), weights, 0.07, true).loss;
  if (gradient) kernel.gradient(*gradient);
  return sum;
}

class EveryLoss : public ::testing::TestWithParam<std::tuple<std::string, double, double>> {};

TEST_P(EveryLoss, GradientMatchesFiniteDifferences)
{
  const auto [preset, stress, huber] = GetParam();
  const Problem problem(preset, {"Si", "O"});
  BatchWeights weights{1.0 / 48, 0.5, 30.0, stress, huber, huber, huber};
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  std::vector<double> gradient;
  loss(*kernel, problem, problem.parameters, weights, &gradient);
  for (const ParameterBlock &b : CommitteeLoss::layout(problem.model.settings)) {
    if (b.kind != ParameterBlock::Kind::radial && b.other != 1) continue;    // one member is enough
    const std::size_t size = static_cast<std::size_t>(b.rows) * b.cols;
    double square = 0;
    for (std::size_t q = 0; q < size; ++q)
      square += gradient[b.offset + q] * gradient[b.offset + q] / size;
    for (std::size_t probe = 0; probe < std::min<std::size_t>(size, 4); ++probe) {
      const std::size_t at = b.offset + probe * size / 4 % size;
      auto moved = [&](double h) {
        std::vector<double> p = problem.parameters;
        p[at] += h;
        return loss(*kernel, problem, p, weights);
      };
      constexpr double h = 1e-3;
      const double slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
      EXPECT_NEAR(gradient[at], slope, 1e-7 * std::sqrt(square))
          << "kind " << static_cast<int>(b.kind) << " entry " << at - b.offset;
    }
  }
}

TEST(CommitteeLoss, LargeEnergyErrorsCountLinearly)
{
  Problem problem("fast", {"Si", "O"});
  problem.model.violent_force = 0.0;
  const BatchWeights weights{0.0, 1.0, 10.0, 0.0, 0.0, 0.01};
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  kernel->set_parameters(problem.parameters);
  const auto loss_far_off = [&](double error) {    // eV per atom
    Frame frame = problem.frames[1];
    frame.energy = *frame.energy + error * frame.num_atoms();
    return kernel->add(*kernel->prepare(frame), weights, 0.0, false).loss;
  };
  const double slope = 2 * weights.energy * weights.energy_huber *
                       problem.model.settings.num_members /
                       (problem.model.scale * problem.model.scale);

  EXPECT_NEAR(loss_far_off(300.0) - loss_far_off(200.0), 100.0 * slope, 1e-3 * slope);
}

TEST(CommitteeLoss, OffsetOfTheVirialIsTakenOffItsLabel)
{
  const Problem problem("fast", {"Si", "O"});
  const BatchWeights weights{0.0, 1.0, 0.0, 1.0, 0.0};
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  kernel->set_parameters(problem.parameters);
  constexpr double offset = -0.3;    // eV per atom
  Frame frame = problem.frames[1];
  const FrameLoss with_offset = kernel->add(*kernel->prepare(frame), weights, offset, false);
  for (std::size_t q = 0; q < 3; ++q) (*frame.virial)[q] -= frame.num_atoms() * offset;
  const FrameLoss of_lower_label = kernel->add(*kernel->prepare(frame), weights, 0.0, false);

  EXPECT_NEAR(with_offset.loss, of_lower_label.loss, 1e-12 * with_offset.loss);
  EXPECT_NEAR(with_offset.virial_error - offset, of_lower_label.virial_error, 1e-12);
}

TEST(CommitteeLoss, VirialErrorIsThatOfTheMean)
{
  const Problem problem("fast", {"Si", "O"});
  const BatchWeights weights{0.0, 1.0, 0.0, 1.0, 0.0};
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  kernel->set_parameters(problem.parameters);
  const Frame &frame = problem.frames[0];
  const auto prepared = kernel->prepare(frame);
  double error = 0.0;
  const MemberPrediction prediction = kernel->predict(*prepared);
  for (const Tensor6 &virial : prediction.virial)
    for (std::size_t q = 0; q < 3; ++q) error += (*frame.virial)[q] - virial[q];
  error /= 3.0 * frame.num_atoms() * static_cast<double>(prediction.virial.size());

  EXPECT_NEAR(kernel->add(*prepared, weights, 0.2, false).virial_error, error, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(ShapesAndTerms, EveryLoss,
                         ::testing::Values(std::make_tuple(std::string("fast"), 0.0, 0.0),
                                           std::make_tuple(std::string("default"), 0.5, 0.0),
                                           std::make_tuple(std::string("default"), 0.0, 1.0),
                                           std::make_tuple(std::string("accurate"), 0.5, 1.0),
                                           std::make_tuple(std::string("large"), 0.0, 1.0),
                                           std::make_tuple(std::string("radial"), 0.0, 0.0),
                                           std::make_tuple(std::string("pairs"), 0.5, 0.0),
                                           std::make_tuple(std::string("odd"), 0.5, 1.0),
                                           std::make_tuple(std::string("wide"), 0.0, 0.0)));

TEST(CommitteeLoss, InstructionSetsAgreeToRounding)
{
  for (const char *preset : {"fast", "default", "accurate", "large"}) {
    const Problem problem(preset, {"Si", "O"});
    const BatchWeights weights{1.0 / 48, 0.5, 30.0, 0.1, 0.0};
    std::vector<double> a, b;
    const auto chosen = CommitteeLoss::create(problem.model, "double");
    const double loss_a = loss(*chosen, problem, problem.parameters, weights, &a);
    double largest = 0.0;
    for (const double g : a) largest = std::max(largest, std::abs(g));
    for (const std::string &set : instruction_sets()) {
      setenv("ALMLIP_INSTRUCTION_SET", set.c_str(), 1);
      const auto other = CommitteeLoss::create(problem.model, "double");
      unsetenv("ALMLIP_INSTRUCTION_SET");
      const double loss_b = loss(*other, problem, problem.parameters, weights, &b);
      EXPECT_NEAR(loss_b, loss_a, 1e-12 * loss_a) << set;
      for (std::size_t q = 0; q < a.size(); ++q)
        ASSERT_NEAR(b[q], a[q], 1e-11 * largest) << preset << " " << set;
    }
  }
}

TEST(CommitteeLoss, GenericKernelsAgreeWithTheCompiledOnesToRounding)
{
  const BatchWeights weights{1.0 / 48, 0.5, 30.0, 0.5, 1.0};
  for (const char *preset : {"fast", "default", "accurate", "large"}) {
    const Problem problem(preset, {"Si", "O"});
    std::vector<double> a, b;
    const auto compiled = CommitteeLoss::create(problem.model, "double"),
               generic = CommitteeLoss::create(problem.model, "double", Kernels::generic);
    const double loss_a = loss(*compiled, problem, problem.parameters, weights, &a);
    EXPECT_NEAR(loss(*generic, problem, problem.parameters, weights, &b), loss_a, 1e-12 * loss_a);
    double difference = 0, square = 0;
    for (std::size_t q = 0; q < a.size(); ++q) {
      difference += (b[q] - a[q]) * (b[q] - a[q]);
      square += a[q] * a[q];
    }
    EXPECT_LT(std::sqrt(difference / square), 1e-12) << preset;
  }
}

TEST(CommitteeLoss, PredictsWhatTheCommitteeOfItsPotentialPredicts)
{
  for (const char *preset :
       {"fast", "default", "accurate", "large", "radial", "pairs", "odd", "wide"}) {
    const Problem problem(preset, {"Si", "O"});
    const auto kernel = CommitteeLoss::create(problem.model, "double");
    kernel->set_parameters(problem.parameters);
    const Potential potential = to_potential(problem.model, problem.parameters);
    Committee committee(potential);
    for (const Frame &f : problem.frames) {
      const MemberPrediction a = kernel->predict(*kernel->prepare(f));
      const FramePrediction b = predict(committee, potential, f);
      for (int k = 0; k < 3; ++k)
        EXPECT_NEAR(a.energy[k], b.member_energies[k], 1e-11 * std::abs(a.energy[k]));
      for (std::size_t q = 0; q < a.forces.size(); ++q)
        EXPECT_NEAR(a.forces[q], b.member_forces[q], 1e-10);
      for (int q = 0; q < 6; ++q) {
        double mean = 0;
        for (int k = 0; k < 3; ++k) mean += a.virial[k][q] / 3;
        EXPECT_NEAR(mean, b.virial[q], 1e-9);
      }
    }
  }
}

TEST(CommitteeLoss, PredictsWhatTheCommitteePredictsForFourElementsInOneCell)
{
  Problem problem("default", {"Nb", "Mo", "Ta", "W"});
  std::vector<int> numbers;    // 10, 9, 11 and 12 atoms: no whole number of packs of any width
  for (const auto &[number, count] : {std::pair{42, 10}, {41, 9}, {73, 11}, {74, 12}})
    numbers.insert(numbers.end(), count, number);
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(3));
  const Frame frame = random_frame(numbers, 9.0, 4);
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  kernel->set_parameters(problem.parameters);
  const Potential potential = to_potential(problem.model, problem.parameters);
  Committee committee(potential);
  const MemberPrediction a = kernel->predict(*kernel->prepare(frame));
  const FramePrediction b = predict(committee, potential, frame);

  for (int k = 0; k < 3; ++k)
    EXPECT_NEAR(a.energy[k], b.member_energies[k], 1e-11 * std::abs(a.energy[k]));
  for (std::size_t q = 0; q < a.forces.size(); ++q)
    EXPECT_NEAR(a.forces[q], b.member_forces[q], 1e-11 * std::abs(a.energy[0]));
}

TEST(CommitteeLoss, SinglePrecisionAgreesToItsRounding)
{
  const Problem problem("default", {"Si"});
  const BatchWeights weights{1.0 / 48, 0.5, 30.0, 0.1, 1.0};
  std::vector<double> g64, g32;
  const double l64 = loss(*CommitteeLoss::create(problem.model, "double"), problem,
                          problem.parameters, weights, &g64);
  const double l32 = loss(*CommitteeLoss::create(problem.model, "single"), problem,
                          problem.parameters, weights, &g32);
  EXPECT_NEAR(l32, l64, 1e-5 * l64);
  double difference = 0, square = 0;
  for (std::size_t q = 0; q < g64.size(); ++q) {
    difference += (g32[q] - g64[q]) * (g32[q] - g64[q]);
    square += g64[q] * g64[q];
  }
  EXPECT_LT(std::sqrt(difference / square), 1e-4);
}

TEST(CommitteeLoss, ParametersSurviveTheWayThroughAPotential)
{
  const Problem problem("default", {"Si", "O"});
  const std::vector<double> back =
      from_potential(problem.model, to_potential(problem.model, problem.parameters));
  ASSERT_EQ(back.size(), problem.parameters.size());
  for (std::size_t q = 0; q < back.size(); ++q)
    EXPECT_NEAR(back[q], problem.parameters[q], 1e-10);    // condition of the whitening
}

TEST(CommitteeLoss, FrozenRadialChannelsGetNoGradientAndChangeNothingElse)
{
  const Problem problem("fast", {"Si", "O"});
  const BatchWeights weights{1.0 / 48, 0.5, 30.0, 0.0, 0.0};
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  std::vector<double> learned, frozen;
  loss(*kernel, problem, problem.parameters, weights, &learned);
  kernel->clear_gradient();
  for (const Frame &f : problem.frames) kernel->add(*kernel->prepare(f), weights, 0.0, false);
  kernel->gradient(frozen);
  for (const ParameterBlock &b : CommitteeLoss::layout(problem.model.settings))
    for (std::size_t q = b.offset; q < b.offset + static_cast<std::size_t>(b.rows) * b.cols; ++q)
      EXPECT_EQ(frozen[q], b.kind == ParameterBlock::Kind::radial ? 0.0 : learned[q]);
}

TEST(Restandardise, ChangesNoEnergyAndNoForce)
{
  Problem problem("fast", {"Si", "O"});
  const auto kernel = CommitteeLoss::create(problem.model, "double");
  const Ranks alone{Ranks::Alone{}};
  const PreparedFrames frames(*kernel, problem.frames, alone);
  kernel->set_parameters(problem.parameters);
  const MemberPrediction before = kernel->predict(*frames.prepared(1));
  const std::vector<double> mean = problem.model.mean;
  restandardise(problem.model, problem.parameters, *kernel, frames, 0.35, alone);
  const MemberPrediction after = kernel->predict(*frames.prepared(1));

  EXPECT_NE(problem.model.mean, mean);
  for (std::size_t k = 0; k < before.energy.size(); ++k)
    EXPECT_NEAR(after.energy[k], before.energy[k], 1e-9);    // rounding of some hundred eV
  for (std::size_t n = 0; n < before.forces.size(); ++n)
    EXPECT_NEAR(after.forces[n], before.forces[n], 1e-8);
}

}    // namespace
}    // namespace almlip::train
