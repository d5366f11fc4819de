// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/contract.h"
#include "almlip/kernels/dense.h"
#include "almlip/kernels/radial.h"
#include "almlip/kernels/shape.h"

namespace almlip::train {
ALMLIP_BEGIN_KERNELS

/// Neighbours of one element of a pack of atoms, rows of Lanes numbers: records x y z r; basis B_0
/// .. B_{N-1}, dB_0/dr .. dB_{N-1}/dr.
template <class Real>
struct BasisRows {
  int count;
  const Real *records, *basis;
};

/// Density of the radial functions A0[lm][n] = sum_j B_n(r_ij) S_lm(r_ij / r_ij), from which the
/// density A of every channel is a small product; and its tangent.
template <class Real, int Lanes>
class BasisDensity {
  static constexpr int W = Lanes, block = 8;    ///< neighbours at a time, which the L1 cache holds
  using V = Pack<Real, Lanes>;
  using In = PackMatrix<const Real>;

 public:
  template <class Shape>
  explicit BasisDensity(const Shape &shape)
      : C(shape.num_channels),
        N(shape.num_radial),
        lmax_(shape.lmax),
        num_lm_(shape.num_lm),
        harmonics_(static_cast<std::size_t>(2 * block) * num_lm_ * W),
        factors_(static_cast<std::size_t>(2 * block) * N * W)
  {
    for (int l = 0; l <= lmax_; ++l)
      for (int m = -l; m <= l; ++m) norms_.push_back(Real(harmonic_norm(l, m)));
  }

  /// Numbers of one row of BasisRows::basis.
  std::size_t basis_size() const { return static_cast<std::size_t>(2 * N) * W; }

  /// B_n and dB_n/dr at r.
  ALMLIP_INLINE void basis(const V &r, Real inverse_cutoff, Real *to) const
  {
    const RadialBasis<Real, Lanes, ModelSettings::max_radial> functions(r, inverse_cutoff, N);
    for (int n = 0; n < N; ++n, to += W) {
      store(to, functions.value(n));
      store(to + N * W, functions.slope(n));
    }
  }

  void project(const BasisRows<Real> &rows, Real *a0)
  {
    if (rows.count == 0) std::fill_n(a0, num_lm_ * N * W, Real(0));
    for (int k = 0; k < rows.count; k += block) {
      const int count = std::min(block, rows.count - k);
      with_lmax(lmax_, [&](auto lmax) {
        harmonic_rows<Real, Lanes, lmax>(rows.records + k * 4 * W, 4 * W, count, harmonics_.data());
      });
      add_product(rows.basis + k * basis_size(), basis_size(), count, k > 0, a0);
    }
    apply_norms(a0);
  }

  /// Tangent of A0 along tangents of the records, rows as these; norms not yet applied. Two terms
  /// a neighbour: B_n dS_lm + (dB_n/dr dr) S_lm.
  void tangent(const BasisRows<Real> &rows, const Real *tangents, Real *a0)
  {
    if (rows.count == 0) std::fill_n(a0, num_lm_ * N * W, Real(0));
    for (int k = 0; k < rows.count; k += block) {
      const int count = std::min(block, rows.count - k);
      const Real *basis = rows.basis + k * basis_size(), *dot = tangents + k * 4 * W;
      with_lmax(lmax_,
                [&](auto lmax) { tangent_rows<lmax>(rows.records + k * 4 * W, dot, count); });
      Real *to = factors_.data();
      for (int q = 0; q < count; ++q, to += 2 * N * W, basis += basis_size()) {
        const V along = load<V>(dot + (4 * q + 3) * W);
        for (int n = 0; n < N; ++n) {
          store(to + n * W, load<V>(basis + n * W));
          store(to + (N + n) * W, load<V>(basis + (N + n) * W) * along);
        }
      }
      add_product(factors_.data(), static_cast<std::size_t>(N) * W, 2 * count, k > 0, a0);
    }
  }

  void apply_norms(Real *a0) const
  {
    for (int lm = 0; lm < num_lm_; ++lm)
      for (int n = 0; n < N; ++n, a0 += W) store(a0, load<V>(a0) * norms_[lm]);
  }

  /// a[lm][c] (+)= sum_n weights[c][n] a0[lm][n]
  ALMLIP_STAGE void mix(const Real *weights, const Real *a0, Real *a, bool accumulate) const
  {
    for (int lm = 0; lm < num_lm_; ++lm, a0 += N * W, a += C * W)
      for_chunks<usual_chunk, max_chunk>(
          C, [&](auto count, int c0) __attribute__((always_inline)) {
            constexpr int J = count;
            V sum[J];
            static_for<J>([&](auto c) { sum[c] = accumulate ? load<V>(a + (c0 + c) * W) : V{}; });
            for (int n = 0; n < N; ++n) {
              const V v = load<V>(a0 + n * W);
              static_for<J>([&](auto c) { sum[c] = sum[c] + v * weights[(c0 + c) * N + n]; });
            }
            static_for<J>([&](auto c) { store(a + (c0 + c) * W, sum[c]); });
          });
  }

  /// gradient[c][n] (+ or -)= sum_lm adjoint[lm][c] a0[lm][n]
  void add_radial_gradient(const Real *adjoint, const Real *a0, Update update, Real *gradient) const
  {
    const std::size_t row = static_cast<std::size_t>(N) * W;
    contract<Real, Lanes>(C, N, num_lm_, In{adjoint, W, static_cast<std::size_t>(C) * W},
                          In{a0, W, row}, {gradient, row, W}, update);
  }

 private:
  /// a0[lm][n] (+)= sum_k harmonics_[k][lm] b[k][n]
  void add_product(const Real *b, std::size_t step, int num_terms, bool accumulate, Real *a0) const
  {
    contract<Real, Lanes>(num_lm_, N, num_terms,
                          In{harmonics_.data(), W, static_cast<std::size_t>(num_lm_) * W},
                          In{b, W, step}, {a0, static_cast<std::size_t>(N) * W, W},
                          accumulate ? Update::add : Update::set);
  }

  /// Tangents of the harmonics of the records and, each in the next row, the harmonics.
  template <int LMax>
  ALMLIP_STAGE void tangent_rows(const Real *records, const Real *tangents, int count)
  {
    for (int k = 0; k < count; ++k) {
      const Harmonics<Real, Lanes, LMax> h(records + k * 4 * W);
      const Real *dot = tangents + k * 4 * W;
      const V d[3] = {load<V>(dot), load<V>(dot + W), load<V>(dot + 2 * W)};
      for_each_lm<LMax>([&](auto l, auto m) {
        Real *to = &harmonics_[static_cast<std::size_t>(2 * k * num_lm_ + lm_index(l, m)) * W];
        store(to, h.template tangent<l, m>(d));
        store(to + num_lm_ * W, h.template value<l, m>());
      });
    }
  }

  const int C, N, lmax_, num_lm_;
  std::vector<Real> norms_;
  AlignedArray<Real> harmonics_;    ///< shape [2 block][num_lm][Lanes]
  AlignedArray<Real> factors_;      ///< shape [2 block][N][Lanes]
};

ALMLIP_END_KERNELS
}    // namespace almlip::train
