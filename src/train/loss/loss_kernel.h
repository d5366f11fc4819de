// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cmath>

#include "almlip/kernels/dense.h"
#include "almlip/kernels/density_generic.h"
#include "almlip/kernels/invariants_generic.h"
#include "train/loss/basis_density.h"
#include "train/loss/committee_loss.h"
#include "train/loss/loss_frame.h"
#include "train/loss/loss_parameters.h"

namespace almlip::train {
ALMLIP_BEGIN_KERNELS

/// CommitteeLoss for one shape and precision. Lanes of a pack are atoms of one element, as in
/// committee_kernel.h.
///
/// Notation (k = member):  A = K A0,  G = invariants(A),  x = (G - mean) / deviation,  z = W x + b,
/// E_k = w.silu(z) + skip.x + b'
///   first pass   E_k, dE_k/dA, forces F_k
///   residuals    g_k = dL/dE_k,  v_k = dL/dF_k (a displacement of every atom),  e_k = dL/dvirial_k
///   (a strain) second pass  dL/dtheta = d/dtheta of  sum_k g_k E_k - Edot_k,  Edot_k the
///   derivative of E_k along (v_k, e_k): tangents of A, x and z by
///                one more sweep over the neighbours, then the ordinary reverse rules for E and for
///                Edot.
/// A0[lm][n] = sum_j B_n S_lm does not depend on any parameter and is kept per atom, so that the
/// density of the first pass is a small product. Energies and forces are divided by `scale`
/// throughout.
/// The square of a residual that is small against the width, and 2 width |r| of a large one.
class PseudoHuber {
 public:
  /// @param width  0: squares
  explicit PseudoHuber(double width) : inverse_width_(width > 0 ? 1 / width : 0.0) {}

  /// 2 width^2 (root - 1) without cancellation
  double value(double r) const { return 2 * r * r / (1 + root(r)); }
  double slope(double r) const { return 2 * r / root(r); }

 private:
  double inverse_width_;

  double root(double r) const { return std::sqrt(1 + (r * inverse_width_) * (r * inverse_width_)); }
};

template <class Real, int Lanes, class Shape>
class LossKernel final : public CommitteeLoss {
  using Parameters = LossParameters<Real, Lanes>;
  using Network = typename Parameters::Network;
  static constexpr int W = Lanes;
  static constexpr int row_block = Parameters::row_block, tile_packs = register_bytes == 64 ? 2 : 1;
  using V = Pack<Real, Lanes>;
  using Prepared = LossFrame<Real, Lanes>;

 public:
  explicit LossKernel(const TrainingModel &model)
      : shape_(model.settings),
        projection_(shape_),
        basis_density_(shape_),
        invariants_(shape_),
        model_(model),
        parameters_(model),
        E_(static_cast<int>(model.settings.elements.size())),
        M_(model.settings.num_members),
        padded_H_(parameters_.padded_hidden()),
        num_hidden_(M_ * padded_H_),
        force_row_((3 * M_ + W - 1) / W * W)
  {
    a_dot_basis_.resize(a0_size());
    a_adjoint_.resize(density_size());
    set_standardisation(model.mean, model.inverse_deviation);
  }

  std::unique_ptr<PreparedFrame> prepare(const Frame &frame) override
  {
    auto f = std::make_unique<Prepared>(frame, model_);
    f->basis_density.resize(static_cast<std::size_t>(f->num_packs) * E_ * a0_size());
    for (int p = 0; p < f->num_packs; ++p) {
      reserve(*f);
      radial_basis(*f, p);
      for (int e = 0; e < E_; ++e)
        basis_density_.project(
            basis_rows(*f, p, e),
            f->basis_density.data() + (static_cast<std::size_t>(p) * E_ + e) * a0_size());
    }
    return f;
  }

  void set_standardisation(const std::vector<double> &mean,
                           const std::vector<double> &inverse_deviation) override
  {
    model_.mean = mean;
    model_.inverse_deviation = inverse_deviation;
    mean_.assign(mean.begin(), mean.end());
    inverse_deviation_.assign(inverse_deviation.begin(), inverse_deviation.end());
  }

  void set_parameters(const std::vector<double> &theta) override
  {
    parameters_.set(theta, model_.inverse_deviation);
  }

