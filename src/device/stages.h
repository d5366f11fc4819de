// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/device_atoms.h"
#include "device/device_model.h"
#include "device/tiles.h"

#include <cmath>

#include "almlip/kernels/density.h"
#include "almlip/kernels/invariants.h"

namespace almlip::device {

// The stages of an evaluation, each a functor over the atoms of a chunk (or over what its comment
// says). The physics is that of almlip/kernels, with one lane per thread and rows of tile_width.

template <class Real, class Shape>
using DeviceDensity = Density<Real, 1, Shape, tile_width>;
template <class Real, class Shape>
using DeviceInvariants = Invariants<Real, 1, Shape, tile_width>;

/// Arrays of a chunk of atoms.
template <class Real>
struct Chunk {
  const int *order = nullptr;           ///< atom of each place of the chunk, -1: none
  const int *tile_element = nullptr;    ///< by tile
  int *count = nullptr;                 ///< neighbours within the cutoff, by place
  Tiles<int> neighbor;                  ///< their indices
  Tiles<Real> records;                  ///< of the neighbours, as Density has them
  Tiles<Real> density, components, x, hidden, x_adjoint, adjoint;
  Tiles<double> sums;    ///< what is added up over the atoms: virial, then members' energies
};
constexpr int num_virial_sums = 6;

/// Neighbours within the cutoff: indices, directions, radial functions. Differences in double.
template <class Real, class Shape>
struct Gather {
  Chunk<Real> chunk;
  ModelView<Real> model;
  DeviceAtoms atoms;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    double *sums = chunk.sums.lane(a);
    for (int q = 0; q < chunk.sums.num_rows; ++q) sums[q * tile_width] = 0;
    const int i = chunk.order[a];
    chunk.count[a] = i < 0 ? 0 : gather(a, i);
  }

 private:
  KOKKOS_INLINE_FUNCTION int gather(int a, int i) const
  {
    const double *x = atoms.positions, xi = x[3 * std::size_t(i)], yi = x[3 * std::size_t(i) + 1],
                 zi = x[3 * std::size_t(i) + 2];
    int *index = chunk.neighbor.lane(a), found = 0;
    Real *record = chunk.records.lane(a);
    for (int q = 0; q < atoms.num_neighbors[i]; ++q) {
      const int j = atoms.neighbor(i, q), element = atoms.element[j];
      const double dx = x[3 * std::size_t(j)] - xi, dy = x[3 * std::size_t(j) + 1] - yi,
                   dz = x[3 * std::size_t(j) + 2] - zi, r2 = dx * dx + dy * dy + dz * dz;
      if (r2 >= model.cutoff * model.cutoff || element < 0) continue;
      index[found * tile_width] = j;
      ++found;
      const Real r = std::sqrt(Real(r2)), inverse_r = Real(1) / r;
      record[0] = Real(dx) * inverse_r;
      record[tile_width] = Real(dy) * inverse_r;
      record[2 * tile_width] = Real(dz) * inverse_r;
      record[3 * tile_width] = inverse_r;
      radial(atoms.element[i] * model.num_elements + element, r, record + 4 * tile_width);
      record += DeviceDensity<Real, Shape>::record_rows() * tile_width;
    }
    return found;
  }

  KOKKOS_INLINE_FUNCTION void radial(int pair, Real r, Real *values) const
  {
    constexpr int C = Shape::num_channels;
    Real *slopes = values + C * tile_width;
    const bool near = r < Real(model.reach);
    ValueSlope seen{static_cast<double>(r), 1.0};
    if (near) seen = model.short_range[pair].network_distance(static_cast<double>(r));
    DeviceDensity<Real, Shape>::radial(model.radial + pair * C * Shape::num_radial,
                                       near ? Real(seen.value) : r, Real(1 / model.cutoff), values,
                                       slopes);
    if (!near) return;
    for (int c = 0; c < C; ++c) slopes[c * tile_width] *= Real(seen.slope);
  }
};

