// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/tune/tune_search.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace almlip::train {

namespace {

constexpr double force_share = 2.0 / 3.0;    // of the score; the rest is the energy's
constexpr double min_gain = 0.01;            // of the score, for other moves than a size
constexpr double max_force_ratio = 1.02;
constexpr double min_fits = 40.0;    // whole ones in the time, or there is nothing to search
constexpr double share_for_committees = 0.6;    // most, of the time after the sizes
constexpr std::size_t max_moves = 4;            // that are combined at once
constexpr std::size_t min_folds = 2;            // of a confirmation
constexpr std::size_t min_size_folds = 3;       // to choose a size
constexpr double short_effort = 0.5;            // of committees, but for a change of the schedule
constexpr double max_size_score = 0.97;         // short_effort favours a larger model by that
const std::vector<int> search_folds{0, 1}, confirmation_folds{2, 3, 4}, all_folds{0, 1, 2, 3, 4};

double log_ratio(double value, double reference)
{
  constexpr double tiny = 1e-12;    // eV: an error below is none
  return std::log(std::max(value, tiny) / std::max(reference, tiny));
}

/// Adds up folds.
class Comparison {
 public:
  void add(int fold, const FoldErrors &errors, const FoldErrors &reference)
  {
    folds_.push_back(fold);
    force_mae_ += errors.force_mae;
    energy_mae_ += errors.energy_mae;
    force_ += log_ratio(errors.force_mae, reference.force_mae);
    scores_.push_back(force_share * log_ratio(errors.force_mae, reference.force_mae) +
                      (1.0 - force_share) * log_ratio(errors.energy_mae, reference.energy_mae));
  }
  std::size_t num_folds() const { return folds_.size(); }
  void fill(TuneTrial &trial) const
  {
    const double n = static_cast<double>(folds_.size());
    double mean = 0.0, square = 0.0;
    for (const double score : scores_) mean += score / n;
    for (const double score : scores_) square += (score - mean) * (score - mean);
    trial.folds = folds_;
    trial.force_mae = force_mae_ / n;
    trial.energy_mae = energy_mae_ / n;
    trial.score = std::exp(mean);
    trial.force_ratio = std::exp(force_ / n);
    trial.uncertainty = n > 1.0 ? std::sqrt(square / (n - 1.0) / n) : 0.0;
  }

 private:
  std::vector<int> folds_;
  std::vector<double> scores_;
  double force_mae_ = 0.0, energy_mae_ = 0.0, force_ = 0.0;
};

std::string key_of(const TuneJob &job)
{
  std::string key = std::to_string(job.effort) + " " + std::to_string(job.fold) +
                    (job.committee ? " committee" : "");
  for (const auto &[name, value] : job.changes) key += " " + name + "=" + value;
  return key;
}

}    // namespace

TuneSearch::TuneSearch(TuneBench &bench, std::vector<TuneMove> moves, double limit)
    : bench_(bench), moves_(std::move(moves)), limit_(limit)
{
}

TuneOutcome TuneSearch::run()
{
  if (measure_reference()) {
    choose_size();
    if (can_confirm()) search_moves();
  }
  outcome_.seconds = bench_.seconds();
  return outcome_;
}

void TuneSearch::search_moves()
{
  const double left = limit_ - bench_.seconds(),
               deadline = limit_ - std::min(share_for_committees * left, finalist_seconds());
  double effort = screening_effort(0.4 * (deadline - bench_.seconds()));
  Choice best;
  while (bench_.seconds() < deadline) {
    const double begin = bench_.seconds();
    const Choice better = improve(best, effort, deadline);
    const double round = bench_.seconds() - begin;
    if (better == best || bench_.seconds() + round > deadline) break;
    best = better;
    effort = std::min(0.5, 2.0 * effort);
  }
  judge_by_committees(bench_.seconds() + 0.6 * (limit_ - bench_.seconds()));
  confirm();
}

