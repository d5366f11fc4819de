// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip_units.h"

#include "force.h"
#include "lammps.h"

using namespace LAMMPS_NS;

// Boltzmann constant of units metal, eV/K. Its ratio to that of another unit style converts
// energies such that k_B T stays what LAMMPS takes it for.
static constexpr double BOLTZMANN_METAL = 8.617343e-5;

ALMLIPUnits ALMLIPUnits::of(LAMMPS *lmp)
{
  ALMLIPUnits units;
  units.electron_volt = lmp->force->boltz / BOLTZMANN_METAL;
  units.angstrom = lmp->force->angstrom;
  return units;
}
