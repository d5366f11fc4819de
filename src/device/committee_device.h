// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/device_atoms.h"

#include <memory>

#include "almlip/potential.h"

namespace almlip::device {

/// Scratch memory of one committee on a device, bytes: what atoms are worked on at a time.
constexpr std::size_t usual_scratch = std::size_t(1) << 30;

/// Evaluates a committee potential on a Kokkos execution space: the same stages as Committee, one
/// atom per thread. Kokkos must be initialised for the life of the object.
template <class Space>
class CommitteeDevice {
 public:
  /// @param scratch  bound of the scratch memory, bytes; at least what one tile of atoms needs
  /// @throws Error if the potential's shape is none of the presets of this build
  explicit CommitteeDevice(const Potential &potential, Precision precision = Precision::full,
                           std::size_t scratch = usual_scratch);
  ~CommitteeDevice();
  CommitteeDevice(CommitteeDevice &&) noexcept;
  CommitteeDevice &operator=(CommitteeDevice &&) noexcept;

  /// Energies, virial and whatever else `output` asks for. Complete when it returns.
  DeviceSums evaluate(const DeviceAtoms &atoms, const DeviceOutput &output);

  /// One implementation per shape and precision.
  class Kernel {
   public:
    virtual ~Kernel() = default;
    virtual DeviceSums evaluate(const DeviceAtoms &atoms, const DeviceOutput &output) = 0;
  };

 private:
  std::unique_ptr<Kernel> kernel_;
};

}    // namespace almlip::device
