// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include "almlip/kernels/pack.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Allocator of 64-byte aligned arrays.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U> &)
  {
  }
  T *allocate(std::size_t n)
  {
    return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T *p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  friend bool operator==(const AlignedAllocator &, const AlignedAllocator &) { return true; }
  friend bool operator!=(const AlignedAllocator &, const AlignedAllocator &) { return false; }
};
template <class T>
using AlignedArray = std::vector<T, AlignedAllocator<T>>;

/// A matrix packed for `multiply`: rows in blocks of RowBlock, layout [row /
/// RowBlock][column][RowBlock], padded with zero rows.
template <class Real, int RowBlock>
struct PackedMatrix {
  int num_rows = 0, num_columns = 0;
  std::vector<Real> weights, bias;

  int num_blocks() const { return (num_rows + RowBlock - 1) / RowBlock; }
  int padded_rows() const { return num_blocks() * RowBlock; }
  Real &at(int row, int column)
  {
    return weights[(static_cast<std::size_t>(row / RowBlock) * num_columns + column) * RowBlock +
                   row % RowBlock];
  }
  PackedMatrix() = default;
  PackedMatrix(int rows, int columns) : num_rows(rows), num_columns(columns)
  {
    weights.assign(static_cast<std::size_t>(padded_rows()) * columns, Real(0));
    bias.assign(padded_rows(), Real(0));
  }
};

/// y[row] = bias[row] + sum_column w[row][column] x[column] for NumPacks packs of atoms; a register
/// tile of RowBlock x NumPacks. Rows of x and y are `stride` numbers apart.
/// @tparam PackStep  numbers from one pack of a row to the next
/// @param columns  number of columns used, at most `column_capacity`, the number of columns that
/// the weights are packed for
/// @param bias     may be null
template <class Real, int Lanes, int RowBlock, int NumPacks, int PackStep = Lanes>
ALMLIP_STAGE void multiply(const Real *weights, int num_blocks, int columns, int column_capacity,
                           const Real *bias, const Real *x, Real *y, std::size_t stride)
{
  using V = Pack<Real, Lanes>;
  for (int block = 0; block < num_blocks;
       ++block, weights += static_cast<std::size_t>(column_capacity) * RowBlock) {
    V sum[RowBlock][NumPacks];
    static_for<RowBlock>([&](auto r) {
      static_for<NumPacks>(
          [&](auto p) { sum[r][p] = V{} + (bias ? bias[block * RowBlock + r] : Real(0)); });
    });
    const Real *x_row = x, *w = weights;
    for (int k = 0; k < columns; ++k, x_row += stride, w += RowBlock) {
      V v[NumPacks];
      static_for<NumPacks>([&](auto p) { v[p] = load<V>(x_row + p * PackStep); });
      static_for<RowBlock>([&](auto r) {
        static_for<NumPacks>([&](auto p) { sum[r][p] = sum[r][p] + w[r] * v[p]; });
      });
    }
    static_for<RowBlock>([&](auto r) {
      static_for<NumPacks>(
          [&](auto p) { store(y + (block * RowBlock + r) * stride + p * PackStep, sum[r][p]); });
    });
  }
}

ALMLIP_END_KERNELS
}    // namespace almlip
