// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>

#include "almlip/committee.h"
#include "almlip/kernels/density_generic.h"
#include "almlip/kernels/invariants_generic.h"
#include "almlip/kernels/neighbor_lanes.h"
#include "almlip/kernels/pair_tally.h"
#include "almlip/kernels/stacked_networks.h"
#include "almlip/short_range.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Kernel for one shape. Lanes of a pack are atoms of one element: lane w works on its own atom and
/// that atom's k-th neighbour, so that projection, invariants, networks and all reverse steps are
/// straight-line code without horizontal sums. A block is `block_packs` packs, the width of the
/// networks' matrix products. In rows of neighbours of one element the radial weights are the same
/// for all lanes; in the others each lane takes its own.
template <class Real, int Lanes, class Shape>
class CommitteeKernel final : public Committee::Kernel {
  static constexpr int W = Lanes;
  static constexpr int block_packs = register_bytes == 64 ? 4 : 2, row_block = 6;
  static constexpr int block_width = block_packs * W;
  static constexpr int double_lanes = native_lanes<double>;
  using V = Pack<Real, Lanes>;
  using DoublePack = Pack<double, double_lanes>;
  using NarrowPack = Pack<Real, double_lanes>;    ///< as many numbers as a DoublePack
  using Networks = StackedNetworks<Real, Lanes, row_block, block_packs>;
  using MixedWeights = LaneWeights<Real, Lanes>;

 public:
  explicit CommitteeKernel(const Potential &potential)
      : shape_(potential.settings),
        projection_(shape_),
        invariants_(shape_),
        num_elements_(static_cast<int>(potential.settings.elements.size())),
        num_members_(potential.settings.num_members),
        num_hidden_(potential.settings.num_hidden),
        member_row_(MemberForces::row_length(num_members_)),
        cutoff_(potential.settings.cutoff),
        radial_(potential.radial.begin(), potential.radial.end()),
        short_range_(potential),
        neighbors_(cutoff_, num_elements_, block_packs)
  {
    const int num_weights = C() * shape_.num_radial;
    for (int central = 0; central < num_elements_ && num_elements_ <= W; ++central)
      for (int q = 0; q < num_weights; ++q)
        for (int w = 0; w < W; ++w)
          mixed_radial_.push_back(radial_weights(central, std::min(w, num_elements_ - 1))[q]);
    for (const ElementCommittee &committee : potential.committees)
      networks_.emplace_back(committee, num_members_, num_hidden_, D());
    const int outputs = num_members_ * num_hidden_ + num_members_ + row_block,
              streams = num_members_;
    density_.resize(block_packs * density_size());
    components_.resize(block_packs * component_size());
    adjoint_.resize(streams * density_size());
    x_.resize(static_cast<std::size_t>(D()) * block_width);
    hidden_.resize(static_cast<std::size_t>(outputs) * block_width);
    x_adjoint_.resize(static_cast<std::size_t>(streams) * (D() + row_block) * block_width);
  }

  void evaluate(const Neighborhood &n, CommitteeOutput &out) override
  {
    out.energy = 0;
    out.member_energies.assign(num_members_, 0.0);
    out.virial = {};
    reserve(n);
    if (out.member_forces)
      member_gradient_.resize(static_cast<std::size_t>(neighbors_.capacity()) * member_row_ * W);
    sort_by_element(n);
    for (const Block &block : blocks_) evaluate_block(block, n, out);
    for (double e : out.member_energies) out.energy += e / num_members_;
  }

 private:
  /// Consecutive entries of `order_`, all of one element.
  struct Block {
    int element, first, count;
  };

  void reserve(const Neighborhood &n)
  {
    if (!neighbors_.reserve(n)) return;
    const std::size_t rows = neighbors_.capacity();
    records_.assign(block_packs * rows * record_size(), Real(0));
    gradient_.assign(rows * 3 * W, Real(0));
    member_gradient_.clear();
  }

  void sort_by_element(const Neighborhood &n)
  {
    order_.clear();
    blocks_.clear();
    for (int e = 0; e < num_elements_; ++e) {
      const int start = static_cast<int>(order_.size());
      for (int c = 0; c < n.num_centers; ++c)
        if (n.element[n.centers[c]] == e) order_.push_back(n.centers[c]);
      const int end = static_cast<int>(order_.size());
      for (int i = start; i < end; i += block_width)
        blocks_.push_back({e, i, std::min(block_width, end - i)});
    }
  }

