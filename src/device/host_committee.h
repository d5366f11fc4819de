// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/committee_device.h"
#include "device/sent_atoms.h"

#include <vector>

namespace almlip::device {

/// A committee on Kokkos's default execution space for atoms that are in the memory of the host:
/// positions go to the device, neighbour lists only when they are new, and results come back.
class HostCommittee final : public Committee::Kernel {
 public:
  /// @throws Error of CommitteeDevice
  HostCommittee(const Potential &potential, Precision precision,
                std::size_t scratch = usual_scratch);

  /// Times of stages are not written.
  void evaluate(const Neighborhood &n, CommitteeOutput &out) override;

 private:
  using Space = Kokkos::DefaultExecutionSpace;
  using Numbers = DeviceArray<double, Space>;

  /// A result on the device.
  struct Result {
    Numbers array;
    /// Zeroes; null if the result is not wanted.
    double *open(const double *wanted, std::size_t size);
  };

  void fetch_descriptors(const Neighborhood &n, double *to);

  CommitteeDevice<Space> committee_;
  const int num_members_, num_descriptors_;
  SentAtoms<Space> sent_;
  Result forces_, atom_energy_, atom_virial_, centroid_virial_, member_forces_, member_atom_energy_,
      zbl_energy_, descriptors_;
  std::vector<double> copy_;    ///< of a result, on the host
};

}    // namespace almlip::device
