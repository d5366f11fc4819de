// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_pool.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "parallel/ranks.h"
#include "pool/pool_convert.h"
#include "pool/pool_read.h"
#include "pool/pool_summary.h"

namespace almlip::cli {

using namespace pool;

namespace {

struct PoolOptions {
  std::string study, output = "pool-output";
  int seeds = 0, first_seed = -1;
};

struct ConvertOptions {
  std::vector<std::string> responses;
  std::string output;
};

PoolStudy read_study(const PoolOptions &options)
{
  PoolStudy study = read_pool_study(options.study);
  if (options.seeds > 0) study.seeds = options.seeds;
  if (options.first_seed >= 0) study.first_seed = options.first_seed;
  return study;
}

void print_results(const PoolStudy &study, const std::vector<SeriesResult> &results,
                   const std::string &output)
{
  std::printf("%-8s %-28s %9s %19s %8s %9s\n", "system", "series", "saving %", "interval", "area %",
              "last MAE");
  for (const SeriesResult &r : results)
    if (r.metric == study.metrics.front())
      std::printf("%-8s %-28s %+9.1f [%+7.1f, %+7.1f] %+8.2f %9.4f\n", r.system.c_str(),
                  r.series.c_str(), 100 * r.saving.value, 100 * r.saving.low, 100 * r.saving.high,
                  100 * r.area_change.mean, r.final_mae);
  std::printf("tables and summary are in %s\n", output.c_str());
}

void run_study(const PoolOptions &options, const Ranks &ranks)
{
  PoolStudy study;
  StudyData data;
  ranks.agree([&] {
    study = read_study(options);
    data = read_study_data(study);
  });
  if (ranks.first())
    for (const std::string &note : data.notes) std::cerr << note << '\n';
  const StudyRuns runs = execute_study(study, data, options.output, ranks);
  ranks.agree([&] {
    if (!ranks.first()) return;
    const std::vector<SeriesResult> results = summarize(study, runs);
    write_tables(study, data, runs, results, options.output);
    const std::string markdown = summary_markdown(study, data, runs, results);
    const std::filesystem::path folder = options.output;
    write_atomically((folder / "summary.md").string(), markdown);
    write_atomically((folder / "summary.html").string(),
                     to_html(markdown, study.title,
                             {"learning_curves.svg", "savings.svg", "calibration.svg", "map.svg"}));
    print_results(study, results, options.output);
  });
}

void run(const PoolOptions &options)
{
  require(!options.study.empty(),
          "pool: there is no settings file of a study; see almlip pool --help");
  const Ranks ranks;
  try {
    run_study(options, ranks);
  } catch (const FailedElsewhere &) {
    throw CLI::RuntimeError(1);    // the first rank says why
  }
}

void convert(const ConvertOptions &options)
{
  try_to_write(options.output, options.responses);
  const Pool pool = convert_responses(options.responses);
  write_pool(options.output, pool.entries);
  std::cout << pool.entries.size() << " entries written to " << options.output
            << "; left out: " << pool.dropped_text() << '\n';
}

}    // namespace

void add_pool_command(CLI::App &app)
{
  const auto options = std::make_shared<PoolOptions>();
  CLI::App *command =
      app.add_subcommand("pool", "Compare query strategies on a pool of formation energies");
  command->add_option("study", options->study, "settings of the study (JSON); see examples/pool")
      ->type_name("STUDY.json");
  command
      ->add_option("--output", options->output,
                   "folder for runs, tables and summary; finished runs in it are not repeated")
      ->capture_default_str();
  command->add_option("--seeds", options->seeds, "number of seeds, in place of the study's")
      ->check(CLI::Range(1, 100000));
  command->add_option("--first-seed", options->first_seed, "first seed, in place of the study's")
      ->check(CLI::Range(0, 2147483647));

  const auto conversion = std::make_shared<ConvertOptions>();
  CLI::App *converter = command->add_subcommand(
      "convert",
      "Make a pool from saved responses of the Materials Project's or OQMD's public interface");
  converter->add_option("responses", conversion->responses, "saved responses (JSON, plain or gzip)")
      ->required()
      ->type_name("RESPONSE...");
  converter->add_option("--output", conversion->output, "pool to write (JSON lines)")
      ->required()
      ->type_name("POOL.jsonl");
  converter->callback([conversion] { convert(*conversion); });
  command->callback([options, command] {
    if (command->get_subcommands().empty()) run(*options);
  });
}

}    // namespace almlip::cli
