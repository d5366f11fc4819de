// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_select.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/learned_frames.h"
#include "almlip/potential.h"
#include "almlip/query/batch.h"
#include "almlip/query/vacuum.h"
#include "almlip/selection.h"
#include "almlip/text.h"
#include "cli/candidate_appraisal.h"
#include "cli/candidate_files.h"
#include "cli/candidate_sieve.h"

namespace almlip::cli {

namespace {

struct SelectOptions {
  std::string potential, output, strategy = "alc_atoms";
  std::vector<std::string> candidates, known, references, elements;
  std::string group;                     ///< column of the atoms that are watched; empty: all are
  std::string measure;                   ///< empty: any
  std::vector<std::string> threshold;    ///< as of fix al_query; empty: all frames are candidates
  std::vector<double> density;           ///< lo and hi; empty: none
  int spacing = 0, before = 0;
  int dimension = 0;    ///< of the runs of dumps; 0: not known
  std::optional<double> mindist, fmax, temperature;
  int buffer = std::numeric_limits<int>::max();
  bool manifest = false;
  SelectionSettings selection;
};

/// Says on stderr now and then how far long work is.
class Progress {
 public:
  void show(int num_frames)
  {
    constexpr double every = 10.0;    // seconds
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - last_shown_).count() < every) return;
    last_shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    std::fprintf(stderr, "%d frames evaluated in %s\n", num_frames, duration(seconds).c_str());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(),
                                        last_shown_ = start_;
};

void print_choice(int place, const QueryCandidate &candidate, const Choice &choice)
{
  std::printf("%5d %10.4f %8.4f %8s %10s  %s\n", place, candidate.max_sigma, choice.score,
              choice.cluster >= 0 ? std::to_string(choice.cluster).c_str() : "-",
              std::isfinite(choice.distance) ? format("%.4f", choice.distance).c_str() : "-",
              candidate.frame.source.c_str());
}

/// Which of the words of `fix al_query` the threshold is.
/// @throws Error if the share of an adaptive one is none
SieveWindow window_of(const std::vector<std::string> &threshold)
{
  using Kind = SieveWindow::Kind;
  if (threshold == std::vector<std::string>{"auto"}) return {Kind::automatic};
  if (threshold == std::vector<std::string>{"none"}) return {Kind::none};
  if (threshold.empty() || threshold[0] != "adaptive") return {Kind::given};
  double share = 0.0;
  require(threshold.size() == 2 && CLI::detail::lexical_cast(threshold[1], share) && share > 0.0 &&
              share < 1.0,
          "--threshold is ", joined(threshold, " "),
          ", but adaptive needs a share of the frames between 0 and 1");
  return {Kind::adaptive, share};
}

Window given_window(const std::vector<std::string> &threshold)
{
  double lo = 0.0, hi = 0.0;
  require(threshold.size() == 2 && CLI::detail::lexical_cast(threshold[0], lo) &&
              CLI::detail::lexical_cast(threshold[1], hi),
          "--threshold is ", joined(threshold, " "),
          ", but it must be auto, none, adaptive and a share, or two numbers lo hi");
  require(lo >= 0.0 && lo < hi, "--threshold is ", lo, " ", hi,
          ", but it must be lo hi with 0 <= lo < hi");
  return {lo, hi};
}

/// What a limit may be; 0 is none.
void check_limit(const char *option, double limit)
{
  require(limit >= 0.0, option, " is ", limit, ", but it must not be negative");
}

void check_gates(const SelectOptions &options)
{
  require(options.selection.batch >= 1, "--count is ", options.selection.batch,
          ", but it must be at least 1");
  require(options.selection.batch <= options.buffer, "--count is ", options.selection.batch,
          ", but it must not be more than --buffer, which is ", options.buffer);
  check_limit("--spacing", options.spacing);
  check_limit("--before", options.before);
  require(options.before == 0 || !options.threshold.empty(), "--before is ", options.before,
          ", but without --threshold no frame is above hi; give one, or leave --before out");
  check_limit("--mindist", options.mindist.value_or(0.0));
  check_limit("--fmax", options.fmax.value_or(0.0));
  check_limit("--temperature", options.temperature.value_or(0.0));
  if (options.density.empty()) return;
  const double lo = options.density[0], hi = options.density[1];
  require(lo >= 0.0 && (hi == 0.0 || lo < hi), "--density is ", lo, " ", hi,
          ", but it must be lo hi with 0 <= lo < hi; 0 is no limit");
}

/// What is compared must be there, and there must be something to compare it with.
void check_measure(const SelectOptions &options, const QueryRule &rule, const Potential &potential)
{
  require(options.measure.empty() || !options.threshold.empty(), "--measure is ", options.measure,
          ", but there is no --threshold to compare it with; give one, or leave --measure out");
  const SieveWindow::Kind kind = window_of(options.threshold).kind;
  require(rule.measure != Measure::energy || kind == SieveWindow::Kind::given,
          "--measure is energy, for which a potential tells no threshold; give --threshold lo hi, "
          "eV per atom");
  require(rule.measure != Measure::novelty || kind != SieveWindow::Kind::adaptive,
          "--threshold adaptive moves the lo of sigma, but --measure is novelty; use measure force "
          "or any, or give --threshold lo hi of novelty");
  require(rule.measure != Measure::novelty || !potential.novelty.empty(),
          "--measure is novelty, but the potential does not tell it; train it with novelty true, "
          "or use another measure");
}

/// Without a threshold every frame that passes the gates is a candidate.
QueryRule rule_of(const SelectOptions &options, const Potential &potential)
{
  QueryRule rule;
  if (!options.measure.empty()) rule.measure = parse_measure(options.measure);
  check_gates(options);
  check_measure(options, rule, potential);
  rule.spacing = options.spacing;
  if (options.threshold.empty()) {
    rule.novelty = {};
    rule.trusted_distance_ratio = 0.0;
  } else if (window_of(options.threshold).kind == SieveWindow::Kind::given) {
    const Window window = given_window(options.threshold);
    (rule.measure == Measure::energy    ? rule.energy
     : rule.measure == Measure::novelty ? rule.novelty
                                        : rule.force) = window;
  }
  rule.min_distance = options.mindist.value_or(0.0);
  rule.min_distance_ratio = options.mindist ? 0.0 : default_distance_ratio;
  rule.max_force = options.fmax.value_or(potential.record.force_limit > 0.0
                                             ? potential.record.force_limit
                                             : default_force_factor * potential.largest_force);
  rule.max_temperature = options.temperature.value_or(0.0);
  if (!options.density.empty()) {
    rule.min_density = options.density[0];
    rule.max_density = options.density[1];
  }
  return rule;
}

/// Of the watched atoms; 0 if there are none.
double mean(const std::vector<double> &values, const std::vector<bool> &watched)
{
  double sum = 0.0;
  int count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!watched.empty() && !watched[i]) continue;
    sum += values[i];
    ++count;
  }
  return count > 0 ? sum / count : 0.0;
}