  std::vector<double> descriptors(const PreparedFrame &prepared) override
  {
    const Prepared &f = static_cast<const Prepared &>(prepared);
    reserve(f);
    std::vector<double> g(static_cast<std::size_t>(f.num_atoms) * D());
    for (int p = 0; p < f.num_packs; ++p) {
      invariants(f, p);
      const std::size_t e = f.pack_element[p];
      for (int i = 0; i < f.num_atoms; ++i) {
        const int slot = f.slot[i];
        if (slot / W != p) continue;
        for (int d = 0; d < D(); ++d)
          g[static_cast<std::size_t>(i) * D() + d] =
              static_cast<double>(x_[static_cast<std::size_t>(d) * f.stride() + slot]) /
                  model_.inverse_deviation[e * D() + d] +
              model_.mean[e * D() + d];
      }
    }
    return g;
  }

  MemberPrediction predict(const PreparedFrame &prepared) override
  {
    const Prepared &f = static_cast<const Prepared &>(prepared);
    first_pass(f, true);
    MemberPrediction out;
    for (int k = 0; k < M_; ++k) {
      out.energy.push_back(energy_[k] * model_.scale + f.reference_energy);
      Tensor6 w{};
      for (int q = 0; q < 6; ++q) w[q] = virial_[k][q] * model_.scale;
      out.virial.push_back(w);
    }
    out.forces.resize(static_cast<std::size_t>(f.num_atoms) * 3 * M_);
    for (int i = 0; i < f.num_atoms; ++i)
      for (int q = 0; q < 3 * M_; ++q)
        out.forces[static_cast<std::size_t>(i) * 3 * M_ + q] =
            static_cast<double>(force_[static_cast<std::size_t>(f.slot[i]) * force_row_ + q]) *
            model_.scale;
    return out;
  }

  void clear_gradient() override { parameters_.clear_gradient(); }

  FrameLoss add(const PreparedFrame &prepared, const BatchWeights &weights, double virial_offset,
                bool learn_radial) override
  {
    const Prepared &f = static_cast<const Prepared &>(prepared);
    const bool stress = weights.stress > 0 && f.has_virial;
    first_pass(f, stress);
    const FrameLoss loss = residuals(f, weights, virial_offset, stress);
    for (int p = 0; p < f.num_packs; ++p) {
      radial_basis(f, p);
      gather_tangents(f, p, stress);
      for (int k = 0; k < M_; ++k) {
        density_tangent(f, p, k, learn_radial);
        invariants_tangent(f, p, k);
      }
    }
    for (int e = 0; e < E_; ++e) {
      if (f.first_pack[e] == f.first_pack[e + 1]) continue;
      network_tangent(f, e);
      if (learn_radial) second_reverse(f, e);
      weight_gradient(f, e);
    }
    return loss;
  }

  void gradient(std::vector<double> &out) const override { parameters_.gradient(out); }

 private:
  // ---- scratch

  void reserve(const Prepared &f)
  {
    int most = 0;
    for (int p = 0; p < f.num_packs; ++p) most = std::max(most, f.num_neighbors(p));
    if (most > neighbor_capacity_) {
      neighbor_capacity_ = most;
      const std::size_t rows = static_cast<std::size_t>(most) * W;
      basis_.resize(most * std::max(radial_size(), basis_density_.basis_size()));
      pair_rows_.resize(rows * force_row_);
      tangents_.resize(rows * 4 * M_);
    }
    if (f.num_packs <= pack_capacity_) return;
    pack_capacity_ = f.num_packs;
    const std::size_t s = f.stride(), padded_rows = (D() + row_block - 1) / row_block * row_block;
    density_.resize(static_cast<std::size_t>(pack_capacity_) * density_size());
    components_.resize(static_cast<std::size_t>(pack_capacity_) * component_size());
    adjoint_.resize(static_cast<std::size_t>(pack_capacity_) * M_ * density_size());
    density_dot_.resize(static_cast<std::size_t>(pack_capacity_) * M_ * density_size());
    components_dot_.resize(static_cast<std::size_t>(pack_capacity_) * M_ * component_size());
    x_.resize(s * padded_D());
    x_dot_.resize(s * padded_D() * M_);
    hidden_.resize(s * (num_hidden_ + M_ + row_block));
    for (auto *a : {&slope_, &curvature_, &z_dot_, &by_atom_y_, &by_atom_slope_})
      a->resize(s * num_hidden_);
    x_adjoint_.resize(s * padded_rows * M_);
    x_adjoint_sum_.resize(s * padded_rows);
    force_.resize((s + 1) * force_row_);
  }

