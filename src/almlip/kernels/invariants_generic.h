// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>

#include "almlip/kernels/contract.h"
#include "almlip/kernels/dense.h"
#include "almlip/kernels/invariants.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// All T_M = sum_ab g_abM A_a A_b of a list of couplings, in the order of L, then M, then the
/// coupling; and the same terms by the product A_a A_b.
template <class Real>
struct CouplingTable {
  /// Couplings with the same L, T of shape [2 L + 1][count].
  struct Group {
    int l, count, first;         ///< first row of T
    std::vector<int> members;    ///< places in the list
  };
  struct Term {
    int a, b;    ///< lm_index of the factors, a <= b
    int row;     ///< of T
    Real g;
  };
  std::vector<Group> groups;
  std::vector<Term> by_row, by_product;    ///< in the order of row; of a, then b
  std::vector<int> first_by_row;           ///< one more than rows

  explicit CouplingTable(const std::vector<std::array<int, 3>> &couplings)
  {
    int row = 0;
    for (int l = 0; l <= ModelSettings::max_lmax; ++l) {
      Group group{l, 0, row, {}};
      for (std::size_t q = 0; q < couplings.size(); ++q)
        if (couplings[q][2] == l) group.members.push_back(static_cast<int>(q));
      group.count = static_cast<int>(group.members.size());
      for (int M = 0; M <= 2 * l; ++M)
        for (int q : group.members) add_row(couplings[q], M, row++);
      if (group.count > 0) groups.push_back(group);
    }
    first_by_row.push_back(static_cast<int>(by_row.size()));
    by_product = by_row;
    std::stable_sort(by_product.begin(), by_product.end(), [](const Term &s, const Term &t) {
      return std::pair(s.a, s.b) < std::pair(t.a, t.b);
    });
  }

 private:
  void add_row(const std::array<int, 3> &coupling, int M, int row)
  {
    const auto [l1, l2, l] = coupling;
    first_by_row.push_back(static_cast<int>(by_row.size()));
    for (int a = 0; a <= 2 * l1; ++a)
      for (int b = l1 == l2 ? a : 0; b <= 2 * l2; ++b) {
        const double g = coupling_coefficient(l1, a, l2, b, l, M);
        if (g != 0) by_row.push_back({l1 * l1 + a, l2 * l2 + b, row, Real(g)});
      }
  }
};

/// Invariants of any shape, by small matrix products and a table of coupling coefficients.
template <class Real, int Lanes>
class Invariants<Real, Lanes, GenericShape> {
  static constexpr int W = Lanes;
  using V = Pack<Real, Lanes>;
  using In = PackMatrix<const Real>;
  using Out = PackMatrix<Real>;

 public:
  explicit Invariants(const GenericShape &shape)
      : shape_(shape),
        C(shape.num_channels),
        row_(static_cast<std::size_t>(C) * W),
        table_(shape.couplings),
        pairs_(std::max<std::size_t>(1, shape.couplings.size()) * C * row_),
        u_(shape.num_components * row_),
        u_dot_(u_.size())
  {
  }

  template <class Put>
  void forward(const Real *a, Real *t, Put &&put)
  {
    for (int c = 0; c < C; ++c) put(c, load<V>(a + c * W));
    int d = C;
    three_body<false>(a, a, d, put);
    couple<false>(a, a, t);
    four_body<false>(a, a, t, t, d, put);
  }

  template <class Put>
  void tangent(const Real *a, const Real *a_dot, const Real *t, Real *t_dot, Put &&put)
  {
    for (int c = 0; c < C; ++c) put(c, load<V>(a_dot + c * W));
    int d = C;
    three_body<true>(a, a_dot, d, put);
    couple<true>(a, a_dot, t_dot);
    four_body<true>(a, a_dot, t, t_dot, d, put);
  }

  template <class Get>
  void forward_reverse(const Real *a, const Real *t, Get &&get, Real *out)
  {
    for (int c = 0; c < C; ++c) store(out + c * W, get(c));
    int d = C;
    three_body_reverse(a, d, get, out, Update::set);
    four_body_reverse<false>(a, a, t, d, get, out);
    couple_reverse<false>(a, a, out);
  }

  template <class Get>
  void subtract_reverse_tangent(const Real *a, const Real *a_dot, const Real *t_dot, Get &&get,
                                Real *out)
  {
    int d = C;
    three_body_reverse(a_dot, d, get, out, Update::subtract);
    four_body_reverse<true>(a, a_dot, t_dot, d, get, out);
    couple_reverse<true>(a, a_dot, out);
  }

