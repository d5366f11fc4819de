// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_train.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "parallel/ranks.h"
#include "train/fit_potential.h"
#include "train/training_settings.h"

namespace almlip::cli {

using namespace train;

namespace {

/// What the command line says, before any of it is looked at.
struct TrainOptions {
  std::string settings_file;
  std::map<std::string, std::vector<std::string>> flags;    ///< by key of the setting
  bool print_defaults = false;
};

std::string flag_of(const std::string &key)
{
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

bool is_list(const SettingEntry &entry)
{
  return std::holds_alternative<std::vector<std::string> *>(entry.value);
}

void add_flags(CLI::App &command, TrainOptions &options)
{
  TrainingSettings defaults;
  for (const SettingEntry &entry : settings_table(defaults)) {
    CLI::Option *flag =
        command.add_option(flag_of(entry.key), options.flags[entry.key], entry.meaning);
    flag->expected(is_list(entry) ? -1 : 1)
        ->type_name(entry.unit.empty() ? "" : "[" + entry.unit + "]")
        ->group("Settings");
    if (!is_list(entry)) flag->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const std::string value = default_text(entry);
    if (!value.empty()) flag->default_str(value);
  }
}

/// Defaults, then the settings file, then the flags.
TrainingSettings collect_settings(const TrainOptions &options)
{
  TrainingSettings settings;
  if (!options.settings_file.empty())
    apply_settings_text(settings, read_text(options.settings_file), options.settings_file);
  for (const auto &[key, words] : options.flags)
    if (!words.empty()) apply_flag(settings, key, words);
  return settings;
}

void run(const TrainOptions &options)
{
  const Ranks ranks;
  try {
    TrainingSettings settings;
    ranks.agree([&] { settings = collect_settings(options); });
    if (!options.print_defaults) return fit_potential(settings, ranks);
    ranks.agree([&] {
      if (!settings.train.empty()) settings = resolved_settings(settings);
    });
    if (ranks.first()) std::cout << to_json(settings);
  } catch (const FailedElsewhere &) {
    throw CLI::RuntimeError(1);    // the first rank says why
  } catch (const Error &e) {
    if (ranks.first()) throw;
    throw CLI::RuntimeError(1);    // all ranks fail alike
  } catch (const std::exception &e) {
    if (ranks.size() == 1) throw;
    std::cerr << "almlip: rank " << ranks.rank() << ": " << e.what() << std::endl;
    ranks.abort();
  }
}

}    // namespace

void add_train_command(CLI::App &app)
{
  const auto options = std::make_shared<TrainOptions>();
  CLI::App *command = app.add_subcommand("train", "Fit a committee potential to frames");
  command->add_option("settings", options->settings_file, "settings file (JSON); flags win over it")
      ->type_name("SETTINGS.json");
  command->add_flag(
      "--print-defaults", options->print_defaults,
      "print all settings as JSON and end; with training frames, as they would be used for them");
  add_flags(*command, *options);
  command->footer("Run it with \"mpirun -n N almlip train ...\" to use N processes.");
  command->callback([options] { run(*options); });
}

}    // namespace almlip::cli
