// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_DEVICE_H
#define LMP_ALMLIP_DEVICE_H

#include "almlip/committee.h"

#include <memory>
#include <string>

namespace LAMMPS_NS {

/// Who is to compute: the keyword device of pair_style almlip.
enum class ALMLIPDeviceUse { NO, YES, AUTO };

/// A committee on the CPU, or on the device of this rank through almlip_device.so beside the
/// plugin, which is loaded only when a device is asked for. All ranks call it and decide alike;
/// rank 0 says what was decided unless the use is NO. Ends the run if the use is YES and a rank has
/// no device.
/// @param text  of the potential's file
std::unique_ptr<almlip::Committee> almlip_committee(class LAMMPS *, const almlip::Potential &,
                                                    const std::string &text, almlip::Precision,
                                                    ALMLIPDeviceUse);

}    // namespace LAMMPS_NS

#endif