/// False if whole fits take too long for a search.
bool TuneSearch::measure_reference()
{
  constexpr double effort = 0.5;
  const TuneJob job{{}, effort, search_folds[0], false};
  const FoldErrors errors = bench_.run({job}, limit_)[0];
  if (!errors.done) return false;
  done_[key_of(job)] = errors;
  whole_fit_seconds_ = errors.seconds / effort;
  outcome_.min_seconds = min_fits * whole_fit_seconds_ / bench_.num_parallel();
  return limit_ > outcome_.min_seconds;
}

/// A larger model is taken unless the folds speak against it: that it is better is what one
/// expects. All are judged on the folds of the search, and the best of them, if it gains there, on
/// the others too: nothing else is as likely to gain as much.
void TuneSearch::choose_size()
{
  std::vector<Choice> sizes;
  for (std::size_t m = 0; m < moves_.size(); ++m)
    if (moves_[m].judge == Judge::committee) sizes.push_back(with({}, m));
  const std::vector<Choice> best =
      best_of(evaluate("size", sizes, short_effort, search_folds, 0.5 * limit_));
  if (best.empty()) return;
  const std::vector<Scored> judged =
      evaluate("size", {best[0]}, short_effort, all_folds, 0.8 * limit_);
  if (best_of(judged).empty() || judged[0].trial.score > max_size_score ||
      judged[0].trial.folds.size() < min_size_folds)
    return;
  size_ = best[0];
  outcome_.chosen = changes_of(size_);
  outcome_.score = judged[0].trial.score;
}

/// Is there time for at least one choice, by committees of the chosen size with half of the epochs?
bool TuneSearch::can_confirm() const
{
  const double num_committees = short_effort * static_cast<double>(search_folds.size() + min_folds),
               left = limit_ - bench_.seconds();
  return num_committees * committee_seconds(size_) / bench_.num_parallel() <
         share_for_committees * left;
}

/// For committees of the chosen size: two choices on the folds of the search, one on the others.
double TuneSearch::finalist_seconds() const
{
  const double num_committees = 2.0 * static_cast<double>(search_folds.size()) +
                                static_cast<double>(confirmation_folds.size());
  return num_committees * committee_seconds(size_) / bench_.num_parallel();
}

/// The longest fits with which all moves can be screened in that time.
double TuneSearch::screening_effort(double seconds) const
{
  const double fits = static_cast<double>(moves_.size() * search_folds.size()) /
                      bench_.num_parallel() * whole_fit_seconds_;
  double effort = 0.5;
  while (effort > 0.25 && effort * fits > seconds) effort /= 2.0;
  return effort;
}

TuneSearch::Choice TuneSearch::improve(const Choice &base, double effort, double deadline)
{
  const Choice better = combine(base, screen(base, Judge::whole_fit, 1.0, deadline), deadline);
  // Screened without a longer schedule, which would cost more and changes little here.
  Choice plain;
  for (const auto &[group, move] : base)
    if (moves_[move].judge == Judge::short_fit) plain[group] = move;
  const double now = bench_.seconds();
  const auto ranked =
      screen(plain, Judge::short_fit, effort, now + 0.6 * std::max(0.0, deadline - now));
  return combine(better, ranked, deadline);
}

/// Moves that gain something on the base, the best of each group, the best first.
std::vector<std::size_t> TuneSearch::screen(const Choice &base, Judge judge, double effort,
                                            double deadline)
{
  std::vector<Choice> choices{base};
  std::vector<std::size_t> tried;
  for (std::size_t m = 0; m < moves_.size(); ++m) {
    const auto taken = base.find(moves_[m].group);
    if (moves_[m].judge != judge || (taken != base.end() && taken->second == m)) continue;
    choices.push_back(with(base, m));
    tried.push_back(m);
  }
  const std::vector<Scored> scored = evaluate("screen", choices, effort, search_folds, deadline);
  std::vector<std::pair<double, std::size_t>> gains;
  if (scored.empty() || scored[0].choice != base) return {};    // no time even for the base
  for (const Scored &s : scored)
    for (const std::size_t m : tried)
      if (s.choice == with(base, m) && s.trial.score < scored[0].trial.score)
        gains.emplace_back(s.trial.score, m);
  std::stable_sort(gains.begin(), gains.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });
  std::vector<std::size_t> ranked;
  std::set<std::string> groups;
  for (const auto &[score, m] : gains)
    if (groups.insert(moves_[m].group).second && ranked.size() < max_moves) ranked.push_back(m);
  return ranked;
}

