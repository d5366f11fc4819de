// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/presets.h"
#include "train/training_settings.h"

namespace almlip::train {

namespace {

using Value = SettingEntry::Value;

SettingEntry number(const std::string &key, Value value, const std::string &unit, double min,
                    double max, const std::string &meaning)
{
  return {key, value, unit, meaning, min, max};
}

SettingEntry word(const std::string &key, Value value, const std::vector<std::string> &choices,
                  const std::string &meaning)
{
  SettingEntry entry{key, value, "", meaning};
  entry.choices = choices;
  return entry;
}

SettingEntry other(const std::string &key, Value value, const std::string &meaning)
{
  return {key, value, "", meaning};
}

/// An entry that the fitted numbers do not depend on.
SettingEntry outside(SettingEntry entry)
{
  entry.shapes_result = false;
  return entry;
}

}    // namespace

std::vector<SettingEntry> settings_table(TrainingSettings &s)
{
  constexpr int many = 1000000;
  const std::string loss_unit = "(eV/Angstrom)^2 per (eV/atom)^2";
  return {
      outside(other("train", &s.train, "files with training frames (extended XYZ, plain or gzip)")),
      outside(other("validation", &s.validation,
                    "files with held-out frames; without any, a part of the training frames")),
      outside(
          other("start", &s.start,
                "potential to start from: a short refit; what fixes the model (elements, cutoff, "
                "members, shape) is that of the potential unless it is given")),
      word("refit", &s.refit, {"auto", "warm", "full"},
           "how a fit with start begins: warm with its parameters, full with its shape only; auto: "
           "full if its error on the frames that it has not learned is above twice its held-out "
           "error"),
      outside(other("output", &s.output, "potential file to write")),
      outside(other("checkpoint", &s.checkpoint,
                    "folder for checkpoints; a fit that finds its own one there goes on exactly; "
                    "empty: a folder beside the output, which is removed at the end")),
      outside(other("energy_key", &s.energy_key,
                    "keys of the frames to take the energy from, in order of preference; empty: "
                    "free_energy, energy")),
      outside(other("forces_key", &s.forces_key, "columns to take the forces from; empty: forces")),
      outside(other("stress_key", &s.stress_key,
                    "keys to take stress or virial from; empty: stress, virial")),

      word("preset", &s.preset, preset_names(),
           "shape of the model: fast, default, accurate or large; null: default, with start that "
           "of the "
           "potential"),
      other(
          "elements", &s.elements,
          "chemical symbols, in the order of the potential; empty: those of the frames, with start "
          "of the potential"),
      number("cutoff", &s.cutoff, "Angstrom", 1, 20,
             "range of an atom's surroundings; null: 30 neighbours on average and some for each "
             "atom, from 3 to 6 Angstrom, with start that of the potential"),
      number("members", &s.members, "", 1, 16,
             "networks in the committee; null: 5, with start as many"),
      number("num_channels", &s.num_channels, "", 1, 16,
             "radial channels; null: 4, accurate 5, large 6"),
      number("lmax", &s.lmax, "", 0, 6, "largest angular momentum; null: 4, fast 3"),
      number("num_radial", &s.num_radial, "", 4, 16,
             "Chebyshev functions that the channels are made of; null: 8, with start as many"),
      other("four_body", &s.four_body,
            "couplings l1 l2 L of the four-body invariants, such as \"112 222 123\", or b3, c4, "
            "d4, none; null: c4, fast b3, accurate and large d4"),
      word("partners", &s.partners, {"all", "same"},
           "channels of their third factor; null: all, fast same"),
      number("num_hidden", &s.num_hidden, "", 1, 1024,
             "hidden units of a network; null: 16, large 32"),

      number("seed", &s.seed, "", 0, 2147483647, "of all random choices"),
      number("validation_fraction", &s.validation_fraction, "", 0, 0.5,
             "part of the training frames that is held out, the same of every config_type"),
      number("folds", &s.folds, "", 0, 20,
             "parts of the frames; fits without one of them judge it and sigma before all are "
             "learned, as many fits as judge 20 frames; 0: a part is held out instead; null: 3 if "
             "fewer than ten frames would be held out, without start"),
      word("precision", &s.precision, {"double", "single"}, "arithmetic of the fit"),
      number(
          "epochs", &s.epochs, "", 1, many,
          "passes over the training frames; null: 80, but 2000 to 24000 steps, accurate 160, but "
          "4000 to 24000 steps, large 240, but 6000 to 60000 steps, with start 12, but 700 to 3000 "
          "steps"),
      number("batch", &s.batch, "frames", 1, many,
             "frames per step; null: 8, of more than 600 frames 16"),
      number("learning_rate", &s.learning_rate, "", 1e-8, 1,
             "peak of the cosine; null: 0.01, of more than 600 frames 0.005, with start 0.0008"),
      number("warmup_steps", &s.warmup_steps, "steps", 0, many,
             "linear rise to the peak; null: 100, with start 20"),
      number("final_rate", &s.final_rate, "", 0, 1,
             "part of the learning rate that is left at the end"),
      number("radial_rate", &s.radial_rate, "", 0, 10,
             "learning rate of the radial functions relative to the networks'; 0: not learned"),
      number("weight_decay", &s.weight_decay, "", 0, 100,
             "pull of hidden and output weights towards zero, larger is smoother; null: by "
             "the numbers of training frames and atoms, from 0.5 down, large at most 0.05"),
      number(
          "four_body_scale", &s.four_body_scale, "", 1e-3, 10,
          "size of the four-body invariants beside the others, which have 1: smaller trusts them "
          "less. More than 144 of them have less, as the inverse root of their number"),
      number("radial_tie", &s.radial_tie, "", 0, 1e3,
             "how strongly the radial functions for different neighbours are pulled together where "
             "the frames do not tell them apart"),
      number("energy_weight", &s.energy_weight, loss_unit, 0, 1e6,
             "weight of the squared energy error per atom"),
      number("energy_rise", &s.energy_rise, "", 1, 1e6,
             "factor by which that weight grows at the end"),
      number("energy_rise_share", &s.energy_rise_share, "", 1e-3, 1,
             "last part of the steps, over which it grows, three times as long in the last passes "
             "over all frames; null: 0.1, with start 0.5"),
      number(
          "stress_weight", &s.stress_weight, loss_unit, 0, 1e6,
          "weight of the squared virial error per atom, for frames that have one; at most 0.001 in "
          "the first half of the steps, before offsets are found"),
      word("stress_offset", &s.stress_offset, {"auto", "on", "off"},
           "isotropic offset of the stress labels (Pulay stress), one for each `label_source`: "
           "found in the fit and taken off, always or, auto, where it exceeds 0.5 GPa and six "
           "times the frames' spread"),
      number("huber", &s.huber, "eV/Angstrom", 0, 1e6,
             "force errors beyond this count linearly; 0: never"),
      number("energy_huber", &s.energy_huber, "eV/atom", 0, 1e6,
             "energy errors beyond this count linearly; 0: never"),
      number("stress_huber", &s.stress_huber, "eV/atom", 0, 1e6,
             "errors of virials per atom beyond this count linearly; 0: never"),
      number("violent_force", &s.violent_force, "eV/Angstrom", 0, 1e6,
             "labels of atoms with larger forces count less, as the inverse square of the force, "
             "and the energies of their frames; null: six times what nine of ten atoms off "
             "equilibrium have at most; 0: none"),
      number("patience", &s.patience, "epochs", 0, many,
             "stop after so many without a better held-out error; 0: never"),
      number("all_frames_epochs", &s.all_frames_epochs, "", 0, many,
             "last passes over all frames, those held out too, once sigma is calibrated; null: a "
             "fifth of epochs"),

      number("least_distance", &s.least_distance, "Angstrom", 1e-3, 10,
             "two atoms that are closer are an error"),
      word("isolated_atoms", &s.isolated_atoms, {"error", "skip"},
           "frames with an atom that has no neighbour within the cutoff: error, or skip them. A "
           "frame of one such atom alone gives the energy of the isolated atom"),
      other("zbl", &s.zbl,
            "add the repulsion of the nuclei to pairs closer than any in the frames"),
      other("fingerprints", &s.fingerprints,
            "store what the training frames look like, so that they are not chosen again"),
      number("max_fingerprints", &s.max_fingerprints, "frames", 1, many,
             "of more frames, store only those that differ most"),
      other(
          "novelty", &s.novelty,
          "store the distance measure of unknown surroundings, which fix al_query and selection by "
          "atoms use (adds 5 D^2 bytes per element, D descriptors)"),
      outside(number("max_seconds", &s.max_seconds, "s", 0, 1e9,
                     "stop after this time and write what there is; 0: no limit")),
      outside(number("checkpoint_seconds", &s.checkpoint_seconds, "s", 0, 1e9,
                     "time between two checkpoints; 0: one after every step")),
      outside(number("memory", &s.memory, "GB", 0, 1e6,
                     "limit for all processes together; what the frames need beyond it is made "
                     "anew in every step, which is slower; 0: no limit")),
      outside(number("tune", &s.tune, "s", 0, 1e9,
                     "search settings by cross-validation for this time first; 0: do not")),
  };
}

}    // namespace almlip::train
