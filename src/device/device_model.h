// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/tiles.h"

#include <algorithm>

#include "almlip/kernels/short_range_pair.h"
#include "almlip/kernels/stacked_networks.h"
#include "almlip/short_range.h"

namespace almlip::device {

/// Threads of a tile in matrix products; each has tile_width / product_threads of the atoms.
constexpr int product_threads = 32;
/// Rows of a matrix that a thread works on at a time.
constexpr int row_block = 8;

/// A matrix for each element, packed as PackedMatrix.
template <class Real>
struct ElementMatrices {
  const Real *weights, *bias;
  int num_blocks, num_columns;

  KOKKOS_INLINE_FUNCTION const Real *block_weights(int element, int block) const
  {
    return weights +
           (static_cast<std::size_t>(element) * num_blocks + block) * num_columns * row_block;
  }
  KOKKOS_INLINE_FUNCTION const Real *block_bias(int element, int block) const
  {
    return bias + (static_cast<std::size_t>(element) * num_blocks + block) * row_block;
  }
};

/// A potential as the stages see it; pointers into the memory of the device.
template <class Real>
struct ModelView {
  int num_elements, num_members, num_hidden, num_descriptors;
  double cutoff, reach;                    ///< reach of the short range, 0: none; Angstrom
  const Real *radial;                      ///< shape [E][E][C][num_radial]
  const Real *mean, *inverse_deviation;    ///< shape [E][D]
  const Real *output;                      ///< shape [E][M H]
  const double *reference_energy;          ///< shape [E]
  const ShortRangePair *short_range;       ///< shape [E][E]
  const double *novelty_center, *novelty_threshold;    ///< shape [E][D]; [E], 0: not fitted
};

/// Owner of a potential's numbers in the memory of a device.
template <class Space, class Real>
class DeviceModel {
  using Networks = StackedNetworks<Real, 1, row_block, 1>;
  using Matrix = PackedMatrix<Real, row_block>;

  struct Matrices {
    DeviceArray<Real, Space> weights, bias;
    int num_blocks = 0, num_columns = 0;

    Matrices() = default;
    /// One of each element.
    explicit Matrices(const std::vector<Matrix> &matrices)
        : num_blocks(matrices[0].num_blocks()), num_columns(matrices[0].num_columns)
    {
      std::vector<Real> all_weights, all_bias;
      for (const Matrix &m : matrices) {
        all_weights.insert(all_weights.end(), m.weights.begin(), m.weights.end());
        all_bias.insert(all_bias.end(), m.bias.begin(), m.bias.end());
      }
      weights = on_device<Space>(all_weights);
      bias = on_device<Space>(all_bias);
    }
    ElementMatrices<Real> view() const
    {
      return {weights.data(), bias.data(), num_blocks, num_columns};
    }
  };

 public:
  explicit DeviceModel(const Potential &potential)
      : settings_(potential.settings),
        short_range_(potential),
        radial_(
            on_device<Space>(std::vector<Real>(potential.radial.begin(), potential.radial.end()))),
        pairs_(on_device<Space>(short_range_.pairs()))
  {
    const int num_members = settings_.num_members, D = settings_.num_descriptors();
    std::vector<Networks> networks;
    for (const ElementCommittee &committee : potential.committees)
      networks.emplace_back(committee, num_members, settings_.num_hidden, D);
    mean_ = concatenated<Real>(networks, [](const Networks &n) { return n.mean; });
    inverse_deviation_ =
        concatenated<Real>(networks, [](const Networks &n) { return n.inverse_deviation; });
    output_ = concatenated<Real>(networks, [](const Networks &n) { return n.output; });
    reference_energy_ = concatenated<double>(
        networks, [](const Networks &n) { return std::vector<double>{n.reference_energy}; });
    forward_ = matrices(networks, [](const Networks &n) { return n.forward; });
    reverse_mean_ = matrices(networks, [](const Networks &n) { return n.reverse_mean; });
    for (int k = 0; k < num_members; ++k)
      reverse_.push_back(matrices(networks, [&](const Networks &n) { return n.reverse[k]; }));
    if (!potential.novelty.empty()) add_novelty(potential.novelty, D);
  }

  ModelView<Real> view() const
  {
    return {static_cast<int>(settings_.elements.size()),
            settings_.num_members,
            settings_.num_hidden,
            settings_.num_descriptors(),
            settings_.cutoff,
            short_range_.reach(),
            radial_.data(),
            mean_.data(),
            inverse_deviation_.data(),
            output_.data(),
            reference_energy_.data(),
            pairs_.data(),
            center_.data(),
            threshold_.data()};
  }
  ElementMatrices<Real> forward() const { return forward_.view(); }
  ElementMatrices<Real> reverse_mean() const { return reverse_mean_.view(); }
  ElementMatrices<Real> reverse(int member) const { return reverse_[member].view(); }
  bool has_novelty() const { return threshold_.extent(0) > 0; }
  ElementMatrices<Real> whitening() const { return whitening_.view(); }

 private:
  template <class T, class Get>
  static DeviceArray<T, Space> concatenated(const std::vector<Networks> &networks, Get &&get)
  {
    std::vector<T> all;
    for (const Networks &n : networks) {
      const std::vector<T> part = get(n);
      all.insert(all.end(), part.begin(), part.end());
    }
    return on_device<Space>(all);
  }
  template <class Get>
  static Matrices matrices(const std::vector<Networks> &networks, Get &&get)
  {
    std::vector<Matrix> all;
    for (const Networks &n : networks) all.push_back(get(n));
    return Matrices(all);
  }

  void add_novelty(const std::vector<Novelty> &novelty, int D)
  {
    std::vector<double> center, threshold;
    std::vector<Matrix> whitening;
    for (const Novelty &n : novelty) {
      const bool fitted = !n.whitening.empty();
      Matrix m(D, D);
      for (int row = 0; fitted && row < D; ++row)
        for (int column = 0; column <= row; ++column)
          m.at(row, column) = Real(n.whitening[static_cast<std::size_t>(row) * D + column]);
      whitening.push_back(m);
      threshold.push_back(fitted ? n.threshold : 0.0);
      for (int d = 0; d < D; ++d) center.push_back(fitted ? n.center[d] : 0.0);
    }
    whitening_ = Matrices(whitening);
    center_ = on_device<Space>(center);
    threshold_ = on_device<Space>(threshold);
  }

  const ModelSettings settings_;
  const ShortRange short_range_;
  DeviceArray<Real, Space> radial_, mean_, inverse_deviation_, output_;
  DeviceArray<double, Space> reference_energy_, center_, threshold_;
  DeviceArray<ShortRangePair, Space> pairs_;
  Matrices forward_, reverse_mean_, whitening_;
  std::vector<Matrices> reverse_;
};

}    // namespace almlip::device