  // ---- first pass

  /// Energies (energy_), forces (force_, rows of slots) and, if wanted, virials (virial_) of every
  /// member; E0 not included.
  void first_pass(const Prepared &f, bool virial)
  {
    reserve(f);
    for (int p = 0; p < f.num_packs; ++p) invariants(f, p);
    energy_.assign(M_, 0.0);
    for (int e = 0; e < E_; ++e)
      if (f.first_pack[e] < f.first_pack[e + 1]) networks(f, e);
    std::fill_n(force_.begin(), (f.stride() + 1) * force_row_, Real(0));
    virial_lanes_.assign(static_cast<std::size_t>(M_) * 6 * W, Real(0));
    for (int p = 0; p < f.num_packs; ++p) {
      for (int k = 0; k < M_; ++k) {
        const Real *g = x_adjoint(f, k) + p * W;
        invariants_.forward_reverse(
            density(p), components(p), [&](int d) { return load<V>(g + d * f.stride()); },
            adjoint(p, k));
        projection_.apply_norms(adjoint(p, k));
      }
      radial_values(f, p);
      if (virial)
        pair_forces<true>(f, p);
      else
        pair_forces<false>(f, p);
      scatter(f, p);
    }
    virial_.assign(M_, Tensor6{});
    for (int k = 0; k < M_; ++k)
      for (int q = 0; q < 6; ++q)
        virial_[k][q] = lane_sum<Real, Lanes>(load<V>(&virial_lanes_[(k * 6 + q) * W]));
  }

  /// 1/r, R_c and dR_c/dr of all neighbours of one pack to basis_.
  ALMLIP_STAGE void radial_values(const Prepared &f, int p)
  {
    const Real inverse_cutoff = Real(1 / model_.settings.cutoff);
    for (int e = 0; e < E_; ++e)
      for (int k = f.group_start(p, e); k < f.group_start(p, e + 1); ++k) {
        const V r = load<V>(f.record(p, k) + 3 * W);
        Real *to = basis_.data() + k * radial_size();
        store(to, Real(1) / r);
        projection_.radial(parameters_.radial(f.pack_element[p], e), r, inverse_cutoff, to + W,
                           to + (1 + C()) * W);
      }
  }

  /// Neighbours of element e of a pack, as BasisDensity reads them.
  BasisRows<Real> basis_rows(const Prepared &f, int p, int e) const
  {
    const int first = f.group_start(p, e);
    return {f.group_start(p, e + 1) - first, f.record(p, first),
            basis_.data() + first * basis_density_.basis_size()};
  }

  /// B_n and dB_n/dr of all neighbours of one pack to basis_.
  ALMLIP_STAGE void radial_basis(const Prepared &f, int p)
  {
    const Real inverse_cutoff = Real(1 / model_.settings.cutoff);
    for (int k = 0; k < f.num_neighbors(p); ++k)
      basis_density_.basis(load<V>(f.record(p, k) + 3 * W), inverse_cutoff,
                           basis_.data() + k * basis_density_.basis_size());
  }

  ALMLIP_STAGE void invariants(const Prepared &f, int p)
  {
    const int element = f.pack_element[p];
    for (int e = 0; e < E_; ++e)
      basis_density_.mix(parameters_.radial(element, e), basis_density(f, p, e), density(p), e > 0);
    const Real *mean = &mean_[static_cast<std::size_t>(element) * D()],
               *inverse_deviation = &inverse_deviation_[static_cast<std::size_t>(element) * D()];
    Real *x = x_.data() + p * W;
    invariants_.forward(density(p), components(p), [&](int d, const V &g) {
      store(x + d * f.stride(), (g - mean[d]) * inverse_deviation[d]);
    });
  }

