// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/fit_input.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/text.h"
#include "train/energy_zero.h"
#include "train/fit.h"
#include "train/more_elements.h"
#include "train/refit.h"
#include "train/trainer.h"

namespace almlip::train {

namespace {

/// Whether checkpoints can be written into a folder that is there, or can be made.
void check_checkpoint(const std::string &folder)
{
  namespace fs = std::filesystem;
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing)) existing = existing.parent_path();
  require(fs::is_directory(existing), "\"checkpoint\" is \"", folder, "\", but ", existing.string(),
          " is a file; name another folder");
  try_to_write((existing / "checkpoint.bin").string());
}

/// Like a prior weaker the more data there is. The law is ours, by test frames: best were 0.5 with
/// 100 frames or fewer, 0.15 with 200 to 400 (Ta, C, Si, Fe), 0.05 with 200 to 900 (acetylacetone,
/// Mo-Nb-Ta-W, TiO2), and 0.02 or less with 50,000 atoms of an element and more (InP, TiO2).
double weight_decay_for(const TrainingData &data, bool large)
{
  constexpr double few_frames = 120.0, few_atoms = 10000.0, least_by_frames = 0.04;
  double num_atoms = 0.0;
  for (const Frame &frame : data.train) num_atoms += frame.num_atoms();
  const double num_elements = static_cast<double>(data.elements.size()),
               frames = few_frames / static_cast<double>(data.train.size()),
               atoms = few_atoms * num_elements / num_atoms;
  return max_weight_decay *
         std::min({large ? 0.1 : 1.0, std::max(frames * frames, least_by_frames), atoms * atoms});
}

/// Prepares the start, and the settings, for elements of the frames that it has not.
void add_elements(FitInput &input, const TrainingSettings &given)
{
  const std::vector<std::string> &known = input.start->settings.elements;
  TrainingData &data = input.data;
  require(given.elements.empty() || given.elements.size() == data.elements.size(),
          "there are frames with ", joined(data.elements), ", but \"elements\" are ",
          joined(given.elements), "; add what is missing or remove the frames");
  if (data.elements.size() == known.size()) return;
  data.new_elements.assign(data.elements.begin() + static_cast<std::ptrdiff_t>(known.size()),
                           data.elements.end());
  input.start = with_more_elements(*input.start, data.elements, data.train);
  TrainingSettings &settings = input.settings;
  settings.elements = data.elements;
  // as many steps as from nothing, for the new networks, at a lower rate, for the old ones
  constexpr double rate = 0.3;
  TrainingSettings whole = settings;
  whole.start.clear();
  const Schedule schedule = make_schedule(whole, static_cast<int>(data.train.size()));
  if (!settings.epochs) settings.epochs = schedule.epochs;
  if (!settings.learning_rate && settings.refit != "full")
    settings.learning_rate = rate * schedule.learning_rate;
  if (!settings.warmup_steps) settings.warmup_steps = schedule.warmup_steps;
  if (!settings.energy_rise_share) settings.energy_rise_share = schedule.energy_rise_share;
}

void check_stress_offset(const TrainingSettings &settings, const TrainingData &data)
{
  if (settings.stress_offset != "on") return;
  require(
      settings.stress_weight > 0.0,
      "\"stress_offset\" is on, but \"stress_weight\" is 0, so that no stress is learned; set the "
      "offset to auto or off, or raise the weight");
  require(
      std::any_of(data.train.begin(), data.train.end(),
                  [](const Frame &f) { return f.virial && f.volume() > 0.0; }),
      joined(settings.train),
      ": \"stress_offset\" is on, but no training frame has a stress; set the offset to auto or "
      "off, or name the stress with --stress-key");
}

double share_with_forces(const std::vector<Frame> &frames)
{
  const auto count = std::count_if(frames.begin(), frames.end(),
                                   [](const Frame &frame) { return !frame.forces.empty(); });
  return static_cast<double>(count) / static_cast<double>(frames.size());
}

}    // namespace

void check_output(const TrainingSettings &given)
{
  namespace fs = std::filesystem;
  const std::string &path = given.output;
  const fs::path folder = fs::absolute(path).parent_path();
  require(!path.empty() && !fs::is_directory(path), "\"output\" is \"", path,
          "\", but it must name a file");
  require(fs::is_directory(folder) && access(folder.c_str(), W_OK) == 0, "\"output\" is \"", path,
          "\", but the folder ", folder.string(), " cannot be written to");
  std::vector<std::string> inputs = given.train;
  inputs.insert(inputs.end(), given.validation.begin(), given.validation.end());
  try_to_write(path, inputs);
  check_checkpoint(given.checkpoint.empty() ? path + ".checkpoint" : given.checkpoint);
}

