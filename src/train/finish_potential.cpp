#include "train/finish_potential.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "almlip/committee.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/fingerprint.h"
#include "train/calibration.h"
#include "train/error_report.h"
#include "train/zbl_range.h"

namespace almlip {

namespace {

using Json = nlohmann::ordered_json;

std::vector<int> elements_of(const Frame &frame, const ModelSettings &settings)
{
  std::vector<int> elements;
  for (const int number : frame.atomic_numbers)
    elements.push_back(settings.element_index(chemical_symbol(number)));
  return elements;
}

/// Force error and spread of every atom of the frames.
std::vector<AtomError> atom_errors(Committee &committee, const Potential &potential,
                                   const std::vector<Frame> &frames)
{
  const int num_members = potential.settings.num_members;
  std::vector<AtomError> atoms;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const Frame &frame = frames[f];
    const FramePrediction prediction = predict(committee, potential, frame);
    const std::vector<int> elements = elements_of(frame, potential.settings);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const double *force = &prediction.forces[3 * i], *reference = &frame.forces[3 * i];
      const double error =
          std::hypot(force[0] - reference[0], force[1] - reference[1], force[2] - reference[2]);
      const double spread = force_spread(
          &prediction.member_forces[3 * static_cast<std::size_t>(num_members) * i], num_members);
      atoms.push_back({elements[i], error, spread, static_cast<int>(f)});
    }
  }
  return atoms;
}

/// One pass over frames with the finished committee: errors, and whatever the potential remembers
/// of the frames.
class FramePass {
 public:
  FramePass(Potential &potential, const TrainingSettings &settings)
      : committee_(potential),
        potential_(potential),
        settings_(settings),
        descriptors_(potential.settings.elements.size())
  {
  }

  ErrorReport run(const std::vector<Frame> &frames)
  {
    ErrorReport report(potential_.calibration.quantile90);
    for (const Frame &frame : frames) {
      const FramePrediction prediction = predict(committee_, potential_, frame);
      const std::vector<int> elements = elements_of(frame, potential_.settings);
      report.add(frame, prediction);
      if (settings_.fingerprints) remember(prediction, elements);
      if (settings_.novelty) collect(prediction, elements);
    }
    return report;
  }

  /// Brings what was remembered into the form that the file keeps.
  void keep_fingerprints()
  {
    const int num_features =
        2 * static_cast<int>(descriptors_.size()) * potential_.settings.num_descriptors();
    const Rows all{num_features, std::move(potential_.known_fingerprints)};
    potential_.known_fingerprints = kept_fingerprints(all, settings_.max_fingerprints).values;
  }

  /// Fits the novelty of every element to the environments seen so far.
  void fit_novelties()
  {
    for (const std::vector<double> &descriptors : descriptors_)
      potential_.novelty.push_back(fit_novelty(descriptors, potential_.settings.num_descriptors()));
  }

 private:
  Committee committee_;
  Potential &potential_;
  TrainingSettings settings_;
  std::vector<std::vector<double>> descriptors_;    ///< by element, shape [num_atoms][D]

  void remember(const FramePrediction &prediction, const std::vector<int> &elements)
  {
    const std::vector<double> features =
        fingerprint(prediction.descriptors.data(), elements.data(), prediction.sigma.data(),
                    static_cast<int>(elements.size()), potential_.settings.num_descriptors(),
                    static_cast<int>(descriptors_.size()));
    potential_.known_fingerprints.insert(potential_.known_fingerprints.end(), features.begin(),
                                         features.end());
  }

  void collect(const FramePrediction &prediction, const std::vector<int> &elements)
  {
    const int num_descriptors = potential_.settings.num_descriptors();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const double *row = &prediction.descriptors[i * static_cast<std::size_t>(num_descriptors)];
      std::vector<double> &rows = descriptors_[static_cast<std::size_t>(elements[i])];
      rows.insert(rows.end(), row, row + num_descriptors);
    }
  }
};

TrainingSettings without_memory(TrainingSettings settings)
{
  settings.fingerprints = settings.novelty = false;
  return settings;
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
                      const TrainingState *all_frames, const std::string &tuning)
{
  Potential judged = to_potential(model, state.kept_parameters);
  judged.least_distance = data.least_distance;
  judged.largest_force = data.largest_force;
  if (settings.zbl) judged.zbl = zbl_range(data, judged.settings.cutoff);
  {
    Committee committee(judged);
    judged.calibration = calibrate(atom_errors(committee, judged, data.held_out),
                                   static_cast<int>(data.elements.size()));
  }
  Potential potential = judged;
  if (all_frames) {
    const Potential last = to_potential(model, all_frames->kept_parameters);
    potential.radial = last.radial;
    potential.committees = last.committees;
  }
  FramePass pass(potential, settings);
  const ErrorReport train = pass.run(data.train);
  if (settings.novelty) pass.fit_novelties();
  Json errors = {{"train", Json::parse(train.json())["groups"]}};
  std::string table = "training frames\n" + train.table();
  if (!data.held_out.empty()) {
    ErrorReport held_out = pass.run(data.held_out);    // also for the fingerprints
    if (all_frames) held_out = FramePass(judged, without_memory(settings)).run(data.held_out);
    errors["held_out"] = Json::parse(held_out.json())["groups"];
    potential.force_error = held_out.all().force_mae.value_or(0.0);
    table += std::string(all_frames ? "held-out frames, before they were learned\n"
                                    : "held-out frames\n") +
             held_out.table();
  }
  pass.keep_fingerprints();
  potential.provenance = provenance_of(data, settings, state, all_frames, errors, tuning);
  write_potential(settings.output, potential);
  std::printf("%swrote %s\n", table.c_str(), settings.output.c_str());
}

}    // namespace almlip
