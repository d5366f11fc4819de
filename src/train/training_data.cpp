// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/training_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/surroundings.h"
#include "almlip/text.h"
#include "train/check/force_check.h"
#include "train/cutoff_rule.h"
#include "train/folds.h"
#include "train/frame_statistics.h"

namespace almlip::train {

namespace {

constexpr int min_frames = 4;    ///< below this there is nothing to fit five networks to

/// Elements of the frames by rising atomic number.
std::vector<std::string> elements_of(const std::vector<Frame> &frames)
{
  std::set<int> numbers;
  for (const Frame &frame : frames)
    numbers.insert(frame.atomic_numbers.begin(), frame.atomic_numbers.end());
  std::vector<std::string> elements;
  for (const int number : numbers) elements.push_back(chemical_symbol(number));
  return elements;
}

/// @param start  potential that the fit starts from, or empty
void check_elements(const Frame &frame, const std::vector<std::string> &elements,
                    const std::string &start)
{
  const std::string remedy = start.empty() ? "add it to \"elements\"" : "fit without \"start\"";
  for (int i = 0; i < frame.num_atoms(); ++i) {
    const std::string &symbol = chemical_symbol(frame.atomic_numbers[static_cast<std::size_t>(i)]);
    require(std::count(elements.begin(), elements.end(), symbol) > 0, frame.source, ": atom ",
            i + 1, " is ", symbol, ", but the potential is for ", joined(elements), "; ", remedy,
            " or remove the frame");
  }
}

void check_numbers(const Frame &frame)
{
  require(frame.num_atoms() > 0, frame.source, ": the frame has no atoms");
  require(frame.energy && std::isfinite(*frame.energy), frame.source,
          ": the energy is missing or not finite");
  require(frame.forces.empty() || frame.forces.size() == frame.positions.size(), frame.source,
          ": there are forces on some atoms only");
  for (const std::vector<double> *numbers : {&frame.positions, &frame.forces})
    for (std::size_t n = 0; n < numbers->size(); ++n)
      require(std::isfinite((*numbers)[n]), frame.source, ": atom ", n / 3 + 1,
              " has a position or force that is not finite");
}

/// Checks distances and neighbours; returns the least distance, or nothing if the frame is to be
/// skipped.
std::optional<double> check_geometry(const Frame &frame, double cutoff,
                                     const TrainingSettings &settings)
{
  double least = cutoff;
  int first = -1, second = -1;    // atoms of the closest pair
  std::vector<bool> has_neighbor(frame.atomic_numbers.size(), false);
  for_each_pair(frame, cutoff, [&](int i, int j, double distance) {
    has_neighbor[static_cast<std::size_t>(i)] = true;
    if (distance < least) least = distance, first = i, second = j;
  });
  require(least >= settings.least_distance || first < 0, frame.source, ": atoms ", first + 1,
          " and ", second + 1, " are ", least, " Angstrom apart, but at least ",
          settings.least_distance,
          " are asked for (setting \"least_distance\"); remove the frame or lower the limit");
  const auto isolated = std::find(has_neighbor.begin(), has_neighbor.end(), false);
  if (isolated == has_neighbor.end()) return least;
  require(settings.isolated_atoms == "skip", frame.source, ": atom ",
          isolated - has_neighbor.begin() + 1, " has no neighbour within the cutoff of ", cutoff,
          " Angstrom; remove the frame, raise \"cutoff\", or set \"isolated_atoms\" to \"skip\"");
  return std::nullopt;
}

void choose_cutoff(TrainingData &data, const TrainingSettings &settings)
{
  data.cutoff = settings.cutoff ? *settings.cutoff : cutoff_for(data.train);
  if (settings.cutoff || settings.isolated_atoms == "skip") return;
  const LoneliestAtom loneliest = loneliest_atom(data.train);
  const double reach = cutoff_that_reaches(loneliest);
  if (reach <= data.cutoff) return;
  data.cutoff_reason = format(
      "30 neighbours are within %g Angstrom, but the nearest one of %s is at %.2f: cutoff %g",
      data.cutoff, loneliest.where.c_str(), loneliest.distance, reach);
  data.cutoff = reach;
}

bool is_isolated_atom(const Frame &frame, double reach)
{
  if (frame.num_atoms() != 1) return false;
  bool alone = true;
  for_each_pair(frame, reach, [&](int, int, double) { alone = false; });
  return alone;
}

/// Takes frames of one atom without neighbours out; returns the energies of these atoms, eV.
std::map<std::string, double> take_isolated_atoms(std::vector<Frame> &frames, double reach)
{
  constexpr double tolerance = 1e-3;    // eV
  std::map<std::string, double> energies;
  std::vector<Frame> kept;
  for (Frame &frame : frames) {
    if (!is_isolated_atom(frame, reach)) {
      kept.push_back(std::move(frame));
      continue;
    }
    const std::string symbol = chemical_symbol(frame.atomic_numbers[0]);
    const auto [entry, is_new] = energies.emplace(symbol, *frame.energy);
    require(is_new || std::abs(entry->second - *frame.energy) < tolerance, frame.source,
            ": the isolated atom of ", symbol, " has ", *frame.energy,
            " eV, but another frame has it with ", entry->second, " eV; keep the right one");
  }
  frames = std::move(kept);
  return energies;
}

/// Checks the geometry of all frames; returns those that stay and the least distance among them.
double check_geometries(std::vector<Frame> &frames, double cutoff, const TrainingSettings &settings)
{
  double least = cutoff;
  std::vector<Frame> kept;
  for (Frame &frame : frames) {
    const std::optional<double> closest = check_geometry(frame, cutoff, settings);
    if (!closest) continue;
    least = std::min(least, *closest);
    kept.push_back(std::move(frame));
  }
  frames = std::move(kept);
  return least;
}

/// What to do about too few frames with forces.
std::string remedy_of_few(const TrainingData &data, const TrainingSettings &settings)
{
  const auto missing = check_missing_forces(data.train);
  if (missing) return missing->what + "; " + missing->remedy;
  const bool may_hold_fewer = !data.held_out.empty() && settings.validation.empty();
  return std::string("calculate more frames, with forces") +
         (may_hold_fewer ? ", or hold out fewer (--validation-fraction)" : "");
}

void append_bytes(std::string &text, const double *numbers, std::size_t count)
{
  text.append(reinterpret_cast<const char *>(numbers), count * sizeof(double));
}

std::string hash_of(const std::vector<Frame> &train, const std::vector<Frame> &held_out)
{
  std::string hashes;
  for (const std::vector<Frame> *frames : {&train, &held_out}) {
    hashes += frames == &train ? "train " : "held out ";
    for (const Frame &frame : *frames) {
      std::string bytes;
      for (const int number : frame.atomic_numbers) bytes += std::to_string(number) + " ";
      append_bytes(bytes, frame.cell.data(), frame.cell.size());
      append_bytes(bytes, frame.positions.data(), frame.positions.size());
      append_bytes(bytes, frame.forces.data(), frame.forces.size());
      append_bytes(bytes, &*frame.energy, 1);
      if (frame.virial) append_bytes(bytes, frame.virial->data(), frame.virial->size());
      hashes += content_hash(bytes);
    }
  }
  return content_hash(hashes);
}

/// Every element must be learned from atoms that have neighbours; says where its atoms are instead.
void check_every_element(const TrainingData &data, const TrainingSettings &settings)
{
  const std::vector<std::string> present = elements_of(data.train),
                                 held_out = elements_of(data.held_out);
  const auto has = [](const std::vector<std::string> &symbols, const std::string &symbol) {
    return std::count(symbols.begin(), symbols.end(), symbol) > 0;
  };
  for (const std::string &symbol : data.elements) {
    if (has(present, symbol)) continue;
    require(!has(held_out, symbol), "all frames with atoms of ", symbol,
            " are held out, so that nothing is learned of it; give more of them");
    require(data.atom_energies.count(symbol) == 0, symbol,
            " is there as an isolated atom only, from which no interaction is learned; add frames "
            "in which it has neighbours, or remove the isolated atom");
    require(settings.start.empty(), "no training frame has an atom of ", symbol, ", which ",
            settings.start,
            " has; add frames with it, lest it is forgotten, or fit without \"start\"");
    fail("no training frame has an atom of ", symbol,
         ", which \"elements\" lists; add frames with it, or take it off the list");
  }
}

}    // namespace

TrainingData read_training_data(const TrainingSettings &settings)
{
  require(!settings.train.empty(),
          "there are no training frames; name at least one file with --train");
  ExtxyzNeeds needs;
  needs.energy = needs.labels = true;
  needs.keys = {settings.energy_key, settings.forces_key, settings.stress_key};
  TrainingData data;
  data.train = read_extxyz(settings.train, needs, &data.report);
  data.held_out = read_extxyz(settings.validation, needs, &data.report);
  data.report.require_one_source(needs.keys);
  data.elements = settings.elements.empty() ? elements_of(data.train) : settings.elements;
  if (!settings.start.empty())
    for (const std::string &symbol : elements_of(data.train))
      if (std::count(data.elements.begin(), data.elements.end(), symbol) == 0)
        data.elements.push_back(symbol);
  for (const std::string &symbol : data.elements)
    require(atomic_number(symbol) > 0, "\"elements\": there is no element \"", symbol, "\"");

  const std::size_t num_read = data.train.size() + data.held_out.size();
  for (const std::vector<Frame> *frames : {&data.train, &data.held_out})
    for (const Frame &frame : *frames) {
      check_numbers(frame);
      check_elements(frame, data.elements, settings.start);
    }
  constexpr double far = 6.0;    // Angstrom, the largest cutoff that is chosen for a set
  data.atom_energies = take_isolated_atoms(data.train, settings.cutoff.value_or(far));
  const std::size_t num_isolated = num_read - data.train.size() - data.held_out.size();
  choose_cutoff(data, settings);
  data.least_distance = check_geometries(data.train, data.cutoff, settings);
  check_geometries(data.held_out, data.cutoff, settings);
  data.num_skipped =
      static_cast<int>(num_read - num_isolated - data.train.size() - data.held_out.size());
  data.hash = hash_of(data.train, data.held_out);
  data.largest_force = largest_force(data.train);
  data.violent_force = settings.violent_force.value_or(usual_violent_force(data.train));
  const bool any_forces = std::any_of(data.train.begin(), data.train.end(),
                                      [](const Frame &frame) { return !frame.forces.empty(); });
  require(any_forces, joined(settings.train), ": ", remedy_of_few(data, settings));
  if (settings.start.empty()) hold_out(data, settings);
  return data;
}

void hold_out(TrainingData &data, const TrainingSettings &settings)
{
  require(settings.folds != 1,
          "\"folds\" is 1, but a fit without all frames learns nothing; set 0, or 2 and more");
  const auto num_frames = static_cast<int>(data.train.size());
  data.num_folds = num_folds(settings, num_frames);
  if (settings.validation.empty() && settings.folds.value_or(0) > 0) {
    const int parts = std::min(*settings.folds, num_frames),
              most = (num_frames + parts - 1) / parts;
    require(num_frames - most >= min_frames, "\"folds\" is ", *settings.folds, ", but of ",
            num_frames, " frames fits without a part learn ", num_frames - most, ", and at least ",
            min_frames, " are needed; set 0, more folds, or give more frames");
  }
  if (data.num_folds > 0) {
    data.fold = judging_folds(data.train, data.num_folds, settings.seed);
    data.num_folds = num_folds_to_judge(data.fold);
  } else if (settings.validation.empty())
    data.held_out = split_off(data.train, share_held_out(settings, num_frames), settings.seed);
  const auto num_with_forces =
      std::count_if(data.train.begin(), data.train.end(),
                    [](const Frame &frame) { return !frame.forces.empty(); });
  require(num_with_forces >= min_frames, "there are ", num_with_forces,
          " training frames with forces",
          data.held_out.empty()
              ? ""
              : " after " + std::to_string(data.held_out.size()) + " frames were held out",
          ", but at least ", min_frames, " are needed; ", remedy_of_few(data, settings));
  check_every_element(data, settings);
}

TrainingData without_fold(const TrainingData &data, int fold)
{
  TrainingData part = data;
  part.train.clear();
  part.held_out.clear();
  for (std::size_t n = 0; n < data.train.size(); ++n)
    (data.fold[n] == fold ? part.held_out : part.train).push_back(data.train[n]);
  return part;
}

}    // namespace almlip::train
