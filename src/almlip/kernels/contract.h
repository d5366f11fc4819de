// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "almlip/kernels/pack.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// A matrix of packs in memory: entry (row, column) at `at + row row_step + column column_step`.
template <class Real>
struct PackMatrix {
  Real *at;
  std::size_t row_step, column_step;
};

/// What happens to the numbers that are in the place of a result.
enum class Update { set, add, subtract };

/// function(n, first) for consecutive chunks of n indices, a compile-time constant: Usual, and in
/// the last chunk what is left, 1 to Most, which is Usual or one more.
template <int Usual, int Most, class Function>
ALMLIP_INLINE void for_chunks(int count, Function &&function)
{
  int first = 0;
  for (; first + Most < count; first += Usual)
    function(std::integral_constant<int, Usual>{}, first);
  const int left = count - first;
  static_for<Most>([&](auto n) {    // calls: inlined, members took 3 to 6 % longer
    if (left == n + 1) function(std::integral_constant<int, n + 1>{}, first);
  });
}

/// Rows or channels whose sums the registers hold at once: usually, and the most.
constexpr int usual_chunk = 4, max_chunk = register_bytes == 64 ? 5 : 4;

/// out[i][j] = sum_k a[i][k] b[j][k] lane by lane, i < num_rows, j < num_columns, k < num_terms; in
/// register tiles.
template <class Real, int Lanes>
ALMLIP_STAGE void contract(int num_rows, int num_columns, int num_terms, PackMatrix<const Real> a,
                           PackMatrix<const Real> b, PackMatrix<Real> out,
                           Update update = Update::set)
{
  using V = Pack<Real, Lanes>;
  constexpr int columns = register_bytes == 64 ? 4 : 2;
  for_chunks<usual_chunk, max_chunk>(
      num_rows, [&](auto rows_, int i) __attribute__((always_inline)) {
        for_chunks<columns, columns>(
            num_columns, [&](auto columns_, int j) __attribute__((always_inline)) {
              constexpr int I = rows_, J = columns_;
              V sum[I][J] = {};
              const Real *a_k = a.at + i * a.row_step, *b_k = b.at + j * b.row_step;
              for (int k = 0; k < num_terms; ++k, a_k += a.column_step, b_k += b.column_step) {
                V u[I], v[J];
                static_for<I>([&](auto p) { u[p] = in_register(load<V>(a_k + p * a.row_step)); });
                static_for<J>([&](auto q) { v[q] = in_register(load<V>(b_k + q * b.row_step)); });
                static_for<I * J>([&](auto n) {
                  constexpr int p = n / J, q = n % J;
                  sum[p][q] = sum[p][q] + u[p] * v[q];
                });
              }
              Real *to = out.at + i * out.row_step + j * out.column_step;
              auto finish = [&](auto change) __attribute__((always_inline))
              {
                static_for<I * J>([&](auto n) {
                  constexpr int p = n / J, q = n % J;
                  Real *entry = to + p * out.row_step + q * out.column_step;
                  change(entry, sum[p][q]);
                });
              };
              if (update == Update::set)
                finish([](Real *entry, const V &s) { store(entry, s); });
              else if (update == Update::add)
                finish([](Real *entry, const V &s) { store(entry, load<V>(entry) + s); });
              else
                finish([](Real *entry, const V &s) { store(entry, load<V>(entry) - s); });
            });
      });
}

ALMLIP_END_KERNELS
}    // namespace almlip