  void evaluate_block(const Block &block, const Neighborhood &n, CommitteeOutput &out)
  {
    const int num_packs = (block.count + W - 1) / W;
    const bool members = out.member_forces != nullptr;
    const int num_streams = members ? num_members_ : 1;
    for (int p = 0; p < num_packs; ++p) {
      timed(Stage::gather, out, [&] { gather(block, p, n); });
      timed(Stage::radial, out, [&] { radial(block.element, p); });
      if (neighbors_.any_within(p, short_range_.reach())) {
        soften(block.element, p);
        repel(block, p, n, out);
      }
      timed(Stage::projection, out,
            [&] { projection_.project(records(p), neighbors_.count(p), density(p)); });
      timed(Stage::invariants, out, [&] { standardise(block.element, p); });
    }
    if (out.descriptors) copy_descriptors(block, out.descriptors);
    timed(Stage::networks, out, [&] { forward(block, num_packs, out); });
    if (!members && !out.forces && !out.atom_virial && !out.centroid_virial) return;
    timed(Stage::networks_reverse, out, [&] {
      if (members)
        reverse_members(block, num_packs);
      else
        reverse_mean(block, num_packs);
    });
    for (int p = 0; p < num_packs; ++p) {
      timed(Stage::invariants_reverse, out, [&] { reverse_invariants(p, num_streams); });
      timed(Stage::projection_reverse, out, [&] { pair_gradients(p, num_streams, out.virial); });
      timed(Stage::scatter, out, [&] {
        scatter(block, p, n, out);
        if (members) scatter_members(block, p, out.member_forces);
      });
    }
  }

  /// Calls function; adds its time to that of the stage if anybody wants it.
  template <class Function>
  static ALMLIP_INLINE void timed(Stage stage, CommitteeOutput &out, Function &&function)
  {
    if (!out.stage_seconds) return function();
    const auto start = std::chrono::steady_clock::now();
    function();
    out.stage_seconds[static_cast<int>(stage)] +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void gather(const Block &block, int p, const Neighborhood &n)
  {
    neighbors_.gather(&order_[block.first + p * W], std::min(W, block.count - p * W), p, n,
                      records(p), record_size());
  }

  /// R_c and dR_c/dr of all neighbours of one pack; records hold x/r, y/r, z/r, 1/r before them.
  ALMLIP_STAGE void radial(int element, int p)
  {
    int k = 0;
    for (int e = 0; e < num_elements_; ++e) {
      const auto [first, end] = neighbors_.uniform(e);
      if (first >= end) continue;
      for (; k < first; ++k) radial_row(p, k, mixed_weights(element, k));
      for (; k < end; ++k) radial_row(p, k, radial_weights(element, e));
    }
    for (; k < neighbors_.count(p); ++k) radial_row(p, k, mixed_weights(element, k));
  }

  template <class Weights>
  ALMLIP_INLINE void radial_row(int p, int k, const Weights &weights)
  {
    Real *record = records(p) + k * record_size();
    const V r = load<V>(neighbors_.distance(k)), inverse_r = Real(1) / r;
    for (int row = 0; row < 3; ++row)
      store(record + row * W, load<V>(record + row * W) * inverse_r);
    store(record + 3 * W, inverse_r);
    projection_.radial(weights, r, Real(1 / cutoff_), record + 4 * W, record + (4 + C()) * W);
  }

  /// Radial weights for a row whose lanes hold neighbours of several elements.
  MixedWeights mixed_weights(int element, int k) const
  {
    const std::size_t size = static_cast<std::size_t>(C()) * shape_.num_radial;
    return {radial_weights(element, 0), static_cast<int>(size),
            num_elements_ <= W ? &mixed_radial_[element * size * W] : nullptr,
            load<typename MixedWeights::Lane>(neighbors_.element(k))};
  }

  /// Radial functions of the distances that the network is to see.
  ALMLIP_STAGE void soften(int element, int p)
  {
    for (int k = 0; k < neighbors_.count(p); ++k) {
      Real distance[W], slope[W];
      bool changed = false;
      for (int w = 0; w < W; ++w) {
        const double r = static_cast<double>(neighbors_.distance(k)[w]);
        const ValueSlope seen =
            short_range_.network_distance(element, static_cast<int>(neighbors_.element(k)[w]), r);
        distance[w] = Real(seen.value);
        slope[w] = Real(seen.slope);
        changed = changed || seen.slope < 1.0;
      }
      if (!changed) continue;
      Real *record = records(p) + k * record_size();
      projection_.radial(mixed_weights(element, k), load<V>(distance), Real(1 / cutoff_),
                         record + 4 * W, record + (4 + C()) * W);
      for (int row = 4 + C(); row < 4 + 2 * C(); ++row)
        store(record + row * W, load<V>(record + row * W) * load<V>(slope));
    }
  }

  /// Repulsion of the nuclei: one half of each pair belongs to the atom of the pack, and the same
  /// to every member.
  ALMLIP_STAGE void repel(const Block &block, int p, const Neighborhood &n, CommitteeOutput &out)
  {
    for (int w = 0; w < W && p * W + w < block.count; ++w)
      for (int k = 0; k < neighbors_.count(p); ++k) {
        const int i = order_[block.first + p * W + w], j = neighbors_.index(p, k)[w];
        if (j < 0 || static_cast<double>(neighbors_.distance(k)[w]) >= short_range_.reach())
          continue;
        const double *xi = n.positions + 3 * static_cast<std::size_t>(i),
                     *xj = n.positions + 3 * static_cast<std::size_t>(j);
        const double d[3] = {xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]},
                     r = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        const ValueSlope pair = short_range_.repulsion(block.element, n.element[j], r);
        if (pair.value == 0) continue;
        const double g[3] = {0.5 * pair.slope * d[0] / r, 0.5 * pair.slope * d[1] / r,
                             0.5 * pair.slope * d[2] / r};
        tally_repulsion(i, j, 0.5 * pair.value, d, g, num_members_, out);
      }
  }

