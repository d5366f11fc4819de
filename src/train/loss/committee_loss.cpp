// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/loss/committee_loss.h"

#include <Eigen/Dense>

#include "almlip/error.h"
#include "almlip/kernels/instruction_set.h"
#include "almlip/kernels/shape.h"

namespace almlip::train {

// Compiled from loss_kernel.cpp.in, for each shape and instruction set.
#define ALMLIP_DECLARE(target)                                                              \
  inline namespace target {                                                                 \
  template <class Shape>                                                                    \
  std::unique_ptr<CommitteeLoss> make_loss_kernel(const TrainingModel &model, bool single); \
  }
ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_DECLARE)
#undef ALMLIP_DECLARE

namespace {

constexpr int max_members = 16;    // rows of 3 M force components must fit LossKernel::max_row

using RadialMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<const RadialMatrix>;

}    // namespace

std::unique_ptr<CommitteeLoss> CommitteeLoss::create(const TrainingModel &model,
                                                     const std::string &precision, Kernels kernels)
{
  require(precision == "double" || precision == "single", "precision is \"", precision,
          "\", but it must be double or single");
  require(model.settings.num_members <= max_members, "members is ", model.settings.num_members,
          ", but at most ", max_members, " are allowed");
  const std::string chosen = chosen_instruction_set();
  std::unique_ptr<CommitteeLoss> loss;
  with_shape(model.settings, kernels, [&](auto tag) {
    using Shape = typename decltype(tag)::type;
#define ALMLIP_MAKE(target) \
  if (chosen == #target) loss = target::make_loss_kernel<Shape>(model, precision == "single");
    ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_MAKE)
#undef ALMLIP_MAKE
  });
  return loss;
}

std::vector<ParameterBlock> CommitteeLoss::layout(const ModelSettings &s)
{
  using Kind = ParameterBlock::Kind;
  const int E = static_cast<int>(s.elements.size()), D = s.num_descriptors(), H = s.num_hidden;
  std::vector<ParameterBlock> blocks;
  std::size_t offset = 0;
  auto add = [&](Kind kind, int element, int other, int rows, int cols) {
    blocks.push_back({kind, element, other, offset, rows, cols});
    offset += static_cast<std::size_t>(rows) * cols;
  };
  for (int e = 0; e < E; ++e) {
    auto add_members = [&](Kind kind, int rows, int cols) {
      for (int k = 0; k < s.num_members; ++k) add(kind, e, k, rows, cols);
    };
    add_members(Kind::hidden, D, H);
    add_members(Kind::hidden_bias, 1, H);
    add_members(Kind::output, 1, H);
    add_members(Kind::skip, D, 1);
    add_members(Kind::output_bias, 1, 1);
  }
  for (int e = 0; e < E; ++e)
    for (int other = 0; other < E; ++other)
      add(Kind::radial, e, other, s.num_channels, s.num_radial);
  return blocks;
}

std::size_t CommitteeLoss::num_parameters(const ModelSettings &settings)
{
  const ParameterBlock last = layout(settings).back();
  return last.offset + static_cast<std::size_t>(last.rows) * last.cols;
}

namespace {

/// Calls visit(block, index of the entry in the block, reference to its place in the potential,
/// factor from parameters to the potential).
template <class PotentialType, class Visit>
void for_each_network_entry(const TrainingModel &model, PotentialType &potential, Visit &&visit)
{
  using Kind = ParameterBlock::Kind;
  const std::size_t D = model.settings.num_descriptors(), H = model.settings.num_hidden;
  for (const ParameterBlock &b : CommitteeLoss::layout(model.settings)) {
    if (b.kind == Kind::radial) continue;
    auto &c = potential.committees[b.element];
    const std::size_t k = b.other;
    for (std::size_t q = 0; q < static_cast<std::size_t>(b.rows) * b.cols; ++q) {
      switch (b.kind) {
        case Kind::hidden:
          visit(b, q, c.hidden[(k * H + q % H) * D + q / H], 1.0);
          break;
        case Kind::hidden_bias:
          visit(b, q, c.hidden_bias[k * H + q], 1.0);
          break;
        case Kind::output:
          visit(b, q, c.output[k * H + q], model.scale);
          break;
        case Kind::skip:
          visit(b, q, c.skip[k * D + q], model.scale);
          break;
        default:
          visit(b, q, c.output_bias[k], model.scale);
          break;
      }
    }
  }
}

}    // namespace

Potential to_potential(const TrainingModel &model, const std::vector<double> &parameters)
{
  const ModelSettings &s = model.settings;
  const std::size_t E = s.elements.size(), D = s.num_descriptors(), H = s.num_hidden,
                    M = s.num_members;
  Potential p;
  p.settings = s;
  p.calibration = no_calibration(static_cast<int>(E));
  for (std::size_t e = 0; e < E; ++e) {
    ElementCommittee c;
    c.reference_energy = model.reference_energy[e];
    c.mean.assign(model.mean.begin() + e * D, model.mean.begin() + (e + 1) * D);
    c.inverse_deviation.assign(model.inverse_deviation.begin() + e * D,
                               model.inverse_deviation.begin() + (e + 1) * D);
    c.hidden.resize(M * H * D);
    c.hidden_bias.resize(M * H);
    c.output.resize(M * H);
    c.skip.resize(M * D);
    c.output_bias.resize(M);
    p.committees.push_back(std::move(c));
  }
  for_each_network_entry(model, p,
                         [&](const ParameterBlock &b, std::size_t q, double &to, double factor) {
                           to = factor * parameters[b.offset + q];
                         });
  const Map whitening(model.whitening.data(), s.num_radial, s.num_radial);
  for (const ParameterBlock &b : CommitteeLoss::layout(s)) {
    if (b.kind != ParameterBlock::Kind::radial) continue;
    const RadialMatrix chebyshev = Map(&parameters[b.offset], b.rows, b.cols) * whitening;
    p.radial.insert(p.radial.end(), chebyshev.data(), chebyshev.data() + chebyshev.size());
  }
  return p;
}

std::vector<double> from_potential(const TrainingModel &model, const Potential &potential)
{
  std::vector<double> parameters(CommitteeLoss::num_parameters(model.settings));
  for_each_network_entry(model, potential,
                         [&](const ParameterBlock &b, std::size_t q, const double &from,
                             double factor) { parameters[b.offset + q] = from / factor; });
  const ModelSettings &s = model.settings;
  const Eigen::PartialPivLU<RadialMatrix> whitening(
      Map(model.whitening.data(), s.num_radial, s.num_radial).transpose());
  const double *radial = potential.radial.data();
  for (const ParameterBlock &b : CommitteeLoss::layout(s)) {
    if (b.kind != ParameterBlock::Kind::radial) continue;
    const RadialMatrix whitened =
        whitening.solve(Map(radial, b.rows, b.cols).transpose()).transpose();
    std::copy_n(whitened.data(), whitened.size(), &parameters[b.offset]);
    radial += static_cast<std::ptrdiff_t>(b.rows) * b.cols;
  }
  return parameters;
}

}    // namespace almlip::train