  /// Rows y for the packs of element e.
  void product(const Prepared &f, int e, int num_blocks, const Real *weights, int columns,
               int capacity, const Real *bias, const Real *x, Real *y) const
  {
    int p = f.first_pack[e];
    const int end = f.first_pack[e + 1];
    for (; p + tile_packs <= end; p += tile_packs)
      multiply<Real, Lanes, row_block, tile_packs>(weights, num_blocks, columns, capacity, bias,
                                                   x + p * W, y + p * W, f.stride());
    for (; p < end; ++p)
      multiply<Real, Lanes, row_block, 1>(weights, num_blocks, columns, capacity, bias, x + p * W,
                                          y + p * W, f.stride());
  }

  /// hidden_ becomes silu(z), slope_ and curvature_ its derivatives, x_adjoint_ dE_k/dG.
  ALMLIP_STAGE void networks(const Prepared &f, int e)
  {
    const Network &n = parameters_.network(e);
    const std::size_t stride = f.stride(), begin = f.first_pack[e] * W,
                      end = f.first_pack[e + 1] * W;
    product(f, e, n.forward.num_blocks(), n.forward.weights.data(), D(), D(), n.forward.bias.data(),
            x_.data(), hidden_.data());
    for (int k = 0; k < M_; ++k) {
      V total{};
      const Real *linear = hidden_.data() + (num_hidden_ + k) * stride;
      for (std::size_t p = begin; p < end; p += W)
        total = total + load<V>(linear + p) * load<V>(&f.is_atom[p]);
      for (int unit = k * padded_H_; unit < (k + 1) * padded_H_; ++unit)
        for (std::size_t p = begin; p < end; p += W) {
          const std::size_t at = unit * stride + p;
          const V z = load<V>(&hidden_[at]),
                  logistic = Real(1) / (Real(1) + pack_exp<Real, Lanes>(-z)), silu = z * logistic,
                  rest = Real(1) - logistic;
          store(&hidden_[at], silu);
          store(&slope_[at], logistic + silu * rest);
          store(&curvature_[at], logistic * rest * (Real(2) + z - (silu + silu)));
          total = total + n.output[unit] * silu * load<V>(&f.is_atom[p]);
        }
      energy_[k] += lane_sum<Real, Lanes>(total);
      product(f, e, n.reverse.num_blocks(), n.reverse.weights.data() + k * padded_H_ * row_block,
              padded_H_, num_hidden_, n.skip_reverse.data() + k * n.reverse.padded_rows(),
              slope_.data() + k * padded_H_ * stride, x_adjoint(f, k));
    }
  }

  /// dE_k/d(x_j - x_i) of all neighbours of a pack: rows pair_rows_[neighbour][3 k + axis].
  template <bool Virial>
  ALMLIP_STAGE void pair_forces(const Prepared &f, int p)
  {
    projection_.pair_gradients(
        {f.num_neighbors(p), f.record(p, 0), 4 * W, basis_.data(), radial_size()}, adjoint(p, 0),
        M_, [&](int q, int k, const V(&g)[3]) __attribute__((always_inline)) {
          Real *to = pair_rows_.data() + (static_cast<std::size_t>(q) * force_row_ + 3 * k) * W;
          for (int axis = 0; axis < 3; ++axis) store(to + axis * W, g[axis]);
          if constexpr (Virial) {
            const Real *record = f.record(p, q);
            const V r = load<V>(record + 3 * W),
                    d[3] = {load<V>(record) * r, load<V>(record + W) * r,
                            load<V>(record + 2 * W) * r};
            static_for<6>([&](auto c) {
              Real *w = &virial_lanes_[(k * 6 + c) * W];
              store(w, load<V>(w) - d[tensor_row[c]] * g[tensor_column[c]]);
            });
          }
        });
  }

  /// F_i += g, F_j -= g by whole rows of 3 M components.
  ALMLIP_STAGE void scatter(const Prepared &f, int p)
  {
    for (int q = 0; q < f.num_neighbors(p); ++q) {
      for (int c = 0; c < force_row_; c += W) {
        Real *tile = pair_rows_.data() + (static_cast<std::size_t>(q) * force_row_ + c) * W;
        transpose_tile<Real, Lanes>(tile, W, tile, W);
      }
      const int *neighbor = f.neighbor(p, q);
      for (int w = 0; w < W; ++w) {
        Real *fi = force_.data() + static_cast<std::size_t>(p * W + w) * force_row_,
             *fj = force_.data() + static_cast<std::size_t>(neighbor[w]) * force_row_;
        for (int c = 0; c < force_row_; c += W) {
          const V g =
              load<V>(pair_rows_.data() + (static_cast<std::size_t>(q) * force_row_ + c + w) * W);
          store(fi + c, load<V>(fi + c) + g);
          store(fj + c, load<V>(fj + c) - g);
        }
      }
    }
  }

