// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "almlip/committee.h"

namespace almlip::device {

/// What almlip_device.so offers. It knows Kokkos, who loads it does not. Texts cross the border as
/// plain characters, so that one file serves a LAMMPS with the old std::string too.
struct DeviceLibrary {
  const char *version;     ///< of ALMLIP
  const char *backend;     ///< Kokkos's default execution space, such as "Cuda", "HIP", "Serial"
  int (*num_devices)();    ///< that this process can use; 0 also where the backend is of the host

  /// A committee on device local_rank modulo their number.
  /// @param json         text of the potential, of `length` characters
  /// @param local_rank   of this process among those of its node
  /// @param[out] device  what it computes on, in words
  /// @throws Error       of CommitteeDevice, or the message of Kokkos
  Committee::Kernel *(*make)(const char *json, std::size_t length, Precision precision,
                             int local_rank, const char **device);
};

}    // namespace almlip::device

extern "C" const almlip::device::DeviceLibrary *almlip_device_library();
