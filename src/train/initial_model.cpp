// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/initial_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/random.h"
#include "train/check/robust_statistics.h"
#include "train/frame_statistics.h"
#include "train/loss/label_weights.h"

namespace almlip::train {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double rms_per_scale =
    0.8736;    // forces divided by the scale have this root mean square

double normal(Random &random)
{
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));    // Box and Muller
  return radius * std::cos(2.0 * pi * random.uniform());
}

std::string describe(const ModelSettings &s)
{
  std::ostringstream text;
  text << "elements";
  for (const std::string &symbol : s.elements) text << " " << symbol;
  text << ", cutoff " << s.cutoff << ", num_channels " << s.num_channels << ", lmax " << s.lmax
       << ", num_radial " << s.num_radial << ", four_body " << s.four_body << ", partners "
       << s.partners << ", num_hidden " << s.num_hidden << ", members " << s.num_members;
  return text.str();
}

/// True if the largest covalent radius is more than 1.2 times the least one.
bool differ_in_size(const std::vector<std::string> &elements)
{
  std::vector<double> radii;
  for (const std::string &symbol : elements) radii.push_back(covalent_radius(symbol));
  const auto [least, largest] = std::minmax_element(radii.begin(), radii.end());
  return *largest > 1.2 * *least;
}

/// Ways in which the first channels weigh the neighbours' elements: 1 if these are alike. Each has
/// two channels or more.
int num_element_weights(const ModelSettings &s)
{
  const int num_elements = static_cast<int>(s.elements.size());
  return differ_in_size(s.elements) ? std::max(1, std::min(num_elements, s.num_channels / 2)) : 1;
}

struct FirstChannel {
  int function;     ///< whitened radial function
  double weight;    ///< of the neighbour's element
};

/// What a channel is before the fit. Channels take turns in the ways of weighing; these are the
/// Hartley functions cos + sin over the elements, so that their sums of products vanish. None of
/// them is zero for an element: with eight elements the period is nine.
FirstChannel first_channel(int channel, int element, int num_elements, int num_weights)
{
  const int way = channel % num_weights,
            period = num_elements % 8 == 0 ? num_elements + 1 : num_elements;
  const double angle = 2.0 * pi * way * element / period;
  return {channel / num_weights, std::cos(angle) + std::sin(angle)};
}

/// Means of the descriptors and of their squares over the atoms of each element.
class Moments {
 public:
  /// @param sums  of the descriptors, of their squares, and of the atoms, by their weights
  Moments(const std::vector<double> &sums, std::size_t num_elements, std::size_t num_descriptors)
      : sums_(sums), num_elements_(num_elements), num_descriptors_(num_descriptors)
  {
  }

  double count(std::size_t e) const { return sums_[2 * num_elements_ * num_descriptors_ + e]; }
  double mean(std::size_t e, std::size_t d) const { return sums_[index(e, d)] / count(e); }
  double square(std::size_t e, std::size_t d) const
  {
    return sums_[num_elements_ * num_descriptors_ + index(e, d)] / count(e);
  }

  /// Of an element with few atoms, or with many that are alike, the variance is rather that of the
  /// others: what one atom shows is none.
  double likely_variance(std::size_t e, std::size_t d) const
  {
    constexpr double belief = 2.0;    // in the others, as a number of atoms
    double all = 0.0, num_atoms = 0.0;
    for (std::size_t other = 0; other < num_elements_; ++other) {
      if (count(other) == 0.0) continue;
      all += count(other) * variance(other, d);
      num_atoms += count(other);
    }
    return (count(e) * variance(e, d) + belief * all / num_atoms) / (count(e) + belief);
  }

  /// Root mean square of the two-body descriptors: the sum of the radial functions over neighbours.
  double neighborhood(std::size_t e, int num_channels) const
  {
    double sum = 0.0;
    for (int c = 0; c < num_channels; ++c) sum += square(e, static_cast<std::size_t>(c));
    return std::sqrt(sum / num_channels);
  }

 private:
  std::size_t index(std::size_t e, std::size_t d) const { return e * num_descriptors_ + d; }
  double variance(std::size_t e, std::size_t d) const
  {
    return std::max(0.0, square(e, d) - mean(e, d) * mean(e, d));
  }

  const std::vector<double> &sums_;
  std::size_t num_elements_, num_descriptors_;
};

/// A descriptor that hardly changes among the training frames must not be blown up by what lies
/// outside them. In perfect crystals most of them vanish; atoms that move by a fiftieth of the
/// distance to their neighbours change them by about this. In dynamics they change by four times
/// that and more.
double least_deviation(int num_bodies, double neighborhood)
{
  constexpr double tiny = 1e-6;
  const double least = num_bodies == 2   ? 1e-3 * neighborhood
                       : num_bodies == 3 ? 3e-4 * std::pow(neighborhood, 2)
                                         : 3e-5 * std::pow(neighborhood, 3);
  return least + tiny;
}

