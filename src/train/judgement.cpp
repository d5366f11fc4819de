// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/judgement.h"

#include <algorithm>
#include <cmath>

#include "train/calibration.h"
#include "train/check/robust_statistics.h"
#include "train/frame_memory.h"
#include "train/predict_frames.h"

namespace almlip::train {

namespace {

/// At most so many of the frames, evenly: enough for a median.
std::vector<std::size_t> sample(const std::vector<std::size_t> &all)
{
  constexpr std::size_t max_frames = 100;
  const std::size_t count = std::min(all.size(), max_frames);
  std::vector<std::size_t> some;
  for (std::size_t n = 0; n < count; ++n) some.push_back(all[n * all.size() / count]);
  return some;
}

/// Mean logarithm of the members' spread in each of these frames; not a number where they agree by
/// symmetry. On the first rank.
std::vector<double> spread_levels(const Potential &potential, const std::vector<Frame> &frames,
                                  const std::vector<std::size_t> &which, const Ranks &ranks)
{
  std::vector<Frame> chosen;
  for (const std::size_t n : which) chosen.push_back(frames[n]);
  std::vector<double> levels;
  predict_frames(potential, chosen, ranks, [&](const Frame &, const FramePrediction &prediction) {
    double sum = 0.0, count = 0.0;
    for (const double spread : prediction.spread) {
      if (spread < symmetry_spread) continue;
      sum += std::log(spread);
      count += 1.0;
    }
    levels.push_back(sum / count);
  });
  return levels;
}

/// Whether a force does not vanish by symmetry, as all do in perfect crystals.
bool tells_sigma(const FramePrediction &prediction)
{
  return std::any_of(prediction.spread.begin(), prediction.spread.end(),
                     [](double spread) { return spread >= symmetry_spread; });
}

}    // namespace

void Judgement::add(const Potential &potential, const std::vector<Frame> &train,
                    const std::vector<std::size_t> &learned, const std::vector<Frame> &held_out,
                    const Ranks &ranks)
{
  predict_frames(potential, held_out, ranks, [&](const Frame &frame, FramePrediction prediction) {
    if (!potential.novelty.empty()) novelty.push_back(max_novelty(frame, prediction, potential));
    prediction.descriptors = {};
    frames.push_back(frame);
    predictions.push_back(std::move(prediction));
  });
  Fit fit{frames.size(), sample(learned), {}};
  fit.levels = spread_levels(potential, train, fit.learned, ranks);
  fits_.push_back(std::move(fit));
}

void Judgement::match_spread(const Potential &final, const std::vector<Frame> &train,
                             const Ranks &ranks)
{
  std::size_t begin = 0;
  for (const Fit &fit : fits_) {
    const std::vector<double> levels = spread_levels(final, train, fit.learned, ranks);
    std::vector<double> differences;    // on the first rank
    for (std::size_t n = 0; n < levels.size(); ++n)
      if (std::isfinite(fit.levels[n] - levels[n]))
        differences.push_back(fit.levels[n] - levels[n]);
    const double factor = std::exp(median(differences));
    for (; begin < fit.end; ++begin)
      for (double &spread : predictions[begin].spread) spread /= factor;
  }
}

void Judgement::add_novelty(Potential potential, const std::vector<Frame> &learned,
                            const std::vector<Frame> &held_out, const Ranks &ranks)
{
  FrameMemory memory(potential);
  predict_frames(potential, learned, ranks, [&](const Frame &frame, FramePrediction prediction) {
    memory.add_environments(frame, prediction);
  });
  if (ranks.first()) memory.fit_novelties();
  predict_frames(potential, held_out, ranks, [&](const Frame &frame, FramePrediction prediction) {
    novelty.push_back(max_novelty(frame, prediction, potential));
  });
}

void Judgement::add_stress_offsets(const StressOffsets &offsets)
{
  for (std::size_t f = 0; f < frames.size(); ++f)
    add_stress_offset(offsets, frames[f], predictions[f]);
}

int Judgement::fit_of(std::size_t frame) const
{
  const auto found =
      std::find_if(fits_.begin(), fits_.end(), [&](const Fit &fit) { return frame < fit.end; });
  return static_cast<int>(found - fits_.begin());
}

std::vector<AtomError> atom_errors(const std::vector<Frame> &frames,
                                   const std::vector<FramePrediction> &predictions,
                                   const ModelSettings &settings)
{
  std::vector<AtomError> atoms;
  for (std::size_t f = 0; f < predictions.size(); ++f) {
    if (frames[f].forces.empty()) continue;
    const std::vector<int> elements = elements_of(frames[f], settings);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const double *force = &predictions[f].forces[3 * i], *reference = &frames[f].forces[3 * i];
      const double error =
          std::hypot(force[0] - reference[0], force[1] - reference[1], force[2] - reference[2]);
      atoms.push_back({elements[i], error, predictions[f].spread[i], static_cast<int>(f)});
    }
  }
  return atoms;
}

ErrorReport Judgement::report(Potential &potential)
{
  ErrorReport report(potential);
  for (std::size_t f = 0; f < predictions.size(); ++f) {
    calibrate_sigma(predictions[f], frames[f], potential);
    report.add(frames[f], predictions[f]);
    if (tells_sigma(predictions[f])) record(f, potential.record);
  }
  return report;
}

void Judgement::record(std::size_t frame, TrainingRecord &record) const
{
  const std::vector<double> &sigma = predictions[frame].sigma;
  record.held_out_sigma.push_back(*std::max_element(sigma.begin(), sigma.end()));
  record.held_out_atoms.push_back(frames[frame].num_atoms());
  if (!novelty.empty()) record.held_out_novelty.push_back(novelty[frame]);
}

}    // namespace almlip::train