/// Adds what a pair gives to the virials of its atoms and to the sum over all.
/// @param d, g  x_j - x_i and dE/d(x_j - x_i)
KOKKOS_INLINE_FUNCTION void add_virial(int i, int j, const double (&d)[3], const double (&g)[3],
                                       double *sums, const DeviceOutput &out)
{
  static_for<6>([&](auto q) {
    constexpr int row = tensor_row[q], column = tensor_column[q];
    const double term = -d[row] * g[column];
    sums[q * tile_width] += term;
    if (!out.atom_virial) return;
    Kokkos::atomic_add(out.atom_virial + 6 * std::size_t(i) + q, 0.5 * term);
    Kokkos::atomic_add(out.atom_virial + 6 * std::size_t(j) + q, 0.5 * term);
  });
  if (!out.centroid_virial) return;
  static_for<9>([&](auto q) {
    constexpr int row = tensor_row[q], column = tensor_column[q];
    Kokkos::atomic_add(out.centroid_virial + 9 * std::size_t(j) + q, -d[row] * g[column]);
  });
}

/// Forces on all atoms, of the mean or of one member.
struct ForceRows {
  double *at = nullptr;    ///< null: not wanted
  std::size_t step = 3;    ///< from atom to atom

  KOKKOS_INLINE_FUNCTION void add(int i, const double (&change)[3], double sign) const
  {
    for (int axis = 0; at && axis < 3; ++axis)
      Kokkos::atomic_add(at + i * step + axis, sign * change[axis]);
  }
};

/// Repulsion of the nuclei: one half of each pair belongs to the atom, and the same to each member.
template <class Real, class Shape>
struct Repel {
  Chunk<Real> chunk;
  ModelView<Real> model;
  DeviceAtoms atoms;
  DeviceOutput out;
  ForceRows forces;    ///< of the mean, or of the first member
  int num_streams;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int i = chunk.order[a];
    const Real *record = chunk.records.lane(a);
    for (int k = 0; k < chunk.count[a]; ++k) {
      const Real inverse_r =
          record[(k * DeviceDensity<Real, Shape>::record_rows() + 3) * tile_width];
      if (inverse_r * Real(model.reach) > Real(1))
        repel(a, i, chunk.neighbor.lane(a)[k * tile_width]);
    }
  }

 private:
  KOKKOS_INLINE_FUNCTION void repel(int a, int i, int j) const
  {
    const double *xi = atoms.positions + 3 * std::size_t(i),
                 *xj = atoms.positions + 3 * std::size_t(j);
    const double d[3] = {xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]},
                 r = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    const ValueSlope pair =
        model.short_range[atoms.element[i] * model.num_elements + atoms.element[j]].repulsion(r);
    if (pair.value == 0) return;
    const double energy = 0.5 * pair.value, along = 0.5 * pair.slope / r,
                 g[3] = {along * d[0], along * d[1], along * d[2]};
    double *sums = chunk.sums.lane(a);
    add_virial(i, j, d, g, sums, out);
    for (int k = 0; k < model.num_members; ++k) {
      sums[(num_virial_sums + k) * tile_width] += energy;
      if (out.member_atom_energy)
        out.member_atom_energy[std::size_t(i) * model.num_members + k] += energy;
    }
    if (out.atom_energy) out.atom_energy[i] += energy;
    if (out.zbl_energy) out.zbl_energy[i] += energy;
    for (int s = 0; forces.at && s < num_streams; ++s) {
      const ForceRows stream{forces.at + 3 * s, forces.step};
      stream.add(i, g, 1.0);
      stream.add(j, g, -1.0);
    }
  }
};

/// Density A of each atom.
template <class Real, class Shape>
struct Project {
  Chunk<Real> chunk;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    DeviceDensity<Real, Shape>::project(chunk.records.lane(a), chunk.count[a],
                                        chunk.density.lane(a));
  }
};

