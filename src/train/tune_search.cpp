#include "train/tune_search.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace almlip {

namespace {

constexpr double force_share = 2.0 / 3.0;    // of the score; the rest is the energy's
constexpr double least_gain = 0.01;          // of log(score), to leave the user's settings
constexpr double most_force_ratio = 1.02;
constexpr double whole_fits_at_least = 12.0;    // in the time, or there is nothing to search
constexpr std::size_t most_moves = 4;           // that are combined at once
constexpr std::size_t least_folds = 2;          // of a confirmation
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
                    (job.confirms ? " confirm" : "");
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
    num_finalists_ = limit_ > 50.0 * fit ? 2 : 1;
    // Of the user's settings and the finalists, whose schedules may be longer.
    const double for_confirmation = committee_cost * 3.0 * (1.0 + 2.0 * num_finalists_) * fit,
                 deadline = limit_ - std::min(0.45 * limit_, for_confirmation);
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
  return limit_ * bench_.num_parallel() > whole_fits_at_least * whole_fit_seconds_;
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
  const Choice better = combine(base, screen(base, true, 1.0, deadline), deadline);
  // Screened without a longer schedule, which would cost more and changes little here.
  Choice plain;
  for (const auto &[group, move] : base)
    if (!moves_[move].needs_whole_fit) plain[group] = move;
  const double now = bench_.seconds();
  const auto ranked = screen(plain, false, effort, now + 0.6 * std::max(0.0, deadline - now));
  return combine(better, ranked, deadline);
}

/// Moves that gain something on the base, the best of each group, the best first.
std::vector<std::size_t> TuneSearch::screen(const Choice &base, bool whole, double effort,
                                            double deadline)
{
  std::vector<Choice> choices{base};
  std::vector<std::size_t> tried;
  for (std::size_t m = 0; m < moves_.size(); ++m) {
    const auto taken = base.find(moves_[m].group);
    if (moves_[m].needs_whole_fit != whole || (taken != base.end() && taken->second == m)) continue;
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

/// The best of the base and the base with the first one, two, ... moves.
TuneSearch::Choice TuneSearch::combine(const Choice &base, const std::vector<std::size_t> &ranked,
                                       double deadline)
{
  if (ranked.empty()) return base;
  std::vector<Choice> choices{base};
  for (const std::size_t move : ranked) choices.push_back(with(choices.back(), move));
  Choice best = base;
  double least = 1.0;
  for (const Scored &s : evaluate("combine", choices, 1.0, search_folds, deadline)) {
    whole_fits_.push_back(s);
    if (s.choice != base && s.trial.force_ratio > most_force_ratio) continue;
    if (s.choice == base || s.trial.score < least) {
      best = s.choice;
      least = s.trial.score;
    }
  }
  return best;
}

void TuneSearch::confirm()
{
  std::stable_sort(whole_fits_.begin(), whole_fits_.end(),
                   [](const Scored &a, const Scored &b) { return a.trial.score < b.trial.score; });
  std::vector<Choice> finalists;
  double seconds = confirmation_seconds({});
  for (const Scored &s : whole_fits_) {
    if (s.choice.empty() || s.trial.score >= 1.0 || s.trial.force_ratio > most_force_ratio ||
        finalists.size() >= num_finalists_ ||
        std::count(finalists.begin(), finalists.end(), s.choice) > 0)
      continue;
    const double more = confirmation_seconds(s.choice);
    if (bench_.seconds() + seconds + more > limit_) continue;    // a cheaper one has a chance
    seconds += more;
    finalists.push_back(s.choice);
  }
  if (finalists.empty()) return;
  double least = 1.0 - least_gain;
  for (const Scored &s : evaluate("confirm", finalists, 1.0, confirmation_folds, limit_)) {
    const TuneTrial &t = s.trial;
    if (t.folds.size() < least_folds || t.score > least || std::log(t.score) > -t.uncertainty ||
        t.force_ratio > most_force_ratio)
      continue;
    outcome_.chosen = t.changes;
    outcome_.score = least = t.score;
  }
}

/// Time for a choice on as many folds as a confirmation needs, from its fits on the first ones.
double TuneSearch::confirmation_seconds(const Choice &choice) const
{
  double longest = 0.0;
  for (const int fold : search_folds) {
    const auto found = done_.find(key_of({changes_of(choice), 1.0, fold, false}));
    if (found != done_.end()) longest = std::max(longest, found->second.seconds);
  }
  return committee_cost * least_folds * longest / bench_.num_parallel();
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
  const bool confirms = stage == "confirm";
  const auto job_of = [&](const Choice &choice, int fold) {
    return TuneJob{changes_of(choice), effort, fold, confirms};
  };
  std::vector<TuneJob> jobs;
  const auto want = [&](const Choice &choice, int fold) {
    const TuneJob job = job_of(choice, fold);
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
  for (std::size_t j = 0; j < jobs.size(); ++j)
    if (errors[j].done) done_[key_of(jobs[j])] = errors[j];

  std::vector<Scored> scored;
  for (const Choice &choice : choices) {
    Scored s{choice, {stage, changes_of(choice), effort, {}}};
    Comparison comparison;
    for (const int fold : folds) {
      const auto own = done_.find(key_of(job_of(choice, fold))),
                 reference = done_.find(key_of(job_of({}, fold)));
      if (own != done_.end() && reference != done_.end())
        comparison.add(fold, own->second, reference->second);
    }
    if (comparison.num_folds() == 0 || (!confirms && comparison.num_folds() < folds.size()))
      continue;
    comparison.fill(s.trial);
    scored.push_back(s);
    outcome_.trials.push_back(s.trial);
    bench_.report(s.trial);
  }
  return scored;
}

}    // namespace almlip
