// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/contract.h"
#include "almlip/kernels/dense.h"
#include "almlip/kernels/density.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// The stages of ChannelBlock for one lmax and up to five channels, as `accurate` has them,
/// compiled in channel_functions_float.cpp and _double.cpp.
template <class Real>
struct ChannelFunctions {
  static constexpr int max_channels = 5;
  using Neighbors = const NeighborRows<Real> &;
  void (*project)(Neighbors, int C, int first, Real *a);
  /// As ChannelBlock::add for all neighbours, sums [count][num_lm + 1][Lanes].
  void (*add)(Neighbors, const Real *adjoint, int C, int first, bool resume, Real *sums);
  /// Gradients [count][num_adjoints][3][Lanes] for adjoints [num_adjoints][num_lm][C][Lanes]; sums
  /// of other channels, or null.
  void (*gradients)(Neighbors, const Real *adjoints, int num_adjoints, int C, int first,
                    const Real *sums, Real *gradients);
};
/// @param num_channels  1 to max_channels
template <class Real, int Lanes>
ChannelFunctions<Real> channel_functions(int lmax, int num_channels);

/// Density of any shape: channels are taken a few at a time.
template <class Real, int Lanes>
class Density<Real, Lanes, GenericShape> {
  static constexpr int W = Lanes, block = 8;    ///< neighbours of which sums are kept
  using V = Pack<Real, Lanes>;

  /// Some consecutive channels.
  struct Part {
    int first;
    ChannelFunctions<Real> functions;
  };

 public:
  explicit Density(const GenericShape &shape)
      : C(shape.num_channels),
        num_lm_(shape.num_lm),
        num_radial_(shape.num_radial),
        sums_(static_cast<std::size_t>(block) * (num_lm_ + 1) * W)
  {
    for (int l = 0; l <= shape.lmax; ++l)
      for (int m = -l; m <= l; ++m) norms_.push_back(Real(harmonic_norm(l, m)));
    constexpr int most = ChannelFunctions<Real>::max_channels;
    const int num_parts = (C + most - 1) / most;    // of nearly the same size
    for (int q = 0; q < num_parts; ++q) {
      const int first = q * C / num_parts, count = (q + 1) * C / num_parts - first;
      parts_.push_back({first, channel_functions<Real, Lanes>(shape.lmax, count)});
    }
  }

  int record_rows() const { return 4 + 2 * C; }

  template <class Weights>
  ALMLIP_INLINE void radial(const Weights &weights, const V &r, Real inverse_cutoff, Real *value,
                            Real *slope) const
  {
    const RadialBasis<Real, Lanes, ModelSettings::max_radial> basis(r, inverse_cutoff, num_radial_);
    for_chunks<usual_chunk, max_chunk>(
        C, [&](auto count, int c0) __attribute__((always_inline)) {
          constexpr int J = count;
          V sum[J] = {}, rate[J] = {};
          for (int n = 0; n < num_radial_; ++n)
            static_for<J>([&](auto c) {
              const auto weight = weights[(c0 + c) * num_radial_ + n];
              sum[c] = sum[c] + weight * basis.chebyshev[n];
              rate[c] = rate[c] + weight * basis.derivative[n];
            });
          static_for<J>([&](auto c) {
            store(value + (c0 + c) * W, basis.envelope * sum[c]);
            store(slope + (c0 + c) * W,
                  basis.envelope_rate * rate[c] + basis.envelope_slope * sum[c]);
          });
        });
  }

  void project(const Real *records, int num_neighbors, Real *a) const
  {
    const std::size_t size = static_cast<std::size_t>(record_rows()) * W;
    const NeighborRows<Real> neighbors = {num_neighbors, records, size, records + 3 * W, size};
    for (const Part &part : parts_) part.functions.project(neighbors, C, part.first, a);
  }

  void apply_norms(Real *a) const
  {
    for (int lm = 0; lm < num_lm_; ++lm)
      for (int c = 0; c < C; ++c, a += W) store(a, load<V>(a) * norms_[lm]);
  }

  template <class Put>
  ALMLIP_INLINE void pair_gradients(const NeighborRows<Real> &rows, const Real *adjoints,
                                    int num_adjoints, Put &&put)
  {
    gradients_.resize(static_cast<std::size_t>(block) * num_adjoints * 3 * W);
    for (int k = 0; k < rows.count; k += block) {
      NeighborRows<Real> some = rows;
      some.count = std::min(block, rows.count - k);
      some.direction += k * rows.direction_step;
      some.radial += k * rows.radial_step;
      // sums of earlier channels are kept for one adjoint only
      const int together = parts_.size() == 1 ? num_adjoints : 1;
      for (int s = 0; s < num_adjoints; s += together) {
        gradients(some, adjoints + static_cast<std::size_t>(s) * num_lm_ * C * W, together);
        for (int q = 0; q < some.count; ++q)
          for (int i = 0; i < together; ++i) {
            V g[3];
            static_for<3>([&](auto axis) {
              g[axis] = load<V>(&gradients_[((q * together + i) * 3 + axis) * W]);
            });
            put(k + q, s + i, g);
          }
      }
    }
  }

 private:
  void gradients(const NeighborRows<Real> &rows, const Real *adjoints, int num_adjoints)
  {
    const Part &last = parts_.back();
    for (const Part &part : parts_)
      if (&part != &last)
        part.functions.add(rows, adjoints, C, part.first, part.first > 0, sums_.data());
    last.functions.gradients(rows, adjoints, num_adjoints, C, last.first,
                             last.first > 0 ? sums_.data() : nullptr, gradients_.data());
  }

  const int C, num_lm_, num_radial_;
  std::vector<Real> norms_;
  std::vector<Part> parts_;
  AlignedArray<Real> sums_, gradients_;
};

ALMLIP_END_KERNELS
}    // namespace almlip
