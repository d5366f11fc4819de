// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_UNITS_H
#define LMP_ALMLIP_UNITS_H

namespace LAMMPS_NS {

/// Units of a run, for every unit style but lj. Both are exactly 1 for metal, whose units are those
/// of the core.
struct ALMLIPUnits {
  double electron_volt = 1.0;    ///< 1 eV in the run's unit of energy
  double angstrom = 1.0;         ///< 1 Angstrom in the run's unit of length

  bool native() const { return electron_volt == 1.0 && angstrom == 1.0; }
  double force() const { return electron_volt / angstrom; }

  /// Those of the current unit style.
  static ALMLIPUnits of(class LAMMPS *);
};

}    // namespace LAMMPS_NS

#endif
