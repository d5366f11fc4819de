// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/frame_memory.h"

#include <algorithm>

#include "almlip/query/fingerprint.h"
#include "train/calibration.h"

namespace almlip::train {

FrameMemory::FrameMemory(Potential &potential)
    : potential_(potential), descriptors_(potential.settings.elements.size())
{
}

void FrameMemory::add_fingerprint(const Frame &frame, const FramePrediction &prediction)
{
  const std::vector<int> elements = elements_of(frame, potential_.settings);
  const std::vector<double> features =
      fingerprint(prediction.descriptors.data(), elements.data(), prediction.sigma.data(),
                  static_cast<int>(elements.size()), potential_.settings.num_descriptors(),
                  static_cast<int>(descriptors_.size()));
  potential_.known_fingerprints.insert(potential_.known_fingerprints.end(), features.begin(),
                                       features.end());
}

void FrameMemory::add_environments(const Frame &frame, const FramePrediction &prediction)
{
  const std::vector<int> elements = elements_of(frame, potential_.settings);
  const int num_descriptors = potential_.settings.num_descriptors();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double *row = &prediction.descriptors[i * static_cast<std::size_t>(num_descriptors)];
    std::vector<double> &rows = descriptors_[static_cast<std::size_t>(elements[i])];
    rows.insert(rows.end(), row, row + num_descriptors);
  }
}

void FrameMemory::keep_fingerprints(int most)
{
  const int num_features =
      2 * static_cast<int>(descriptors_.size()) * potential_.settings.num_descriptors();
  const Rows all{num_features, std::move(potential_.known_fingerprints)};
  potential_.known_fingerprints = kept_fingerprints(all, most).values;
}

void FrameMemory::fit_novelties()
{
  const int num_descriptors = potential_.settings.num_descriptors();
  for (const std::vector<double> &descriptors : descriptors_) {
    potential_.novelty.push_back(fit_novelty(descriptors, num_descriptors));
    potential_.record.num_atoms.push_back(static_cast<double>(descriptors.size()) /
                                          num_descriptors);
  }
}

double max_novelty(const Frame &frame, const FramePrediction &prediction,
                   const Potential &potential)
{
  const std::vector<double> of_atoms = novelties(prediction, frame, potential);
  return *std::max_element(of_atoms.begin(), of_atoms.end());
}

}    // namespace almlip::train