 private:
  /// Rows lm from l*l or rows M as matrix [row][channel], and its transpose.
  template <class Number>
  PackMatrix<Number> by_row(Number *at) const
  {
    return {at, row_, W};
  }
  template <class Number>
  PackMatrix<Number> by_channel(Number *at) const
  {
    return {at, W, row_};
  }

  template <bool Tangent, class Put>
  void three_body(const Real *a, const Real *b, int &d, Put &put)
  {
    for (int l = 1; l <= shape_.lmax; ++l) {
      const Real *u = a + l * l * row_, *v = b + l * l * row_;
      contract<Real, Lanes>(C, C, 2 * l + 1, by_channel(u), by_channel(v), by_row(pairs_.data()));
      if (Tangent)
        contract<Real, Lanes>(C, C, 2 * l + 1, by_channel(v), by_channel(u), by_row(pairs_.data()),
                              Update::add);
      for (int c = 0; c < C; ++c)
        for (int e = c; e < C; ++e) put(d++, load<V>(&pairs_[(c * C + e) * W]));
    }
  }

  template <class Get>
  void three_body_reverse(const Real *a, int &d, Get &get, Real *out, Update update)
  {
    for (int l = 1; l <= shape_.lmax; ++l) {
      for (int c = 0; c < C; ++c)
        for (int e = c; e < C; ++e) {
          const V g = get(d++);
          store(&pairs_[(c * C + e) * W], c == e ? g + g : g);
          if (c != e) store(&pairs_[(e * C + c) * W], g);
        }
      contract<Real, Lanes>(2 * l + 1, C, C, by_row(a + l * l * row_),
                            by_row<const Real>(pairs_.data()), by_row(out + l * l * row_), update);
    }
  }

  /// All components T, or with Tangent their derivative along b.
  template <bool Tangent>
  ALMLIP_STAGE void couple(const Real *a, const Real *b, Real *t)
  {
    for_chunks<usual_chunk, max_chunk>(
        C, [&](auto count, int c0) __attribute__((always_inline)) {
          constexpr int J = count;
          for (int row = 0; row < shape_.num_components; ++row) {
            V sum[J] = {};
            for (int q = table_.first_by_row[row]; q < table_.first_by_row[row + 1]; ++q) {
              const auto &term = table_.by_row[q];
              const std::size_t at1 = term.a * row_ + c0 * W, at2 = term.b * row_ + c0 * W;
              const V g = V{} + term.g;
              static_for<J>([&](auto j) {
                sum[j] = sum[j] + g * load<V>(a + at1 + j * W) * load<V>(b + at2 + j * W);
                if constexpr (Tangent)
                  sum[j] = sum[j] + g * load<V>(b + at1 + j * W) * load<V>(a + at2 + j * W);
              });
            }
            static_for<J>([&](auto j) { store(t + row * row_ + (c0 + j) * W, sum[j]); });
          }
        });
  }

  template <bool Tangent, class Put>
  void four_body(const Real *a, const Real *b, const Real *t, const Real *out, int d, Put &put)
  {
    for (const auto &group : table_.groups) {
      const int num_M = 2 * group.l + 1, num_rows = group.count * C;
      const std::size_t lm = group.l * group.l * row_, step = group.count * row_,
                        first = group.first * row_;
      if (shape_.all_partners) {
        contract<Real, Lanes>(num_rows, C, num_M, {out + first, W, step}, by_channel(a + lm),
                              by_row(pairs_.data()));
        if (Tangent)
          contract<Real, Lanes>(num_rows, C, num_M, {t + first, W, step}, by_channel(b + lm),
                                by_row(pairs_.data()), Update::add);
        const Real *from = pairs_.data();
        for (int q : group.members)
          for (int i = 0; i < C * C; ++i, from += W) put(d + q * C * C + i, load<V>(from));
        continue;
      }
      for (int row = 0; row < num_rows; ++row) {
        const std::size_t c = row % C;
        V sum{};
        for (int M = 0; M < num_M; ++M) {
          const std::size_t at = first + M * step + row * W, third = lm + M * row_ + c * W;
          sum = sum + load<V>(out + at) * load<V>(a + third);
          if constexpr (Tangent) sum = sum + load<V>(t + at) * load<V>(b + third);
        }
        put(d + group.members[row / C] * C + c, sum);
      }
    }
  }

