#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "almlip/frame.h"
#include "train/committee_loss.h"
#include "train/radial_tie.h"
#include "train/ranks.h"
#include "train/soap.h"
#include "train/training_settings.h"

namespace almlip {

/// Frames with what the loss has prepared from them.
struct PreparedFrames {
  const std::vector<Frame> *frames = nullptr;
  std::vector<std::unique_ptr<PreparedFrame>> prepared;

  PreparedFrames() = default;
  PreparedFrames(CommitteeLoss &loss, const std::vector<Frame> &frames);
  int size() const { return static_cast<int>(prepared.size()); }
};

/// Errors of the mean of the committee. eV and Angstrom.
struct MeanErrors {
  double force_mae = 0.0;     ///< over components
  double energy_mae = 0.0;    ///< per atom
  double score = 0.0;         ///< loss of the mean without stress, (eV/Angstrom)^2; least is best
};

/// Everything that a fit needs to go on exactly where it was left.
struct TrainingState {
  std::vector<double> parameters;
  std::unique_ptr<Soap> optimiser;        ///< only the first rank's is used
  int step = 0;                           ///< steps done
  double epoch_loss = 0.0;                ///< sum over the steps of the present epoch
  std::vector<double> kept_parameters;    ///< what becomes the potential
  int kept_epoch = 0;                     ///< epochs after which they were found
  double least_score = std::numeric_limits<double>::infinity();
  int least_epoch = 0;    ///< epochs after which the least held-out score was found
};

/// What is reported after an epoch.
struct EpochReport {
  int epoch = 0, num_epochs = 0;    ///< done, planned
  double train_loss = 0.0;          ///< mean over the members, (eV/Angstrom)^2
  MeanErrors held_out;
  bool has_held_out = false;
  bool last = false;
};

/// Learns the parameters of a committee: batches in random order, loss and gradient shared among
/// the ranks, SOAP on the first.
///
/// Kept are the parameters of the latest epoch whose held-out score is at most twice the least one:
/// with few held-out frames smaller differences are noise, and before the end of the cosine
/// energies are off by an offset that the falling learning rate removes.
class Trainer {
 public:
  struct Hooks {
    std::function<void(const EpochReport &)>
        epoch;    ///< after every judged epoch, on the first rank
    std::function<void(const TrainingState &)>
        checkpoint;    ///< after steps, when `checkpoint_seconds` have passed, on the first rank
  };

  /// @param model  scale and shape; the loss must have been made for it
  Trainer(CommitteeLoss &loss, const TrainingModel &model, const TrainingSettings &settings,
          const Ranks &ranks);

  /// Continues from the state until the schedule ends, patience is lost or time is up.
  /// @return false if time is up
  /// @throws Error if the loss is not finite
  bool run(TrainingState &state, const PreparedFrames &train, const PreparedFrames &held_out,
           const Hooks &hooks);

  /// Errors of the mean of the committee with these parameters, over all ranks.
  MeanErrors errors(const std::vector<double> &parameters, const PreparedFrames &frames);

  /// Blocks of the optimiser: learning-rate factors and weight decay of every block of the
  /// parameter vector.
  static std::vector<SoapBlock> optimiser_blocks(const ModelSettings &model,
                                                 const TrainingSettings &settings);

 private:
  CommitteeLoss &loss_;
  TrainingModel model_;
  TrainingSettings settings_;
  const Ranks &ranks_;
  RadialTie tie_;

  void do_step(TrainingState &state, const PreparedFrames &train, const Schedule &schedule,
               const std::vector<int> &order);
  bool out_of_patience(const TrainingState &state, const Schedule &schedule) const;
  void end_epoch(TrainingState &state, const PreparedFrames &held_out, const Schedule &schedule,
                 const Hooks &hooks);
};

/// Order of the training frames in an epoch; depends on seed and epoch only.
std::vector<int> epoch_order(int num_frames, int seed, int epoch);

/// Deals frames to ranks: the largest first, each to the rank with the fewest atoms so far.
/// @param frames  indices into `num_atoms`
/// @return        the frames of `rank`
std::vector<int> deal(const std::vector<int> &frames, const std::vector<int> &num_atoms, int rank,
                      int num_ranks);

}    // namespace almlip