/// Reads files, evaluates their frames and collects what a choice needs.
class Reading {
 public:
  Reading(const SelectOptions &options, const QueryRule &rule, const Potential &potential)
      : options_(options),
        appraiser_(potential),
        atoms_(potential),
        by_atoms_(options.selection.strategy == Strategy::alc_atoms),
        sieve(rule, window_of(options.threshold), potential),
        buffer(options.buffer, options.selection.strategy, options.selection.seed)
  {
    sieve.known.reset(appraiser_.num_features());
    sieve.known.add(potential.known_fingerprints);
    const LearnedFrames learned(potential);
    int num_foreign = 0;
    for_each_frame(options_.known, [&](Frame &frame, const std::string &) {
      if (!has_elements(frame, potential.settings)) {
        ++num_foreign;
        return;
      }
      std::vector<double> row;
      const FramePrediction prediction = appraiser_.appraise(frame, row);
      if (sieve.known.contains(row, options_.selection.duplicate)) return;
      sieve.known.add(row);
      if (by_atoms_ && !learned.contain(frame)) atoms_.add_known(frame, prediction);
    });
    if (num_foreign > 0)
      std::fprintf(stderr,
                   "note: %d frames of --known have an element that the potential does not have, "
                   "and are like no candidate\n",
                   num_foreign);
    for_each_frame(options_.references, [&](Frame &frame, const std::string &) {
      const FramePrediction prediction = appraiser_.appraise(frame, references_);
      if (by_atoms_) atoms_.add_reference(frame, prediction);
    });
    for_each_frame(options_.candidates, [&](Frame &frame, const std::string &file) {
      const bool can_be_predicted = sieve.look(frame, file);
      if (sieve.begins_anew()) before_.clear();
      if (can_be_predicted)
        consider(frame);
      else if (sieve.begins_excursion())
        take_those_before();
    });
    if (num_unwatched_ > 0)
      std::fprintf(stderr, "note: %d frames have no atom of the group; their sigma counts as 0\n",
                   num_unwatched_);
    require(sieve.num_looks() > 0, "there is no frame to choose from in ",
            joined(options_.candidates, " "));
  }