  // ---- residuals

  /// Loss; energy_residual_, strain_ and (in place of the forces) force_ become its derivatives.
  FrameLoss residuals(const Prepared &f, const BatchWeights &w, double virial_offset, bool stress)
  {
    double loss = 0, virial_error = 0;
    const double per_frame = w.per_frame * f.frame_weight;
    const PseudoHuber of_energy(w.energy_huber / model_.scale),
        of_virial(w.stress_huber / model_.scale), of_force(w.huber / model_.scale);
    energy_residual_.assign(M_, Real(0));
    strain_.assign(M_, Tensor6{});
    for (int k = 0; k < M_; ++k) {
      const double de = energy_[k] / f.num_atoms - f.energy;
      loss += w.energy * per_frame * of_energy.value(de);
      energy_residual_[k] = Real(w.energy * per_frame * of_energy.slope(de) / f.num_atoms);
      for (int q = 0; stress && q < 6; ++q) {
        double dw = virial_[k][q] / f.num_atoms - f.virial[q];
        if (q < 3) {
          virial_error -= dw * model_.scale / (3 * M_);
          dw += virial_offset / model_.scale;
        }
        loss += w.stress * per_frame / 9 * of_virial.value(dw) * (q < 3 ? 1 : 2);
        strain_[k][q] = w.stress * per_frame / 9 * of_virial.slope(dw) / f.num_atoms;
      }
    }
    for (int slot = 0; slot < static_cast<int>(f.stride()); ++slot) {
      Real *row = force_.data() + static_cast<std::size_t>(slot) * force_row_;
      if (f.is_atom[slot] == Real(0) || !f.has_forces) {
        std::fill(row, row + force_row_, Real(0));
        continue;
      }
      const double per_component = w.per_component * f.force_weight[slot];
      for (int q = 0; q < 3 * M_; ++q) {
        const double r = static_cast<double>(row[q]) - f.forces[3 * slot + q % 3];
        loss += per_component * of_force.value(r);
        row[q] = Real(per_component * of_force.slope(r));
      }
    }
    std::fill_n(force_.begin() + f.stride() * force_row_, force_row_,
                Real(0));    // the place of padding neighbours
    return {loss, virial_error};
  }

  // ---- second pass

  /// Tangents of direction (3 rows) and distance of every neighbour along v_j - v_i + strain r_ij,
  /// for every member.
  ALMLIP_STAGE void gather_tangents(const Prepared &f, int p, bool stress)
  {
    alignas(64) Real vi[max_row * W], vj[max_row * W];
    for (int c = 0; c < force_row_; c += W)
      transpose_tile<Real, Lanes>(force_.data() + static_cast<std::size_t>(p * W) * force_row_ + c,
                                  force_row_, vi + c * W, W);
    for (int q = 0; q < f.num_neighbors(p); ++q) {
      const int *neighbor = f.neighbor(p, q);
      for (int c = 0; c < force_row_; c += W)
        transpose_rows<Real, Lanes>(
            [&](int w) __attribute__((always_inline)) {
              return load<V>(force_.data() + static_cast<std::size_t>(neighbor[w]) * force_row_ +
                             c);
            },
            vj + c * W, W);
      const Real *record = f.record(p, q);
      const V x = load<V>(record), y = load<V>(record + W), z = load<V>(record + 2 * W),
              r = load<V>(record + 3 * W), inverse_r = Real(1) / r;
      for (int k = 0; k < M_; ++k) {
        V d[3];
        static_for<3>(
            [&](auto a) { d[a] = load<V>(vj + (3 * k + a) * W) - load<V>(vi + (3 * k + a) * W); });
        if (stress) {
          const Tensor6 &e = strain_[k];
          d[0] = d[0] + r * (Real(e[0]) * x + Real(e[3]) * y + Real(e[4]) * z);
          d[1] = d[1] + r * (Real(e[3]) * x + Real(e[1]) * y + Real(e[5]) * z);
          d[2] = d[2] + r * (Real(e[4]) * x + Real(e[5]) * y + Real(e[2]) * z);
        }
        const V along = x * d[0] + y * d[1] + z * d[2];
        Real *to = tangent(q, k);
        store(to, (d[0] - x * along) * inverse_r);
        store(to + W, (d[1] - y * along) * inverse_r);
        store(to + 2 * W, (d[2] - z * along) * inverse_r);
        store(to + 3 * W, along);
      }
    }
  }