/// Takes the moves one after the other on top of the base and keeps those that gain something.
TuneSearch::Choice TuneSearch::combine(const Choice &base, const std::vector<std::size_t> &ranked,
                                       double deadline)
{
  Choice best = base;
  for (const std::size_t move : ranked) {
    const std::vector<Scored> scored =
        evaluate("combine", {best, with(best, move)}, 1.0, search_folds, deadline);
    if (scored.size() < 2) continue;    // no time for this one
    whole_fits_.insert(whole_fits_.end(), scored.begin(), scored.end());
    const TuneTrial &with_move = scored[1].trial;
    if (with_move.score < scored[0].trial.score && with_move.force_ratio <= max_force_ratio)
      best = scored[1].choice;
  }
  return best;
}

/// Those that are better than the reference, the best first.
std::vector<TuneSearch::Choice> TuneSearch::best_of(std::vector<Scored> scored) const
{
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored &a, const Scored &b) { return a.trial.score < b.trial.score; });
  std::vector<Choice> best;
  for (const Scored &s : scored)
    if (s.trial.score < 1.0 && s.trial.force_ratio <= max_force_ratio &&
        std::count(best.begin(), best.end(), s.choice) == 0)
      best.push_back(s.choice);
  return best;
}

/// The best two of the single networks, on top of the size.
void TuneSearch::judge_by_committees(double deadline)
{
  std::vector<Choice> choices;
  for (Choice choice : best_of(whole_fits_)) {
    for (const auto &[group, move] : size_) choice[group] = move;
    if (choice != size_ && choices.size() < 2) choices.push_back(choice);
  }
  for (const double effort : {short_effort, 1.0}) {
    std::vector<Choice> alike;
    for (const Choice &choice : choices)
      if (committee_effort(choice) == effort) alike.push_back(choice);
    if (alike.empty()) continue;
    for (Scored s : evaluate("committee", alike, effort, search_folds, deadline)) {
      s.trial = compare(s.trial.stage, s.choice, effort, search_folds, true, size_);
      committees_.push_back(s);
    }
  }
}

void TuneSearch::confirm()
{
  const std::vector<Choice> best = best_of(committees_);
  const auto in_time = [&](const Choice &choice) {
    const double effort = committee_effort(choice);
    double seconds = effort * committee_seconds(choice);
    if (effort == 1.0) seconds += committee_seconds(size_);    // fitted by short_effort only
    return bench_.seconds() + static_cast<double>(min_folds) * seconds / bench_.num_parallel() <=
           limit_;
  };
  const auto finalist = std::find_if(best.begin(), best.end(), in_time);
  if (finalist == best.end()) return;
  const double effort = committee_effort(*finalist);
  evaluate("confirm", {*finalist}, effort, confirmation_folds, limit_);
  const TuneTrial fresh = compare("confirm", *finalist, effort, confirmation_folds, true, size_),
                  all = compare("confirm", *finalist, effort, all_folds, true, size_);
  if (fresh.folds.size() < min_folds || fresh.score > 1.0 - min_gain ||
      fresh.force_ratio > max_force_ratio || std::log(all.score) > -all.uncertainty)
    return;
  outcome_.chosen = fresh.changes;
  outcome_.score = compare("confirm", *finalist, effort, confirmation_folds, true, {}).score;
}

