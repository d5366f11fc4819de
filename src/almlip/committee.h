// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip {

/// Atoms and their full neighbour lists, as LAMMPS has them. Nothing is copied; all pointers must
/// stay valid during the call.
struct Neighborhood {
  static constexpr long unknown_lists = -1;

  int num_all = 0;                      ///< atoms and ghosts
  const double *positions = nullptr;    ///< shape [num_all][3], Angstrom
  const int *element = nullptr;    ///< shape [num_all], index into ModelSettings::elements; -1: not
                                   ///< seen by this potential
  int num_centers = 0;
  const int *centers =
      nullptr;    ///< shape [num_centers], indices of the atoms whose energy is wanted
  const int *num_neighbors =
      nullptr;    ///< by atom index, shape [num_all] or up to the largest center
  const int *const *neighbors =
      nullptr;    ///< by atom index: list of neighbour indices; may reach beyond the cutoff
  int neighbor_mask =
      0x1FFFFFFF;    ///< bits of a list entry that are the index (LAMMPS's NEIGHMASK)
  long list_version = unknown_lists;    ///< centers and lists are those of the call before if it
                                        ///< had the same number; they need not be read again then
};

/// Stages of an evaluation whose times can be had.
enum class Stage {
  gather,
  radial,
  projection,
  invariants,
  networks,
  networks_reverse,
  invariants_reverse,
  projection_reverse,
  scatter
};
constexpr int num_stages = 9;

/// Forces of all members on all atoms, eV/Angstrom: a row per atom, x y z by member, that starts at
/// a cache line and has room for whole packs.
class MemberForces {
 public:
  MemberForces() = default;
  MemberForces(const MemberForces &) = delete;
  MemberForces &operator=(const MemberForces &) = delete;

  static constexpr int row_length(int num_members) { return (3 * num_members + 15) / 16 * 16; }

  /// All zero.
  void reset(std::size_t num_atoms, int num_members);
  double *row(std::size_t atom) { return first_ + atom * length_; }
  const double *row(std::size_t atom) const { return first_ + atom * length_; }
  std::size_t bytes() const { return sizeof(double) * numbers_.size(); }

 private:
  std::vector<double> numbers_;
  double *first_ = nullptr;
  std::size_t length_ = 0;
};

/// Where results go. Null pointers are not computed. Arrays are added to, as in LAMMPS; sums are
/// overwritten. Forces follow Newton's third law: atom i of a pair and its neighbour (possibly a
/// ghost) both receive their part.
struct CommitteeOutput {
  double *forces = nullptr;         ///< of the mean, shape [num_all][3], eV/Angstrom
  double *atom_energy = nullptr;    ///< of the mean, shape [num_all] (only centers are touched), eV
  double *atom_virial = nullptr;    ///< shape [num_all][6] xx yy zz xy xz yz; half of every pair's
                                    ///< term to each atom, eV
  double *centroid_virial =
      nullptr;    ///< shape [num_all][9] xx yy zz xy xz yz yx zx zy; (x_j - x_i) f_j to atom j, eV
  double *member_forces = nullptr;    ///< first row of MemberForces of all atoms; the expensive
                                      ///< part: one more reverse pass per member
  double *member_atom_energy = nullptr;    ///< shape [num_all][M], eV
  double *zbl_energy = nullptr;    ///< share of the repulsion of the nuclei in atom_energy, shape
                                   ///< [num_all] (only centers are touched), eV
  double *descriptors =
      nullptr;    ///< standardised x of the centers, shape [num_all][D] (overwritten)
  double *stage_seconds = nullptr;    ///< time by stage, shape [num_stages], s

  double energy = 0.0;                    ///< mean of the members, eV
  std::vector<double> member_energies;    ///< shape [M], eV
  Tensor6 virial{};    ///< sum over pairs of -(x_j - x_i) dE/d(x_j - x_i), eV; = -dE/dstrain
};

/// Arithmetic of the kernels. `mixed`: differences of positions, forces and energies summed in
/// double, all between in float.
enum class Precision { full, mixed };

/// Which kernels to take: those compiled for the shape of the model if there are any, or the
/// generic ones in any case (for tests and benchmarks).
enum class Kernels { compiled, generic };

/// Evaluates a committee potential. Not copyable; one object per thread of control.
class Committee {
 public:
  /// @throws Error of `chosen_instruction_set`
  explicit Committee(const Potential &potential, Precision precision = Precision::full,
                     Kernels kernels = Kernels::compiled);
  class Kernel;
  /// With a kernel from elsewhere, such as one that computes on a device.
  Committee(std::unique_ptr<Kernel> kernel, const ModelSettings &settings);
  ~Committee();
  Committee(Committee &&) noexcept;
  Committee &operator=(Committee &&) noexcept;

  /// Energies, forces and whatever else `output` asks for. Scratch memory is bounded and kept
  /// between calls.
  void evaluate(const Neighborhood &neighborhood, CommitteeOutput &output);

  const ModelSettings &settings() const;

  /// One implementation per compiled shape and one for all others, each for every instruction set.
  class Kernel {
   public:
    virtual ~Kernel() = default;
    virtual void evaluate(const Neighborhood &neighborhood, CommitteeOutput &output) = 0;
  };

 private:
  std::unique_ptr<Kernel> kernel_;
  ModelSettings settings_;
};

/// Force spread s_i = sqrt( sum_k |F_ik - mean_i|^2 / (M - 1) ) of one atom.
/// @param member_forces  shape [M][3], eV/Angstrom
double force_spread(const double *member_forces, int num_members);

}    // namespace almlip
