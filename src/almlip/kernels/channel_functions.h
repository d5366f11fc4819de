// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/density_generic.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

template <class Real, int Lanes, int LMax, int NumChannels>
struct CompiledChannels {
  using Block = ChannelBlock<Real, Lanes, LMax, NumChannels>;
  using Neighbors = const NeighborRows<Real> &;
  static constexpr int num_lm = (LMax + 1) * (LMax + 1);

  static void project(Neighbors rows, int C, int first, Real *a)
  {
    Block::project(rows, C, first, a);
  }

  template <bool Continue>
  static void add_all(Neighbors rows, const Real *adjoint, int C, int first, Real *sums)
  {
    for (int k = 0; k < rows.count; ++k) {
      const Harmonics<Real, Lanes, LMax> h(rows.direction + k * rows.direction_step);
      Block::template add<Continue>(h, rows.radial + k * rows.radial_step, adjoint, C, first,
                                    sums + static_cast<std::size_t>(k) * (num_lm + 1) * Lanes);
    }
  }
  static void add(Neighbors rows, const Real *adjoint, int C, int first, bool resume, Real *sums)
  {
    if (resume)
      add_all<true>(rows, adjoint, C, first, sums);
    else
      add_all<false>(rows, adjoint, C, first, sums);
  }

  template <bool Continue>
  static void all_gradients(Neighbors rows, const Real *adjoints, int num_adjoints, int C,
                            int first, const Real *sums, Real *gradients)
  {
    const std::size_t size = static_cast<std::size_t>(num_lm) * C * Lanes;
    for (int k = 0; k < rows.count; ++k) {
      const Harmonics<Real, Lanes, LMax> h(rows.direction + k * rows.direction_step);
      for (int s = 0; s < num_adjoints; ++s, gradients += 3 * Lanes) {
        Pack<Real, Lanes> g[3];
        Block::template pair_gradient<Continue>(
            h, rows.radial + k * rows.radial_step, adjoints + s * size, C, first,
            Continue ? sums + static_cast<std::size_t>(k) * (num_lm + 1) * Lanes : nullptr, g);
        static_for<3>([&](auto axis) { store(gradients + axis * Lanes, g[axis]); });
      }
    }
  }
  static void gradients(Neighbors rows, const Real *adjoints, int num_adjoints, int C, int first,
                        const Real *sums, Real *gradients)
  {
    if (sums)
      all_gradients<true>(rows, adjoints, num_adjoints, C, first, sums, gradients);
    else
      all_gradients<false>(rows, adjoints, num_adjoints, C, first, sums, gradients);
  }
};

template <class Real, int Lanes>
ChannelFunctions<Real> channel_functions(int lmax, int num_channels)
{
  ChannelFunctions<Real> functions{};
  with_lmax(lmax, [&](auto l) {
    static_for<ChannelFunctions<Real>::max_channels>([&](auto c) {
      using Channels = CompiledChannels<Real, Lanes, l, c + 1>;
      if (c + 1 == num_channels)
        functions = {Channels::project, Channels::add, Channels::gradients};
    });
  });
  return functions;
}

ALMLIP_END_KERNELS
}    // namespace almlip
