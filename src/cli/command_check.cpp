// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_check.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>

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

std::vector<Compared> compared_with(const std::string &path, const std::vector<Frame> &frames)
{
  const Potential potential = read_potential(path);
  Committee committee(potential);
  std::vector<Compared> compared;
  for (const Frame &frame : frames)
    compared.push_back(compare(frame, predict(committee, potential, frame)));
  return compared;
}

std::vector<Finding> residual_findings(const std::vector<Frame> &frames,
                                       const std::vector<Compared> &compared)
{
  std::vector<Finding> findings = check_residuals(frames, compared);
  if (const auto offset = check_predicted_pressure(compared)) findings.push_back(*offset);
  return findings;
}

/// Whether labels have a wrong unit, sign or order.
bool is_mistake(const Finding &finding)
{
  return finding.repair.kind != Repair::Kind::none && finding.repair.kind != Repair::Kind::remove;
}

void remove_empty(std::vector<Finding> &findings)
{
  findings.erase(std::remove_if(findings.begin(), findings.end(),
                                [](const Finding &finding) { return finding.frames.empty(); }),
                 findings.end());
}

/// Adds what a potential tells of frames whose unit, sign or order the energies do not tell.
void decide_open(std::vector<Finding> of_potential, std::vector<Finding> &findings)
{
  std::map<Repair::Kind, std::set<std::size_t>> repaired;
  for (const Finding &finding : findings)
    repaired[finding.repair.kind].insert(finding.frames.begin(), finding.frames.end());
  Collector collector(findings);
  for (Finding &finding : of_potential) {
    if (!is_mistake(finding)) continue;
    const std::set<std::size_t> &done = repaired[finding.repair.kind];
    std::vector<std::size_t> frames;
    for (const std::size_t f : finding.frames)
      if (done.count(f) == 0) frames.push_back(f);
    finding.frames.clear();
    if (!frames.empty()) collector.add(finding, frames);
    for (Finding &open : findings)
      if (open.is_open)
        open.frames.erase(std::remove_if(open.frames.begin(), open.frames.end(),
                                         [&](std::size_t f) {
                                           return std::count(frames.begin(), frames.end(), f) > 0;
                                         }),
                          open.frames.end());
  }
  remove_empty(findings);
}

/// Leaves out the frames that a potential clearly finds right as they are. If these are more than a
/// few, the frames are a mixture: then only those stay that it clearly finds wrong, and what it
/// cannot tell is a finding of its own.
void acquit(const std::vector<Compared> &compared, std::vector<Finding> &findings)
{
  constexpr double clear = 2.0;
  constexpr std::size_t few = 8;    // one in so many
  std::vector<Finding> undecided;
  for (Finding &finding : findings) {
    if (!is_mistake(finding)) continue;
    std::vector<std::size_t> wrong, unsure;
    std::size_t num_right = 0;
    for (const std::size_t f : finding.frames) {
      const double misfit = relative_misfit(compared[f], finding.repair);
      num_right += misfit < 1.0 / clear;
      if (misfit > 1.0 / clear) (misfit > clear ? wrong : unsure).push_back(f);
    }
    const bool is_mixture = few * num_right > wrong.size();
    if (is_mixture && !unsure.empty())
      undecided.push_back(
          {"the potential finds some of these right as they are, and does not tell "
           "of others: " +
               finding.what,
           "they are left as they are; give frames of one calculation a "
           "config_type of their own, and check again",
           unsure});
    if (!is_mixture) wrong.insert(wrong.end(), unsure.begin(), unsure.end());
    std::sort(wrong.begin(), wrong.end());
    finding.frames = std::move(wrong);
  }
  findings.insert(findings.end(), undecided.begin(), undecided.end());
  remove_empty(findings);
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
  std::vector<Finding> findings = check_labels(frames), of_potential;
  if (!options.potential.empty()) {
    const std::vector<Compared> compared = compared_with(options.potential, frames);
    of_potential = residual_findings(frames, compared);
    acquit(compared, findings);
  }
  const bool contradict = std::any_of(findings.begin(), findings.end(), is_mistake);
  if (!options.potential.empty() && contradict) {
    std::cout << "the labels contradict each other, so that only their units, signs and orders are "
                 "compared with "
              << options.potential << "; check what --fix writes again\n";
    decide_open(std::move(of_potential), findings);
  } else {
    findings.insert(findings.end(), of_potential.begin(), of_potential.end());
  }
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
