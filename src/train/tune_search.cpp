#include "train/tune_search.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace almlip {

namespace {

constexpr double force_share = 2.0 / 3.0;    // of the score; the rest is the energy's
constexpr double least_gain = 0.01;          // of log(score), to leave the user's settings
constexpr double most_force_ratio = 1.02;
constexpr double least_fits = 40.0;       // in the time, or there is nothing to search
constexpr std::size_t most_moves = 4;     // that are combined at once
constexpr std::size_t least_folds = 2;    // of a confirmation
const std::vector<int> search_folds{0, 1}, confirmation_folds{2, 3, 4};

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
    const double fit = whole_fit_seconds_ / bench_.num_parallel();
    num_finalists_ = limit_ > 150.0 * fit ? 2 : 1;
    // A committee costs two fits, one with a longer schedule or a larger model up to ten times
    // that.
    const double for_committees = 130.0 * fit,
                 deadline = limit_ - std::min(0.6 * limit_, for_committees);
    double effort = screening_effort(0.4 * (deadline - bench_.seconds()));
    Choice best;
    while (true) {
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
  outcome_.seconds = bench_.seconds();
  return outcome_;
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
  outcome_.least_seconds = least_fits * whole_fit_seconds_ / bench_.num_parallel();
  return limit_ > outcome_.least_seconds;
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
    if (groups.insert(moves_[m].group).second && ranked.size() < most_moves) ranked.push_back(m);
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
    if (with_move.score < scored[0].trial.score && with_move.force_ratio <= most_force_ratio)
      best = scored[1].choice;
  }
  return best;
}

/// Those that are better than the user's settings, the best first.
std::vector<TuneSearch::Choice> TuneSearch::best_of(std::vector<Scored> scored) const
{
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored &a, const Scored &b) { return a.trial.score < b.trial.score; });
  std::vector<Choice> best;
  for (const Scored &s : scored)
    if (!s.choice.empty() && s.trial.score < 1.0 && s.trial.force_ratio <= most_force_ratio &&
        std::count(best.begin(), best.end(), s.choice) == 0)
      best.push_back(s.choice);
  return best;
}

void TuneSearch::judge_by_committees(double deadline)
{
  const std::vector<Choice> best = best_of(whole_fits_);
  std::vector<Choice> choices;
  const auto add = [&](const Choice &base) {
    if (!base.empty()) choices.push_back(base);
    for (std::size_t m = 0; m < moves_.size(); ++m)
      if (moves_[m].judge == Judge::committee) choices.push_back(with(base, m));
  };
  if (!best.empty()) add(best[0]);
  add({});
  for (std::size_t n = 1; n < std::min(best.size(), num_finalists_ + 1); ++n)
    choices.push_back(best[n]);
  committees_ = evaluate("committee", choices, 1.0, search_folds, deadline);
}

void TuneSearch::confirm()
{
  std::vector<Choice> finalists;
  double seconds = confirmation_seconds({});
  for (const Choice &choice : best_of(committees_)) {
    const double more = confirmation_seconds(choice);
    if (finalists.size() == num_finalists_ || bench_.seconds() + seconds + more > limit_)
      continue;    // a cheaper one has a chance
    seconds += more;
    finalists.push_back(choice);
  }
  if (finalists.empty()) return;
  double least = 1.0 - least_gain;
  for (const Scored &s : evaluate("confirm", finalists, 1.0, confirmation_folds, limit_)) {
    const TuneTrial &fresh = s.trial,
                    all = compare(fresh.stage, s.choice, 1.0, {0, 1, 2, 3, 4}, true);
    if (fresh.folds.size() < least_folds || fresh.score > least ||
        fresh.force_ratio > most_force_ratio || std::log(all.score) > -all.uncertainty)
      continue;
    outcome_.chosen = fresh.changes;
    outcome_.score = least = fresh.score;
  }
}

/// Over those of the folds that both the choice and the user's settings have been fitted for.
TuneTrial TuneSearch::compare(const std::string &stage, const Choice &choice, double effort,
                              const std::vector<int> &folds, bool committee) const
{
  TuneTrial trial;
  trial.stage = stage;
  trial.changes = changes_of(choice);
  trial.effort = effort;
  Comparison comparison;
  for (const int fold : folds) {
    const auto own = done_.find(key_of({trial.changes, effort, fold, committee})),
               reference = done_.find(key_of({{}, effort, fold, committee}));
    if (own != done_.end() && reference != done_.end())
      comparison.add(fold, own->second, reference->second);
  }
  if (comparison.num_folds() > 0) comparison.fill(trial);
  return trial;
}

/// Time for a choice on as many folds as a confirmation needs, from its committees on the first.
double TuneSearch::confirmation_seconds(const Choice &choice) const
{
  double longest = 0.0;
  for (const int fold : search_folds) {
    const auto found = done_.find(key_of({changes_of(choice), 1.0, fold, true}));
    if (found != done_.end()) longest = std::max(longest, found->second.seconds);
  }
  return least_folds * longest / bench_.num_parallel();
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
  const bool confirms = stage == "confirm", committee = confirms || stage == "committee";
  std::vector<TuneJob> jobs;
  const auto want = [&](const Choice &choice, int fold) {
    const TuneJob job{changes_of(choice), effort, fold, committee};
    if (done_.count(key_of(job)) == 0) jobs.push_back(job);
  };
  if (confirms) {
    // Fold by fold: if the time ends, all are compared on fewer folds. There and back, so that
    // ranks that take jobs in turn do not get the same settings on every fold.
    std::vector<Choice> turn{Choice{}};
    turn.insert(turn.end(), choices.begin(), choices.end());
    for (const int fold : folds) {
      for (const Choice &choice : turn) want(choice, fold);
      std::reverse(turn.begin(), turn.end());
    }
  } else {
    for (const int fold : folds) want({}, fold);
    for (const Choice &choice : choices)
      for (const int fold : folds)
        if (!choice.empty()) want(choice, fold);
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
    const Scored s{choice, compare(stage, choice, effort, folds, committee)};
    if (s.trial.folds.empty() || (!confirms && s.trial.folds.size() < folds.size())) continue;
    scored.push_back(s);
    if (fitted.count(s.trial.changes) == 0) continue;
    outcome_.trials.push_back(s.trial);
    bench_.report(s.trial);
  }
  return scored;
}

}    // namespace almlip
