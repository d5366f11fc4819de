#include "cli/command_select.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/potential.h"
#include "almlip/query/batch.h"
#include "almlip/query/fingerprint.h"
#include "almlip/query/novelty.h"
#include "almlip/selection.h"
#include "almlip/text.h"
#include "cli/candidate_files.h"

namespace almlip::cli {

namespace {

struct SelectOptions {
  std::string potential, output, strategy = "hybrid";
  std::vector<std::string> candidates, known, references, elements;
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

/// Fingerprint and uncertainty of frames, by one potential.
class Appraiser {
 public:
  explicit Appraiser(const Potential &potential) : potential_(potential), committee_(potential) {}

  int num_features() const { return 2 * num_elements() * potential_.settings.num_descriptors(); }

  /// Appends the fingerprint of a frame to `features` and stores in the frame what the potential
  /// predicts, as batches of a run have it; returns the largest sigma, eV/Angstrom.
  double appraise(Frame &frame, std::vector<double> &features)
  {
    const FramePrediction prediction = predict(committee_, potential_, frame);
    const std::vector<int> element = elements_of(frame, potential_.settings);
    const std::vector<double> row =
        fingerprint(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                    frame.num_atoms(), potential_.settings.num_descriptors(), num_elements());
    features.insert(features.end(), row.begin(), row.end());
    frame.per_atom["sigma"] = prediction.sigma;
    frame.per_atom_vectors["predicted_forces"] = prediction.forces;
    frame.info["predicted_energy"] = format("%.10f", prediction.energy);
    if (!potential_.novelty.empty())
      frame.per_atom["novelty"] = novelties(prediction.descriptors, element);
    return prediction.sigma.empty()
               ? 0.0
               : *std::max_element(prediction.sigma.begin(), prediction.sigma.end());
  }

 private:
  int num_elements() const { return static_cast<int>(potential_.settings.elements.size()); }

  std::vector<double> novelties(const std::vector<double> &descriptors,
                                const std::vector<int> &element) const
  {
    const auto width = static_cast<std::size_t>(potential_.settings.num_descriptors());
    std::vector<double> result;
    for (std::size_t i = 0; i < element.size(); ++i)
      result.push_back(novelty_of(potential_.novelty[element[i]], &descriptors[i * width]));
    return result;
  }

  const Potential &potential_;
  Committee committee_;
};

void print_choice(int place, const QueryCandidate &candidate, const Choice &choice)
{
  std::printf("%5d %10.4f %8.4f %8s %10s  %s\n", place, candidate.max_sigma, choice.score,
              choice.cluster >= 0 ? std::to_string(choice.cluster).c_str() : "-",
              std::isfinite(choice.distance) ? format("%.4f", choice.distance).c_str() : "-",
              candidate.frame.source.c_str());
}

/// Reads files, evaluates their frames and collects what a choice needs.
class Reading {
 public:
  Reading(const SelectOptions &options, Appraiser &appraiser)
      : options_(options), appraiser_(appraiser)
  {
    candidates.num_features = appraiser.num_features();
  }

  void read_known() { read_features(options_.known, candidates.known); }
  void read_references() { read_features(options_.references, candidates.references); }
  void read_candidates()
  {
    for_each_frame(options_.candidates, [&](Frame &frame) {
      QueryCandidate candidate;
      candidate.max_sigma = appraiser_.appraise(frame, candidates.features);
      candidates.uncertainty.push_back(candidate.max_sigma);
      candidate.step = step_of(frame);
      candidate.frame = std::move(frame);
      frames.push_back(std::move(candidate));
    });
    require(!frames.empty(), "there is no frame to choose from in ",
            joined(options_.candidates, " "));
  }

  Candidates candidates;
  std::vector<QueryCandidate> frames;

 private:
  void read_features(const std::vector<std::string> &paths, std::vector<double> &features)
  {
    for_each_frame(paths, [&](Frame &frame) { appraiser_.appraise(frame, features); });
  }

  void for_each_frame(const std::vector<std::string> &paths,
                      const std::function<void(Frame &)> &use)
  {
    CandidateFiles files(paths, options_.elements);
    for (Frame frame; files.next(frame); progress_.show(++num_read_)) use(frame);
    for (const std::string &note : files.notes()) std::fprintf(stderr, "note: %s\n", note.c_str());
  }

  static std::int64_t step_of(const Frame &frame)
  {
    const auto step = frame.info.find("step");
    return step == frame.info.end() ? 0 : std::atoll(step->second.c_str());
  }

  const SelectOptions &options_;
  Appraiser &appraiser_;
  Progress progress_;
  int num_read_ = 0;
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
    chosen.push_back(std::move(frame));
  }
  return chosen;
}

void run(SelectOptions options)
{
  options.selection.strategy = parse_strategy(options.strategy);
  const Potential potential = read_potential(options.potential);
  require(options.references.empty() || options.selection.strategy == Strategy::alc,
          "--reference is for the strategy alc, but the strategy is ", options.strategy);

  Appraiser appraiser(potential);
  Reading reading(options, appraiser);
  reading.candidates.known = potential.known_fingerprints;
  reading.read_known();
  reading.read_references();
  reading.read_candidates();
  const std::vector<Choice> choices = select(reading.candidates, options.selection);
  const std::vector<Frame> chosen =
      chosen_frames(reading.frames, choices, options.selection.strategy);
  write_extxyz(options.output, chosen);
  std::printf("%zu of %zu candidates written to %s\n", chosen.size(), reading.frames.size(),
              options.output.c_str());
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
  command->add_option(
      "--reference", options->references,
      "frames of the intended use, without labels, at which alc makes the error small; the "
      "candidates if there are none");
  command->add_option("--elements", options->elements,
                      "chemical symbols of the atom types of LAMMPS dumps, in their order");
  command->add_option("--count", selection.batch, "frames to choose")->required();
  command->add_option("--strategy", options->strategy, strategy_names())->required();
  command->add_option("--alpha", selection.alpha, "weight of uncertainty in hybrid, 0 to 1")
      ->capture_default_str();
  command->add_option("--clusters", selection.clusters, "clusters of k-means")
      ->capture_default_str();
  command->add_option("--seed", selection.seed, "of all random choices")->capture_default_str();
  command->add_option("--output", options->output, "chosen frames (extended XYZ)")
      ->required()
      ->type_name("BATCH.extxyz");
  command->callback([options] { run(*options); });
}

}    // namespace almlip::cli
