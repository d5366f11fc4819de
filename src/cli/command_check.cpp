// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_check.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/potential.h"
#include "train/check/data_check.h"

namespace almlip::cli {

using namespace train;

namespace {

struct CheckOptions {
  LabelKeys keys;
  std::string potential, fixed;
  std::vector<std::string> frames;
};

std::vector<Finding> residual_findings(const std::vector<Frame> &frames, const std::string &path)
{
  const Potential potential = read_potential(path);
  Committee committee(potential);
  std::vector<Compared> compared;
  for (const Frame &frame : frames)
    compared.push_back(compare(frame, predict(committee, potential, frame)));
  std::vector<Finding> findings = check_residuals(frames, compared);
  if (const auto offset = check_predicted_pressure(compared)) findings.push_back(*offset);
  return findings;
}

/// Whether labels have a wrong unit, sign or order, which a potential would show once more.
bool is_mistake(const Finding &finding)
{
  return finding.repair.kind != Repair::Kind::none && finding.repair.kind != Repair::Kind::remove;
}

void check(const CheckOptions &options)
{
  std::vector<std::string> inputs = options.frames;
  inputs.push_back(options.potential);
  if (!options.fixed.empty()) try_to_write(options.fixed, inputs);
  ExtxyzNeeds needs;
  needs.energy = needs.labels = true;
  needs.keys = options.keys;
  ReadReport report;
  std::vector<Frame> frames = read_extxyz(options.frames, needs, &report);
  report.require_one_source(needs.keys);
  std::cout << "read " << report.text() << '\n';
  std::vector<Finding> findings = check_labels(frames);
  const bool contradict = std::any_of(findings.begin(), findings.end(), is_mistake);
  if (!options.potential.empty() && contradict)
    std::cout << "the labels contradict each other, so that they are not compared with "
              << options.potential << "; check what --fix writes again\n";
  if (!options.potential.empty() && !contradict)
    for (Finding &finding : residual_findings(frames, options.potential))
      findings.push_back(std::move(finding));
  std::cout << text_of(findings, frames);
  if (findings.empty()) std::cout << "nothing looks wrong\n";
  if (options.fixed.empty()) return;
  const std::size_t changed = repair(frames, findings);
  write_extxyz(options.fixed, frames);
  std::cout << "wrote " << options.fixed << ": " << frames.size() << " frames, " << changed
            << " repaired or left out\n";
}

}    // namespace

void add_check_command(CLI::App &app)
{
  const auto options = std::make_shared<CheckOptions>();
  CLI::App *command =
      app.add_subcommand("check", "Look for wrong labels: units, signs, repetitions, outliers");
  command->add_option("frames", options->frames, "frames (extended XYZ, plain or gzip)")
      ->required()
      ->type_name("F");
  command
      ->add_option("--potential", options->potential,
                   "potential fitted to such frames: name those that do not fit")
      ->type_name("POT");
  command
      ->add_option("--fix", options->fixed,
                   "write the frames to this file, with what can be repaired without a new "
                   "calculation: units, signs, order of shear components, repetitions")
      ->type_name("FIXED.extxyz");
  command->add_option("--energy-key", options->keys.energy, "keys of the energy, in order");
  command->add_option("--forces-key", options->keys.forces, "columns of the forces, in order");
  command->add_option("--stress-key", options->keys.stress, "keys of the stress, in order");
  command->callback([options] { check(*options); });
}

}    // namespace almlip::cli
