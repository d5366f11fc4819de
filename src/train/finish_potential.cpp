// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/finish_potential.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/query/fingerprint.h"
#include "almlip/query/novelty.h"
#include "train/calibration.h"
#include "train/error_report.h"
#include "train/predict_frames.h"
#include "train/zbl_range.h"

namespace almlip::train {

namespace {

using Json = nlohmann::ordered_json;

/// Force error and spread of every atom of the frames.
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

/// What the potential remembers of frames: fingerprints, and environments for the novelty.
class FrameMemory {
 public:
  explicit FrameMemory(Potential &potential)
      : potential_(potential), descriptors_(potential.settings.elements.size())
  {
  }

  void add_fingerprint(const Frame &frame, const FramePrediction &prediction)
  {
    const std::vector<int> elements = elements_of(frame, potential_.settings);
    const std::vector<double> features =
        fingerprint(prediction.descriptors.data(), elements.data(), prediction.sigma.data(),
                    static_cast<int>(elements.size()), potential_.settings.num_descriptors(),
                    static_cast<int>(descriptors_.size()));
    potential_.known_fingerprints.insert(potential_.known_fingerprints.end(), features.begin(),
                                         features.end());
  }

  void add_environments(const Frame &frame, const FramePrediction &prediction)
  {
    const std::vector<int> elements = elements_of(frame, potential_.settings);
    const int num_descriptors = potential_.settings.num_descriptors();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const double *row = &prediction.descriptors[i * static_cast<std::size_t>(num_descriptors)];
      std::vector<double> &rows = descriptors_[static_cast<std::size_t>(elements[i])];
      rows.insert(rows.end(), row, row + num_descriptors);
    }
  }

  /// Brings fingerprints into the form that the file keeps: at most so many.
  void keep_fingerprints(int most)
  {
    const int num_features =
        2 * static_cast<int>(descriptors_.size()) * potential_.settings.num_descriptors();
    const Rows all{num_features, std::move(potential_.known_fingerprints)};
    potential_.known_fingerprints = kept_fingerprints(all, most).values;
  }

  /// Fits the novelty of every element to its environments.
  void fit_novelties()
  {
    const int num_descriptors = potential_.settings.num_descriptors();
    for (const std::vector<double> &descriptors : descriptors_) {
      potential_.novelty.push_back(fit_novelty(descriptors, num_descriptors));
      potential_.record.num_atoms.push_back(static_cast<double>(descriptors.size()) /
                                            num_descriptors);
    }
  }

  /// Largest novelty of a frame's atoms.
  double largest_novelty(const Frame &frame, const FramePrediction &prediction) const
  {
    const std::vector<int> elements = elements_of(frame, potential_.settings);
    const std::size_t num_descriptors =
        static_cast<std::size_t>(potential_.settings.num_descriptors());
    double largest = 0.0;
    for (std::size_t i = 0; i < elements.size(); ++i)
      largest =
          std::max(largest, novelty_of(potential_.novelty[static_cast<std::size_t>(elements[i])],
                                       &prediction.descriptors[i * num_descriptors]));
    return largest;
  }

 private:
  Potential &potential_;
  std::vector<std::vector<double>> descriptors_;    ///< by element, shape [num_atoms][D]
};

/// What does not depend on the fit.
TrainingRecord training_record(const TrainingData &data, double cutoff)
{
  constexpr double limit_factor = 3.0, min_limit = 30.0;    // eV/Angstrom
  TrainingRecord record;
  for (const std::vector<Frame> *frames : {&data.train, &data.held_out})
    for (const Frame &frame : *frames) ++record.num_frames[frame.config_type];
  record.rms_force = std::sqrt(3.0) * rms_force(data.train);    // of vectors
  record.force_limit = std::max(min_limit, limit_factor * usual_largest_force(data.train));
  record.min_distances = min_pair_distances(data.train, data.elements, cutoff);
  const std::vector<double> held_out = min_pair_distances(data.held_out, data.elements, cutoff);
  for (std::size_t pair = 0; pair < held_out.size(); ++pair) {
    double &distance = record.min_distances[pair];
    distance = std::min(distance, held_out[pair]);
    if (distance >= cutoff) distance = 0.0;    // not met
  }
  return record;
}

/// Counts energies from the isolated atoms where these are known; predictions stay the same.
void use_atom_energies(Potential &potential, const std::map<std::string, double> &atom_energies)
{
  for (std::size_t e = 0; e < potential.committees.size(); ++e) {
    const auto known = atom_energies.find(potential.settings.elements[e]);
    if (known == atom_energies.end()) continue;
    ElementCommittee &committee = potential.committees[e];
    for (double &bias : committee.output_bias) bias += committee.reference_energy - known->second;
    committee.reference_energy = known->second;
  }
}

std::string provenance_of(const TrainingData &data, const TrainingSettings &settings,
                          const TrainingState &state, const TrainingState *all_frames,
                          const Json &errors, const std::string &tuning)
{
  Json json;
  json["program"] = std::string("almlip ") + ALMLIP_VERSION;
  json["settings"] = Json::parse(to_json(settings, true));
  json["training_data_hash"] = data.hash;
  json["training_frames"] = data.train.size();
  json["held_out_frames"] = data.held_out.size();
  json["steps"] = state.step;
  json["epoch"] = state.kept_epoch;
  json["steps_on_all_frames"] = all_frames ? all_frames->step : 0;
  json["errors"] = errors;
  if (!tuning.empty()) json["tuning"] = Json::parse(tuning);
  return json.dump();
}

}    // namespace

