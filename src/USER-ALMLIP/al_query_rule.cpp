// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_rule.h"

#include "al_query_settings.h"
#include "al_query_source.h"

#include "almlip/query/window.h"

using namespace LAMMPS_NS;
using almlip::Measure;
using Threshold = ALQuerySettings::Threshold;

/// The window that the user wrote, in the units of what is measured.
static void set_window(almlip::QueryRule &rule, const ALQuerySettings &settings,
                       const ALMLIPUnits &units)
{
  const almlip::Window window{settings.lo, settings.hi};
  const double force_unit = units.force();
  if (settings.measure == Measure::energy)
    rule.energy = {window.lo / units.electron_volt, window.hi / units.electron_volt};
  else if (settings.measure == Measure::novelty)
    rule.novelty = window;
  else
    rule.force = {window.lo / force_unit, window.hi / force_unit};
}

almlip::QueryRule LAMMPS_NS::al_query_rule(const ALQuerySettings &settings,
                                           const ALQuerySource &source, int num_atoms)
{
  almlip::QueryRule rule;
  rule.measure = settings.measure;
  rule.spacing = settings.spacing;
  if (settings.threshold == Threshold::given)
    set_window(rule, settings, source.units);
  else if (settings.measure != Measure::novelty)
    rule.force = almlip::automatic_window(source.basis, num_atoms);
  if (settings.threshold == Threshold::adaptive)    // where it begins
    rule.force.lo = almlip::typical_largest_sigma(source.basis, num_atoms);
  if (settings.threshold == Threshold::none) rule.force.lo = rule.novelty.lo = 0.0;
  rule.min_distance = settings.mindist / source.units.angstrom;
  rule.min_distance_ratio = settings.mindist_given ? 0.0 : almlip::default_distance_ratio;
  rule.max_force =
      settings.fmax_given ? settings.fmax / source.units.force() : source.largest_force;
  rule.min_density = settings.least_density;
  rule.max_density = settings.largest_density;
  rule.max_temperature = settings.largest_temperature;
  return rule;
}