  ALMLIP_STAGE void standardise(int element, int p)
  {
    const Networks &network = networks_[element];
    Real *x = x_.data() + p * W;
    invariants_.forward(density(p), components(p), [&](int d, const V &g) {
      store(x + static_cast<std::size_t>(d) * block_width,
            (g - network.mean[d]) * network.inverse_deviation[d]);
    });
  }

  void copy_descriptors(const Block &block, double *descriptors) const
  {
    for (int q = 0; q < block.count; ++q)
      for (int d = 0; d < D(); ++d)
        descriptors[static_cast<std::size_t>(order_[block.first + q]) * D() + d] =
            x_[static_cast<std::size_t>(d) * block_width + q];
  }

  /// Energies; afterwards hidden_ holds dE_k/dz of every hidden unit.
  ALMLIP_STAGE void forward(const Block &block, int num_packs, CommitteeOutput &out)
  {
    const Networks &network = networks_[block.element];
    Networks::product(network.forward, x_.data(), hidden_.data(), num_packs);
    for (int k = 0; k < num_members_; ++k) {
      Real *energy = hidden_row(num_members_ * num_hidden_ + k);
      for (int unit = k * num_hidden_; unit < (k + 1) * num_hidden_; ++unit)
        for (int p = 0; p < num_packs; ++p) {
          Real *at = hidden_row(unit) + p * W;
          const Activation<Real, Lanes> silu(load<V>(at));
          store(energy + p * W, load<V>(energy + p * W) + network.output[unit] * silu.value);
          store(at, network.output[unit] * silu.slope);
        }
      add_energies(block, k, energy, out);
    }
  }

  void add_energies(const Block &block, int k, const Real *energy, CommitteeOutput &out) const
  {
    const double e0 = networks_[block.element].reference_energy;
    for (int q = 0; q < block.count; ++q) {
      const int i = order_[block.first + q];
      const double e = e0 + static_cast<double>(energy[q]);
      out.member_energies[k] += e;
      if (out.atom_energy) out.atom_energy[i] += e / num_members_;
      if (out.member_atom_energy)
        out.member_atom_energy[static_cast<std::size_t>(i) * num_members_ + k] += e;
    }
  }