void finish_potential(const TrainingModel &model, const TrainingData &data,
                      const TrainingSettings &settings, const TrainingState &state,
                      const TrainingState *all_frames, const std::string &tuning,
                      const Ranks &ranks)
{
  Potential judged = to_potential(model, state.kept_parameters);
  judged.least_distance = data.least_distance;
  judged.largest_force = data.largest_force;
  judged.record = training_record(data, judged.settings.cutoff);
  if (settings.zbl) judged.zbl = zbl_range(data, judged.settings.cutoff);
  std::vector<FramePrediction> predictions;
  predict_frames(judged, data.held_out, ranks, [&](const Frame &, FramePrediction prediction) {
    prediction.descriptors = {};
    predictions.push_back(std::move(prediction));
  });
  judged.calibration = calibrate(atom_errors(data.held_out, predictions, judged.settings),
                                 static_cast<int>(data.elements.size()));
  ErrorReport held_out(judged.calibration.quantile90), train(judged.calibration.quantile90);
  for (std::size_t f = 0; f < predictions.size(); ++f) {
    calibrate_sigma(predictions[f], data.held_out[f], judged);
    held_out.add(data.held_out[f], predictions[f]);
    judged.record.held_out_sigma.push_back(
        *std::max_element(predictions[f].sigma.begin(), predictions[f].sigma.end()));
    judged.record.held_out_atoms.push_back(data.held_out[f].num_atoms());
  }

  Potential potential = judged;
  if (all_frames) {
    const Potential last = to_potential(model, all_frames->kept_parameters);
    potential.radial = last.radial;
    potential.committees = last.committees;
  }
  FrameMemory memory(potential);
  predict_frames(potential, data.train, ranks, [&](const Frame &frame, FramePrediction prediction) {
    train.add(frame, prediction);
    if (settings.fingerprints) memory.add_fingerprint(frame, prediction);
    if (settings.novelty) memory.add_environments(frame, prediction);
  });
  if (settings.novelty && ranks.first()) memory.fit_novelties();
  if (settings.fingerprints || settings.novelty)
    predict_frames(
        potential, data.held_out, ranks, [&](const Frame &frame, FramePrediction prediction) {
          if (settings.fingerprints) memory.add_fingerprint(frame, prediction);
          if (settings.novelty)
            potential.record.held_out_novelty.push_back(memory.largest_novelty(frame, prediction));
        });

  ranks.agree([&] {
    if (!ranks.first()) return;
    Json errors = {{"train", Json::parse(train.json())["groups"]}};
    std::string table = "training frames\n" + train.table();
    if (!data.held_out.empty()) {
      errors["held_out"] = Json::parse(held_out.json())["groups"];
      potential.force_error = held_out.all().force_mae.value_or(0.0);
      table += std::string(all_frames ? "held-out frames, before they were learned\n"
                                      : "held-out frames\n") +
               held_out.table();
    }
    use_atom_energies(potential, data.atom_energies);
    memory.keep_fingerprints(settings.max_fingerprints);
    potential.provenance = provenance_of(data, settings, state, all_frames, errors, tuning);
    write_potential(settings.output, potential);
    std::printf("%swrote %s\n", table.c_str(), settings.output.c_str());
  });
}

}    // namespace almlip::train
