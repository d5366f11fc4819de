// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <random>

namespace almlip {

/// Random numbers that are the same with every compiler and standard library (std's distributions
/// are not).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }

  /// Uniform in 0 .. count-1 without bias; count must be positive.
  std::uint64_t below(std::uint64_t count)
  {
    // 2^64 mod count: draws above the last multiple of count are dropped
    const std::uint64_t rest = (UINT64_MAX % count + 1) % count;
    std::uint64_t draw = engine_();
    while (draw > UINT64_MAX - rest) draw = engine_();
    return draw % count;
  }

 private:
  std::mt19937_64 engine_;
};

}    // namespace almlip
