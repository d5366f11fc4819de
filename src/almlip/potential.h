// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

namespace almlip {

/// Settings that fix the shape of a committee potential.
struct ModelSettings {
  static constexpr int max_channels = 16, max_lmax = 6, max_radial = 16;

  std::vector<std::string>
      elements;            ///< chemical symbols; their order is the element index everywhere
  double cutoff = 5.0;     ///< Angstrom
  int num_channels = 4;    ///< radial channels c of the density projection
  int lmax = 4;            ///< largest angular momentum of the projection
  int num_radial = 8;      ///< Chebyshev functions per channel
  std::string four_body = "c4";    ///< couplings (l1 l2 L), such as "112 222 123"; "b3" = 112 222
                                   ///< 123 332; "c4" adds 224 134 334 442 444; or "none"
  std::string partners = "all";    ///< channels of the third factor of the four-body terms: "all",
                                   ///< or "same" as the first two
  int num_hidden = 16;             ///< hidden units of one member's network
  int num_members = 5;             ///< networks in the committee

  /// Number of invariants per atom: num_channels + lmax C(C+1)/2 + couplings x (C or C^2).
  int num_descriptors() const;
  /// l1, l2 and L of every coupling of `four_body`.
  /// @throws Error if four_body is neither a name nor a list of couplings
  std::vector<std::array<int, 3>> couplings() const;
  /// Index of an element, or -1.
  int element_index(const std::string &symbol) const;
};

/// Checks that the settings make sense and fit each other (known elements, each once; ranges;
/// couplings within lmax).
/// @param where  begins the message, such as the name of a file
/// @throws Error that names the key, its value and what is allowed
void validate(const ModelSettings &settings, const std::string &where);

/// Committee of one central element: E_ik = reference_energy + output_bias_k + skip_k . x +
/// output_k . silu(hidden_k x + hidden_bias_k), x = (G - mean) inverse_deviation. Energies in eV. D
/// descriptors, H hidden units, M members.
struct ElementCommittee {
  double reference_energy = 0.0;            ///< E0 of the isolated atom or the fitted constant, eV
  std::vector<double> mean;                 ///< shape [D]
  std::vector<double> inverse_deviation;    ///< shape [D]
  std::vector<double> hidden;               ///< shape [M][H][D]
  std::vector<double> hidden_bias;          ///< shape [M][H]
  std::vector<double> output;               ///< shape [M][H], eV
  std::vector<double> skip;                 ///< shape [M][D], eV
  std::vector<double> output_bias;          ///< shape [M], eV
};

/// Calibrated uncertainty: sigma_i = max(s_i, factor s_i^exponent), s_i the sample spread of the
/// members' force vectors. Both in units of 1 eV/Angstrom; the parameters are those of the atom's
/// element.
struct Calibration {
  std::vector<double> factor;      ///< sigma at a spread of 1 eV/Angstrom, eV/Angstrom; shape
                                   ///< [num_elements]; 1 when not calibrated
  std::vector<double> exponent;    ///< from 0 to 1; shape [num_elements]; 1 when not calibrated
  double quantile90 = 1.0;    ///< |force error| < quantile90 sigma for 90 % of the held-out atoms
  int num_atoms = 0;          ///< held-out atoms that it was fitted on; 0 means not calibrated
};

/// Calibration with sigma = spread.
Calibration no_calibration(int num_elements);

/// Expected force error of an atom, sqrt(E |F - reference|^2), eV/Angstrom. Monotone in the spread,
/// 0 at spread 0 and never below the spread, so that it grows linearly beyond the spreads that the
/// calibration was fitted on.
/// @param spread  s_i of the atom, eV/Angstrom
double calibrated_sigma(const Calibration &calibration, int element, double spread);

/// Calibrated uncertainty of energies, sigma = factor sqrt(1 + sum_e |whitening_e f_e|^2), f the
/// features of a frame (energy_sigma.h). D descriptors.
struct EnergyCalibration {
  double factor = 0.0;    ///< sigma of a frame that the training frames pin down, eV/atom
  std::vector<std::vector<double>> whitening;    ///< of every element, shape [D + 1][D + 1],
                                                 ///< row-major lower triangle, zero above
  std::vector<int> together;    ///< 1 for pairs of elements that a training frame holds both of;
                                ///< shape [num_elements][num_elements]
  double quantile90 = 1.0;      ///< |energy error| < quantile90 sigma with a probability of 90 %
  int num_frames = 0;    ///< frames not learned that it was fitted on; 0: not calibrated, and all
                         ///< arrays are empty
  std::vector<std::vector<double>> untold;    ///< directions of compositions of which the training
                                              ///< frames have nothing, shape [num_elements] each
};

/// Distance of an environment from the training environments of its element: |L (x - center)| /
/// threshold, above 1 is novel.
struct Novelty {
  std::vector<double> whitening;    ///< shape [D][D], row-major lower triangle of L, zero above;
                                    ///< empty if not fitted
  std::vector<double> center;       ///< shape [D]
  double threshold = 1.0;           ///< quantile of the training environments' own distances
};

/// Distances, Angstrom, between which the repulsion of the nuclei is switched on for a pair of
/// elements: none from `outer` on, all of it below `inner` (see short_range.h). Shape
/// [num_elements][num_elements], symmetric; both empty: no repulsion at all.
struct Zbl {
  std::vector<double> inner, outer;
};

/// What a query needs to know of the training set. Optional: files of earlier versions lack it, and
/// a list is empty, or a number 0, where something is not known.
struct TrainingRecord {
  std::vector<double> num_atoms;    ///< environments behind the novelty, [num_elements]
  std::map<std::string, int>
      num_frames;                        ///< frames with labels, held-out ones too, by config_type
  std::vector<double> held_out_sigma;    ///< largest sigma of every held-out frame, eV/Angstrom
  std::vector<double> held_out_novelty;    ///< its largest novelty
  std::vector<int> held_out_atoms;         ///< its number of atoms
  std::vector<double>
      min_distances;    ///< of pairs of elements, Angstrom; shape [num_elements][num_elements],
                        ///< 0 where a pair was not met within the cutoff
  double rms_force = 0.0;      ///< root mean square of |F| over the training atoms, eV/Angstrom
  double force_limit = 0.0;    ///< larger forces are unphysical: three times the largest force of a
                               ///< training frame that is no outlier, but not below 30 eV/Angstrom,
                               ///< so that mild training frames do not rule out a melt
};

/// Everything that a `*.almlip.json` file holds.
struct Potential {
  ModelSettings settings;
  std::vector<double> radial;    ///< Chebyshev coefficients, shape [E][E][C][num_radial]; first
                                 ///< index the central element
  std::vector<ElementCommittee> committees;    ///< shape [num_elements]
  Calibration calibration;
  Zbl zbl;
  std::vector<Novelty> novelty;    ///< shape [num_elements], or empty
  std::vector<double>
      known_fingerprints;    ///< shape [num_known][2 E D], frames trained on (see fingerprint.h)
  TrainingRecord record;
  double least_distance = 0.0;      ///< least interatomic distance in the training set, Angstrom
  double largest_force = 0.0;       ///< largest force on an atom in the training set, eV/Angstrom
  double force_error = 0.0;         ///< force MAE on held-out frames, eV/Angstrom; 0 if unknown
  std::string provenance = "{}";    ///< JSON object: errors on train and held-out data, hash of the
                                    ///< training data, settings
  EnergyCalibration energy_calibration;
};

/// Reads a potential file; the whole content is checked (format version, keys, array lengths,
/// finite numbers, known elements).
/// @throws Error that names the file and the key
Potential read_potential(const std::string &path);

/// Parses the text of a potential file; `name` is used in messages.
Potential parse_potential(const std::string &text, const std::string &name);

/// The text of a potential file. Numbers survive a round trip exactly.
std::string to_json(const Potential &potential);

/// Writes a potential file atomically.
void write_potential(const std::string &path, const Potential &potential);

/// 16 hexadecimal digits (FNV-1a, 64 bit) of any text; used as hash of potentials and training
/// data.
std::string content_hash(const std::string &text);

}    // namespace almlip