  Candidates candidates() const
  {
    Candidates result;
    result.num_features = appraiser_.num_features();
    result.known = sieve.known.values();
    result.references = references_;
    for (const QueryCandidate &candidate : buffer.candidates()) {
      result.features.insert(result.features.end(), candidate.fingerprint.begin(),
                             candidate.fingerprint.end());
      result.uncertainty.push_back(candidate.max_sigma);
    }
    if (by_atoms_) atoms_.tell(buffer.candidates(), result);
    return result;
  }

 private:
  void consider(Frame &frame)
  {
    QueryCandidate candidate;
    const std::vector<bool> watched = watched_atoms(frame, options_.group);
    const bool watches_none = std::find(watched.begin(), watched.end(), true) == watched.end();
    if (!watched.empty() && watches_none) ++num_unwatched_;
    const FramePrediction prediction = appraiser_.appraise(frame, candidate.fingerprint);
    const std::vector<double> novelty =
        frame.per_atom.count("novelty") > 0 ? frame.per_atom["novelty"] : std::vector<double>();
    const bool is_candidate = sieve.takes(prediction, novelty, watched, candidate.fingerprint,
                                          options_.selection.duplicate);
    if (sieve.begins_excursion()) take_those_before();
    const bool may_lead_to_one = options_.before > 0 && sieve.may_lead_to_excursion();
    if (!is_candidate && !may_lead_to_one) return;

    const Observation &seen = sieve.seen();
    candidate.step = seen.step;
    candidate.max_sigma = seen.sigma.value;
    candidate.mean_sigma = mean(prediction.sigma, watched);
    candidate.worst_atom = seen.sigma.atom;
    candidate.max_novelty = seen.novelty.value;
    candidate.why = is_candidate ? sieve.why() : "before";
    candidate.keep = candidate.why != "window";
    if (by_atoms_) candidate.atoms = atoms_.points(frame, prediction, buffer);
    candidate.frame = std::move(frame);
    if (is_candidate) return take(std::move(candidate));
    before_.push_back(std::move(candidate));
    if (static_cast<int>(before_.size()) > options_.before) before_.pop_front();
  }

  /// The frames that led to one that is not trusted.
  void take_those_before()
  {
    for (QueryCandidate &candidate : before_)
      if (sieve.take_unless_known(candidate.step, candidate.fingerprint,
                                  options_.selection.duplicate))
        take(std::move(candidate));
    before_.clear();
  }

  void take(QueryCandidate candidate)
  {
    const std::int64_t step = candidate.step;
    if (buffer.add(std::move(candidate))) sieve.refuse(Refusal::buffer_full, step);
  }

