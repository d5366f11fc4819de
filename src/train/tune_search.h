#pragma once

#include <map>
#include <string>
#include <vector>

namespace almlip {

/// Settings that differ from those of the user: key and new value.
using SettingChanges = std::map<std::string, std::string>;

/// One way to leave the user's settings. Of the moves of a group at most one is taken.
struct TuneMove {
  std::string group;
  SettingChanges changes;
  bool needs_whole_fit = false;    ///< shortened fits would favour it, such as a longer schedule
};

/// One fit that is judged on one fold.
struct TuneJob {
  SettingChanges changes;
  double effort = 1.0;    ///< share of the epochs of a whole fit
  int fold = 0;
  bool confirms = false;    ///< with other random numbers, and the whole committee
};

/// Errors on the fold. eV and Angstrom.
struct FoldErrors {
  bool done = false;    ///< false: there was no time left
  double force_mae = 0.0, energy_mae = 0.0;
  double seconds = 0.0;    ///< that the fit took
};

/// One set of settings that was tried, with its mean errors over the folds.
struct TuneTrial {
  std::string stage;    ///< screen, combine or confirm
  SettingChanges changes;
  double effort = 1.0;
  std::vector<int> folds;
  double force_mae = 0.0, energy_mae = 0.0;    ///< eV/Angstrom, eV/atom
  double score = 1.0;                          ///< relative to the user's settings, see TuneSearch
  double force_ratio = 1.0;                    ///< of the force errors alone
  double uncertainty = 0.0;                    ///< standard error of log(score) over the folds
};

/// What fits and has a clock.
class TuneBench {
 public:
  virtual ~TuneBench() = default;
  /// Fits the jobs that are likely to end before `deadline`, in their order.
  virtual std::vector<FoldErrors> run(const std::vector<TuneJob> &jobs, double deadline) = 0;
  /// Since the search began; the same on all ranks.
  virtual double seconds() = 0;
  /// Fits that run at the same time.
  virtual int num_parallel() const = 0;
  /// Told of every trial, for people to see.
  virtual void report(const TuneTrial &) {}
};

struct TuneOutcome {
  SettingChanges chosen;    ///< empty: nothing was better than the user's settings by enough
  double score = 1.0;       ///< of what was chosen, in the confirmation
  double seconds = 0.0;
  std::vector<TuneTrial> trials;    ///< in the order in which they were made
};

/// Searches settings by cross-validation on five folds within a time.
///
/// Settings are compared with the user's on the same folds, with the same random numbers:
///   score = (force MAE / user's)^(2/3) (energy MAE / user's)^(1/3),
/// the geometric mean over the folds; below 1 is better.
///
/// 1. The moves that need a whole fit, alone and combined, in whole fits on folds 0 and 1.
/// 2. Every other move alone, in shortened fits on the same folds (screen); the best moves of
///    different groups together, one more at a time, on top of what 1. has found, in whole fits
///    (combine). Then 1. and 2. again around the best settings, as long as that gains something
///    and there is time.
/// 3. confirm: the best, or the best two, for which there is time, on folds 2 to 4, which no choice
/// has seen, with other random numbers and whole committees (before, fits are of one network).
///
/// The user's settings are left only if the score of the confirmation is below 1 by more than 1 %
/// and by more than its standard error over the folds, and the force error has risen by less than
/// 2 %.
/// Source: ours; the halving: Jamieson and Talwalkar, AISTATS (2016)
class TuneSearch {
 public:
  static constexpr int num_folds = 5;
  static constexpr double committee_cost = 2.0;    ///< of a confirming fit, relative to one network

  /// @param limit  seconds for all of it
  TuneSearch(TuneBench &bench, std::vector<TuneMove> moves, double limit);

  TuneOutcome run();

 private:
  using Choice = std::map<std::string, std::size_t>;    ///< move by group
  struct Scored {
    Choice choice;
    TuneTrial trial;
  };

  TuneBench &bench_;
  std::vector<TuneMove> moves_;
  double limit_;
  TuneOutcome outcome_;
  std::map<std::string, FoldErrors> done_;    ///< by job
  std::vector<Scored> whole_fits_;            ///< on the folds of the search
  std::size_t num_finalists_ = 1;
  double whole_fit_seconds_ = 0.0;    ///< of the user's settings on one fold

  bool measure_reference();
  double screening_effort(double seconds) const;
  Choice improve(const Choice &base, double effort, double deadline);
  std::vector<std::size_t> screen(const Choice &base, bool whole, double effort, double deadline);
  Choice combine(const Choice &base, const std::vector<std::size_t> &ranked, double deadline);
  void confirm();

  double confirmation_seconds(const Choice &choice) const;
  SettingChanges changes_of(const Choice &choice) const;
  Choice with(Choice choice, std::size_t move) const;
  /// Complete comparisons only; in the order of the choices.
  std::vector<Scored> evaluate(const std::string &stage, const std::vector<Choice> &choices,
                               double effort, const std::vector<int> &folds, double deadline);
};

}    // namespace almlip
