// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cmath>

#include "almlip/committee.h"
#include "almlip/kernels/dense.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Neighbours of the atoms of a block: row k of a pack holds the k-th neighbour of every lane.
/// Lanes have their neighbours in the order of the elements and are padded to the longest one, so
/// that most rows are of one element. Distances and elements are those of the pack gathered last.
template <class Real, int Lanes>
class NeighborLanes {
  static constexpr int W = Lanes;
  using V = Pack<Real, Lanes>;

 public:
  struct Range {
    int first, end;
  };

  NeighborLanes(double cutoff, int num_elements, int num_packs)
      : cutoff_(cutoff),
        num_elements_(num_elements),
        num_packs_(num_packs),
        uniform_(num_elements),
        end_(num_elements),
        count_(num_packs)
  {
  }

  /// Room for the lists of n; whether the capacity has changed.
  bool reserve(const Neighborhood &n)
  {
    int most = 0;
    for (int c = 0; c < n.num_centers; ++c) most = std::max(most, n.num_neighbors[n.centers[c]]);
    if (most <= list_capacity_) return false;
    list_capacity_ = (most + 31) / 16 * 16;
    near_.resize(static_cast<std::size_t>(num_elements_) * list_capacity_);
    distance_.assign(static_cast<std::size_t>(capacity()) * W, Real(0));
    element_.assign(static_cast<std::size_t>(capacity()) * W, 0);
    index_.assign(static_cast<std::size_t>(num_packs_) * capacity() * W, -1);
    return true;
  }

  /// Rows that a pack has room for.
  int capacity() const { return list_capacity_ + W; }

  /// Finds the neighbours of pack p.
  /// @param atoms   of the lanes, `num_lanes` of them
  /// @param record  of the first row; x y z (Angstrom) are written to it, Lanes numbers each
  /// @param step    from the record of a row to that of the next
  ALMLIP_STAGE void gather(const int *atoms, int num_lanes, int p, const Neighborhood &n,
                           Real *record, std::size_t step)
  {
    int count[W] = {};
    int *index = index_.data() + static_cast<std::size_t>(p) * capacity() * W;
    auto put = [&](int k, int w, const Near &from) {
      Real *to = record + k * step + w;
      to[0] = from.x;
      to[W] = from.y;
      to[2 * W] = from.z;
      distance_[k * W + w] = from.r2;
      index[k * W + w] = from.index;
      element_[k * W + w] = from.element;
    };
    std::fill(uniform_.begin(), uniform_.end(), Range{0, capacity()});
    for (int w = 0; w < num_lanes; ++w) {
      find_near(atoms[w], n);
      for (int e = 0; e < num_elements_; ++e) {
        uniform_[e].first = std::max(uniform_[e].first, count[w]);
        for (const Near *from = near(e); from < end_[e]; ++from) put(count[w]++, w, *from);
        uniform_[e].end = std::min(uniform_[e].end, count[w]);
      }
    }
    const int num_rows = *std::max_element(count, count + W);
    count_[p] = num_rows;
    // Padding does nothing at the cutoff, of whatever element it is: here of the last.
    uniform_.back().end = num_rows;
    const Near padding{Real(0), Real(0), Real(0), Real(cutoff_ * cutoff_), -1, num_elements_ - 1};
    for (int w = 0; w < W; ++w)
      for (int k = count[w]; k < num_rows; ++k) put(k, w, padding);
    for (int q = 0; q < num_rows * W; ++q) distance_[q] = std::sqrt(distance_[q]);
  }

  /// Rows of pack p.
  int count(int p) const { return count_[p]; }
  /// Neighbours of the lanes in row k of pack p; -1 in padding.
  const int *index(int p, int k) const
  {
    return &index_[(static_cast<std::size_t>(p) * capacity() + k) * W];
  }
  /// Distances of row k of the last pack, Angstrom; the cutoff in padding.
  const Real *distance(int k) const { return &distance_[k * W]; }
  /// Elements of row k of the last pack; any in padding.
  const LaneInt<Real> *element(int k) const { return &element_[k * W]; }
  /// Rows of the last pack in which all neighbours are of element e; empty if end <= first.
  Range uniform(int e) const { return uniform_[e]; }

  /// Whether a neighbour of the last pack is closer than `reach`.
  bool any_within(int p, double reach) const
  {
    V nearest = V{} + Real(cutoff_);
    for (int k = 0; k < count_[p]; ++k) {
      const V r = load<V>(distance(k));
      nearest = r < nearest ? r : nearest;
    }
    Real lanes[W];
    store(lanes, nearest);
    return *std::min_element(lanes, lanes + W) < Real(reach);
  }

 private:
  /// A neighbour within the cutoff.
  struct Near {
    Real x, y, z, r2;
    int index, element;
  };

  /// Neighbours of atom i within the cutoff, differences taken in double; those of element e from
  /// near(e) to end_[e].
  void find_near(int i, const Neighborhood &n)
  {
    for (int e = 0; e < num_elements_; ++e) end_[e] = near(e);
    const double *x = n.positions, xi = x[3 * i], yi = x[3 * i + 1], zi = x[3 * i + 2],
                 cutoff2 = cutoff_ * cutoff_;
    const int *list = n.neighbors[i];
    Near **end = end_.data();
    for (int q = 0; q < n.num_neighbors[i]; ++q) {
      const int j = list[q] & n.neighbor_mask, element = n.element[j];
      const double dx = x[3 * j] - xi, dy = x[3 * j + 1] - yi, dz = x[3 * j + 2] - zi,
                   r2 = dx * dx + dy * dy + dz * dz;
      Near *&to = end[std::max(element, 0)];
      *to = {Real(dx), Real(dy), Real(dz), Real(r2), j, element};
      to += (r2 < cutoff2) & (element >= 0);    // without a branch
    }
  }

  Near *near(int e) { return near_.data() + static_cast<std::size_t>(e) * list_capacity_; }

  const double cutoff_;
  const int num_elements_, num_packs_;
  int list_capacity_ = 0;
  std::vector<Near> near_;    ///< shape [num_elements][list_capacity_]
  std::vector<Range> uniform_;
  std::vector<Near *> end_;
  std::vector<int> count_, index_;
  AlignedArray<LaneInt<Real>> element_;
  AlignedArray<Real> distance_;
};

ALMLIP_END_KERNELS
}    // namespace almlip