/// Standardised invariants x of each atom; keeps the components T.
template <class Real, class Shape>
struct Standardise {
  Chunk<Real> chunk;
  ModelView<Real> model;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int at = chunk.tile_element[a / tile_width] * Shape::num_descriptors;
    const Real *mean = model.mean + at, *inverse_deviation = model.inverse_deviation + at;
    Real *x = chunk.x.lane(a);
    DeviceInvariants<Real, Shape>::forward(
        chunk.density.lane(a), chunk.components.lane(a),
        [&](int d, const Real &g) { x[d * tile_width] = (g - mean[d]) * inverse_deviation[d]; });
  }
};

/// y = matrix x for the tiles of a chunk: a thread for a block of rows and every product_threads-th
/// atom of a tile.
template <class Real>
struct Product {
  const int *tile_element;
  ElementMatrices<Real> matrix;
  Tiles<Real> x, y;
  int first_row = 0;     ///< of x
  bool lower = false;    ///< the matrix is a lower triangle

  KOKKOS_FUNCTION void operator()(int index) const
  {
    const int thread = index % product_threads, rest = index / product_threads,
              block = rest % matrix.num_blocks, tile = rest / matrix.num_blocks,
              element = tile_element[tile], end = (block + 1) * row_block,
              columns = lower && end < matrix.num_columns ? end : matrix.num_columns;
    multiply<Real, 1, row_block, tile_width / product_threads, product_threads>(
        matrix.block_weights(element, block), 1, columns, columns,
        matrix.block_bias(element, block), x.tile(tile) + first_row * tile_width + thread,
        y.tile(tile) + block * row_block * tile_width + thread, tile_width);
  }
};

/// Energies of each atom; afterwards `hidden` holds dE_k/dz of every hidden unit.
template <class Real>
struct Activate {
  Chunk<Real> chunk;
  ModelView<Real> model;
  DeviceOutput out;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int i = chunk.order[a], element = chunk.tile_element[a / tile_width],
              num_units = model.num_members * model.num_hidden;
    if (i < 0) return;
    const Real *output = model.output + element * num_units;
    Real *hidden = chunk.hidden.lane(a);
    double mean = 0;
    for (int k = 0; k < model.num_members; ++k) {
      Real energy = hidden[(num_units + k) * tile_width];
      for (int unit = k * model.num_hidden; unit < (k + 1) * model.num_hidden; ++unit) {
        const Activation<Real, 1> silu(hidden[unit * tile_width]);
        energy = energy + output[unit] * silu.value;
        hidden[unit * tile_width] = output[unit] * silu.slope;
      }
      const double e = model.reference_energy[element] + static_cast<double>(energy);
      chunk.sums.lane(a)[(num_virial_sums + k) * tile_width] += e;
      if (out.member_atom_energy)
        out.member_atom_energy[std::size_t(i) * model.num_members + k] += e;
      mean += e / model.num_members;
    }
    if (out.atom_energy) out.atom_energy[i] += mean;
  }
};

/// Adjoint of A, with the norms, from that of x.
template <class Real, class Shape>
struct ReverseInvariants {
  Chunk<Real> chunk;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const Real *g = chunk.x_adjoint.lane(a);
    Real *adjoint = chunk.adjoint.lane(a);
    DeviceInvariants<Real, Shape>::forward_reverse(
        chunk.density.lane(a), chunk.components.lane(a), [&](int d) { return g[d * tile_width]; },
        adjoint);
    DeviceDensity<Real, Shape>::apply_norms(adjoint);
  }
};