FitInput read_input(const TrainingSettings &given)
{
  FitInput input;
  require(given.tune == 0.0 || given.start.empty(),
          "--tune searches the shape of the model and --start keeps it; use one of them");
  require(given.refit == "auto" || !given.start.empty(), "\"refit\" is ", given.refit,
          ", but there is no potential to start from; name it with --start, or leave --refit out");
  if (!given.start.empty()) input.start = read_potential(given.start);
  input.settings = input.start ? continued(given, input.start->settings) : given;
  input.own_checkpoint = given.checkpoint.empty();
  if (input.own_checkpoint) input.settings.checkpoint = given.output + ".checkpoint";
  input.data = read_training_data(input.settings);
  input.settings.force_share = share_with_forces(input.data.train);
  check_stress_offset(input.settings, input.data);
  if (input.start) {
    input.moved_zero = match_energy_zero(*input.start, input.data.train);
    add_elements(input, given);
  }
  return input;
}

void choose_weight_decay(FitInput &input)
{
  if (!input.settings.weight_decay)
    input.settings.weight_decay = weight_decay_for(input.data, input.settings.preset == "large");
}

void forget_start(FitInput &input)
{
  input.start.reset();
  input.settings.start.clear();
  input.settings.refit = TrainingSettings().refit;    // it is a fit from nothing now
  input.judgement = {};
}

void judge_start(FitInput &input, const Ranks &ranks)
{
  if (!input.start) return;
  if (ranks.first() && !input.moved_zero.empty())
    std::fprintf(stderr, "%s\n", input.moved_zero.c_str());
  const std::vector<std::string> &added = input.data.new_elements;
  std::optional<std::vector<std::size_t>> fresh;
  const bool moved = !input.moved_zero.empty();    // learned energies are not those of the labels
  if (added.empty() && !moved) fresh = new_frames(*input.start, input.data.train);
  const std::string &refit = input.settings.refit;
  bool full = refit == "full";
  if (fresh) {
    StartReport report = report_start(*input.start, input.data.train, *fresh, ranks);
    full = full || (refit == "auto" && report.asks_for_full_fit(*input.start, ranks));
    input.judgement = std::move(report.judgement);
  } else if (!added.empty()) {
    if (ranks.first())
      std::fprintf(stderr, "%s is new to %s: a part of all frames is held out\n",
                   joined(added).c_str(), input.settings.start.c_str());
  } else if (ranks.first()) {
    std::fprintf(stderr,
                 moved
                     ? "%s has learned other energies: a part of all frames is held out\n"
                     : "%s does not tell which frames it has learned: a part of all is held out\n",
                 input.settings.start.c_str());
  }
  if (full) {
    if (ranks.first()) std::fprintf(stderr, "full fit, from random parameters\n");
    forget_start(input);
  }
  input.keeps_calibration = !full && fresh && input.settings.validation.empty();
  if (!input.keeps_calibration) input.judgement = {};
  const TrainingSettings &given = input.settings;
  if (input.keeps_calibration && ranks.first() &&
      (given.folds || given.validation_fraction != TrainingSettings().validation_fraction))
    std::fprintf(stderr,
                 "folds and validation_fraction are not used: a warm refit holds nothing out\n");
  ranks.agree([&] {
    if (!input.keeps_calibration) hold_out(input.data, input.settings);
  });
}

TrainingSettings resolved(TrainingSettings s, const ModelSettings &model, const TrainingData &data)
{
  const int num_train = static_cast<int>(data.train.size());
  const Schedule schedule = make_schedule(s, num_train);
  if (!s.preset && s.start.empty()) s.preset = "default";
  s.elements = model.elements;
  s.cutoff = model.cutoff;
  s.members = model.num_members;
  s.num_channels = model.num_channels;
  s.lmax = model.lmax;
  s.num_radial = model.num_radial;
  s.num_hidden = model.num_hidden;
  s.four_body = model.four_body;
  s.partners = model.partners;
  s.folds = data.num_folds > 0 ? num_folds(s, num_train) : 0;
  s.all_frames_epochs = has_last_passes(s, data) ? for_all_frames(s, num_train).epochs : 0;
  s.epochs = schedule.epochs;
  s.batch = schedule.batch;
  s.warmup_steps = schedule.warmup_steps;
  s.learning_rate = schedule.learning_rate;
  s.energy_rise_share = schedule.energy_rise_share;
  s.violent_force = data.violent_force;
  return s;
}

}    // namespace almlip::train
