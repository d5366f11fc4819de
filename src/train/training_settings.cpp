// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/training_settings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "almlip/error.h"
#include "almlip/nearest_word.h"
#include "almlip/presets.h"
#include "almlip/text.h"

namespace almlip::train {

namespace {

using Json = nlohmann::ordered_json;

constexpr double pi = 3.14159265358979323846;

const SettingEntry &find_entry(const std::vector<SettingEntry> &table, const std::string &key,
                               const std::string &name)
{
  std::vector<std::string> keys;
  for (const SettingEntry &entry : table) {
    if (entry.key == key) return entry;
    keys.push_back(entry.key);
  }
  fail(name, ": there is no setting \"", key, "\"; did you mean \"", nearest_word(key, keys),
       "\"? The settings are ", joined(keys));
}

/// Puts a JSON value into a field of the matching type; false if the type does not match.
struct Assign {
  const Json &json;

  bool operator()(int *to) const
  {
    if (!json.is_number_integer() || std::abs(json.get<double>()) > std::numeric_limits<int>::max())
      return false;
    *to = json.get<int>();
    return true;
  }
  bool operator()(double *to) const
  {
    if (!json.is_number()) return false;
    *to = json.get<double>();
    return true;
  }
  bool operator()(bool *to) const
  {
    if (!json.is_boolean()) return false;
    *to = json.get<bool>();
    return true;
  }
  bool operator()(std::string *to) const
  {
    if (!json.is_string()) return false;
    *to = json.get<std::string>();
    return true;
  }
  bool operator()(std::vector<std::string> *to) const
  {
    if (!json.is_array() ||
        !std::all_of(json.begin(), json.end(), [](const Json &word) { return word.is_string(); }))
      return false;
    *to = json.get<std::vector<std::string>>();
    return true;
  }
  template <class Plain>
  bool operator()(std::optional<Plain> *to) const
  {
    to->reset();
    if (json.is_null()) return true;
    Plain plain{};
    if (!(*this)(&plain)) return false;
    *to = plain;
    return true;
  }
};

struct NameOfType {
  std::string operator()(const int *) const { return "a whole number"; }
  std::string operator()(const double *) const { return "a number"; }
  std::string operator()(const bool *) const { return "true or false"; }
  std::string operator()(const std::string *) const { return "a text"; }
  std::string operator()(const std::vector<std::string> *) const { return "a list of texts"; }
  template <class Plain>
  std::string operator()(const std::optional<Plain> *) const
  {
    return (*this)(static_cast<const Plain *>(nullptr)) + " or null";
  }
};

struct ToJson {
  template <class Plain>
  Json operator()(const Plain *from) const
  {
    return Json(*from);
  }
  template <class Plain>
  Json operator()(const std::optional<Plain> *from) const
  {
    return *from ? Json(**from) : Json(nullptr);
  }
};

void assign(const SettingEntry &entry, const Json &json, const std::string &name)
{
  const std::string unit = entry.unit.empty() ? "" : " " + entry.unit,
                    where = name + ": \"" + entry.key + "\" is " + json.dump() + unit;
  require(std::visit(Assign{json}, entry.value), where, ", but it must be ",
          std::visit(NameOfType{}, entry.value));
  if (json.is_number()) {
    const double number = json.get<double>();
    require(number >= entry.min && number <= entry.max, where, ", but it must be from ", entry.min,
            " to ", entry.max);
  }
  if (json.is_string() && !entry.choices.empty())
    require(std::count(entry.choices.begin(), entry.choices.end(), json.get<std::string>()) > 0,
            where, ", but it must be one of ", joined(entry.choices));
}

bool is_text(const SettingEntry &entry)
{
  return std::holds_alternative<std::string *>(entry.value) ||
         std::holds_alternative<std::optional<std::string> *>(entry.value);
}

}    // namespace

std::string default_text(const SettingEntry &entry)
{
  const Json value = std::visit(ToJson{}, entry.value);
  if (value.is_null() || value.empty() || value == "") return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void apply_settings_text(TrainingSettings &settings, const std::string &text,
                         const std::string &name)
{
  Json json;
  try {
    json = Json::parse(text, nullptr, true, true);
  } catch (const Json::exception &e) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const bool is_json =
        first == std::string::npos || std::string("{[/").find(text[first]) != std::string::npos;
    require(is_json, name,
            " is no file of settings in JSON, which begins with {; frames come after --train");
    fail(name, " is not valid JSON: ", e.what());
  }
  require(json.is_object(), name, ": the settings must be a JSON object, {\"key\": value, ...}");
  const std::vector<SettingEntry> table = settings_table(settings);
  for (const auto &[key, value] : json.items()) assign(find_entry(table, key, name), value, name);
}

void apply_flag(TrainingSettings &settings, const std::string &key,
                const std::vector<std::string> &words)
{
  const std::string name = "command line";
  const std::vector<SettingEntry> table = settings_table(settings);
  const SettingEntry &entry = find_entry(table, key, name);
  if (std::holds_alternative<std::vector<std::string> *>(entry.value))
    return assign(entry, Json(words), name);
  require(words.size() == 1, name, ": \"", key, "\" takes one value, not ", words.size());
  if (is_text(entry)) return assign(entry, Json(words[0]), name);
  const Json value = Json::parse(words[0], nullptr, false);
  assign(entry, value.is_discarded() ? Json(words[0]) : value, name);
}

std::string to_json(const TrainingSettings &settings, bool only_shaping)
{
  TrainingSettings copy = settings;
  Json json = Json::object();
  for (const SettingEntry &entry : settings_table(copy))
    if (entry.shapes_result || !only_shaping) json[entry.key] = std::visit(ToJson{}, entry.value);
  return json.dump(2) + "\n";
}

TrainingSettings continued(TrainingSettings s, const ModelSettings &start)
{
  const auto keep = [](auto &setting, const auto &value) {
    if (!setting) setting = value;
  };
  if (s.elements.empty()) s.elements = start.elements;
  keep(s.cutoff, start.cutoff);
  keep(s.members, start.num_members);
  if (s.preset) return s;
  keep(s.num_channels, start.num_channels);
  keep(s.num_radial, start.num_radial);
  keep(s.lmax, start.lmax);
  keep(s.four_body, start.four_body);
  keep(s.partners, start.partners);
  keep(s.num_hidden, start.num_hidden);
  for (const Preset &preset : presets())    // its recipe, too
    if (std::tie(preset.num_channels, preset.lmax, preset.four_body, preset.partners,
                 preset.num_hidden) ==
        std::tie(*s.num_channels, *s.lmax, *s.four_body, *s.partners, *s.num_hidden))
      s.preset = preset.name;
  return s;
}

ModelSettings model_settings(const TrainingSettings &s, const std::vector<std::string> &elements,
                             double cutoff)
{
  ModelSettings model;
  const Preset &preset = find_preset(s.preset.value_or("default"));
  model.elements = elements;
  model.cutoff = cutoff;
  model.num_channels = s.num_channels.value_or(preset.num_channels);
  model.lmax = s.lmax.value_or(preset.lmax);
  model.num_radial = s.num_radial.value_or(8);
  model.four_body = s.four_body.value_or(preset.four_body);
  model.partners = s.partners.value_or(preset.partners);
  model.num_hidden = s.num_hidden.value_or(preset.num_hidden);
  model.num_members = s.members.value_or(5);
  return model;
}

double Schedule::rate(int step) const
{
  const double rise =
      warmup_steps > 0 ? std::min(1.0, static_cast<double>(step) / warmup_steps) : 1.0;
  const double cosine = 0.5 * (1.0 + std::cos(pi * step / num_steps()));
  return learning_rate * rise * (final_rate + (1.0 - final_rate) * cosine);
}

double Schedule::energy_factor(int step) const
{
  const double begin = 1.0 - energy_rise_share, progress = static_cast<double>(step) / num_steps();
  return std::pow(energy_rise, std::max(0.0, (progress - begin) / energy_rise_share));
}

/// Until the offsets of the labels are found, these must not pull the pressure away from what the
/// energies say.
double Schedule::stress_weight(int step, double weight, bool in_doubt) const
{
  constexpr double harmless = 0.001, rise_share = 0.1;
  const double progress = static_cast<double>(step) / num_steps(),
               risen = std::clamp((progress - offsets_from) / rise_share, 0.0, 1.0);
  if (in_doubt) return std::min(weight, harmless);
  return is_last_passes || weight <= harmless ? weight
                                              : harmless * std::pow(weight / harmless, risen);
}

Schedule make_schedule(const TrainingSettings &s, int num_frames)
{
  const bool warm = !s.start.empty();
  const bool many = num_frames > 600;
  Schedule schedule;
  schedule.batch = s.batch.value_or(many ? 16 : 8);
  schedule.steps_per_epoch = (num_frames + schedule.batch - 1) / schedule.batch;
  const bool large = s.preset == "large";
  const int times = large ? 3 : s.preset == "accurate" ? 2 : 1;
  const auto of_forces = [&](int count) {
    return static_cast<int>(std::lround(count / s.force_share));
  };
  const int max_steps = warm    ? 3000
                        : large ? 60000
                                : 24000,
            min_steps = std::min(of_forces(warm ? 700 : 2000 * times), max_steps),
            usual = of_forces(warm ? 12 : 80 * times),
            least = (min_steps + schedule.steps_per_epoch - 1) / schedule.steps_per_epoch,
            most = max_steps / schedule.steps_per_epoch;
  schedule.epochs = s.epochs.value_or(std::max({least, std::min(usual, most), 1}));
  schedule.warmup_steps = s.warmup_steps.value_or(warm ? 20 : 100);
  schedule.learning_rate = s.learning_rate.value_or(warm ? 8e-4 : many ? 5e-3 : 1e-2);
  schedule.final_rate = s.final_rate;
  schedule.energy_rise = s.energy_rise;
  schedule.energy_rise_share = s.energy_rise_share.value_or(warm ? 0.5 : 0.1);
  schedule.patience = s.patience;
  schedule.is_last_passes = s.is_last_passes;
  return schedule;
}

namespace {

constexpr int min_held_out = 10, usual_folds = 3;

/// The part of the frames that is held out is too small to judge a fit by, and nothing is said of
/// it.
bool holds_out_too_few(const TrainingSettings &s, int num_frames)
{
  const double num_held_out = std::floor(s.validation_fraction * num_frames + 0.5);
  return num_held_out > 0.0 && num_held_out < min_held_out && !s.all_frames_epochs && !s.folds;
}

}    // namespace

int num_folds(const TrainingSettings &s, int num_frames)
{
  constexpr int min_frames = 5;    // of which four are learned
  if (!s.validation.empty() || num_frames < min_frames) return 0;
  const int chosen = num_frames == min_frames ? min_frames : usual_folds;
  const bool judges = s.start.empty() && holds_out_too_few(s, num_frames);
  return std::min(s.folds.value_or(judges ? chosen : 0), num_frames);
}

double share_held_out(const TrainingSettings &s, int num_frames)
{
  if (s.start.empty() || !holds_out_too_few(s, num_frames)) return s.validation_fraction;
  return std::min(static_cast<double>(min_held_out) / num_frames, 1.0 / usual_folds);
}

TrainingSettings for_all_frames(TrainingSettings settings, int num_train)
{
  const Schedule schedule = make_schedule(settings, num_train);
  constexpr double rate = 0.3;    // of the peak before: enough to learn, too little to forget
  settings.epochs = settings.all_frames_epochs.value_or((schedule.epochs + 4) / 5);
  settings.batch = schedule.batch;
  settings.learning_rate = rate * schedule.learning_rate;
  settings.warmup_steps = 20;
  settings.is_last_passes = true;
  settings.energy_rise_share = std::min(3.0 * schedule.energy_rise_share, 1.0);
  return settings;
}

}    // namespace almlip::train
