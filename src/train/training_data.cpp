// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/training_data.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/kernels/radial.h"
#include "almlip/random.h"
#include "almlip/surroundings.h"
#include "almlip/text.h"
#include "train/check/force_check.h"
#include "train/cutoff_rule.h"
#include "train/loss/label_weights.h"

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

double largest_force(const std::vector<Frame> &frames)
{
  double largest = 0.0;
  for (const Frame &frame : frames)
    for (std::size_t n = 0; n < frame.forces.size(); n += 3)
      largest =
          std::max(largest, std::hypot(frame.forces[n], frame.forces[n + 1], frame.forces[n + 2]));
  return largest;
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

namespace {

using Kinds = std::map<std::string, std::vector<std::size_t>>;

/// Frames by config_type. Frames that are the only one of theirs are one kind together if they are
/// more than a tenth of all: nothing could be held out of a set where each frame has its own name.
Kinds kinds_of(const std::vector<Frame> &frames)
{
  constexpr std::size_t share = 10;
  Kinds kinds;
  for (std::size_t n = 0; n < frames.size(); ++n) kinds[frames[n].config_type].push_back(n);
  std::vector<std::size_t> alone;
  for (const auto &[type, members] : kinds)
    if (members.size() == 1) alone.push_back(members[0]);
  if (share * alone.size() <= frames.size()) return kinds;
  for (const std::size_t n : alone) kinds.erase(frames[n].config_type);
  std::vector<std::size_t> &together = kinds[""];
  together.insert(together.end(), alone.begin(), alone.end());
  std::sort(together.begin(), together.end());
  return kinds;
}

/// Takes frames back whose elements are in no frame that is kept.
void keep_every_element(const std::vector<Frame> &frames, std::vector<bool> &held)
{
  std::set<int> kept;
  for (std::size_t n = 0; n < frames.size(); ++n)
    if (!held[n]) kept.insert(frames[n].atomic_numbers.begin(), frames[n].atomic_numbers.end());
  for (std::size_t n = 0; n < frames.size(); ++n) {
    const auto &numbers = frames[n].atomic_numbers;
    if (!held[n] || std::all_of(numbers.begin(), numbers.end(),
                                [&](int number) { return kept.count(number) > 0; }))
      continue;
    held[n] = false;
    kept.insert(numbers.begin(), numbers.end());
  }
}

}    // namespace

std::vector<Frame> split_off(std::vector<Frame> &frames, double fraction, int seed)
{
  Kinds groups = kinds_of(frames);
  Random random(static_cast<std::uint64_t>(seed));
  std::vector<bool> held(frames.size(), false);
  double seen = 0.0, taken = 0.0;    // what a small group cannot give is left to the next one
  for (auto &[type, members] : groups) {
    for (std::size_t n = members.size(); n > 1; --n)
      std::swap(members[n - 1], members[random.below(n)]);
    seen += static_cast<double>(members.size());
    const double wanted = std::max(0.0, std::floor(fraction * seen + 0.5) - taken);
    const std::size_t count = std::min(static_cast<std::size_t>(wanted), members.size() - 1);
    for (std::size_t n = 0; n < count; ++n) held[members[n]] = true;
    taken += static_cast<double>(count);
  }
  keep_every_element(frames, held);
  std::vector<Frame> kept, held_out;
  for (std::size_t n = 0; n < frames.size(); ++n)
    (held[n] ? held_out : kept).push_back(std::move(frames[n]));
  frames = std::move(kept);
  return held_out;
}

std::vector<int> folds_of(const std::vector<Frame> &frames, int num_folds, int seed)
{
  Kinds groups = kinds_of(frames);
  Random random(static_cast<std::uint64_t>(seed));
  std::vector<int> fold(frames.size());
  int turn = 0;
  for (auto &[type, members] : groups) {
    for (std::size_t n = members.size(); n > 1; --n)
      std::swap(members[n - 1], members[random.below(n)]);
    for (const std::size_t f : members) fold[f] = turn++ % num_folds;
  }
  return fold;
}

namespace {

/// The folds that frames are left in, numbered anew.
std::vector<int> without_empty(std::vector<int> fold)
{
  std::set<int> left(fold.begin(), fold.end());
  left.erase(-1);
  for (int &k : fold)
    if (k >= 0) k = static_cast<int>(std::distance(left.begin(), left.find(k)));
  return fold;
}

}    // namespace

std::vector<int> judging_folds(const std::vector<Frame> &frames, int num_folds, int seed)
{
  std::vector<int> fold = folds_of(frames, num_folds, seed);
  std::map<int, std::set<int>> folds_with;    // by atomic number
  for (std::size_t n = 0; n < frames.size(); ++n)
    for (const int number : frames[n].atomic_numbers) folds_with[number].insert(fold[n]);
  for (const auto &[type, members] : kinds_of(frames))
    if (members.size() == 1) fold[members[0]] = -1;
  for (std::size_t n = 0; n < frames.size(); ++n) {
    const auto &numbers = frames[n].atomic_numbers;
    if (std::any_of(numbers.begin(), numbers.end(),
                    [&](int number) { return folds_with[number].size() == 1; }))
      fold[n] = -1;
  }
  return without_empty(fold);
}

int num_folds_to_judge(const std::vector<int> &fold)
{
  constexpr int enough = 20;
  const int num_folds = 1 + *std::max_element(fold.begin(), fold.end());
  int num_judged = 0;
  for (int k = 0; k < num_folds; ++k) {
    num_judged += static_cast<int>(std::count(fold.begin(), fold.end(), k));
    if (num_judged >= enough) return k + 1;
  }
  return num_folds;
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

std::vector<double> fit_reference_energies(const std::vector<Frame> &frames,
                                           const std::vector<std::string> &elements,
                                           const std::map<std::string, double> &atom_energies)
{
  Eigen::MatrixXd fractions =
      Eigen::MatrixXd::Zero(static_cast<int>(frames.size()), static_cast<int>(elements.size()));
  Eigen::VectorXd energies(static_cast<int>(frames.size()));
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const Frame &frame = frames[f];
    for (const int number : frame.atomic_numbers) {
      const auto at =
          std::find(elements.begin(), elements.end(), chemical_symbol(number)) - elements.begin();
      fractions(static_cast<int>(f), static_cast<int>(at)) += 1.0 / frame.num_atoms();
    }
    energies(static_cast<int>(f)) = *frame.energy / frame.num_atoms();
  }
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> solver;
  solver.setThreshold(1e-3);    // compositions that differ by less do not tell elements apart
  solver.compute(fractions);
  Eigen::VectorXd reference = Eigen::VectorXd::Zero(fractions.cols());
  const bool atoms_are_known = std::all_of(
      elements.begin(), elements.end(), [&](const auto &e) { return atom_energies.count(e) > 0; });
  if (solver.rank() < fractions.cols() && atoms_are_known)
    for (std::size_t e = 0; e < elements.size(); ++e)
      reference(static_cast<int>(e)) = atom_energies.at(elements[e]);
  energies -= fractions * reference;
  const double mean = energies.mean();
  const Eigen::VectorXd deviation = solver.solve((energies.array() - mean).matrix());
  reference.array() += mean;
  reference += deviation;
  return {reference.data(), reference.data() + reference.size()};
}

std::vector<double> whiten_radial(const std::vector<Frame> &frames, double cutoff, int num_radial)
{
  const int n = num_radial;
  // Of the largest eigenvalue: what the distances hardly show is not blown up further.
  constexpr double floor = 1e-5;
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd values(n);
  double sum = 0.0;
  for (const Frame &frame : frames)
    for_each_pair(frame, cutoff, [&](int, int, double r) {
      const RadialBasis<double, 1, ModelSettings::max_radial> basis(r, 1.0 / cutoff, n);
      for (int q = 0; q < n; ++q) values(q) = basis.value(q);
      gram.selfadjointView<Eigen::Lower>().rankUpdate(values, 1.0 / (r * r));
      sum += 1.0 / (r * r);
    });
  require(sum > 0.0, "no training frame has two atoms within the cutoff of ", cutoff, " Angstrom");
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram / sum);
  std::vector<double> whitening;
  for (int q = n - 1; q >= 0; --q) {
    const double scale =
        1.0 / std::sqrt(std::max(solver.eigenvalues()(q), floor * solver.eigenvalues()(n - 1)));
    for (int k = 0; k < n; ++k) whitening.push_back(scale * solver.eigenvectors()(k, q));
  }
  return whitening;
}