/// Over those of the folds that both the choice and the reference have been fitted for.
TuneTrial TuneSearch::compare(const std::string &stage, const Choice &choice, double effort,
                              const std::vector<int> &folds, bool committee,
                              const Choice &reference) const
{
  TuneTrial trial;
  trial.stage = stage;
  trial.changes = changes_of(choice);
  trial.effort = effort;
  Comparison comparison;
  for (const int fold : folds) {
    const auto own = done_.find(key_of({trial.changes, effort, fold, committee})),
               other = done_.find(key_of({changes_of(reference), effort, fold, committee}));
    if (own != done_.end() && other != done_.end())
      comparison.add(fold, own->second, other->second);
  }
  if (comparison.num_folds() > 0) comparison.fill(trial);
  return trial;
}

/// Share of the epochs by which committees are judged.
double TuneSearch::committee_effort(const Choice &choice) const
{
  for (const auto &[group, move] : choice)
    if (moves_[move].judge == Judge::whole_fit) return 1.0;
  return short_effort;
}

/// Time of a whole committee; before there was one, that of two networks.
double TuneSearch::committee_seconds(const Choice &choice) const
{
  double longest = 0.0;
  for (const double effort : {short_effort, 1.0})
    for (const int fold : all_folds) {
      const auto found = done_.find(key_of({changes_of(choice), effort, fold, true}));
      if (found != done_.end()) longest = std::max(longest, found->second.seconds / effort);
    }
  return longest > 0.0 ? longest : 2.0 * whole_fit_seconds_;
}

SettingChanges TuneSearch::changes_of(const Choice &choice) const
{
  SettingChanges changes;
  for (const auto &[group, move] : choice)
    changes.insert(moves_[move].changes.begin(), moves_[move].changes.end());
  return changes;
}

TuneSearch::Choice TuneSearch::with(Choice choice, std::size_t move) const
{
  choice[moves_[move].group] = move;
  return choice;
}

std::vector<TuneSearch::Scored> TuneSearch::evaluate(const std::string &stage,
                                                     const std::vector<Choice> &choices,
                                                     double effort, const std::vector<int> &folds,
                                                     double deadline)
{
  const bool by_fold = stage == "confirm" || stage == "size",
             committee = by_fold || stage == "committee";
  std::vector<TuneJob> jobs;
  std::set<std::string> wanted;
  const auto want = [&](const Choice &choice, int fold) {
    const TuneJob job{changes_of(choice), effort, fold, committee};
    const std::string key = key_of(job);
    if (done_.count(key) == 0 && wanted.insert(key).second) jobs.push_back(job);
  };
  std::vector<Choice> turn{Choice{}};
  if (committee) turn.push_back(size_);
  turn.insert(turn.end(), choices.begin(), choices.end());
  if (by_fold) {
    // If the time ends, all are compared on fewer folds. There and back, so that ranks that take
    // jobs in turn do not get the same settings on every fold.
    for (const int fold : folds) {
      for (const Choice &choice : turn) want(choice, fold);
      std::reverse(turn.begin(), turn.end());
    }
  } else {
    for (const Choice &choice : turn)
      for (const int fold : folds) want(choice, fold);
  }

  const std::vector<FoldErrors> errors = bench_.run(jobs, deadline);
  std::set<SettingChanges> fitted;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    if (!errors[j].done) continue;
    done_[key_of(jobs[j])] = errors[j];
    fitted.insert(jobs[j].changes);
  }

  std::vector<Scored> scored;
  for (const Choice &choice : choices) {
    const Scored s{choice, compare(stage, choice, effort, folds, committee, {})};
    if (s.trial.folds.empty() || (!by_fold && s.trial.folds.size() < folds.size())) continue;
    scored.push_back(s);
    if (fitted.count(s.trial.changes) == 0) continue;
    outcome_.trials.push_back(s.trial);
    bench_.report(s.trial);
  }
  return scored;
}

}    // namespace almlip::train
