#pragma once

#include <map>

#include "almlip/contract.h"
#include "almlip/dense.h"
#include "almlip/invariants.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// All T_M of a list of couplings as a sparse matrix times all products A_a A_b that occur, by rows
/// (components) and by columns (products).
template <class Real>
struct CouplingTable {
  struct Product {
    int a, b;    ///< lm_index of the factors
  };
  struct Term {
    int index;    ///< of the product, or by columns of the component
    Real g;
  };
  std::vector<Product> products;
  std::vector<Term> by_component, by_product;
  std::vector<int> first_by_component, first_by_product;    ///< one more than rows or columns

  explicit CouplingTable(const std::vector<std::array<int, 3>> &couplings)
  {
    struct Entry {
      int component, product;
      Real g;
    };
    std::vector<Entry> entries;
    std::map<std::pair<int, int>, int> known;
    int component = 0;
    for (const auto &[l1, l2, l] : couplings)
      for (int M = 0; M <= 2 * l; ++M, ++component)
        for (int a = 0; a <= 2 * l1; ++a)
          for (int b = l1 == l2 ? a : 0; b <= 2 * l2; ++b) {
            const double g = coupling_coefficient(l1, a, l2, b, l, M);
            if (g == 0) continue;
            const int lm1 = l1 * l1 + a, lm2 = l2 * l2 + b;
            const auto [at, added] =
                known.try_emplace({lm1, lm2}, static_cast<int>(products.size()));
            if (added) products.push_back({lm1, lm2});
            entries.push_back({component, at->second, Real(g)});
          }
    for (int row = 0; row <= component; ++row) {
      first_by_component.push_back(static_cast<int>(by_component.size()));
      for (const Entry &e : entries)
        if (e.component == row) by_component.push_back({e.product, e.g});
    }
    for (int column = 0; column <= static_cast<int>(products.size()); ++column) {
      first_by_product.push_back(static_cast<int>(by_product.size()));
      for (const Entry &e : entries)
        if (e.product == column) by_product.push_back({e.component, e.g});
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
        pairs_(static_cast<std::size_t>(C) * C * W),
        products_(table_.products.size() * 4 * W),
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
    for_chunks<4>(C, [&](auto count, int c0) {
      constexpr int J = count;
      Real *product = products_.data();
      for (const auto &p : table_.products) {
        const std::size_t at1 = p.a * row_ + c0 * W, at2 = p.b * row_ + c0 * W;
        static_for<J>([&](auto j) {
          V value = load<V>(a + at1 + j * W) * load<V>(b + at2 + j * W);
          if constexpr (Tangent)
            value = value + load<V>(b + at1 + j * W) * load<V>(a + at2 + j * W);
          store(product + j * W, value);
        });
        product += J * W;
      }
      for (int row = 0; row < shape_.num_components; ++row) {
        V sum[J] = {};
        for (int q = table_.first_by_component[row]; q < table_.first_by_component[row + 1]; ++q) {
          const Real *from = &products_[table_.by_component[q].index * J * W];
          static_for<J>(
              [&](auto j) { sum[j] = sum[j] + table_.by_component[q].g * load<V>(from + j * W); });
        }
        static_for<J>([&](auto j) { store(t + row * row_ + (c0 + j) * W, sum[j]); });
      }
    });
  }

  template <bool Tangent, class Put>
  void four_body(const Real *a, const Real *b, const Real *t, const Real *out, int d, Put &put)
  {
    for (const std::array<int, 3> &coupling : shape_.couplings) {
      const int num_M = 2 * coupling[2] + 1;
      const std::size_t row = coupling[2] * coupling[2] * row_;
      if (shape_.all_partners) {
        contract<Real, Lanes>(C, C, num_M, by_channel(out), by_channel(a + row),
                              by_row(pairs_.data()));
        if (Tangent)
          contract<Real, Lanes>(C, C, num_M, by_channel(t), by_channel(b + row),
                                by_row(pairs_.data()), Update::add);
        for (int i = 0; i < C * C; ++i) put(d++, load<V>(&pairs_[i * W]));
      } else {
        for (int c = 0; c < C; ++c) {
          V sum{};
          for (int M = 0; M < num_M; ++M) {
            const std::size_t at = M * row_ + c * W;
            sum = sum + load<V>(out + at) * load<V>(a + row + at);
            if constexpr (Tangent) sum = sum + load<V>(t + at) * load<V>(b + row + at);
          }
          put(d++, sum);
        }
      }
      t += num_M * row_;
      out += num_M * row_;
    }
  }

  /// Adjoints of T to u_ (with Tangent also their derivatives along b to u_dot_; t is then the
  /// tangent of T) and what the third factors receive to out.
  template <bool Tangent, class Get>
  void four_body_reverse(const Real *a, const Real *b, const Real *t, int d, Get &get, Real *out)
  {
    constexpr Update update = Tangent ? Update::subtract : Update::add;
    Real *u = u_.data(), *u_dot = u_dot_.data();
    for (const std::array<int, 3> &coupling : shape_.couplings) {
      const int num_M = 2 * coupling[2] + 1;
      const std::size_t row = coupling[2] * coupling[2] * row_;
      if (shape_.all_partners) {
        for (int i = 0; i < C * C; ++i) store(&pairs_[i * W], get(d++));
        const In g = by_row<const Real>(pairs_.data());
        contract<Real, Lanes>(num_M, C, C, by_row(a + row), g, by_row(u));
        if (Tangent) contract<Real, Lanes>(num_M, C, C, by_row(b + row), g, by_row(u_dot));
        contract<Real, Lanes>(num_M, C, C, by_row(t), by_channel<const Real>(pairs_.data()),
                              by_row(out + row), update);
      } else {
        for (int c = 0; c < C; ++c) {
          const V g = get(d++), change = Tangent ? -g : g;
          for (int M = 0; M < num_M; ++M) {
            const std::size_t at = M * row_ + c * W;
            store(u + at, g * load<V>(a + row + at));
            if constexpr (Tangent) store(u_dot + at, g * load<V>(b + row + at));
            store(out + row + at, load<V>(out + row + at) + change * load<V>(t + at));
          }
        }
      }
      t += num_M * row_;
      u += num_M * row_;
      u_dot += num_M * row_;
    }
  }

  /// Reverse of `couple` for u_; with Tangent the negative derivative of that along b.
  template <bool Tangent>
  ALMLIP_STAGE void couple_reverse(const Real *a, const Real *b, Real *out)
  {
    constexpr Real sign = Tangent ? Real(-1) : Real(1);
    for_chunks<4>(C, [&](auto count, int c0) {
      constexpr int J = count;
      for (std::size_t i = 0; i < table_.products.size(); ++i) {
        V k[J] = {}, k_dot[J] = {};
        for (int q = table_.first_by_product[i]; q < table_.first_by_product[i + 1]; ++q) {
          const std::size_t from = table_.by_product[q].index * row_ + c0 * W;
          const Real g = sign * table_.by_product[q].g;
          static_for<J>([&](auto j) {
            k[j] = k[j] + g * load<V>(&u_[from + j * W]);
            if constexpr (Tangent) k_dot[j] = k_dot[j] + g * load<V>(&u_dot_[from + j * W]);
          });
        }
        const std::size_t at1 = table_.products[i].a * row_ + c0 * W,
                          at2 = table_.products[i].b * row_ + c0 * W;
        auto add = [&](std::size_t to, std::size_t other) {
          static_for<J>([&](auto j) {
            V sum = load<V>(out + to + j * W) + k[j] * load<V>(b + other + j * W);
            if constexpr (Tangent) sum = sum + k_dot[j] * load<V>(a + other + j * W);
            store(out + to + j * W, sum);
          });
        };
        add(at1, at2);
        add(at2, at1);
      }
    });
  }

  const GenericShape shape_;
  const int C;
  const std::size_t row_;    ///< numbers of one row of A or T
  const CouplingTable<Real> table_;
  AlignedArray<Real> pairs_;        ///< one matrix of channel pairs, shape [C][C][Lanes]
  AlignedArray<Real> products_;     ///< A_a A_b of up to four channels
  AlignedArray<Real> u_, u_dot_;    ///< adjoint of T and its tangent
};

ALMLIP_END_KERNELS
}    // namespace almlip
