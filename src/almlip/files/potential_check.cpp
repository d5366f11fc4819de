// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/potential_check.h"

#include <cmath>

#include "almlip/error.h"

namespace almlip {

namespace {

constexpr const char *damaged = "; the file is damaged, get it again or retrain";

/// Checks lengths and values of one array of numbers.
struct ArrayCheck {
  std::string file;

  void operator()(const std::string &path, const std::vector<double> &numbers,
                  const std::vector<std::size_t> &shape) const
  {
    std::size_t needed = 1;
    std::string product;
    for (const std::size_t extent : shape) {
      needed *= extent;
      product += (product.empty() ? "" : " x ") + std::to_string(extent);
    }
    if (shape.size() > 1) product += " = " + std::to_string(needed);
    require(numbers.size() == needed, file, ": ", path, " has ", numbers.size(), " numbers, but ",
            product, " are needed", damaged);
    finite(path, numbers);
  }

  void finite(const std::string &path, const std::vector<double> &numbers) const
  {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      require(std::isfinite(numbers[i]), file, ": ", path, "[", i, "] is ", numbers[i],
              ", but numbers must be finite; retrain");
  }
};

void check_committee(const ElementCommittee &committee, const ModelSettings &settings,
                     const std::string &path, const ArrayCheck &check)
{
  const std::size_t d = settings.num_descriptors(), h = settings.num_hidden,
                    m = settings.num_members;
  check.finite(path + ".reference_energy", {committee.reference_energy});
  check(path + ".mean", committee.mean, {d});
  check(path + ".inverse_deviation", committee.inverse_deviation, {d});
  check(path + ".hidden", committee.hidden, {m, h, d});
  check(path + ".hidden_bias", committee.hidden_bias, {m, h});
  check(path + ".output", committee.output, {m, h});
  check(path + ".skip", committee.skip, {m, d});
  check(path + ".output_bias", committee.output_bias, {m});
}

void check_signs(const TrainingRecord &record, const ModelSettings &settings,
                 const std::string &file)
{
  for (const auto &[key, number] :
       {std::pair("rms_force", record.rms_force), std::pair("force_limit", record.force_limit)})
    require(number >= 0.0, file, ": training.", key, " is ", number,
            ", but it must not be negative", damaged);
  for (std::size_t i = 0; i < record.held_out_sigma.size(); ++i) {
    require(record.held_out_sigma[i] >= 0.0, file, ": training.held_out_sigma[", i, "] is ",
            record.held_out_sigma[i], ", but it must not be negative", damaged);
    require(record.held_out_atoms[i] > 0, file, ": training.held_out_atoms[", i, "] is ",
            record.held_out_atoms[i], ", but it must be at least 1", damaged);
  }
  for (std::size_t i = 0; i < record.min_distances.size(); ++i)
    require(record.min_distances[i] >= 0.0 && record.min_distances[i] <= settings.cutoff, file,
            ": training.min_distances[", i, "] is ", record.min_distances[i],
            ", but it must be from 0 to the cutoff, ", settings.cutoff, damaged);
}

void check_record(const TrainingRecord &record, const ModelSettings &settings,
                  const ArrayCheck &check)
{
  const std::size_t num_elements = settings.elements.size();
  const std::size_t num_held_out = record.held_out_sigma.size();
  check.finite("training", {record.rms_force, record.force_limit});
  check.finite("training.held_out_sigma", record.held_out_sigma);
  if (!record.num_atoms.empty()) check("training.num_atoms", record.num_atoms, {num_elements});
  if (!record.min_distances.empty())
    check("training.min_distances", record.min_distances, {num_elements, num_elements});
  if (!record.held_out_novelty.empty())
    check("training.held_out_novelty", record.held_out_novelty, {num_held_out});
  require(record.held_out_atoms.size() == num_held_out, check.file,
          ": training.held_out_atoms has ", record.held_out_atoms.size(), " numbers, but ",
          num_held_out, " are needed", damaged);
  check_signs(record, settings, check.file);
}

void check_novelty(const std::vector<Novelty> &novelty, const ModelSettings &settings,
                   const ArrayCheck &check)
{
  const std::size_t num_elements = settings.elements.size(), d = settings.num_descriptors();
  require(novelty.empty() || novelty.size() == num_elements, check.file, ": novelty has ",
          novelty.size(), " entries, but ", num_elements, " or none are needed", damaged);
  for (std::size_t e = 0; e < novelty.size(); ++e) {
    const std::string path = "novelty[" + std::to_string(e) + "]";
    require(novelty[e].threshold > 0.0 && std::isfinite(novelty[e].threshold), check.file, ": ",
            path, ".threshold is ", novelty[e].threshold, ", but it must be positive", damaged);
    if (novelty[e].whitening.empty() && novelty[e].center.empty()) continue;
    check(path + ".center", novelty[e].center, {d});
    check(path + ".whitening", novelty[e].whitening, {d, d});
  }
}

void check_calibration(const Calibration &calibration, std::size_t num_elements,
                       const ArrayCheck &check)
{
  check("calibration.factor", calibration.factor, {num_elements});
  check("calibration.exponent", calibration.exponent, {num_elements});
  for (std::size_t e = 0; e < num_elements; ++e) {
    require(calibration.factor[e] > 0.0, check.file, ": calibration.factor[", e, "] is ",
            calibration.factor[e], ", but it must be positive", damaged);
    require(calibration.exponent[e] >= 0.0 && calibration.exponent[e] <= 1.0, check.file,
            ": calibration.exponent[", e, "] is ", calibration.exponent[e],
            ", but it must be from 0 to 1", damaged);
  }
  require(calibration.quantile90 > 0.0 && std::isfinite(calibration.quantile90), check.file,
          ": calibration.quantile90 is ", calibration.quantile90, ", but it must be positive",
          damaged);
}

void check_energy_calibration(const EnergyCalibration &calibration, const ModelSettings &settings,
                              const ArrayCheck &check)
{
  if (calibration.num_frames == 0) return;
  const std::size_t e = settings.elements.size(), row = settings.num_descriptors() + 1;
  for (const auto &[key, number] :
       {std::pair("factor", calibration.factor), std::pair("quantile90", calibration.quantile90)})
    require(number > 0.0 && std::isfinite(number), check.file, ": energy_calibration.", key, " is ",
            number, ", but it must be positive", damaged);
  require(calibration.num_frames > 0, check.file, ": energy_calibration.num_frames is ",
          calibration.num_frames, ", but it must not be negative", damaged);
  require(calibration.together.size() == e * e, check.file, ": energy_calibration.together has ",
          calibration.together.size(), " numbers, but ", e * e, " are needed", damaged);
  require(calibration.whitening.size() == e, check.file, ": energy_calibration.whitening has ",
          calibration.whitening.size(), " entries, but ", e, " are needed, one for each element",
          damaged);
  for (std::size_t n = 0; n < calibration.untold.size(); ++n)
    check("energy_calibration.untold[" + std::to_string(n) + "]", calibration.untold[n], {e});
  for (std::size_t n = 0; n < e; ++n)
    check("energy_calibration.whitening[" + std::to_string(n) + "]", calibration.whitening[n],
          {row, row});
}

void check_zbl(const Zbl &zbl, const ModelSettings &settings, const ArrayCheck &check)
{
  const std::size_t e = settings.elements.size();
  if (zbl.inner.empty() && zbl.outer.empty()) return;
  check("zbl.inner", zbl.inner, {e, e});
  check("zbl.outer", zbl.outer, {e, e});
  for (std::size_t pair = 0; pair < e * e; ++pair)
    require(0.0 < zbl.inner[pair] && zbl.inner[pair] < zbl.outer[pair] &&
                zbl.outer[pair] <= settings.cutoff &&
                zbl.outer[pair] == zbl.outer[pair % e * e + pair / e] &&
                zbl.inner[pair] == zbl.inner[pair % e * e + pair / e],
            check.file, ": zbl has inner ", zbl.inner[pair], " and outer ", zbl.outer[pair],
            " at index ", pair,
            ", but 0 < inner < outer <= cutoff, the same for both orders of the",
            " elements, is needed", damaged);
}

}    // namespace

void check_content(const Potential &potential, const std::string &name)
{
  const ModelSettings &settings = potential.settings;
  const std::size_t e = settings.elements.size(), c = settings.num_channels,
                    n = settings.num_radial, d = settings.num_descriptors();
  require(e > 0 && d > 0, name, ": elements is empty, but at least one is needed", damaged);
  const ArrayCheck check{name};
  check("radial", potential.radial, {e, e, c, n});
  require(potential.committees.size() == e, name, ": committees has ", potential.committees.size(),
          " entries, but ", e, " are needed, one for each element", damaged);
  for (std::size_t i = 0; i < e; ++i)
    check_committee(potential.committees[i], settings, "committees[" + std::to_string(i) + "]",
                    check);
  check_calibration(potential.calibration, e, check);
  check_energy_calibration(potential.energy_calibration, settings, check);
  check_zbl(potential.zbl, settings, check);
  check_novelty(potential.novelty, settings, check);
  const std::vector<double> &known = potential.known_fingerprints;
  require(known.size() % (2 * e * d) == 0, name, ": known_fingerprints has ", known.size(),
          " numbers, but a multiple of 2 x ", e, " x ", d, " = ", 2 * e * d, " is needed", damaged);
  check.finite("known_fingerprints", known);
  check_record(potential.record, settings, check);
  check.finite("training",
               {potential.least_distance, potential.largest_force, potential.force_error});
}

}    // namespace almlip
