// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/predicted_units.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "train/check/robust_statistics.h"
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

/// A label of one frame and what is predicted for it.
struct Label {
  std::size_t frame;
  std::string kind;                   ///< config_type
  double factor;                      ///< that makes it the predicted one; 0: that cannot be told
  double size, predicted, product;    ///< mean squares, and the mean product of the two

  /// Root mean square deviation from the prediction after a conversion.
  double misfit(double conversion) const
  {
    return std::sqrt(
        std::max(0.0, conversion * conversion * size - 2.0 * conversion * product + predicted));
  }
};

Label force_label(std::size_t frame, const Frame &labelled, const Compared &compared)
{
  double size = 0.0;
  for (const double force : labelled.forces) size += force * force;
  size /= static_cast<double>(labelled.forces.size());
  const double predicted = compared.predicted_force * compared.predicted_force,
               error = compared.force_error * compared.force_error;
  return {frame,
          labelled.config_type,
          compared.force_factor,
          size,
          predicted,
          0.5 * (size + predicted - error)};
}

/// Without the pressure, which may have an offset.
Label stress_label(std::size_t frame, const std::string &kind, const Compared &compared)
{
  const Tensor6 labelled = deviator(compared.label_stress), predicted = deviator(compared.stress);
  Label label{frame, kind, compared.stress_factor, 0.0, 0.0, 0.0};
  for (std::size_t q = 0; q < 6; ++q) {
    label.size += labelled[q] * labelled[q] / 6.0;
    label.predicted += predicted[q] * predicted[q] / 6.0;
    label.product += labelled[q] * predicted[q] / 6.0;
  }
  return label;
}

/// One kind of label of a file.
struct Labels {
  std::vector<Label> labels;    ///< of the frames that have it
  const std::vector<UnitMistake> &mistakes;
  Repair::Kind repair;
};

/// Frames whose factor does not tell, by what a mistake of others is to them.
struct Untold {
  std::vector<std::size_t>
      same_kind;                      ///< neither clearly better nor worse, of kinds that have it
  std::vector<std::size_t> unsure;    ///< of any kind, where it is of account
  std::vector<std::size_t> other_kind;    ///< of these, those of other kinds
  bool contradicts = false;               ///< of some the conversion is clearly worse

  /// @param mistaken  labels that have it
  Untold(const std::vector<Label> &labels, double slope, const std::vector<Label> &mistaken)
  {
    constexpr double clear = 0.5, beyond = 3.0;
    std::vector<double> misfits;
    std::set<std::string> kinds;
    for (const Label &label : mistaken) {
      misfits.push_back(label.misfit(slope));
      kinds.insert(label.kind);
    }
    const double usual = median(misfits);
    for (const Label &label : labels) {
      const double given = label.misfit(1.0), converted = label.misfit(slope);
      const bool matters = std::abs(slope - 1.0) * std::sqrt(label.size) > usual;
      if (given < clear * converted && converted > beyond * usual) {
        contradicts = true;
        continue;
      }
      const bool is_same = kinds.count(label.kind) > 0;
      if (is_same) same_kind.push_back(label.frame);
      if (matters) unsure.push_back(label.frame);
      if (matters && !is_same) other_kind.push_back(label.frame);
    }
  }
};

/// Adds the frames with each mistake. Others of their kinds of which the factor does not tell are
/// like them, if there is one mistake, no frame is right, and none contradicts it.
void check_units_of(const Labels &labels, Collector &findings)
{
  constexpr double share = 0.15;    // that a potential may be off
  std::map<double, std::vector<Label>> mistaken;
  std::vector<Label> untold;
  for (const Label &label : labels.labels) {
    if (const auto mistake = mistake_of(label.factor, labels.mistakes, share))
      mistaken[mistake->slope].push_back(label);
    else if (!is_near(label.factor, 1.0))
      untold.push_back(label);
  }
  std::size_t num_told = 0;
  for (const auto &[slope, part] : mistaken) num_told += part.size();
  const bool none_right = num_told + untold.size() == labels.labels.size();
  for (const auto &[slope, part] : mistaken) {
    if (part.size() < std::max<std::size_t>(8, labels.labels.size() / 20)) continue;
    std::vector<std::size_t> wrong;
    for (const Label &label : part) wrong.push_back(label.frame);
    const Untold others(untold, slope, part);
    const std::string what = mistake_of(slope, labels.mistakes, share)->text;
    const bool is_all = none_right && mistaken.size() == 1 && !others.contradicts;
    if (is_all) wrong.insert(wrong.end(), others.same_kind.begin(), others.same_kind.end());
    std::sort(wrong.begin(), wrong.end());
    findings.add({what + " beside the potential's",
                  "if the potential is right, convert them (--fix does), then check again",
                  {},
                  {labels.repair, slope}},
                 wrong);
    const std::vector<std::size_t> &undecided = is_all ? others.other_kind : others.unsure;
    if (!undecided.empty())
      findings.add({"the potential does not tell whether, as of others of the file, " + what,
                    "they are left as they are; look which calculation they are from",
                    {}},
                   undecided);
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
    Labels forces{{}, force_mistakes, Repair::Kind::scale_forces},
        stress{{}, stress_mistakes, Repair::Kind::scale_virial};
    for (const std::size_t f : file) {
      if (!frames[f].forces.empty())
        forces.labels.push_back(force_label(f, frames[f], compared[f]));
      if (compared[f].has_stress)
        stress.labels.push_back(stress_label(f, frames[f].config_type, compared[f]));
    }
    check_units_of(forces, collector);
    check_units_of(stress, collector);
  }
}

}    // namespace almlip::train
