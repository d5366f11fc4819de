// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_KOKKOS_H
#define LMP_ALMLIP_KOKKOS_H

namespace LAMMPS_NS {

/// A pair style almlip/kk on the device of the KOKKOS package, or on its host. For who does not
/// know Kokkos.
class Pair *new_pair_almlip_kokkos(class LAMMPS *, bool on_host);

}    // namespace LAMMPS_NS

#endif
