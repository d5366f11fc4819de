#include "train/finish_potential.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/query/fingerprint.h"
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
    for (const std::vector<double> &descriptors : descriptors_)
      potential_.novelty.push_back(fit_novelty(descriptors, potential_.settings.num_descriptors()));
  }

 private:
  Potential &potential_;
  std::vector<std::vector<double>> descriptors_;    ///< by element, shape [num_atoms][D]
};

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
  if (settings.fingerprints)
    predict_frames(potential, data.held_out, ranks,
                   [&](const Frame &frame, FramePrediction prediction) {
                     memory.add_fingerprint(frame, prediction);
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
