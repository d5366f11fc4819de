// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_eval.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/potential.h"
#include "almlip/text.h"
#include "parallel/ranks.h"
#include "train/error_report.h"
#include "train/stress_offset.h"

namespace almlip::cli {

using namespace train;

namespace {

struct EvalOptions {
  LabelKeys keys;
  std::string potential, json, output, stress_offset = "auto";
  std::vector<std::string> frames;
};

std::string exact_text(const std::vector<double> &numbers)
{
  std::vector<std::string> words;
  for (const double number : numbers) words.push_back(format("%.17g", number));
  return joined(words, " ");
}

/// Moves what the file says about energy, forces and stress to names that begin with "ref_".
void set_references_aside(Frame &frame)
{
  if (frame.energy) frame.info["ref_energy"] = exact_text({*frame.energy});
  if (frame.virial) {
    const Tensor6 &v = *frame.virial;
    frame.info["ref_virial"] = exact_text({v[0], v[3], v[4], v[3], v[1], v[5], v[4], v[5], v[2]});
  }
  if (!frame.forces.empty()) frame.per_atom_vectors["ref_forces"] = frame.forces;
  frame.per_atom_vectors.erase("forces");    // another column was the reference
}

/// The frame with predictions in place of the references.
Frame predicted_frame(const Potential &potential, Frame frame, const FramePrediction &prediction)
{
  set_references_aside(frame);
  frame.energy = prediction.energy;
  frame.forces = prediction.forces;
  frame.virial.reset();
  if (frame.volume() > 0.0) frame.virial = prediction.virial;
  frame.per_atom["sigma"] = prediction.sigma;
  if (!potential.novelty.empty())
    frame.per_atom["novelty"] = novelties(prediction, frame, potential);
  if (std::isfinite(prediction.energy_sigma))
    frame.info["energy_sigma"] = exact_text({prediction.energy_sigma});
  frame.info["member_energies"] = exact_text(prediction.member_energies);
  return frame;
}

/// The errors, and the offsets of stress labels that they are without.
std::string json_of(const ErrorReport &report, const StressOffsets &offsets)
{
  if (offsets.empty()) return report.json();
  auto json = nlohmann::ordered_json::parse(report.json());
  json["stress_offset"] = nlohmann::ordered_json::parse(to_json(offsets));
  return json.dump(2) + '\n';
}

/// Stresses of a source that the fit has not seen are compared as they are.
void tell_unknown_sources(const StressOffsets &known, const std::vector<Frame> &frames)
{
  const auto takes_off = [](const auto &of_source) { return of_source.second.virial != 0.0; };
  if (std::none_of(known.begin(), known.end(), takes_off)) return;
  const auto num_unknown = std::count_if(frames.begin(), frames.end(), [&](const Frame &frame) {
    return frame.virial && known.count(label_source(frame)) == 0;
  });
  if (num_unknown == 0) return;
  std::vector<std::string> names;
  for (const auto &[source, offset] : known) names.push_back(source);
  std::cout << num_unknown
            << " of the frames have a stress, but no label_source that the fit knows ("
            << joined(names) << "): no offset is taken off theirs.\n";
}

/// Before any work.
void check_outputs(const EvalOptions &options)
{
  std::vector<std::string> inputs = options.frames;
  inputs.push_back(options.potential);
  for (const std::string &output : {options.output, options.json})
    if (!output.empty()) try_to_write(output, inputs);
}

void evaluate(const EvalOptions &options)
{
  check_outputs(options);
  const Potential potential = read_potential(options.potential);
  ExtxyzNeeds needs;
  needs.labels = true;
  needs.keys = options.keys;
  ReadReport read;
  const std::vector<Frame> frames = read_extxyz(options.frames, needs, &read);
  read.require_one_source(needs.keys);
  const StressOffsets offsets = options.stress_offset == "off"
                                    ? StressOffsets{}
                                    : used_offsets(stress_offsets_of(potential), frames);
  Committee committee(potential);
  ErrorReport report(potential);
  std::string predictions;
  int num_strange = 0;
  for (const Frame &frame : frames) {
    FramePrediction prediction = predict(committee, potential, frame);
    num_strange += std::isinf(prediction.energy_sigma) ? 1 : 0;
    if (!options.output.empty())
      predictions += to_extxyz(predicted_frame(potential, frame, prediction));
    add_stress_offset(offsets, frame, prediction);
    report.add(frame, prediction);
  }
  if (!options.output.empty()) write_atomically(options.output, predictions);
  if (!options.json.empty()) write_atomically(options.json, json_of(report, offsets));
  std::cerr << "read " << read.text() << '\n';
  std::cout << report.table() << text_of(offsets);
  if (options.stress_offset != "off") tell_unknown_sources(stress_offsets_of(potential), frames);
  if (read.energy_keys.empty() && read.forces_keys.empty() && options.output.empty())
    std::cout
        << "The frames have no energies and no forces, so that nothing is compared: label them "
           "first, or have predictions written with --output.\n";
  if (potential.calibration.num_atoms == 0)
    std::cout << "The potential is not calibrated: sigma is the plain spread of its members.\n";
  if (potential.energy_calibration.num_frames == 0)
    std::cout << "Its energies have no sigma: the file is of an earlier version, or no frame was "
                 "held out.\n";
  if (num_strange > 0)
    std::cout << num_strange
              << " of the frames hold two elements that no training frame holds both of, or have a "
                 "composition of which the training energies tell nothing: the sigma of their "
                 "energies is infinite.\n";
}

/// Work for one process; the others of an MPI run wait.
void run(const EvalOptions &options)
{
  const Ranks ranks;
  try {
    ranks.agree([&] {
      if (ranks.first()) evaluate(options);
    });
  } catch (const FailedElsewhere &) {
    throw CLI::RuntimeError(1);    // the first rank says why
  }
}

}    // namespace

void add_eval_command(CLI::App &app)
{
  const auto options = std::make_shared<EvalOptions>();
  CLI::App *command = app.add_subcommand("eval", "Compare a potential with reference frames");
  command->add_option("potential", options->potential, "potential file")
      ->required()
      ->type_name("POT");
  command->add_option("frames", options->frames, "frames (extended XYZ, plain or gzip)")
      ->required()
      ->type_name("F");
  command->add_option("--json", options->json, "write the errors of all groups to this file")
      ->type_name("OUT.json");
  command
      ->add_option("--output", options->output,
                   "write energy, forces, stress, per-atom sigma (and novelty) and the members' "
                   "energies to this file; references go to ref_energy, ref_forces, ref_virial")
      ->type_name("PRED.extxyz");
  const auto add_keys = [&](const char *flag, std::vector<std::string> &keys, const char *usual) {
    command->add_option(flag, keys, std::string("keys to take it from, in order; else ") + usual)
        ->type_name("KEY");
  };
  add_keys("--energy-key", options->keys.energy, "free_energy, energy");
  add_keys("--forces-key", options->keys.forces, "forces");
  add_keys("--stress-key", options->keys.stress, "stress, virial");
  command
      ->add_option("--stress-offset", options->stress_offset,
                   "auto: stress errors without the offset of the labels that the fit has found; "
                   "off: labels as they are")
      ->check(CLI::IsMember({"auto", "off"}))
      ->capture_default_str();
  command->callback([options] { run(*options); });
}

}    // namespace almlip::cli
