// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "almlip/committee.h"

namespace almlip::train {

/// One block of the flat parameter vector: a matrix [rows][cols], row-major. The optimiser treats
/// blocks one by one.
struct ParameterBlock {
  enum class Kind { hidden, hidden_bias, output, skip, output_bias, radial };
  Kind kind;
  int element;           ///< central element
  int other;             ///< member, or for `radial` the neighbour's element
  std::size_t offset;    ///< first entry in the flat vector
  int rows, cols;        ///< hidden [D][H]; hidden_bias, output [1][H]; skip [D][1]; output_bias
                         ///< [1][1]; radial [C][num_radial]
};

/// Weights of the terms of the loss of one batch, in units of (scale)^2.
struct BatchWeights {
  double per_component = 0.0;    ///< 1 / number of force components in the batch
  double per_frame = 0.0;        ///< 1 / number of frames in the batch
  double energy = 30.0;    ///< weight of ((E - E_ref) / num_atoms)^2, (eV/A)^2 per (eV/atom)^2
  double stress =
      0.0;    ///< weight of the mean squared component of (virial - virial_ref) / num_atoms
  double huber = 0.0;           ///< force residuals beyond this (eV/Angstrom) count linearly
                                ///< ; 0: squares
  double energy_huber = 0.0;    ///< the same for energies, eV per atom
  double stress_huber = 0.0;    ///< and for components of virials, eV per atom
};

/// What a frame adds to the loss, and how its virial differs.
struct FrameLoss {
  double loss = 0.0;            ///< in scaled units, sum over members
  double virial_error = 0.0;    ///< a third of the trace of labelled minus mean virial, eV per
                                ///< atom; 0 if the loss has no virial
};

/// What training changes and what it does not: shape, standardisation, units.
struct TrainingModel {
  ModelSettings settings;
  double scale = 1.0;                      ///< eV; networks learn energies and forces divided by it
  std::vector<double> whitening;           ///< shape [num_radial][num_radial]: row q gives the q-th
                                           ///< whitened radial function as Chebyshev coefficients
  std::vector<double> reference_energy;    ///< E0, shape [E], eV
  double least_distance = 0.0;             ///< between two atoms of the training frames, Angstrom
  double violent_force = 0.0;    ///< labels of larger forces count less, eV/Angstrom; 0: none
  std::vector<double> mean;      ///< shape [E][D]
  std::vector<double> inverse_deviation;    ///< shape [E][D]
};

/// Energies, forces, virial of every member for one frame, in eV and Angstrom, E0 included.
struct MemberPrediction {
  std::vector<double> energy;     ///< shape [M]
  std::vector<double> forces;     ///< shape [num_atoms][3 M]
  std::vector<Tensor6> virial;    ///< shape [M]
};

/// A frame made ready for the loss: geometry, density of the radial functions, scaled references.
class PreparedFrame {
 public:
  virtual ~PreparedFrame() = default;
  virtual std::size_t bytes() const { return 0; }
  int num_atoms = 0;
};

/// Loss of frames and its gradient for every member against its own error.
///
///   L = sum_members [ energy_weight per_frame ((E_k - E) / n)^2 + per_component sum |F_k - F|^2 +
///   stress_weight per_frame mean((W_k - W) / n + offset)^2 ]
///
/// Errors of forces, energies and virials beyond their widths count linearly (pseudo-Huber).
/// Labels of violent frames count less: label_weights.h.
/// offset is that of the labels (StressOffset), on the diagonal.
/// Source: ours; the gradient of the force term is one directional derivative along the residual
/// (forward over reverse).
class CommitteeLoss {
 public:
  virtual ~CommitteeLoss() = default;

  /// @param precision  "double" or "single"
  static std::unique_ptr<CommitteeLoss> create(const TrainingModel &model,
                                               const std::string &precision,
                                               Kernels kernels = Kernels::compiled);

  /// Layout of the flat parameter vector: network blocks by element, kind and member, then radial
  /// blocks by element pair.
  static std::vector<ParameterBlock> layout(const ModelSettings &settings);
  static std::size_t num_parameters(const ModelSettings &settings);

  virtual std::unique_ptr<PreparedFrame> prepare(const Frame &frame) = 0;

  /// Sets the standardisation (after the first statistics were taken).
  virtual void set_standardisation(const std::vector<double> &mean,
                                   const std::vector<double> &inverse_deviation) = 0;
  virtual void set_parameters(const std::vector<double> &parameters) = 0;

  /// Raw invariants G of every atom with the present radial parameters, shape [num_atoms][D].
  virtual std::vector<double> descriptors(const PreparedFrame &frame) = 0;

  virtual MemberPrediction predict(const PreparedFrame &frame) = 0;

  virtual void clear_gradient() = 0;
  /// Adds the frame's loss gradient.
  /// @param virial_offset  isotropic virial that the label has besides, eV per atom
  /// @param learn_radial   false: radial blocks get no gradient, which is cheaper
  virtual FrameLoss add(const PreparedFrame &frame, const BatchWeights &weights,
                        double virial_offset, bool learn_radial) = 0;
  /// Gradient of everything since clear_gradient, shape [num_parameters].
  virtual void gradient(std::vector<double> &gradient) const = 0;
};

/// Potential with these parameters (scale and whitening folded in; calibration and provenance left
/// empty).
Potential to_potential(const TrainingModel &model, const std::vector<double> &parameters);

/// Parameters that reproduce a potential of the same settings, for a warm start (inverse of
/// to_potential).
std::vector<double> from_potential(const TrainingModel &model, const Potential &potential);

}    // namespace almlip::train
