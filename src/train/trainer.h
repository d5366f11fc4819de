// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "almlip/frame.h"
#include "parallel/ranks.h"
#include "train/loss/committee_loss.h"
#include "train/radial_tie.h"
#include "train/soap.h"
#include "train/stress_offset.h"
#include "train/training_settings.h"

namespace almlip::train {

/// Frames, dealt to the ranks, with what the loss has prepared from them. A rank keeps that of its
/// own frames, as far as its memory goes, and prepares any other frame anew when it is asked for.
class PreparedFrames {
 public:
  PreparedFrames() = default;
  /// @param frames  must outlive this
  /// @param bytes   that this rank may keep
  PreparedFrames(CommitteeLoss &loss, const std::vector<Frame> &frames, const Ranks &ranks,
                 double bytes = std::numeric_limits<double>::infinity());
  /// The frames of the first one, then those of the second, nothing prepared anew.
  PreparedFrames(const PreparedFrames &first, const PreparedFrames &second);

  /// Lets every rank keep whatever frame it has prepared, if each has the memory for all. For all
  /// ranks to call together.
  void replicate(const Ranks &ranks);

  int size() const { return static_cast<int>(frames_.size()); }
  const std::vector<const Frame *> &frames() const { return frames_; }
  const Frame &frame(int f) const { return *frames_[static_cast<std::size_t>(f)]; }
  /// Atoms with reference forces, by frame.
  const std::vector<int> &num_labelled_atoms() const { return num_labelled_atoms_; }
  /// Cost of every frame: its atoms, those of each element rounded up to whole packs of lanes; of
  /// replicated frames the bytes that are prepared.
  const std::vector<int> &work() const { return work_; }
  const std::vector<int> &owners() const { return owner_; }
  /// Cost of a frame for another rank than its owner, relative to that for its owner.
  double price() const { return replicated_ ? 1.0 : 1.2; }
  /// Frames of this rank.
  const std::vector<int> &own() const { return own_; }
  std::shared_ptr<const PreparedFrame> prepared(int f) const;
  double bytes() const { return bytes_; }       ///< of the own frames that are kept
  int num_kept() const { return num_kept_; }    ///< of the own frames

 private:
  CommitteeLoss *loss_ = nullptr;
  std::vector<const Frame *> frames_;
  std::vector<int> num_labelled_atoms_, work_, owner_, own_;
  mutable std::vector<std::shared_ptr<const PreparedFrame>> kept_;    ///< null: not kept
  double bytes_ = 0.0, max_bytes_ = 0.0;
  int num_kept_ = 0;
  bool replicated_ = false;
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
  std::unique_ptr<Soap> optimiser;      ///< each rank steps its own blocks
  int step = 0;                         ///< steps done
  double epoch_loss = 0.0;              ///< sum over the steps of the present epoch
  std::vector<double> virial_errors;    ///< mean of FrameLoss::virial_error over the
                                        ///< latest epochs, shape [num_frames]
  StressOffsets stress_offsets;
  std::vector<double> kept_parameters;    ///< what becomes the potential
  StressOffsets kept_stress_offsets;      ///< that belong to it
  int kept_epoch = 0;                     ///< epochs after which they were found
  double best_score = std::numeric_limits<double>::infinity();
  int best_epoch = 0;    ///< epochs after which the least held-out score was found
};

/// Keeps the latest parameters, after so many epochs, with the offsets that belong to them. That is
/// done at the end of a fit whatever the held-out score: members are at rest then, as after the
/// last passes, so that their spread means the same.
void keep_latest(TrainingState &state, int num_epochs);

/// Where the last passes begin: at the kept parameters; takes over the optimiser.
TrainingState for_last_passes(TrainingState &state);

/// What is reported after an epoch.
struct EpochReport {
  int epoch = 0, num_epochs = 0;    ///< done, planned
  double train_loss = 0.0;          ///< mean over the members, (eV/Angstrom)^2
  MeanErrors held_out;
  bool has_held_out = false;
  bool last = false;
};

/// Learns the parameters of a committee: batches in random order; frames, and the blocks of SOAP,
/// are shared among the ranks.
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
        checkpoint;    ///< after steps, when `checkpoint_seconds` have passed, on the first rank,
                       ///< with the whole state; must be set on all ranks or on none
  };

  /// @param model  scale and shape; the loss must have been made for it
  Trainer(CommitteeLoss &loss, const TrainingModel &model, const TrainingSettings &settings,
          const Ranks &ranks);

  enum class End { finished, out_of_time, interrupted };

  /// Continues from the state until the schedule ends, patience is lost, time is up, or a signal
  /// asks for the end (Interruption).
  /// @throws Error if the loss is not finite
  End run(TrainingState &state, const PreparedFrames &train, const PreparedFrames &held_out,
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
  StressOffsetFit stress_offset_fit_;
  std::vector<int> first_block_;    ///< of every rank, and the end
  std::vector<int> begin_;          ///< of every rank's parameters, and the end

  void share_work(const TrainingState &state);
  void collect(TrainingState &state) const;
  bool do_step(TrainingState &state, const PreparedFrames &train, const Schedule &schedule,
               const std::vector<int> &order);
  void find_stress_offsets(TrainingState &state, const Schedule &schedule) const;
  bool out_of_patience(const TrainingState &state, const Schedule &schedule) const;
  void end_epoch(TrainingState &state, const PreparedFrames &held_out, const Schedule &schedule,
                 const Hooks &hooks);
};

/// Order of the training frames in an epoch; depends on seed and epoch only.
std::vector<int> epoch_order(int num_frames, int seed, int epoch);

/// Rank of every frame: the largest first, each to the rank with the least work so far.
std::vector<int> deal(const std::vector<int> &work, int num_ranks);

/// Frames of a batch that a rank takes: its own, but some are given from ranks with much work to
/// ranks with little.
/// @param frames  indices into `work` and `owners`
/// @param price   of the work on a frame that is not the rank's own
std::vector<int> deal_batch(const std::vector<int> &frames, const std::vector<int> &work,
                            const std::vector<int> &owners, double price, int rank, int num_ranks);

}    // namespace almlip::train