std::vector<double> min_pair_distances(const std::vector<Frame> &frames,
                                       const std::vector<std::string> &elements, double reach)
{
  const std::size_t num_elements = elements.size();
  std::vector<double> distance(num_elements * num_elements, reach);
  for (const Frame &frame : frames) {
    std::vector<std::size_t> element;
    for (const int number : frame.atomic_numbers)
      element.push_back(static_cast<std::size_t>(
          std::find(elements.begin(), elements.end(), chemical_symbol(number)) - elements.begin()));
    for_each_pair(frame, reach, [&](int i, int j, double r) {
      const std::size_t a = element[static_cast<std::size_t>(i)],
                        b = element[static_cast<std::size_t>(j)];
      for (double *d : {&distance[a * num_elements + b], &distance[b * num_elements + a]})
        *d = std::min(*d, r);
    });
  }
  return distance;
}

double usual_largest_force(const std::vector<Frame> &frames)
{
  constexpr double jump = 3.0;
  std::vector<double> largest;
  for (const Frame &frame : frames)
    if (!frame.forces.empty()) largest.push_back(largest_force({frame}));
  if (largest.empty()) return 0.0;
  std::sort(largest.begin(), largest.end());
  std::size_t last = largest.size() / 2;
  while (last + 1 < largest.size() && largest[last + 1] <= jump * largest[last]) ++last;
  return largest[last];
}

double rms_force(const std::vector<Frame> &frames, double violent_force)
{
  const double limit =
      violent_force > 0.0 ? violent_force * violent_force : std::numeric_limits<double>::infinity();
  double squares = 0.0, count = 0.0;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame)) {
      squares += std::min(square, limit);
      count += 3.0;
    }
  return std::sqrt(squares / count);
}

long num_violent(const std::vector<Frame> &frames, double violent_force)
{
  if (violent_force == 0.0) return 0;
  long count = 0;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame))
      if (square > violent_force * violent_force) ++count;
  return count;
}

double usual_violent_force(const std::vector<Frame> &frames)
{
  constexpr double at_equilibrium = 0.02, share = 0.9, factor = 6.0;    // eV/Angstrom
  std::vector<double> squares;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame))
      if (square > at_equilibrium * at_equilibrium) squares.push_back(square);
  if (squares.empty()) return 0.0;
  const auto usual = squares.begin() + static_cast<std::ptrdiff_t>(share * (squares.size() - 1));
  std::nth_element(squares.begin(), usual, squares.end());
  return factor * std::sqrt(*usual);
}

}    // namespace almlip::train
