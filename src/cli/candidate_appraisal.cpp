// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/candidate_appraisal.h"

#include <algorithm>

#include "almlip/error.h"
#include "almlip/query/fingerprint.h"
#include "almlip/text.h"

namespace almlip::cli {

namespace {

/// Of the frames of a run.
const std::string group_column = "group";

bool are_different(const std::vector<std::string> &names)
{
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string &name) { return name != names.front(); });
}

/// Names of the columns that can mark atoms.
std::vector<std::string> marking_columns(const Frame &frame)
{
  std::vector<std::string> names;
  for (const auto &[name, values] : frame.per_atom) names.push_back(name);
  for (const TextColumn &column : frame.text_columns)
    if (column.count == 1 && column.type != 'S') names.push_back(column.name);
  return names;
}

/// Removes the column, which is there.
std::vector<bool> take_marks(Frame &frame, const std::string &name)
{
  std::vector<bool> marks;
  const auto numbers = frame.per_atom.find(name);
  if (numbers != frame.per_atom.end()) {
    for (const double number : numbers->second) marks.push_back(number != 0.0);
    frame.per_atom.erase(numbers);
    return marks;
  }
  const auto column = std::find_if(frame.text_columns.begin(), frame.text_columns.end(),
                                   [&](const TextColumn &one) { return one.name == name; });
  for (const std::string &word : column->words)
    marks.push_back(column->type == 'L' ? word[0] == 'T' || word[0] == 't'
                                        : word.find_first_not_of("+-0") != std::string::npos);
  frame.text_columns.erase(column);
  return marks;
}

}    // namespace

FramePrediction Appraiser::appraise(Frame &frame, std::vector<double> &features)
{
  FramePrediction prediction = predict(committee_, potential_, frame);
  const std::vector<int> element = elements_of(frame, potential_.settings);
  const std::vector<double> row =
      fingerprint(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                  frame.num_atoms(), potential_.settings.num_descriptors(), num_elements());
  features.insert(features.end(), row.begin(), row.end());
  frame.per_atom["sigma"] = prediction.sigma;
  frame.per_atom_vectors["predicted_forces"] = prediction.forces;
  frame.info["predicted_energy"] = format("%.10f", prediction.energy);
  if (!potential_.novelty.empty())
    frame.per_atom["novelty"] = novelties(prediction, frame, potential_);
  return prediction;
}

AtomTable::AtomTable(const Potential &potential)
    : settings_(potential.settings),
      labelled_(training_atoms(potential)),
      num_labelled_(potential.record.num_frames)
{
}

AtomPoints AtomTable::points(const Frame &frame, const FramePrediction &prediction,
                             QueryBuffer &buffer)
{
  max_atoms_ = buffer.thin_atoms(max_atoms_, settings_.num_descriptors());
  return points(frame, prediction);
}

void AtomTable::add_reference(const Frame &frame, const FramePrediction &prediction)
{
  references_.push_back(points(frame, prediction));
}

void AtomTable::add_known(const Frame &frame, const FramePrediction &prediction)
{
  labelled_.add(points(frame, prediction));
  ++num_labelled_[frame.config_type];
}

void AtomTable::tell(const std::vector<QueryCandidate> &candidates, Candidates &task) const
{
  std::vector<std::string> types, files;
  for (const QueryCandidate &candidate : candidates) {
    task.atoms.push_back(&candidate.atoms);
    types.push_back(candidate.frame.config_type);
    files.push_back(candidate.frame.source.substr(0, candidate.frame.source.rfind(", ")));
  }
  for (const AtomPoints &frame : references_) task.reference_atoms.push_back(&frame);
  task.labelled_atoms = &labelled_;
  if (are_different(types)) {
    task.kind = types;
    task.labelled = num_labelled_;
  } else if (are_different(files)) {
    task.kind = files;
  }
}

AtomPoints AtomTable::points(const Frame &frame, const FramePrediction &prediction) const
{
  const std::vector<int> element = elements_of(frame, settings_);
  return atom_points(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                     frame.num_atoms(), settings_.num_descriptors(), max_atoms_);
}

std::vector<bool> watched_atoms(Frame &frame, const std::string &given)
{
  const bool is_spooled = frame.info.count("reason") > 0;
  if (given.empty() && !is_spooled) return {};
  const std::string name = given.empty() ? group_column : given;
  const std::vector<std::string> there = marking_columns(frame);
  const bool is_there = std::find(there.begin(), there.end(), name) != there.end();
  if (!is_there && is_spooled && name == group_column) return {};
  require(is_there, frame.source, ": --group is ", name,
          ", but no column of that name marks the atoms; ",
          there.empty() ? std::string("the frame has none of one number for each atom")
                        : "those of one number for each atom are " + joined(there, ", "));
  const std::vector<bool> marks = take_marks(frame, name);
  frame.per_atom[group_column] = {marks.begin(), marks.end()};
  return marks;
}

}    // namespace almlip::cli
