// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/finish_potential.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "almlip/calculator.h"
#include "almlip/energy_sigma.h"
#include "almlip/error.h"
#include "almlip/learned_frames.h"
#include "train/calibration.h"
#include "train/check/data_check.h"
#include "train/energy_memory.h"
#include "train/error_report.h"
#include "train/frame_memory.h"
#include "train/frame_statistics.h"
#include "train/predict_frames.h"
#include "train/refit.h"
#include "train/zbl_range.h"

namespace almlip::train {

namespace {

using Json = nlohmann::ordered_json;

/// What does not depend on the fit.
TrainingRecord training_record(const TrainingData &data, double cutoff)
{
  constexpr double limit_factor = 3.0, min_limit = 30.0;    // eV/Angstrom
  TrainingRecord record;
  for (const std::vector<Frame> *frames : {&data.train, &data.held_out})
    for (const Frame &frame : *frames) ++record.num_frames[frame.config_type];
  record.rms_force = std::sqrt(3.0) * rms_force(data.train, data.violent_force);    // of vectors
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
                          const StressOffsets &offsets, const Json &errors,
                          const std::string &tuning)
{
  std::vector<std::string> learned;
  for (const Frame &frame : data.train) learned.push_back(mark_of(frame));
  for (std::size_t n = 0; all_frames && n < data.held_out.size(); ++n)
    learned.push_back(mark_of(data.held_out[n]));
  Json json;
  json["program"] = std::string("almlip ") + ALMLIP_VERSION;
  json["settings"] = Json::parse(to_json(settings, true));
  json["training_data_hash"] = data.hash;
  json["learned"] = learned;
  json["training_frames"] = data.train.size();
  json["held_out_frames"] = data.held_out.size();
  json["steps"] = state.step;
  json["epoch"] = state.kept_epoch;
  json["steps_on_all_frames"] = all_frames ? all_frames->step : 0;
  if (!offsets.empty()) json["stress_offset"] = Json::parse(to_json(offsets));
  json["errors"] = errors;
  if (!tuning.empty()) json["tuning"] = Json::parse(tuning);
  return json.dump();
}

std::vector<std::size_t> all_of(const std::vector<Frame> &frames)
{
  std::vector<std::size_t> all(frames.size());
  std::iota(all.begin(), all.end(), std::size_t(0));
  return all;
}

/// Puts what the start of a refit knows of frames held out from it before the new ones: the latest
/// of them, at most twice as many, so that old frames are forgotten.
void add_record(Potential &potential, const Potential &start)
{
  constexpr std::size_t min_kept = 20;
  TrainingRecord &record = potential.record;
  const TrainingRecord &before = start.record;
  const std::size_t num_new = record.held_out_sigma.size(), num_old = before.held_out_sigma.size(),
                    kept = std::min(num_old, std::max(min_kept, 2 * num_new));
  const double weight =
      static_cast<double>(kept) / static_cast<double>(std::max<std::size_t>(kept + num_new, 1));
  potential.force_error = weight * start.force_error + (1.0 - weight) * potential.force_error;
  const auto prepend = [&](auto &to, const auto &from) {
    to.insert(to.begin(), from.end() - static_cast<std::ptrdiff_t>(kept), from.end());
  };
  const bool has_novelty =
      before.held_out_novelty.size() == num_old && record.held_out_novelty.size() == num_new;
  if (has_novelty)
    prepend(record.held_out_novelty, before.held_out_novelty);
  else
    record.held_out_novelty.clear();
  prepend(record.held_out_sigma, before.held_out_sigma);
  prepend(record.held_out_atoms, before.held_out_atoms);
}

const char *const no_volumes =
    "the frames of a composition have nearly one volume: their energies do not tell the pressure, "
    "so that an offset of the stress labels shows only if you give frames at other volumes\n";

/// Whether the energies of the frames tell the offset of the stress.
bool tells_pressure(const TrainingData &data)
{
  std::vector<const Frame *> frames;
  for (const Frame &frame : data.train) frames.push_back(&frame);
  return energies_tell_pressure(frames);
}

/// Error of the energy that a fit without the frame made, eV/atom.
double energy_error(const Judgement &judgement, std::size_t f)
{
  const Frame &frame = judgement.frames[f];
  return (judgement.predictions[f].energy - *frame.energy) / frame.num_atoms();
}

/// Lets the energies of training frames be judged by the fits without them.
void judge_learned(const Judgement &judgement, const TrainingData &data, EnergyMemory &energies)
{
  std::map<std::string, std::size_t> index;
  for (std::size_t n = 0; n < data.train.size(); ++n) index[data.train[n].source] = n;
  for (std::size_t f = 0; f < judgement.frames.size(); ++f)
    energies.judge_learned(index.at(judgement.frames[f].source), energy_error(judgement, f),
                           judgement.fit_of(f));
}

/// Calibrates sigma of energies, and gives it to the predictions of training and judged frames.
/// @param learned_all  whether the potential has learned the held-out frames too
void calibrate_energies(const EnergyMemory &energies, bool learned_all, const Potential *start,
                        Potential &potential, std::vector<FramePrediction> &train,
                        Judgement &judgement)
{
  const int num_elements = static_cast<int>(potential.settings.elements.size());
  const std::vector<EnergyError> errors = energies.errors();
  EnergyMemory all = energies;
  if (learned_all) all.learn_judged();
  potential.energy_calibration = calibrate_energies(
      all.learned(), errors, start ? &start->energy_calibration : nullptr, num_elements);
  const EnergyCalibration &calibration = potential.energy_calibration;
  if (calibration.num_frames == 0) return;
  for (std::size_t n = 0; n < train.size(); ++n)
    train[n].energy_sigma = energy_sigma(potential, energies.learned()[n].features);
  for (std::size_t f = 0; f < errors.size(); ++f)
    judgement.predictions[f].energy_sigma =
        calibration.factor * std::sqrt(1.0 + errors[f].distance2);
}

std::string held_out_title(const TrainingData &data, bool learned, bool refit)
{
  if (refit) return "new frames, by the potential that had not learned them\n";
  if (data.held_out.empty()) return "the same frames, each by a fit without it\n";
  return learned ? "held-out frames, before they were learned\n" : "held-out frames\n";
}

/// Tells which labels do not fit the rest, now that there is a potential.
/// @param compared  of the training frames
void tell_misfits(const TrainingData &data, std::vector<Compared> compared,
                  const Judgement &judgement)
{
  std::vector<Frame> frames = data.train;
  if (!data.held_out.empty())
    for (std::size_t f = 0; f < judgement.frames.size(); ++f) {
      frames.push_back(judgement.frames[f]);
      compared.push_back(compare(judgement.frames[f], judgement.predictions[f]));
    }
  const std::vector<Finding> findings = check_residuals(frames, compared);
  if (!findings.empty())
    std::printf("labels that do not fit (see almlip check):\n%s",
                text_of(findings, frames).c_str());
}

}    // namespace

void finish_potential(const TrainingModel &model, const TrainingData &data,
                      const TrainingSettings &settings, const TrainingState &state,
                      const TrainingState *all_frames, Judgement judgement, const Potential *start,
                      const std::string &tuning, const Ranks &ranks)
{
  Potential potential = to_potential(model, state.kept_parameters);
  potential.least_distance = data.least_distance;
  potential.largest_force = data.largest_force;
  potential.record = training_record(data, potential.settings.cutoff);
  if (settings.zbl) potential.zbl = zbl_range(data, potential.settings.cutoff);
  if (!data.held_out.empty())
    judgement.add(potential, data.train, all_of(data.train), data.held_out, ranks);
  if (all_frames) {
    const Potential last = to_potential(model, all_frames->kept_parameters);
    potential.radial = last.radial;
    potential.committees = last.committees;
  }
  const StressOffsets &offsets = (all_frames ? *all_frames : state).kept_stress_offsets;
  judgement.add_stress_offsets(state.kept_stress_offsets);    // of the fit that is judged
  // A refit changes the spreads of frames that the start had learned by other factors than those of
  // new ones, after a fit of few frames even in the other direction; so its law stays.
  if (!start) judgement.match_spread(potential, data.train, ranks);
  const std::vector<AtomError> atoms =
      atom_errors(judgement.frames, judgement.predictions, potential.settings);
  potential.calibration = start ? corrected(start->calibration, atoms)
                                : calibrate(atoms, static_cast<int>(data.elements.size()));
  FrameMemory memory(potential);
  EnergyMemory energies(potential);
  std::vector<FramePrediction> predictions;    // of the training frames, without descriptors
  predict_frames(potential, data.train, ranks, [&](const Frame &frame, FramePrediction prediction) {
    add_stress_offset(offsets, frame, prediction);
    if (settings.fingerprints) memory.add_fingerprint(frame, prediction);
    if (settings.novelty) memory.add_environments(frame, prediction);
    energies.add_learned(frame, prediction);
    prediction.descriptors = {};
    predictions.push_back(std::move(prediction));
  });
  potential.calibration =
      covering(potential.calibration, atom_errors(data.train, predictions, potential.settings));
  std::vector<Compared> compared;    // of the training frames
  for (std::size_t n = 0; n < predictions.size(); ++n) {
    calibrate_sigma(predictions[n], data.train[n], potential);
    compared.push_back(compare(data.train[n], predictions[n]));
  }
  if (settings.novelty && ranks.first()) memory.fit_novelties();
  std::size_t num_judged = 0;
  predict_frames(potential, data.held_out, ranks,
                 [&](const Frame &frame, FramePrediction prediction) {
                   if (settings.fingerprints) memory.add_fingerprint(frame, prediction);
                   if (settings.novelty)
                     judgement.novelty.push_back(max_novelty(frame, prediction, potential));
                   energies.judge(frame, prediction, energy_error(judgement, num_judged++));
                 });

  ranks.agree([&] {
    if (!ranks.first()) return;
    if (data.held_out.empty()) judge_learned(judgement, data, energies);
    calibrate_energies(energies, all_frames != nullptr, start, potential, predictions, judgement);
    const ErrorReport held_out = judgement.report(potential);
    potential.force_error = held_out.all().force_mae.value_or(0.0);
    if (start) add_record(potential, *start);
    ErrorReport train(potential);
    for (std::size_t n = 0; n < predictions.size(); ++n) train.add(data.train[n], predictions[n]);
    Json errors = {{"train", Json::parse(train.json())["groups"]}};
    std::string table = "training frames\n" + train.table();
    if (!judgement.empty()) {
      errors["held_out"] = Json::parse(held_out.json())["groups"];
      table += held_out_title(data, all_frames != nullptr, start != nullptr) + held_out.table();
    }
    use_atom_energies(potential, data.atom_energies);
    memory.keep_fingerprints(settings.max_fingerprints);
    potential.provenance =
        provenance_of(data, settings, state, all_frames, offsets, errors, tuning);
    write_potential(settings.output, potential);
    std::printf("%s%swrote %s\n", table.c_str(), text_of(offsets).c_str(), settings.output.c_str());
    if (!offsets.empty() && !tells_pressure(data)) std::printf("%s", no_volumes);
    tell_misfits(data, compared, judgement);
  });
}

}    // namespace almlip::train