/// Median of what the energies of the elements leave of a frame's energy, eV/atom.
double usual_energy(const std::vector<Frame> &frames, const std::vector<std::string> &elements,
                    const std::vector<double> &reference_energy)
{
  std::vector<double> energies;
  for (const Frame &frame : frames) {
    double energy = *frame.energy;
    for (const int number : frame.atomic_numbers) {
      const auto e = std::find(elements.begin(), elements.end(), chemical_symbol(number));
      energy -= reference_energy[static_cast<std::size_t>(e - elements.begin())];
    }
    energies.push_back(std::abs(energy) / frame.num_atoms());
  }
  return median(energies);
}

/// Unit of the networks' energies: by the forces. Those of relaxed structures and perfect crystals
/// say little; there, energies must not be too many units for the networks.
double scale_of(const TrainingData &data, const std::vector<double> &reference_energy)
{
  constexpr double share = 0.1;    // of the usual energy; dynamics have forces far above that
  const double by_forces = rms_force(data.train, data.violent_force) / rms_per_scale,
               by_energies = share * usual_energy(data.train, data.elements, reference_energy),
               scale = std::max(by_forces, by_energies);
  return scale > 0.0 ? scale : 1.0;
}

}    // namespace

TrainingModel make_training_model(const TrainingSettings &settings, const TrainingData &data)
{
  TrainingModel model;
  model.settings = model_settings(settings, data.elements, data.cutoff);
  validate(model.settings, "settings");
  model.violent_force = data.violent_force;
  model.whitening = whiten_radial(data.train, data.cutoff, model.settings.num_radial);
  model.reference_energy = fit_reference_energies(data.train, data.elements, data.atom_energies);
  model.scale = scale_of(data, model.reference_energy);
  model.least_distance = data.least_distance;
  const std::size_t size =
      data.elements.size() * static_cast<std::size_t>(model.settings.num_descriptors());
  model.mean.assign(size, 0.0);
  model.inverse_deviation.assign(size, 1.0);
  return model;
}

TrainingModel make_training_model(const TrainingSettings &settings, const TrainingData &data,
                                  const Potential &start)
{
  const std::string wanted = describe(model_settings(settings, data.elements, data.cutoff)),
                    found = describe(start.settings);
  require(wanted == found, settings.start, " has ", found, ", but the settings ask for ", wanted,
          "; a refit needs the same: leave these settings out, or fit without --start");
  TrainingModel model = make_training_model(settings, data);
  model.mean.clear();
  model.inverse_deviation.clear();
  for (std::size_t e = 0; e < data.elements.size(); ++e) {
    const ElementCommittee &c = start.committees[e];
    model.reference_energy[e] = c.reference_energy;
    model.mean.insert(model.mean.end(), c.mean.begin(), c.mean.end());
    model.inverse_deviation.insert(model.inverse_deviation.end(), c.inverse_deviation.begin(),
                                   c.inverse_deviation.end());
  }
  return model;
}

std::vector<double> initial_parameters(const TrainingModel &model, int seed)
{
  using Kind = ParameterBlock::Kind;
  std::vector<double> parameters(CommitteeLoss::num_parameters(model.settings), 0.0);
  Random random(static_cast<std::uint64_t>(seed));
  const int num_elements = static_cast<int>(model.settings.elements.size()),
            num_weights = num_element_weights(model.settings);
  for (const ParameterBlock &block : CommitteeLoss::layout(model.settings)) {
    const std::size_t size =
        static_cast<std::size_t>(block.rows) * static_cast<std::size_t>(block.cols);
    for (std::size_t n = block.offset; n < block.offset + size; ++n) {
      if (block.kind == Kind::hidden) parameters[n] = 0.5 / std::sqrt(block.rows) * normal(random);
      if (block.kind == Kind::hidden_bias) parameters[n] = random.uniform() - 0.5;
      if (block.kind == Kind::output) parameters[n] = 0.1 / std::sqrt(block.cols) * normal(random);
    }
    for (int c = 0; block.kind == Kind::radial && c < block.rows; ++c) {
      const auto [function, weight] = first_channel(c, block.other, num_elements, num_weights);
      if (function < block.cols)
        parameters[block.offset + static_cast<std::size_t>(c * block.cols + function)] = weight;
    }
  }
  return parameters;
}

