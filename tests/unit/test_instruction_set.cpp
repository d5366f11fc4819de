// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/instruction_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "random_potential.h"

namespace almlip {
namespace {

/// Sets ALMLIP_INSTRUCTION_SET for the life of the object.
class Forced {
 public:
  explicit Forced(const std::string &set) { setenv("ALMLIP_INSTRUCTION_SET", set.c_str(), 1); }
  ~Forced() { unsetenv("ALMLIP_INSTRUCTION_SET"); }
};

FramePrediction predict_with(const std::string &set, const Potential &p, Precision precision,
                             const Frame &frame)
{
  const Forced forced(set);
  Committee committee(p, precision);
  return predict(committee, p, frame);
}

// Packs of 2, 4 and 8 double lanes: other blocks, other order of the neighbours within them.
TEST(InstructionSet, AllThatThisProcessorHasAgreeToRounding)
{
  const Frame frame = test::random_frame({14, 8, 8, 14, 8, 14, 14, 8, 8, 8, 14}, 6.5, 3);
  for (const char *preset : {"fast", "default", "accurate", "large"}) {
    const Potential p = test::with_zbl(
        test::random_potential(test::shape_settings(preset, {"Si", "O"}), 7), 2.1, 2.5);
    for (const Precision precision : {Precision::full, Precision::mixed}) {
      const FramePrediction a = predict_with("", p, precision, frame);
      double largest = 0.0;
      for (const double f : a.member_forces) largest = std::max(largest, std::abs(f));
      // A few thousand terms of either sign add up to each number.
      const double rounding = precision == Precision::full ? 1e-12 : 1e-4;
      for (const std::string &set : instruction_sets()) {
        const FramePrediction b = predict_with(set, p, precision, frame);
        EXPECT_NEAR(b.energy, a.energy, rounding * std::abs(a.energy)) << set;
        for (std::size_t q = 0; q < a.forces.size(); ++q)
          EXPECT_NEAR(b.forces[q], a.forces[q], rounding * largest) << preset << " " << set;
        for (std::size_t q = 0; q < a.member_forces.size(); ++q)
          EXPECT_NEAR(b.member_forces[q], a.member_forces[q], rounding * largest) << set;
      }
    }
  }
}

TEST(InstructionSet, TheFirstIsChosenUnlessAnotherIsNamed)
{
  EXPECT_EQ(chosen_instruction_set(), instruction_sets().front());
  const Forced forced(instruction_sets().back());
  EXPECT_EQ(chosen_instruction_set(), instruction_sets().back());
}

TEST(InstructionSet, UnknownNameIsAnError)
{
  const Forced forced("avx1024");
  try {
    chosen_instruction_set();
    FAIL() << "no error";
  } catch (const Error &e) {
    EXPECT_EQ(std::string(e.what()).find("ALMLIP_INSTRUCTION_SET is avx1024, but this build has "
                                         "for this processor: " +
                                         instruction_sets().front()),
              0u)
        << e.what();
  }
}

}    // namespace
}    // namespace almlip