  /// Tangent of A along member k's residual, and the part of the radial gradient that needs the
  /// tangent of A0.
  ALMLIP_STAGE void density_tangent(const Prepared &f, int p, int k, bool learn_radial)
  {
    const int element = f.pack_element[p];
    Real *a0 = a_dot_basis_.data();
    for (int e = 0; e < E_; ++e) {
      basis_density_.tangent(basis_rows(f, p, e), tangent(f.group_start(p, e), k), a0);
      if (learn_radial)    // the adjoint has the norms already
        basis_density_.add_radial_gradient(adjoint(p, k), a0, Update::subtract,
                                           parameters_.radial_gradient(element, e));
      basis_density_.apply_norms(a0);
      basis_density_.mix(parameters_.radial(element, e), a0, density_dot(p, k), e > 0);
    }
  }

  ALMLIP_STAGE void invariants_tangent(const Prepared &f, int p, int k)
  {
    const Real *inverse_deviation =
        &inverse_deviation_[static_cast<std::size_t>(f.pack_element[p]) * D()];
    Real *x_dot = x_dot_.data() + static_cast<std::size_t>(k) * padded_D() * f.stride() + p * W;
    invariants_.tangent(
        density(p), density_dot(p, k), components(p), components_dot(p, k),
        [&](int d, const V &g) { store(x_dot + d * f.stride(), g * inverse_deviation[d]); });
  }

  /// z_dot_ becomes y = g silu' - silu'' zdot, the derivative of sum_k g_k E_k - Edot_k with
  /// respect to z without the factor w; gradients of everything but W and K.
  ALMLIP_STAGE void network_tangent(const Prepared &f, int e)
  {
    const Network &n = parameters_.network(e);
    const std::size_t stride = f.stride(), begin = f.first_pack[e] * W,
                      end = f.first_pack[e + 1] * W;
    for (int k = 0; k < M_; ++k) {
      const Real *x_dot = x_dot_.data() + static_cast<std::size_t>(k) * padded_D() * stride;
      product(f, e, padded_H_ / row_block,
              n.forward.weights.data() + static_cast<std::size_t>(k) * padded_H_ * D(), D(), D(),
              nullptr, x_dot, z_dot_.data() + k * padded_H_ * stride);
      const Real g = energy_residual_[k];
      for (int unit = k * padded_H_; unit < (k + 1) * padded_H_; ++unit) {
        Real *bias_gradient = parameters_.bias_gradient(e, unit),
             *output_gradient = parameters_.output_gradient(e, unit);
        V bias = load<V>(bias_gradient), output = load<V>(output_gradient);
        for (std::size_t p = begin; p < end; p += W) {
          const std::size_t at = unit * stride + p;
          const V share = g * load<V>(&f.is_atom[p]), z_dot = load<V>(&z_dot_[at]),
                  slope = load<V>(&slope_[at]);
          const V y = share * slope - load<V>(&curvature_[at]) * z_dot;
          store(&z_dot_[at], y);
          bias = bias + y;
          output = output + share * load<V>(&hidden_[at]) - slope * z_dot;
        }
        store(bias_gradient, bias);
        store(output_gradient, output);
      }
      for (int d = 0; d < D(); ++d) {
        Real *to = parameters_.skip_gradient(e, k, d);
        V sum = load<V>(to);
        for (std::size_t p = begin; p < end; p += W)
          sum = sum + g * load<V>(&f.is_atom[p]) * load<V>(&x_[d * stride + p]) -
                load<V>(x_dot + d * stride + p);
        store(to, sum);
      }
      parameters_.output_bias_gradient(e, k) += static_cast<double>(g) * f.count[e];
    }
  }

