// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/judgement.h"

#include <algorithm>
#include <cmath>

#include "train/calibration.h"
#include "train/frame_memory.h"
#include "train/predict_frames.h"

namespace almlip::train {

void Judgement::add(const Potential &potential, const std::vector<Frame> &held_out,
                    const Ranks &ranks)
{
  predict_frames(potential, held_out, ranks, [&](const Frame &frame, FramePrediction prediction) {
    prediction.descriptors = {};
    frames.push_back(frame);
    predictions.push_back(std::move(prediction));
  });
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
    novelty.push_back(memory.largest_novelty(frame, prediction));
  });
}

Calibration Judgement::calibration(const ModelSettings &settings) const
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
  return calibrate(atoms, static_cast<int>(settings.elements.size()));
}

ErrorReport Judgement::report(Potential &potential)
{
  ErrorReport report(potential.calibration.quantile90);
  for (std::size_t f = 0; f < predictions.size(); ++f) {
    calibrate_sigma(predictions[f], frames[f], potential);
    report.add(frames[f], predictions[f]);
    const std::vector<double> &sigma = predictions[f].sigma;
    potential.record.held_out_sigma.push_back(*std::max_element(sigma.begin(), sigma.end()));
    potential.record.held_out_atoms.push_back(frames[f].num_atoms());
  }
  potential.record.held_out_novelty = novelty;
  return report;
}

}    // namespace almlip::train