  /// Adjoints of T to u_ (with Tangent also their derivatives along b to u_dot_; t is then the
  /// tangent of T) and what the third factors receive to out.
  template <bool Tangent, class Get>
  void four_body_reverse(const Real *a, const Real *b, const Real *t, int d, Get &get, Real *out)
  {
    constexpr Update update = Tangent ? Update::subtract : Update::add;
    for (const auto &group : table_.groups) {
      const int num_M = 2 * group.l + 1, num_rows = group.count * C;
      const std::size_t lm = group.l * group.l * row_, step = group.count * row_,
                        first = group.first * row_;
      if (shape_.all_partners) {
        Real *to = pairs_.data();
        for (int q : group.members)
          for (int i = 0; i < C * C; ++i, to += W) store(to, get(d + q * C * C + i));
        const In g = by_row<const Real>(pairs_.data());
        contract<Real, Lanes>(num_M, num_rows, C, by_row(a + lm), g, {u_.data() + first, step, W});
        if (Tangent)
          contract<Real, Lanes>(num_M, num_rows, C, by_row(b + lm), g,
                                {u_dot_.data() + first, step, W});
        contract<Real, Lanes>(num_M, C, num_rows, {t + first, step, W},
                              by_channel<const Real>(pairs_.data()), by_row(out + lm), update);
        continue;
      }
      for (int row = 0; row < num_rows; ++row) {
        const std::size_t c = row % C;
        const V g = get(d + group.members[row / C] * C + c), change = Tangent ? -g : g;
        for (int M = 0; M < num_M; ++M) {
          const std::size_t at = first + M * step + row * W, third = lm + M * row_ + c * W;
          store(&u_[at], g * load<V>(a + third));
          if constexpr (Tangent) store(&u_dot_[at], g * load<V>(b + third));
          store(out + third, load<V>(out + third) + change * load<V>(t + at));
        }
      }
    }
  }

  /// Reverse of `couple` for u_; with Tangent the negative derivative of that along b.
  template <bool Tangent>
  ALMLIP_STAGE void couple_reverse(const Real *a, const Real *b, Real *out)
  {
    constexpr Real sign = Tangent ? Real(-1) : Real(1);
    for_chunks<usual_chunk, max_chunk>(
        C, [&](auto count, int c0) __attribute__((always_inline)) {
          constexpr int J = count;
          const auto *term = table_.by_product.data(), *end = term + table_.by_product.size();
          while (term != end) {    // all products with the same first factor
            const int first_factor = term->a;
            const std::size_t at1 = first_factor * row_ + c0 * W;
            V sum[J];    // of the first factor
            static_for<J>([&](auto j) { sum[j] = V{}; });
            while (term != end && term->a == first_factor) {
              const int second_factor = term->b;
              const std::size_t at2 = second_factor * row_ + c0 * W;
              V k[J] = {}, k_dot[J] = {};
              for (; term != end && term->a == first_factor && term->b == second_factor; ++term) {
                const std::size_t from = term->row * row_ + c0 * W;
                const V g = V{} + sign * term->g;
                static_for<J>([&](auto j) {
                  k[j] = k[j] + g * load<V>(&u_[from + j * W]);
                  if constexpr (Tangent) k_dot[j] = k_dot[j] + g * load<V>(&u_dot_[from + j * W]);
                });
              }
              static_for<J>([&](auto j) {
                sum[j] = sum[j] + k[j] * load<V>(b + at2 + j * W);
                V second = load<V>(out + at2 + j * W) + k[j] * load<V>(b + at1 + j * W);
                if constexpr (Tangent) {
                  sum[j] = sum[j] + k_dot[j] * load<V>(a + at2 + j * W);
                  second = second + k_dot[j] * load<V>(a + at1 + j * W);
                }
                store(out + at2 + j * W, second);
              });
            }
            static_for<J>(
                [&](auto j) { store(out + at1 + j * W, load<V>(out + at1 + j * W) + sum[j]); });
          }
        });
  }

  const GenericShape shape_;
  const int C;
  const std::size_t row_;    ///< numbers of one row of A or T
  const CouplingTable<Real> table_;
  AlignedArray<Real> pairs_;        ///< channel pairs, shape [couplings of one L][C][C][Lanes]
  AlignedArray<Real> u_, u_dot_;    ///< adjoint of T and its tangent
};

ALMLIP_END_KERNELS
}    // namespace almlip