  /// The radial gradient of element e: adjoint of A for E and for Edot, without the part that
  /// density_tangent has added.
  ALMLIP_STAGE void second_reverse(const Prepared &f, int e)
  {
    const Network &n = parameters_.network(e);
    const std::size_t stride = f.stride();
    std::vector<Real> bias(n.reverse.padded_rows(), Real(0));
    for (int k = 0; k < M_; ++k)
      for (int d = 0; d < D(); ++d)
        bias[d] += energy_residual_[k] * n.skip_reverse[k * n.reverse.padded_rows() + d];
    product(f, e, n.reverse.num_blocks(), n.reverse.weights.data(), num_hidden_, num_hidden_,
            bias.data(), z_dot_.data(), x_adjoint_sum_.data());
    for (int p = f.first_pack[e]; p < f.first_pack[e + 1]; ++p) {
      const Real *g = x_adjoint_sum_.data() + p * W;
      invariants_.forward_reverse(
          density(p), components(p), [&](int d) { return load<V>(g + d * stride); },
          a_adjoint_.data());
      for (int k = 0; k < M_; ++k) {
        const Real *gk = x_adjoint(f, k) + p * W;
        invariants_.subtract_reverse_tangent(
            density(p), density_dot(p, k), components_dot(p, k),
            [&](int d) { return load<V>(gk + d * stride); }, a_adjoint_.data());
      }
      for (int other = 0; other < E_; ++other)
        basis_density_.add_radial_gradient(a_adjoint_.data(), basis_density(f, p, other),
                                           Update::add, parameters_.radial_gradient(e, other));
    }
  }

  /// dL/dW[d][h] (without the factor w[h]) += sum_atoms x[d] y[h] - xdot[d] silu'[h]; lanes are
  /// hidden units.
  ALMLIP_STAGE void weight_gradient(const Prepared &f, int e)
  {
    for (int p = f.first_pack[e]; p < f.first_pack[e + 1]; ++p)
      for (int unit = 0; unit < num_hidden_; unit += W) {
        const std::size_t from = unit * f.stride() + p * W,
                          to = static_cast<std::size_t>(p) * W * num_hidden_ + unit;
        transpose_tile<Real, Lanes>(&z_dot_[from], f.stride(), &by_atom_y_[to], num_hidden_);
        transpose_tile<Real, Lanes>(&slope_[from], f.stride(), &by_atom_slope_[to], num_hidden_);
      }
    if (padded_H_ % (4 * W) == 0)
      weight_gradient_tiles<4, 4>(f, e);
    else if (padded_H_ % (2 * W) == 0)
      weight_gradient_tiles<2, 6>(f, e);
    else
      weight_gradient_tiles<1, 12>(f, e);
  }

  template <int NumPacks, int Rows>
  void weight_gradient_tiles(const Prepared &f, int e)
  {
    const std::size_t stride = f.stride(), begin = static_cast<std::size_t>(f.first_pack[e]) * W,
                      end = begin + f.count[e];
    for (int k = 0; k < M_; ++k)
      for (int h = 0; h < padded_H_; h += NumPacks * W)
        for (int d = 0; d < padded_D(); d += Rows) {
          const Real *x = &x_[d * stride],
                     *x_dot = &x_dot_[(static_cast<std::size_t>(k) * padded_D() + d) * stride];
          Real *to = parameters_.weight_gradient(e, k, d) + h;
          V sum[Rows][NumPacks];
          static_for<Rows>([&](auto r) {
            static_for<NumPacks>([&](auto q) { sum[r][q] = load<V>(to + r * padded_H_ + q * W); });
          });
          for (std::size_t i = begin; i < end; ++i) {
            const Real *y = &by_atom_y_[i * num_hidden_ + k * padded_H_ + h],
                       *slope = &by_atom_slope_[i * num_hidden_ + k * padded_H_ + h];
            V u[NumPacks], v[NumPacks];
            static_for<NumPacks>([&](auto q) { u[q] = load<V>(y + q * W); });
            static_for<NumPacks>([&](auto q) { v[q] = load<V>(slope + q * W); });
            static_for<Rows>([&](auto r) {
              static_for<NumPacks>([&](auto q) {
                sum[r][q] = sum[r][q] + x[r * stride + i] * u[q] - x_dot[r * stride + i] * v[q];
              });
            });
          }
          static_for<Rows>([&](auto r) {
            static_for<NumPacks>([&](auto q) { store(to + r * padded_H_ + q * W, sum[r][q]); });
          });
        }
  }

