#include "cli/command_select.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "almlip/calculator.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/potential.h"
#include "almlip/query/batch.h"
#include "almlip/query/fingerprint.h"
#include "almlip/selection.h"
#include "almlip/text.h"

namespace almlip::cli {

namespace {

struct SelectOptions {
  std::string potential, output, strategy = "hybrid";
  std::vector<std::string> candidates, known, references;
  SelectionSettings selection;
};

/// Fingerprint and uncertainty of frames, by one potential.
class Appraiser {
 public:
  explicit Appraiser(const Potential &potential) : potential_(potential), committee_(potential) {}

  int num_features() const { return 2 * num_elements() * potential_.settings.num_descriptors(); }

  /// Appends the fingerprint of a frame to `features` and stores sigma in the frame; returns the
  /// largest sigma, eV/Angstrom.
  double appraise(Frame &frame, std::vector<double> &features)
  {
    const FramePrediction prediction = predict(committee_, potential_, frame);
    const std::vector<int> element = elements_of(frame, potential_.settings);
    const std::vector<double> row =
        fingerprint(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                    frame.num_atoms(), potential_.settings.num_descriptors(), num_elements());
    features.insert(features.end(), row.begin(), row.end());
    frame.per_atom["sigma"] = prediction.sigma;
    return prediction.sigma.empty()
               ? 0.0
               : *std::max_element(prediction.sigma.begin(), prediction.sigma.end());
  }

 private:
  int num_elements() const { return static_cast<int>(potential_.settings.elements.size()); }

  const Potential &potential_;
  Committee committee_;
};

void print_choice(int place, const Frame &frame, double max_sigma, const Choice &choice)
{
  std::printf("%5d %10.4f %8.4f %8s %10s  %s\n", place, max_sigma, choice.score,
              choice.cluster >= 0 ? std::to_string(choice.cluster).c_str() : "-",
              std::isfinite(choice.distance) ? format("%.4f", choice.distance).c_str() : "-",
              frame.source.c_str());
}

void run(SelectOptions options)
{
  options.selection.strategy = parse_strategy(options.strategy);
  const Potential potential = read_potential(options.potential);
  require(options.references.empty() || options.selection.strategy == Strategy::alc,
          "--reference is for the strategy alc, but the strategy is ", options.strategy);
  std::vector<Frame> frames = read_extxyz(options.candidates), known = read_extxyz(options.known),
                     references = read_extxyz(options.references);

  Appraiser appraiser(potential);
  Candidates candidates;
  candidates.num_features = appraiser.num_features();
  candidates.known = potential.known_fingerprints;
  for (Frame &frame : known) appraiser.appraise(frame, candidates.known);
  for (Frame &frame : references) appraiser.appraise(frame, candidates.references);
  for (Frame &frame : frames)
    candidates.uncertainty.push_back(appraiser.appraise(frame, candidates.features));
  const std::vector<Choice> choices = select(candidates, options.selection);

  std::printf("%5s %10s %8s %8s %10s  %s\n", "frame", "max sigma", "score", "cluster", "distance",
              "from");
  std::vector<Frame> chosen;
  for (const Choice &choice : choices) {
    Frame frame = frames[choice.index];
    print_choice(static_cast<int>(chosen.size()), frame, candidates.uncertainty[choice.index],
                 choice);
    explain(frame, choice, options.selection.strategy);
    frame.info["max_sigma"] = format("%.10g", candidates.uncertainty[choice.index]);
    frame.info["selected_from"] = frame.source;
    chosen.push_back(std::move(frame));
  }
  write_extxyz(options.output, chosen);
  std::printf("%zu of %zu candidates written to %s\n", chosen.size(), frames.size(),
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
  command->add_option("candidates", options->candidates, "frames to choose from (extended XYZ)")
      ->required()
      ->type_name("CANDIDATES...");
  command->add_option(
      "--known", options->known,
      "frames that must not be chosen again, beside those the potential was trained on");
  command->add_option(
      "--reference", options->references,
      "frames of the intended use, without labels, at which alc makes the error small; the "
      "candidates if there are none");
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
