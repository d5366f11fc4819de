// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_density.h"

#include <algorithm>
#include <cmath>

#include "almlip/element_properties.h"
#include "almlip/kernels/density.h"
#include "almlip/kernels/radial.h"
#include "almlip/surroundings.h"

namespace almlip::pool {

namespace {

constexpr int num_channels = 4, lmax = 3, num_radial = 2;
constexpr double cutoff = 2.5;      // scaled
constexpr double farthest = 8.0;    // Angstrom
using Projection = Density<double, 1, Shape<num_channels, lmax, CouplingSet<>, false>>;

/// Appends the record of one neighbour as `Density` reads it.
void append_record(const double *from, const double *to, double radii, double weight,
                   std::vector<double> &records)
{
  const double d[3] = {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
  const double r = std::hypot(d[0], d[1], d[2]);
  if (r >= cutoff * radii) return;
  const RadialBasis<double, 1, num_radial> basis(r / radii, 1.0 / cutoff);
  records.insert(records.end(), {d[0] / r, d[1] / r, d[2] / r, 1.0 / r});
  for (double w : {1.0, weight})
    for (int n = 0; n < num_radial; ++n) records.push_back(w * basis.value(n));
  records.insert(records.end(), num_channels, 0.0);    // slopes are not needed
}

/// Adds A_c00 and sum_m A_clm A_c'lm, c <= c', of one atom.
void add_invariants(const double *a, std::vector<double> &sum)
{
  int feature = 0;
  for (int c = 0; c < num_channels; ++c) sum[feature++] += a[c];
  for (int l = 1; l <= lmax; ++l)
    for (int c = 0; c < num_channels; ++c)
      for (int e = c; e < num_channels; ++e, ++feature)
        for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm)
          sum[feature] += a[lm * num_channels + c] * a[lm * num_channels + e];
}

}    // namespace

std::vector<double> density_features(const Frame &frame)
{
  std::vector<ElementProperties> properties;
  double largest = 0.0;
  for (int z : frame.atomic_numbers) {
    properties.push_back(element_properties(z));
    largest = std::max(largest, properties.back().covalent_radius);
  }
  const Surroundings surroundings =
      find_surroundings(frame, std::min(2.0 * cutoff * largest, farthest));
  std::vector<double> mean(num_density_features, 0.0), records,
      a((lmax + 1) * (lmax + 1) * num_channels);
  for (int i = 0; i < frame.num_atoms(); ++i) {
    records.clear();
    for (int p = surroundings.first[i]; p < surroundings.first[i + 1]; ++p) {
      const int at = surroundings.neighbors[p], j = surroundings.owner[at];
      append_record(&surroundings.positions[3 * i], &surroundings.positions[3 * at],
                    properties[i].covalent_radius + properties[j].covalent_radius,
                    properties[j].electronegativity - properties[i].electronegativity, records);
    }
    std::fill(a.begin(), a.end(), 0.0);
    if (!records.empty())
      Projection::project(records.data(),
                          static_cast<int>(records.size()) / Projection::record_rows(), a.data());
    add_invariants(a.data(), mean);
  }
  for (double &value : mean) value /= frame.num_atoms();
  return mean;
}

}    // namespace almlip::pool