  static constexpr int max_row = 64;    ///< 3 M rounded up to whole packs; create() checks

  int C() const { return shape_.num_channels; }
  int D() const { return shape_.num_descriptors; }
  int num_radial() const { return shape_.num_radial; }
  int padded_D() const { return parameters_.padded_descriptors(); }
  std::size_t radial_size() const { return static_cast<std::size_t>(1 + 2 * C()) * W; }
  std::size_t density_size() const { return static_cast<std::size_t>(shape_.num_lm) * C() * W; }
  std::size_t a0_size() const { return static_cast<std::size_t>(shape_.num_lm) * num_radial() * W; }
  std::size_t component_size() const
  {
    return static_cast<std::size_t>(shape_.num_components) * C() * W;
  }
  const Real *basis_density(const Prepared &f, int p, int e) const
  {
    return f.basis_density.data() + (static_cast<std::size_t>(p) * E_ + e) * a0_size();
  }
  Real *density(int p) { return density_.data() + static_cast<std::size_t>(p) * density_size(); }
  Real *components(int p)
  {
    return components_.data() + static_cast<std::size_t>(p) * component_size();
  }
  Real *adjoint(int p, int k)
  {
    return adjoint_.data() + static_cast<std::size_t>(p * M_ + k) * density_size();
  }
  Real *density_dot(int p, int k)
  {
    return density_dot_.data() + static_cast<std::size_t>(p * M_ + k) * density_size();
  }
  Real *components_dot(int p, int k)
  {
    return components_dot_.data() + static_cast<std::size_t>(p * M_ + k) * component_size();
  }
  Real *x_adjoint(const Prepared &f, int k)
  {
    const int padded_rows = (D() + row_block - 1) / row_block * row_block;
    return x_adjoint_.data() + static_cast<std::size_t>(k) * padded_rows * f.stride();
  }
  Real *tangent(int neighbor, int k)
  {
    return tangents_.data() + (static_cast<std::size_t>(k) * neighbor_capacity_ + neighbor) * 4 * W;
  }

  const Shape shape_;
  Density<Real, Lanes, Shape> projection_;
  BasisDensity<Real, Lanes> basis_density_;
  Invariants<Real, Lanes, Shape> invariants_;
  TrainingModel model_;
  Parameters parameters_;
  const int E_, M_, padded_H_, num_hidden_, force_row_;
  std::vector<Real> mean_, inverse_deviation_;    ///< shape [E][D]

  int neighbor_capacity_ = 0,
      pack_capacity_ =
          0;    ///< scratch only grows; rows D .. padded_D() of x hold numbers that nobody reads
  AlignedArray<Real> density_, components_, adjoint_, density_dot_,
      components_dot_;    // one frame, by pack
  AlignedArray<Real> x_, x_dot_, hidden_, slope_, curvature_, z_dot_, x_adjoint_, x_adjoint_sum_,
      force_;                                       // one frame, rows of slots
  AlignedArray<Real> by_atom_y_, by_atom_slope_;    // one frame, [slot][hidden unit]
  AlignedArray<Real> basis_, pair_rows_, tangents_, a_dot_basis_, a_adjoint_,
      virial_lanes_;    // one pack
  std::vector<double> energy_;
  std::vector<Real> energy_residual_;
  std::vector<Tensor6> virial_, strain_;
};

/// The kernel for a shape; `committee_loss.cpp` chooses among the instruction sets.
template <class Shape>
std::unique_ptr<CommitteeLoss> make_loss_kernel(const TrainingModel &model, bool single)
{
  if (single) return std::make_unique<LossKernel<float, native_lanes<float>, Shape>>(model);
  return std::make_unique<LossKernel<double, native_lanes<double>, Shape>>(model);
}

ALMLIP_END_KERNELS
}    // namespace almlip::train