/// Forces of one stream, and its share of the virials.
template <class Real, class Shape>
struct PairForces {
  Chunk<Real> chunk;
  DeviceAtoms atoms;
  DeviceOutput out;
  ForceRows forces;
  double share;    ///< of this stream in the mean

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int i = chunk.order[a];
    if (i < 0) return;
    constexpr std::size_t step = DeviceDensity<Real, Shape>::record_rows() * tile_width;
    const Real *record = chunk.records.lane(a);
    const int *index = chunk.neighbor.lane(a);
    double *sums = chunk.sums.lane(a), own[3] = {0, 0, 0};
    DeviceDensity<Real, Shape>::pair_gradients(
        {chunk.count[a], record, step, record + 3 * tile_width, step}, chunk.adjoint.lane(a), 1,
        [&](int k, int, const Real(&gradient)[3]) {
          const int j = index[k * tile_width];
          const double *xi = atoms.positions + 3 * std::size_t(i),
                       *xj = atoms.positions + 3 * std::size_t(j);
          double g[3], mean[3], d[3];
          for (int axis = 0; axis < 3; ++axis) {
            g[axis] = static_cast<double>(gradient[axis]);
            own[axis] += g[axis];
            mean[axis] = share * g[axis];
            d[axis] = xj[axis] - xi[axis];
          }
          forces.add(j, g, -1.0);
          add_virial(i, j, d, mean, sums, out);
        });
    forces.add(i, own, 1.0);
  }
};

/// x of each atom, as it is.
template <class Real>
struct CopyDescriptors {
  Chunk<Real> chunk;
  int num_descriptors;
  double *to;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int i = chunk.order[a];
    if (i < 0) return;
    for (int d = 0; d < num_descriptors; ++d)
      to[std::size_t(i) * num_descriptors + d] =
          static_cast<double>(chunk.x.lane(a)[d * tile_width]);
  }
};

/// x less the center of the novelty, to x_adjoint.
template <class Real>
struct CenterDescriptors {
  Chunk<Real> chunk;
  ModelView<Real> model;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const double *center =
        model.novelty_center + chunk.tile_element[a / tile_width] * model.num_descriptors;
    for (int d = 0; d < model.num_descriptors; ++d)
      chunk.x_adjoint.lane(a)[d * tile_width] =
          Real(static_cast<double>(chunk.x.lane(a)[d * tile_width]) - center[d]);
  }
};

/// Novelty of each atom from the whitened x.
template <class Real>
struct MeasureNovelty {
  Chunk<Real> chunk;
  ModelView<Real> model;
  Tiles<Real> white;
  double *to;

  KOKKOS_FUNCTION void operator()(int a) const
  {
    const int i = chunk.order[a];
    if (i < 0) return;
    const double threshold = model.novelty_threshold[chunk.tile_element[a / tile_width]];
    double sum_of_squares = 0;
    for (int d = 0; d < model.num_descriptors; ++d) {
      const double component = static_cast<double>(white.lane(a)[d * tile_width]);
      sum_of_squares += component * component;
    }
    to[i] = threshold > 0 ? std::sqrt(sum_of_squares) / threshold : 0.0;
  }
};

/// Adds up `sums` over the atoms.
struct AddUp {
  using value_type = double[];
  Tiles<double> sums;
  unsigned value_count;

  KOKKOS_FUNCTION void operator()(int a, double *total) const
  {
    for (unsigned q = 0; q < value_count; ++q) total[q] += sums.lane(a)[q * tile_width];
  }
};

/// Forces of the mean from those of the members.
struct MeanForces {
  const double *member_forces;
  double *forces;
  int num_members, row_length;

  KOKKOS_FUNCTION void operator()(int i) const
  {
    const double *from = member_forces + std::size_t(i) * row_length;
    for (int axis = 0; axis < 3; ++axis) {
      double sum = 0;
      for (int k = 0; k < num_members; ++k) sum += from[3 * k + axis];
      forces[3 * std::size_t(i) + axis] += sum / num_members;
    }
  }
};

/// Atoms of one element, one after the other, from the place `first` on.
struct SortElement {
  const int *centers, *element;
  int *order;
  int wanted, first;

  KOKKOS_FUNCTION void operator()(int c, int &place, bool final) const
  {
    const int i = centers[c];
    if (element[i] != wanted) return;
    if (final) order[first + place] = i;
    ++place;
  }
};

/// Length of the longest list.
struct LongestList {
  const int *centers, *num_neighbors;

  KOKKOS_FUNCTION void operator()(int c, int &most) const
  {
    const int length = num_neighbors[centers[c]];
    most = length > most ? length : most;
  }
};

}    // namespace almlip::device
