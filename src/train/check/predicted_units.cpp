// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/predicted_units.h"

#include <algorithm>
#include <map>
#include <string>

#include "train/check/stress_check.h"
#include "train/check/unit_mistake.h"
#include "train/units.h"

namespace almlip::train {

namespace {

/// Mistakes of the forces, by the factor that makes them right.
const std::vector<UnitMistake> force_mistakes = {
    {-1.0, "the forces have the wrong sign"},
    {25.711043, "the forces look like Ry/bohr"},
    {51.422067, "the forces look like Hartree/bohr"},
    {1.0 / kj_per_mol, "the forces look like kJ/mol/Angstrom"},
    {1.0 / kcal_per_mol, "the forces look like kcal/mol/Angstrom"},
    {-25.711043, "the forces look like gradients in Ry/bohr"},
    {-51.422067, "the forces look like gradients in Hartree/bohr"}};

/// One kind of label of a file.
struct Labels {
  std::vector<std::size_t> frames;    ///< that have it
  std::vector<double> factors;        ///< that make it the predicted one; 0: that cannot be told
  const std::vector<UnitMistake> &mistakes;
  Repair::Kind repair;

  void add(std::size_t frame, double factor)
  {
    frames.push_back(frame);
    factors.push_back(factor);
  }
};

/// Adds the frames with each mistake; all frames, if there is one mistake and no frame is right.
void check_units_of(const Labels &labels, Collector &findings)
{
  constexpr double share = 0.15;    // that a potential may be off
  std::map<double, std::vector<std::size_t>> mistaken;
  std::size_t num_right = 0;
  for (std::size_t n = 0; n < labels.frames.size(); ++n) {
    const auto mistake = mistake_of(labels.factors[n], labels.mistakes, share);
    if (mistake) mistaken[mistake->slope].push_back(labels.frames[n]);
    if (is_near(labels.factors[n], 1.0)) ++num_right;
  }
  const std::size_t least = std::max<std::size_t>(8, labels.frames.size() / 20);
  for (const auto &[factor, part] : mistaken) {
    if (part.size() < least) continue;
    const bool is_all = num_right == 0 && mistaken.size() == 1;
    findings.add(
        {std::string(mistake_of(factor, labels.mistakes, share)->text) + " beside the potential's",
         "if the potential is right, convert them (--fix does), then check again",
         {},
         {labels.repair, factor}},
        is_all ? labels.frames : part);
  }
}

}    // namespace

void check_predicted_units(const std::vector<Frame> &frames, const std::vector<Compared> &compared,
                           std::vector<Finding> &findings)
{
  std::map<std::string, std::vector<std::size_t>> files;
  for (std::size_t f = 0; f < frames.size(); ++f) files[file_of(frames[f])].push_back(f);
  Collector collector(findings);
  for (const auto &[name, file] : files) {
    Labels forces{{}, {}, force_mistakes, Repair::Kind::scale_forces},
        stress{{}, {}, stress_mistakes, Repair::Kind::scale_virial};
    for (const std::size_t f : file) {
      if (!frames[f].forces.empty()) forces.add(f, compared[f].force_factor);
      if (compared[f].has_stress) stress.add(f, compared[f].stress_factor);
    }
    check_units_of(forces, collector);
    check_units_of(stress, collector);
  }
}

}    // namespace almlip::train
