#pragma once

#include "almlip/contract.h"
#include "almlip/dense.h"
#include "almlip/density.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Density of any shape. Harmonics of a few neighbours are kept, so that projection and reverse are
/// small matrix products.
template <class Real, int Lanes>
class Density<Real, Lanes, GenericShape> {
  static constexpr int W = Lanes, block = 16;    ///< neighbours whose harmonics are kept
  using V = Pack<Real, Lanes>;
  using In = PackMatrix<const Real>;
  using Out = PackMatrix<Real>;

 public:
  explicit Density(const GenericShape &shape)
      : C(shape.num_channels),
        lmax_(shape.lmax),
        num_lm_(shape.num_lm),
        num_radial_(shape.num_radial),
        harmonics_(static_cast<std::size_t>(block) * num_lm_ * W),
        p_(harmonics_.size()),
        y_(static_cast<std::size_t>(block) * C * W),
        gradients_(static_cast<std::size_t>(block) * 3 * W)
  {
    for (int l = 0; l <= lmax_; ++l)
      for (int m = -l; m <= l; ++m) norms_.push_back(Real(harmonic_norm(l, m)));
  }

  int record_rows() const { return 4 + 2 * C; }

  ALMLIP_INLINE void radial(const Real *weights, const V &r, Real inverse_cutoff, Real *value,
                            Real *slope) const
  {
    const RadialBasis<Real, Lanes, ModelSettings::max_radial> basis(r, inverse_cutoff, num_radial_);
    for_chunks<4>(
        C, [&](auto count, int c0) __attribute__((always_inline)) {
          constexpr int J = count;
          V sum[J] = {}, rate[J] = {};
          const Real *w = weights + c0 * num_radial_;
          for (int n = 0; n < num_radial_; ++n)
            static_for<J>([&](auto c) {
              sum[c] = sum[c] + w[c * num_radial_ + n] * basis.chebyshev[n];
              rate[c] = rate[c] + w[c * num_radial_ + n] * basis.derivative[n];
            });
          static_for<J>([&](auto c) {
            store(value + (c0 + c) * W, basis.envelope * sum[c]);
            store(slope + (c0 + c) * W,
                  basis.envelope_rate * rate[c] + basis.envelope_slope * sum[c]);
          });
        });
  }

  void project(const Real *records, int num_neighbors, Real *a)
  {
    const std::size_t size = static_cast<std::size_t>(record_rows()) * W;
    if (num_neighbors == 0) std::fill_n(a, num_lm_ * C * W, Real(0));
    for (int k = 0; k < num_neighbors; k += block, records += block * size) {
      const int count = std::min(block, num_neighbors - k);
      keep_harmonics(records, size, count);
      contract<Real, Lanes>(num_lm_, C, count, harmonics_by_lm(), In{records + 4 * W, W, size},
                            by_row(a), k ? Update::add : Update::set);
    }
    apply_norms(a);
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
    for (int k = 0; k < rows.count; k += block) {
      const int count = std::min(block, rows.count - k);
      const Real *direction = rows.direction + k * rows.direction_step,
                 *radial = rows.radial + k * rows.radial_step;
      keep_harmonics(direction, rows.direction_step, count);
      for (int s = 0; s < num_adjoints; ++s) {
        const In adjoint = by_row(adjoints + static_cast<std::size_t>(s) * num_lm_ * C * W);
        // P_lm = sum_c R_c adjoint_clm, y_c = sum_lm adjoint_clm S_lm
        contract<Real, Lanes>(num_lm_, count, C, adjoint, In{radial + W, rows.radial_step, W},
                              Out{p_.data(), W, row_size()});
        contract<Real, Lanes>(count, C, num_lm_, In{harmonics_.data(), row_size(), W},
                              In{adjoint.at, W, adjoint.row_step}, by_row(y_.data()));
        with_lmax(lmax_, [&](auto lmax) {
          gradient_rows<lmax>(direction, rows.direction_step, radial, rows.radial_step, count);
        });
        for (int q = 0; q < count; ++q) {
          V g[3];
          static_for<3>([&](auto axis) { g[axis] = load<V>(&gradients_[(3 * q + axis) * W]); });
          put(k + q, s, g);
        }
      }
    }
  }

 private:
  std::size_t row_size() const { return static_cast<std::size_t>(num_lm_) * W; }
  In harmonics_by_lm() const { return {harmonics_.data(), W, row_size()}; }
  template <class Number>
  PackMatrix<Number> by_row(Number *a) const
  {
    return {a, static_cast<std::size_t>(C) * W, W};
  }

  void keep_harmonics(const Real *directions, std::size_t step, int count)
  {
    with_lmax(lmax_, [&](auto lmax) {
      harmonic_rows<Real, Lanes, lmax>(directions, step, count, harmonics_.data());
    });
  }

  template <int LMax>
  ALMLIP_STAGE void gradient_rows(const Real *direction, std::size_t direction_step,
                                  const Real *radial, std::size_t radial_step, int count)
  {
    for (int k = 0; k < count; ++k, direction += direction_step, radial += radial_step) {
      const Harmonics<Real, Lanes, LMax> h(direction);
      const Real *p = p_.data() + k * row_size();
      V g[3], along{};
      h.gradient([&](auto l, auto m) { return load<V>(p + lm_index(l, m) * W); }, g);
      for (int c = 0; c < C; ++c)
        along = along + load<V>(radial + (1 + C + c) * W) * load<V>(&y_[(k * C + c) * W]);
      h.add_radial(load<V>(radial), along, g);
      static_for<3>([&](auto axis) { store(&gradients_[(3 * k + axis) * W], g[axis]); });
    }
  }

  const int C, lmax_, num_lm_, num_radial_;
  std::vector<Real> norms_;
  AlignedArray<Real> harmonics_, p_;    ///< shape [block][num_lm][Lanes]
  AlignedArray<Real> y_, gradients_;    ///< shapes [block][C][Lanes], [block][3][Lanes]
};

ALMLIP_END_KERNELS
}    // namespace almlip
