// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "almlip/committee.h"
#include "almlip/frame.h"
#include "almlip/potential.h"
#include "almlip/presets.h"
#include "almlip/surroundings.h"

namespace almlip::test {

inline std::vector<double> normal_numbers(std::size_t count, double deviation,
                                          std::mt19937_64 &random)
{
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<double> numbers(count);
  for (double &v : numbers) v = normal(random);
  return numbers;
}

/// Settings of a preset, or of a shape that only the generic kernels have: "radial" (no angles),
/// "pairs" (no four-body terms), "odd", "wide".
inline ModelSettings shape_settings(const std::string &shape,
                                    const std::vector<std::string> &elements)
{
  ModelSettings s;
  s.elements = elements;
  auto set = [&](int num_channels, int lmax, int num_radial, const char *four_body, bool all) {
    s.num_channels = num_channels;
    s.lmax = lmax;
    s.num_radial = num_radial;
    s.four_body = four_body;
    s.partners = all ? "all" : "same";
  };
  for (const Preset &preset : presets())
    if (preset.name == shape) {
      set(preset.num_channels, preset.lmax, 8, preset.four_body.c_str(), preset.partners == "all");
      s.num_hidden = preset.num_hidden;
    }
  if (shape == "radial") set(1, 0, 16, "none", false);
  if (shape == "pairs") set(3, 2, 5, "none", false);
  if (shape == "odd") set(5, 5, 8, "112 222 011 145 255 554", true);
  if (shape == "wide") set(7, 6, 12, "112 246 666 336 000", false);
  return s;
}

/// A committee with random weights whose forces are of the order of 1 eV/Angstrom.
inline Potential random_potential(const ModelSettings &settings, unsigned seed)
{
  std::mt19937_64 random(seed);
  Potential p;
  p.settings = settings;
  const std::size_t E = settings.elements.size(), D = settings.num_descriptors(),
                    H = settings.num_hidden, M = settings.num_members;
  p.radial = normal_numbers(E * E * settings.num_channels * settings.num_radial, 1.0, random);
  for (std::size_t e = 0; e < E; ++e) {
    ElementCommittee c;
    c.reference_energy = -1.5 - static_cast<double>(e);
    c.mean = normal_numbers(D, 0.5, random);
    c.inverse_deviation.assign(D, 0.2);
    c.hidden = normal_numbers(M * H * D, 0.5 / std::sqrt(D), random);
    c.hidden_bias = normal_numbers(M * H, 0.5, random);
    c.output = normal_numbers(M * H, 0.3, random);
    c.skip = normal_numbers(M * D, 0.3 / std::sqrt(D), random);
    c.output_bias = normal_numbers(M, 0.3, random);
    p.committees.push_back(c);
  }
  p.calibration = no_calibration(static_cast<int>(E));
  return p;
}

/// The same with the repulsion of the nuclei between all elements.
inline Potential with_zbl(Potential p, double inner, double outer)
{
  const std::size_t pairs = p.settings.elements.size() * p.settings.elements.size();
  p.zbl = {std::vector<double>(pairs, inner), std::vector<double>(pairs, outer)};
  return p;
}

/// Atoms at random places of a triclinic cell, none closer than 1.6 Angstrom.
inline Frame random_frame(const std::vector<int> &atomic_numbers, double edge, unsigned seed)
{
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  Frame f;
  f.cell = {edge, 0, 0, 0.2 * edge, 0.95 * edge, 0, -0.15 * edge, 0.1 * edge, 1.05 * edge};
  for (int z : atomic_numbers) {
    f.atomic_numbers.push_back(z);
    for (bool close = true; close;) {
      const double s[3] = {uniform(random), uniform(random), uniform(random)};
      f.positions.resize(3 * f.atomic_numbers.size());
      for (int d = 0; d < 3; ++d)
        f.positions[f.positions.size() - 3 + d] =
            s[0] * f.cell[d] + s[1] * f.cell[3 + d] + s[2] * f.cell[6 + d];
      close = least_distance(f, 1.6) < 1.6;
    }
  }
  return f;
}

}    // namespace almlip::test