  /// d(mean E)/dG by one contraction over all hidden units.
  ALMLIP_STAGE void reverse_mean(const Block &block, int num_packs)
  {
    Networks::product(networks_[block.element].reverse_mean, hidden_.data(), x_adjoint_.data(),
                      num_packs);
  }

  ALMLIP_STAGE void reverse_members(const Block &block, int num_packs)
  {
    for (int k = 0; k < num_members_; ++k)
      Networks::product(networks_[block.element].reverse[k], hidden_row(k * num_hidden_),
                        x_adjoint(k), num_packs);
  }

  /// Adjoints of A from those of x: of the mean, or one of every member.
  ALMLIP_STAGE void reverse_invariants(int p, int num_streams)
  {
    for (int s = 0; s < num_streams; ++s) {
      const Real *g = x_adjoint(s) + p * W;
      Real *adjoint = adjoint_.data() + s * density_size();
      invariants_.forward_reverse(
          density(p), components(p),
          [&](int d) { return load<V>(g + static_cast<std::size_t>(d) * block_width); }, adjoint);
      projection_.apply_norms(adjoint);
    }
  }

  /// dE/d(x_j - x_i) of all neighbours of a pack: of the mean to gradient_[k][axis]; with one
  /// stream per member also theirs, to member_gradient_[k][3 member + axis].
  ALMLIP_STAGE void pair_gradients(int p, int num_streams, Tensor6 &virial)
  {
    const Real share = Real(1) / Real(num_streams);
    V w[6] = {};
    const Real *record = records(p);
    projection_.pair_gradients(
        {neighbors_.count(p), record, record_size(), record + 3 * W, record_size()},
        adjoint_.data(),
        num_streams, [&](int k, int s, const V(&g)[3]) __attribute__((always_inline)) {
          Real *to = gradient_.data() + 3 * static_cast<std::size_t>(k) * W;
          V mean[3];
          for (int axis = 0; axis < 3; ++axis) {
            if (num_streams > 1) store(member_gradient(k) + (3 * s + axis) * W, g[axis]);
            mean[axis] = s == 0 ? g[axis] * share : load<V>(to + axis * W) + g[axis] * share;
            store(to + axis * W, mean[axis]);
          }
          if (s + 1 < num_streams) return;
          const Real *at = record + k * record_size();
          const V r = Real(1) / load<V>(at + 3 * W),
                  d[3] = {load<V>(at) * r, load<V>(at + W) * r, load<V>(at + 2 * W) * r};
          static_for<6>([&](auto q) { w[q] = w[q] - d[tensor_row[q]] * mean[tensor_column[q]]; });
        });
    for (int q = 0; q < 6; ++q) virial[q] += lane_sum<Real, Lanes>(w[q]);
  }