  void for_each_frame(const std::vector<std::string> &paths,
                      const std::function<void(Frame &, const std::string &)> &use)
  {
    CandidateFiles files(paths, options_.elements, options_.group, options_.dimension);
    for (Frame frame; files.next(frame); progress_.show(++num_read_)) use(frame, files.file());
    for (const std::string &note : files.notes()) std::fprintf(stderr, "note: %s\n", note.c_str());
  }

  const SelectOptions &options_;
  Appraiser appraiser_;
  Progress progress_;
  int num_read_ = 0, num_unwatched_ = 0;
  std::vector<double> references_;
  AtomTable atoms_;
  bool by_atoms_;
  std::deque<QueryCandidate> before_;    ///< frames that were not taken, the newest last

 public:
  CandidateSieve sieve;
  QueryBuffer buffer;
};

/// The chosen frames with the reasons; printed too.
std::vector<Frame> chosen_frames(const std::vector<QueryCandidate> &candidates,
                                 const std::vector<Choice> &choices, Strategy strategy)
{
  std::printf("%5s %10s %8s %8s %10s  %s\n", "frame", "max sigma", "score", "cluster", "distance",
              "from");
  std::vector<Frame> chosen;
  for (const Choice &choice : choices) {
    const QueryCandidate &candidate = candidates[choice.index];
    print_choice(static_cast<int>(chosen.size()), candidate, choice);
    Frame frame = candidate.frame;
    explain(frame, choice, strategy);
    frame.info["max_sigma"] = format("%.10g", candidate.max_sigma);
    frame.info["selected_from"] = frame.source;
    add_vacuum(frame, default_vacuum);
    chosen.push_back(std::move(frame));
  }
  return chosen;
}

/// BATCH.json beside BATCH.extxyz
std::string manifest_path(const std::string &output)
{
  const std::string ending = ".extxyz";
  const bool has_ending = output.size() > ending.size() &&
                          output.compare(output.size() - ending.size(), ending.size(), ending) == 0;
  return output.substr(0, output.size() - (has_ending ? ending.size() : 0)) + ".json";
}

/// Before any work.
void check_outputs(const SelectOptions &options)
{
  std::vector<std::string> inputs = options.candidates;
  inputs.insert(inputs.end(), options.known.begin(), options.known.end());
  inputs.insert(inputs.end(), options.references.begin(), options.references.end());
  inputs.push_back(options.potential);
  try_to_write(options.output, inputs);
  if (options.manifest) try_to_write(manifest_path(options.output), inputs);
}

void run(SelectOptions options)
{
  check_outputs(options);
  options.selection.strategy = parse_strategy(options.strategy);
  const std::string text = read_text(options.potential);
  const Potential potential = parse_potential(text, options.potential);
  require(options.references.empty() || options.selection.strategy == Strategy::alc ||
              options.selection.strategy == Strategy::alc_atoms,
          "--reference is for the strategies alc and alc_atoms, but the strategy is ",
          options.strategy);

  BatchRecord record;
  record.reason = "select";
  record.potential = content_hash(text);
  record.rule = rule_of(options, potential);
  record.selection = options.selection;
  const Reading reading(options, record.rule, potential);
  const std::vector<QueryCandidate> &candidates = reading.buffer.candidates();
  const std::vector<Choice> choices = select(reading.candidates(), options.selection);
  const std::vector<Frame> chosen = chosen_frames(candidates, choices, options.selection.strategy);

  write_extxyz(options.output, chosen);
  if (options.manifest) {
    record.rule = reading.sieve.rule();
    record.refusals = reading.sieve.refusals();
    record.counts = {{"looks", reading.sieve.num_looks()}, {"below", reading.sieve.num_below()}};
    write_atomically(manifest_path(options.output), manifest(candidates, choices, record));
  }
  if (reading.sieve.num_below() > 0)
    std::printf("%8lld not uncertain enough\n", static_cast<long long>(reading.sieve.num_below()));
  std::printf("%s%zu of %lld candidates written to %s\n",
              refusal_report(reading.sieve.refusals()).c_str(), chosen.size(),
              static_cast<long long>(reading.sieve.num_looks()), options.output.c_str());
  if (chosen.empty())
    std::printf(
        "nothing is worth a label by these limits: go on to hotter runs or other structures, "
        "or loosen what the lines above name\n");
}