void standardise(TrainingModel &model, CommitteeLoss &loss, const PreparedFrames &frames,
                 double four_body_scale, const Ranks &ranks)
{
  const ModelSettings &s = model.settings;
  const int num_two_and_three_body =
      s.num_channels + s.lmax * s.num_channels * (s.num_channels + 1) / 2;
  const std::size_t num_descriptors = static_cast<std::size_t>(model.settings.num_descriptors()),
                    num_elements = model.settings.elements.size();
  // As a whole the four-body terms are trusted alike, however many there are beyond the default's.
  constexpr double num_usual = 144.0;
  const int num_four_body = s.num_descriptors() - num_two_and_three_body;
  if (num_four_body > num_usual) four_body_scale *= std::sqrt(num_usual / num_four_body);
  const std::size_t size = num_elements * num_descriptors;
  std::vector<double> sums(2 * size + num_elements,
                           0.0);    // of G, of G^2, and of the atoms, by their weights
  for (const int f : frames.own()) {
    const Frame &frame = frames.frame(f);
    const std::vector<double> raw = loss.descriptors(*frames.prepared(f));
    const std::vector<double> weights = label_weights(frame, model.violent_force).force;
    for (std::size_t i = 0; i < frame.atomic_numbers.size(); ++i) {
      const std::size_t e = static_cast<std::size_t>(
          model.settings.element_index(chemical_symbol(frame.atomic_numbers[i])));
      const double weight = weights.empty() ? 1.0 : weights[i];
      for (std::size_t d = 0; d < num_descriptors; ++d) {
        const double value = raw[i * num_descriptors + d];
        sums[e * num_descriptors + d] += weight * value;
        sums[size + e * num_descriptors + d] += weight * value * value;
      }
      sums[2 * size + e] += weight;
    }
  }
  ranks.sum(sums);
  const Moments moments(sums, num_elements, num_descriptors);
  for (std::size_t n = 0; n < size; ++n) {
    const std::size_t e = n / num_descriptors, d = n % num_descriptors;
    if (moments.count(e) == 0.0) continue;
    const int num_bodies = static_cast<int>(d) < s.num_channels           ? 2
                           : static_cast<int>(d) < num_two_and_three_body ? 3
                                                                          : 4;
    const double floor =
        std::max(1e-3 * std::sqrt(moments.square(e, d)),
                 least_deviation(num_bodies, moments.neighborhood(e, s.num_channels)));
    model.mean[n] = moments.mean(e, d);
    model.inverse_deviation[n] = (num_bodies == 4 ? four_body_scale : 1.0) /
                                 std::max(std::sqrt(moments.likely_variance(e, d)), floor);
  }
  loss.set_standardisation(model.mean, model.inverse_deviation);
}

void begin_networks(const TrainingModel &model, const std::vector<std::string> &elements, int seed,
                    std::vector<double> &parameters)
{
  if (elements.empty()) return;
  const std::vector<double> random = initial_parameters(model, seed);
  for (const ParameterBlock &block : CommitteeLoss::layout(model.settings)) {
    const std::string &symbol = model.settings.elements[static_cast<std::size_t>(block.element)];
    if (block.kind == ParameterBlock::Kind::radial ||
        std::find(elements.begin(), elements.end(), symbol) == elements.end())
      continue;
    const auto begin = static_cast<std::ptrdiff_t>(block.offset),
               size = static_cast<std::ptrdiff_t>(block.rows) * block.cols;
    std::copy_n(random.begin() + begin, size, parameters.begin() + begin);
  }
}

void restandardise(TrainingModel &model, std::vector<double> &parameters, CommitteeLoss &loss,
                   const PreparedFrames &frames, double four_body_scale, const Ranks &ranks)
{
  using Kind = ParameterBlock::Kind;
  const std::vector<double> mean = model.mean, inverse_deviation = model.inverse_deviation;
  loss.set_parameters(parameters);
  standardise(model, loss, frames, four_body_scale, ranks);
  const std::vector<ParameterBlock> blocks = CommitteeLoss::layout(model.settings);
  const auto num_descriptors = static_cast<std::size_t>(model.settings.num_descriptors());
  // x = (G - mean) / deviation of before is `stretch` times that of now, plus `shift`
  for (const ParameterBlock &block : blocks) {
    if (block.kind != Kind::hidden && block.kind != Kind::skip) continue;
    const auto bias = std::find_if(blocks.begin(), blocks.end(), [&](const ParameterBlock &b) {
      return b.element == block.element && b.other == block.other &&
             b.kind == (block.kind == Kind::hidden ? Kind::hidden_bias : Kind::output_bias);
    });
    const auto cols = static_cast<std::size_t>(block.cols);
    for (std::size_t d = 0; d < num_descriptors; ++d) {
      const std::size_t n = static_cast<std::size_t>(block.element) * num_descriptors + d;
      const double stretch = inverse_deviation[n] / model.inverse_deviation[n],
                   shift = (model.mean[n] - mean[n]) * inverse_deviation[n];
      for (std::size_t unit = 0; unit < cols; ++unit) {
        double &weight = parameters[block.offset + d * cols + unit];
        parameters[bias->offset + unit] += weight * shift;
        weight *= stretch;
      }
    }
  }
  loss.set_parameters(parameters);
}

}    // namespace almlip::train
