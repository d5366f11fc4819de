// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

namespace almlip::train {

/// Settings that differ from those of the user: key and new value.
using SettingChanges = std::map<std::string, std::string>;

/// The fits that show what a move is worth.
enum class Judge {
  short_fit,    ///< of one network
  whole_fit,    ///< of one network; shortened fits would favour the move, such as a longer schedule
  committee     ///< one network would not show it, such as a larger model: its members differ more,
                ///< so that their mean gains more
};

/// One way to leave the user's settings. Of the moves of a group at most one is taken.
struct TuneMove {
  std::string group;
  SettingChanges changes;
  Judge judge = Judge::short_fit;
};

/// One fit that is judged on one fold; all on the same fold have the same random numbers.
struct TuneJob {
  SettingChanges changes;
  double effort = 1.0;    ///< share of the epochs of a whole fit
  int fold = 0;
  bool committee = false;    ///< of all members, not of one network
};

/// Errors on the fold. eV and Angstrom.
struct FoldErrors {
  bool done = false;    ///< false: there was no time left
  double force_mae = 0.0, energy_mae = 0.0;
  double seconds = 0.0;    ///< that the fit took
};

/// One set of settings that was tried, with its mean errors over the folds.
struct TuneTrial {
  std::string stage;    ///< size, screen, combine, committee or confirm
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
  SettingChanges chosen;    ///< empty: nothing was better than the user's settings
  double score = 1.0;       ///< of what was chosen: a size on all folds, else in the confirmation
  double seconds = 0.0;
  double min_seconds = 0.0;         ///< that a search needs; 0: not even one fit was in time
  std::vector<TuneTrial> trials;    ///< in the order in which they were made
};

/// Searches settings by cross-validation on five folds within a time.
///
/// Settings are compared with the user's on the same folds, with the same random numbers:
///   score = (force MAE / user's)^(2/3) (energy MAE / user's)^(1/3),
/// the geometric mean over the folds; below 1 is better.
///
/// 1. size: the moves that need committees, larger models, by committees with half of the epochs on
///    folds 0 and 1, for half of the time at most, and the best of them, if it is better than the
///    user's settings, on the others too, until four fifths of it. It is taken with three folds or
///    more if their mean is better by more than 3 %, by which half of the epochs favour it, and the
///    force error has risen by less than 2 %: larger models are better as a rule, by less than the
///    scatter between folds.
/// 2. The moves that need a whole fit, alone and combined, in whole fits of one network, of the
///    user's size, on folds 0 and 1.
/// 3. Every move for which a short fit will do, on the same folds (screen); the best moves of
///    different groups one by one on top of what 2. has found, in whole fits, of which those stay
///    that gain something (combine). Then 2. and 3. again around the best settings, as long as that
///    gains something and there is time.
/// 4. committee: the best two on top of the size of 1.; committees, on the same folds, with half of
///    the epochs unless a move needs whole fits.
/// 5. confirm: the best of 4. for which there is time, by such committees on folds 2 to 4, which no
///    choice of 2. to 4. has seen. It is taken instead of the size alone if its score relative to
///    that is below 1 by more than 1 % here, below 1 on all folds by more than its standard error,
///    and the force error has risen by less than 2 %.
/// 2. to 5. are left out if the size has taken so long that 5. is out of reach.
/// Source: ours; the halving: Jamieson and Talwalkar, AISTATS (2016)
class TuneSearch {
 public:
  static constexpr int num_folds = 5;

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
  std::vector<Scored> whole_fits_;            ///< of one network, on the folds of the search
  std::vector<Scored> committees_;            ///< on the same folds, relative to the size
  Choice size_;                               ///< larger model, or empty
  double whole_fit_seconds_ = 0.0;            ///< of the user's settings on one fold

  bool measure_reference();
  void choose_size();
  void search_moves();
  bool can_confirm() const;
  double finalist_seconds() const;
  double screening_effort(double seconds) const;
  Choice improve(const Choice &base, double effort, double deadline);
  std::vector<std::size_t> screen(const Choice &base, Judge judge, double effort, double deadline);
  Choice combine(const Choice &base, const std::vector<std::size_t> &ranked, double deadline);
  void judge_by_committees(double deadline);
  void confirm();

  std::vector<Choice> best_of(std::vector<Scored> scored) const;
  double committee_effort(const Choice &choice) const;
  double committee_seconds(const Choice &choice) const;
  SettingChanges changes_of(const Choice &choice) const;
  Choice with(Choice choice, std::size_t move) const;
  TuneTrial compare(const std::string &stage, const Choice &choice, double effort,
                    const std::vector<int> &folds, bool committee, const Choice &reference) const;
  /// Complete comparisons only; in the order of the choices.
  std::vector<Scored> evaluate(const std::string &stage, const std::vector<Choice> &choices,
                               double effort, const std::vector<int> &folds, double deadline);
};

}    // namespace almlip::train