/// What is refused whatever its uncertainty is.
void add_limits(CLI::App &command, SelectOptions &options)
{
  command.add_option("--mindist", options.mindist,
                     "least distance of two atoms, Angstrom; 0.7 of that of the training set");
  command.add_option(
      "--fmax", options.fmax,
      "largest force, eV/Angstrom; the limit that the potential file tells, 30 or more");
  command.add_option("--density", options.density, "LO HI, g/cm^3; no limits")->expected(2);
  command.add_option("--temperature", options.temperature,
                     "highest temperature, K, of frames that tell theirs, as spools do; no limit");
}

}    // namespace

void add_select_command(CLI::App &app)
{
  const auto options = std::make_shared<SelectOptions>();
  SelectionSettings &selection = options->selection;
  CLI::App *command = app.add_subcommand("select", "Choose frames that are worth a label");
  command->add_option("potential", options->potential, "potential file")
      ->required()
      ->type_name("POT");
  command
      ->add_option("candidates", options->candidates,
                   "what to choose from: folders of spools, LAMMPS dumps, extended XYZ")
      ->required()
      ->type_name("CANDIDATES...");
  command->add_option(
      "--known", options->known,
      "frames that must not be chosen again, beside those the potential was trained on");
  command->add_option("--reference", options->references,
                      "frames of the intended use, without labels, at which alc and alc_atoms make "
                      "the error small; "
                      "the candidates if there are none");
  command->add_option("--elements", options->elements,
                      "chemical symbols of the atom types of LAMMPS dumps, in their order");
  command
      ->add_option("--dimension", options->dimension,
                   "of the runs that wrote the LAMMPS dumps, 2 or 3, as the command dimension has "
                   "it; asked for where a dump may be of two")
      ->check(CLI::IsMember({2, 3}));
  command
      ->add_option(
          "--threshold", options->threshold,
          "LO HI, or auto, none or adaptive SHARE as fix al_query has them: below LO a frame "
          "is no candidate; of frames above HI in a row only the first is. eV/Angstrom, or "
          "what --measure says. Without it all are")
      ->expected(1, 2);
  command
      ->add_option("--spacing", options->spacing,
                   "least number of steps between two candidates of a file")
      ->capture_default_str();
  command
      ->add_option("--before", options->before,
                   "most frames before one above HI that are candidates too")
      ->capture_default_str();
  command
      ->add_option("--group", options->group,
                   "column of the candidates that is not 0 for the atoms whose sigma and novelty "
                   "count; the group of the run in spools, else all atoms")
      ->type_name("COLUMN");
  command->add_option(
      "--measure", options->measure,
      "what is compared with the threshold: force, energy, novelty or any (default)");
  add_limits(*command, *options);
  command->add_option("--buffer", options->buffer,
                      "candidates to hold at most, of which a choice is made; all");
  command->add_flag("--manifest", options->manifest,
                    "write BATCH.json: settings, why each frame was taken, refusals by reason");
  command->add_option("--count", selection.batch, "frames to choose")->required();
  command->add_option("--strategy", options->strategy, strategy_names())->capture_default_str();
  command->add_option("--alpha", selection.alpha, "weight of uncertainty in hybrid, 0 to 1")
      ->capture_default_str();
  command->add_option("--clusters", selection.clusters, "clusters of k-means")
      ->capture_default_str();
  command->add_option("--seed", selection.seed, "of all random choices")
      ->capture_default_str()
      ->check(CLI::Range(1, 2147483647));
  command->add_option("--output", options->output, "chosen frames (extended XYZ)")
      ->required()
      ->type_name("BATCH.extxyz");
  command->callback([options] { run(*options); });
}

}    // namespace almlip::cli