  /// F_i += g, F_j -= g in double, so that the sum of all forces is zero.
  ALMLIP_STAGE void scatter(const Block &block, int p, const Neighborhood &n,
                            CommitteeOutput &out) const
  {
    const bool virial = out.atom_virial || out.centroid_virial;
    for (int w = 0; w < W && p * W + w < block.count; ++w) {
      const int i = order_[block.first + p * W + w];
      const double *xi = n.positions + 3 * static_cast<std::size_t>(i);
      double sum[3] = {}, own_virial[6] = {};
      for (int k = 0; k < neighbors_.count(p); ++k) {
        const int j = neighbors_.index(p, k)[w];
        if (j < 0) continue;
        const Real *from = gradient_.data() + static_cast<std::size_t>(k) * 3 * W + w;
        const double g[3] = {static_cast<double>(from[0]), static_cast<double>(from[W]),
                             static_cast<double>(from[2 * W])};
        for (int axis = 0; axis < 3; ++axis) sum[axis] += g[axis];
        if (out.forces)
          for (int axis = 0; axis < 3; ++axis)
            out.forces[3 * static_cast<std::size_t>(j) + axis] -= g[axis];
        if (!virial) continue;
        const double *xj = n.positions + 3 * static_cast<std::size_t>(j);
        tally_virial(own_virial, j, {xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]}, g, out);
      }
      for (int q = 0; out.atom_virial && q < 6; ++q)
        out.atom_virial[6 * static_cast<std::size_t>(i) + q] += own_virial[q];
      if (out.forces)
        for (int axis = 0; axis < 3; ++axis)
          out.forces[3 * static_cast<std::size_t>(i) + axis] += sum[axis];
    }
  }

  /// As scatter, for the rows of 3 M components of the members' forces: tiles are transposed so
  /// that the components of one neighbour lie together.
  ALMLIP_STAGE void scatter_members(const Block &block, int p, double *forces)
  {
    for (int k = 0; k < neighbors_.count(p); ++k)
      for (int q = 0; q < member_row_; q += W) {
        Real *tile = member_gradient(k) + q * W;
        transpose_tile<Real, Lanes>(tile, W, tile, W);
      }
    for (int w = 0; w < W && p * W + w < block.count; ++w) {
      double *fi = forces + static_cast<std::size_t>(order_[block.first + p * W + w]) * member_row_;
      for (int k = 0; k < neighbors_.count(p); ++k) {
        const int j = neighbors_.index(p, k)[w];
        if (j < 0) continue;
        double *fj = forces + static_cast<std::size_t>(j) * member_row_;
        for (int q = 0; q < member_row_; q += W) {
          const Real *g = member_gradient(k) + (q + w) * W;
          static_for<W / double_lanes>([&](auto part) {
            const DoublePack change =
                __builtin_convertvector(load<NarrowPack>(g + part * double_lanes), DoublePack);
            double *to_i = fi + q + part * double_lanes, *to_j = fj + q + part * double_lanes;
            store(to_i, load<DoublePack>(to_i) + change);
            store(to_j, load<DoublePack>(to_j) - change);
          });
        }
      }
    }
  }

  int C() const { return shape_.num_channels; }
  int D() const { return shape_.num_descriptors; }
  std::size_t record_size() const
  {
    return static_cast<std::size_t>(projection_.record_rows()) * W;
  }
  std::size_t density_size() const { return static_cast<std::size_t>(shape_.num_lm) * C() * W; }
  std::size_t component_size() const
  {
    return static_cast<std::size_t>(shape_.num_components) * C() * W;
  }
  const Real *radial_weights(int element, int neighbor) const
  {
    return &radial_[static_cast<std::size_t>(element * num_elements_ + neighbor) * C() *
                    shape_.num_radial];
  }
  Real *records(int p)
  {
    return records_.data() + static_cast<std::size_t>(p) * neighbors_.capacity() * record_size();
  }
  Real *density(int p) { return density_.data() + p * density_size(); }
  Real *components(int p) { return components_.data() + p * component_size(); }
  Real *hidden_row(int unit)
  {
    return hidden_.data() + static_cast<std::size_t>(unit) * block_width;
  }
  Real *x_adjoint(int stream)
  {
    return x_adjoint_.data() + static_cast<std::size_t>(stream) * (D() + row_block) * block_width;
  }
  Real *member_gradient(int k)
  {
    return member_gradient_.data() + static_cast<std::size_t>(k) * member_row_ * W;
  }

  const Shape shape_;
  Density<Real, Lanes, Shape> projection_;
  Invariants<Real, Lanes, Shape> invariants_;
  const int num_elements_, num_members_, num_hidden_, member_row_;
  const double cutoff_;
  std::vector<Real> radial_;    ///< shape [E][E][C][num_radial]
  AlignedArray<Real>
      mixed_radial_;    ///< shape [E][C][num_radial][Lanes]: lane = neighbour's element
  const ShortRange short_range_;
  std::vector<Networks> networks_;

  std::vector<int> order_;
  std::vector<Block> blocks_;
  NeighborLanes<Real, Lanes> neighbors_;
  AlignedArray<Real> records_, density_, components_, x_, hidden_, x_adjoint_, adjoint_, gradient_,
      member_gradient_;
};

/// The kernel for a shape; `committee.cpp` chooses among the instruction sets.
template <class Shape>
std::unique_ptr<Committee::Kernel> make_committee_kernel(const Potential &potential,
                                                         Precision precision)
{
  if (precision == Precision::mixed)
    return std::make_unique<CommitteeKernel<float, native_lanes<float>, Shape>>(potential);
  return std::make_unique<CommitteeKernel<double, native_lanes<double>, Shape>>(potential);
}

ALMLIP_END_KERNELS
}    // namespace almlip
