// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/selection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "almlip/error.h"
#include "almlip/query/covariance_selection.h"
#include "almlip/query/known.h"
#include "almlip/query/row_selection.h"
#include "almlip/random.h"
#include "almlip/rows.h"

namespace almlip {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct NamedStrategy {
  const char *name;
  Strategy strategy;
};
constexpr std::array<NamedStrategy, 9> strategies{{{"random", Strategy::random},
                                                   {"uncertainty", Strategy::uncertainty},
                                                   {"diversity", Strategy::diversity},
                                                   {"hybrid", Strategy::hybrid},
                                                   {"alc", Strategy::alc},
                                                   {"alc_atoms", Strategy::alc_atoms},
                                                   {"lcmd", Strategy::lcmd},
                                                   {"badge", Strategy::badge},
                                                   {"power", Strategy::power}}};

void check(const Candidates &candidates, const SelectionSettings &settings)
{
  const std::size_t width = std::max(candidates.num_features, 0);
  require(width > 0, "selection: ", candidates.num_features,
          " features per candidate, but there must be at least 1");
  require(candidates.features.size() == candidates.uncertainty.size() * width,
          "selection: ", candidates.features.size(), " features for ",
          candidates.uncertainty.size(), " candidates, but there must be ", width, " for each");
  require(candidates.known.size() % width == 0, "selection: ", candidates.known.size(),
          " features of known configurations, but there must be ", width, " for each");
  require(candidates.references.size() % width == 0, "selection: ", candidates.references.size(),
          " features of reference configurations, but there must be ", width, " for each");
  require(settings.batch >= 1, "selection: batch is ", settings.batch,
          ", but it must be at least 1");
  require(settings.clusters >= 1, "selection: clusters is ", settings.clusters,
          ", but it must be at least 1");
  require(settings.alpha >= 0.0 && settings.alpha <= 1.0, "selection: alpha is ", settings.alpha,
          ", but it must be 0 to 1");
  require(settings.duplicate >= 0.0, "selection: duplicate is ", settings.duplicate,
          ", but it must not be negative");

  const std::size_t count = candidates.uncertainty.size();
  require(settings.strategy != Strategy::alc_atoms ||
              (candidates.labelled_atoms && candidates.atoms.size() == count),
          "selection: alc_atoms has the atoms of ", candidates.atoms.size(), " of ", count,
          " candidates, but needs those of all and what is labelled");
  require(candidates.kind.empty() || candidates.kind.size() == count,
          "selection: ", candidates.kind.size(), " kinds for ", count, " candidates");

  const auto all_finite = [](const std::vector<double> &values) {
    return std::all_of(values.begin(), values.end(),
                       [](double value) { return std::isfinite(value); });
  };
  require(all_finite(candidates.features),
          "selection: a feature of a candidate is not a finite number");
  require(all_finite(candidates.uncertainty),
          "selection: the uncertainty of a candidate is not a finite number");
  require(all_finite(candidates.known),
          "selection: a feature of a known configuration is not a finite number");
  require(all_finite(candidates.references),
          "selection: a feature of a reference configuration is not a finite number");
}

/// An order of the candidates that does not depend on how they were handed in: by falling
/// uncertainty, then by features. For random choice by features alone, so that rounding in the
/// potential does not change it.
std::vector<int> canonical_order(const Candidates &candidates, Strategy strategy)
{
  const bool by_uncertainty = strategy != Strategy::random;
  const Rows rows{candidates.num_features, candidates.features};
  std::vector<int> order(candidates.uncertainty.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (by_uncertainty && candidates.uncertainty[a] != candidates.uncertainty[b])
      return candidates.uncertainty[a] > candidates.uncertainty[b];
    return std::lexicographical_compare(rows[a], rows[a] + rows.num_features, rows[b],
                                        rows[b] + rows.num_features);
  });
  return order;
}

Rows reordered(const Rows &rows, const std::vector<int> &order)
{
  Rows result{rows.num_features, {}};
  result.values.reserve(rows.values.size());
  for (int i : order)
    result.values.insert(result.values.end(), rows[i], rows[i] + rows.num_features);
  return result;
}

/// Shift and scale that give the features with spread mean 0 and deviation 1 over some rows.
class Standardization {
 public:
  explicit Standardization(const Rows &rows)
  {
    for (int f = 0; f < rows.num_features; ++f) {
      double mean = 0.0, variance = 0.0;
      for (int i = 0; i < rows.count(); ++i) mean += rows[i][f] / rows.count();
      for (int i = 0; i < rows.count(); ++i)
        variance += (rows[i][f] - mean) * (rows[i][f] - mean) / rows.count();
      const double deviation = std::sqrt(variance);
      if (deviation <= 1e-8 * std::max(1.0, std::abs(mean))) continue;    // rounding is not spread
      columns_.push_back({f, mean, 1.0 / deviation});
    }
  }

  int num_features() const { return static_cast<int>(columns_.size()); }

  /// @param values  shape [rows][width]
  Rows operator()(const std::vector<double> &values, int width) const
  {
    Rows result{num_features(), {}};
    result.values.reserve(values.size() / width * columns_.size());
    for (std::size_t row = 0; row < values.size(); row += width)
      for (const Column &column : columns_)
        result.values.push_back((values[row + column.feature] - column.mean) *
                                column.inverse_deviation);
    return result;
  }

 private:
  struct Column {
    int feature;
    double mean, inverse_deviation;
  };
  std::vector<Column> columns_;
};

/// Clusters of the candidates, with how far each is from the center of its own.
struct Groups {
  std::vector<int> label;
  std::vector<double> to_center;            ///< 0..1 over the candidates
  std::vector<std::vector<int>> by_size;    ///< members, largest cluster first
};

Groups group(const Rows &points, int num_points, int k, std::uint64_t seed)
{
  Groups groups{std::vector<int>(num_points, 0), std::vector<double>(num_points, 0.0), {}};
  if (points.num_features > 0) {
    const Clustering clustering = kmeans(points.values, points.num_features, k, seed);
    const Rows centers{points.num_features, clustering.centers};
    groups.label = clustering.label;
    for (int i = 0; i < num_points; ++i)
      groups.to_center[i] =
          std::sqrt(squared_distance(points[i], centers[groups.label[i]], points.num_features));
    const double largest = *std::max_element(groups.to_center.begin(), groups.to_center.end());
    if (largest > 0.0)
      for (double &distance : groups.to_center) distance /= largest;
  }
  groups.by_size.resize(*std::max_element(groups.label.begin(), groups.label.end()) + 1);
  for (int i = 0; i < num_points; ++i) groups.by_size[groups.label[i]].push_back(i);
  std::stable_sort(groups.by_size.begin(), groups.by_size.end(), [](const auto &a, const auto &b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  return groups;
}

/// The candidates in canonical order, and what the choices so far have left of them.
class Selector {
 public:
  Selector(const Candidates &candidates, const SelectionSettings &settings)
      : candidates_(candidates),
        settings_(settings),
        order_(canonical_order(candidates, settings.strategy)),
        raw_(reordered({candidates.num_features, candidates.features}, order_)),
        standardize_(raw_),
        points_(standardize_(raw_.values, raw_.num_features)),
        known_(standardize_(candidates.known, candidates.num_features)),
        references_(standardize_(candidates.references, candidates.num_features))
  {
    for (int i : order_) uncertainty_.push_back(candidates.uncertainty[i]);
    available_.resize(num_candidates());
    nearest_.assign(num_candidates(), infinity);
    const std::vector<bool> seen = known_already(candidates, settings.duplicate);
    for (int i = 0; i < num_candidates(); ++i) available_[i] = !seen[order_[i]];
    for (int j = 0; j < known_.count(); ++j) like_known_.push_back(approach_all(known_[j]));
  }

  std::vector<Choice> choose()
  {
    switch (settings_.strategy) {
      case Strategy::random:
        choose_randomly();
        break;
      case Strategy::uncertainty:
        choose_most_uncertain();
        break;
      case Strategy::diversity:
        choose_round_clusters(0.0);
        break;
      case Strategy::hybrid:
        choose_round_clusters(settings_.alpha);
        break;
      case Strategy::alc:
      case Strategy::lcmd:
        choose_by_covariance();
        break;
      case Strategy::alc_atoms:
        choose_by_atoms();
        break;
      case Strategy::badge:
        choose_by_embeddings();
        break;
      case Strategy::power:
        draw_by_power();
        break;
    }
    return choices_;
  }

 private:
  int num_candidates() const { return static_cast<int>(order_.size()); }
  bool full() const { return static_cast<int>(choices_.size()) == settings_.batch; }

  bool are_same(int i, int j) const
  {
    return is_same(raw_[i], raw_[j], raw_.num_features, settings_.duplicate);
  }

  /// A standardised row is chosen or known: how near are the candidates now?
  /// @return  the nearest one
  int approach_all(const double *row)
  {
    int nearest = 0;
    double least = infinity;
    for (int i = 0; i < num_candidates(); ++i) {
      const double distance = squared_distance(points_[i], row, points_.num_features);
      nearest_[i] = std::min(nearest_[i], distance);
      if (distance < least) least = distance, nearest = i;
    }
    return nearest;
  }

  void take(int i, int cluster, double score)
  {
    choices_.push_back({order_[i], cluster, score, std::sqrt(nearest_[i])});
    for (int j = 0; j < num_candidates(); ++j)
      if (are_same(i, j)) available_[j] = false;
    approach_all(points_[i]);
    available_[i] = false;
  }

  void choose_randomly()
  {
    Random random(settings_.seed);
    while (!full()) {
      std::vector<int> left;
      for (int i = 0; i < num_candidates(); ++i)
        if (available_[i]) left.push_back(i);
      if (left.empty()) return;
      take(left[random.below(left.size())], -1, 0.0);
    }
  }

  void choose_most_uncertain()
  {
    for (int i = 0; i < num_candidates() && !full(); ++i)
      if (available_[i]) take(i, -1, uncertainty_[i]);
  }

  void choose_round_clusters(double alpha)
  {
    const Groups groups = group(points_, num_candidates(), settings_.clusters, settings_.seed);
    bool any = true;
    while (any && !full()) {
      any = false;
      for (const std::vector<int> &members : groups.by_size) {
        if (full()) return;
        any = take_best(members, groups, alpha) || any;
      }
    }
  }

  bool take_best(const std::vector<int> &members, const Groups &groups, double alpha)
  {
    const double largest = max_distance();
    int best = -1;
    double best_score = -infinity;
    for (int i : members) {
      if (!available_[i]) continue;
      const double score =
          alpha * scaled_uncertainty(i) + (1.0 - alpha) * scaled_distance(i, largest, groups);
      if (score > best_score) {
        best_score = score;
        best = i;
      }
    }
    if (best >= 0) take(best, groups.label[best], best_score);
    return best >= 0;
  }

  /// Scalar products of the features are taken for covariances.
  void choose_by_covariance()
  {
    if (points_.num_features == 0) return choose_most_uncertain();    // all candidates are alike
    CovarianceTask task;
    FeaturePoints points{points_.num_features, {}};
    for (const Rows *rows : {&points_, &known_, &references_})
      points.values.insert(points.values.end(), rows->values.begin(), rows->values.end());
    task.candidates = different_ones();
    task.known.resize(known_.count());
    std::iota(task.known.begin(), task.known.end(), num_candidates());
    task.references.resize(references_.count());
    std::iota(task.references.begin(), task.references.end(), num_candidates() + known_.count());
    if (task.references.empty()) task.references = task.candidates;
    task.batch = settings_.batch;
    if (task.candidates.empty()) return;
    LargePoolSettings large;
    large.seed = settings_.seed;
    for (const int i : settings_.strategy == Strategy::lcmd
                           ? select_lcmd(points, task)
                           : select_alc(points, task, AlcCriterion::deviation, large))
      take(i, -1, 0.0);
  }

  void choose_by_atoms()
  {
    const std::vector<int> ones = different_ones();
    if (ones.empty()) return;
    AtomTask task;
    const Kinds kinds = candidates_.kind.empty() ? kinds_by_cluster() : kinds_by_name();
    task.labelled = kinds.labelled;
    for (const int i : ones) {
      task.candidates.push_back(candidates_.atoms[order_[i]]);
      task.kind.push_back(kinds.of[i]);
    }
    task.references = candidates_.reference_atoms;
    task.batch = settings_.batch;
    task.seed = settings_.seed;
    for (const AtomChoice &choice : select_by_atoms(*candidates_.labelled_atoms, task))
      take(ones[choice.index], kinds.are_clusters ? kinds.of[ones[choice.index]] : -1, choice.gain);
  }

  /// Kinds of configurations, for the quota of the one with the fewest labels.
  struct Kinds {
    std::vector<int> of;          ///< of every candidate
    std::vector<int> labelled;    ///< configurations of each that have a label
    bool are_clusters;
  };

  Kinds kinds_by_name() const
  {
    std::map<std::string, int> number;    // in the order of the names
    for (const std::string &name : candidates_.kind) number[name] = 0;
    Kinds kinds{{}, {}, false};
    for (auto &[name, n] : number) {
      n = static_cast<int>(kinds.labelled.size());
      const auto labelled = candidates_.labelled.find(name);
      kinds.labelled.push_back(labelled == candidates_.labelled.end() ? 0 : labelled->second);
    }
    for (int i = 0; i < num_candidates(); ++i)
      kinds.of.push_back(number[candidates_.kind[order_[i]]]);
    return kinds;
  }

  /// Clusters of the candidates; a known configuration is of that of the nearest candidate.
  Kinds kinds_by_cluster() const
  {
    constexpr int num_kinds = 5;
    const Groups groups = group(points_, num_candidates(), num_kinds, settings_.seed);
    Kinds kinds{groups.label, std::vector<int>(groups.by_size.size(), 0), true};
    for (const int i : like_known_) ++kinds.labelled[kinds.of[i]];
    return kinds;
  }

  void choose_by_embeddings()
  {
    if (points_.num_features == 0) return choose_most_uncertain();    // all candidates are alike
    const std::vector<int> ones = different_ones();
    Rows embeddings{points_.num_features, {}};
    for (const int i : ones)
      for (int f = 0; f < points_.num_features; ++f)
        embeddings.values.push_back(points_[i][f] * uncertainty_[i]);
    for (const int n : select_badge(embeddings, settings_.batch, settings_.seed))
      take(ones[n], -1, 0.0);
  }

  void draw_by_power()
  {
    const std::vector<int> ones = different_ones();
    std::vector<double> uncertainty;
    for (const int i : ones) uncertainty.push_back(uncertainty_[i]);
    for (const int n : select_power(uncertainty, settings_.batch, settings_.seed))
      take(ones[n], -1, uncertainty[n]);
  }

  /// Available candidates without those that are the same as one before.
  std::vector<int> different_ones() const
  {
    std::vector<int> result;
    KnownConfigurations seen;
    seen.reset(raw_.num_features);
    for (int i = 0; i < num_candidates(); ++i) {
      if (!available_[i]) continue;
      const std::vector<double> row(raw_[i], raw_[i] + raw_.num_features);
      const bool without_features = row.empty() && !result.empty();
      if (without_features || seen.contains(row, settings_.duplicate)) continue;
      seen.add(row);
      result.push_back(i);
    }
    return result;
  }

  double scaled_uncertainty(int i) const
  {
    const double most = uncertainty_.front(), least = uncertainty_.back();    // canonical order
    return most > least ? (uncertainty_[i] - least) / (most - least) : 0.0;
  }

  double scaled_distance(int i, double largest, const Groups &groups) const
  {
    if (std::isinf(largest)) return 1.0 - groups.to_center[i];    // nothing chosen or known yet
    return largest > 0.0 ? std::sqrt(nearest_[i]) / largest : 0.0;
  }

  double max_distance() const
  {
    double largest = 0.0;
    for (int i = 0; i < num_candidates(); ++i)
      if (available_[i]) largest = std::max(largest, nearest_[i]);
    return std::sqrt(largest);
  }

  const Candidates &candidates_;
  SelectionSettings settings_;
  std::vector<int> order_;    ///< the caller's index by canonical index, which all below have
  Rows raw_;
  Standardization standardize_;
  Rows points_, known_, references_;    ///< standardised
  std::vector<double> uncertainty_;
  std::vector<bool> available_;
  std::vector<double> nearest_;    ///< squared distance to everything chosen or known
  std::vector<int> like_known_;    ///< the candidate that is nearest to each known one
  std::vector<Choice> choices_;
};

}    // namespace

Strategy parse_strategy(const std::string &name)
{
  for (const NamedStrategy &entry : strategies)
    if (name == entry.name) return entry.strategy;
  fail("strategy is '", name, "', but it must be ", strategy_names());
}

std::string to_string(Strategy strategy)
{
  for (const NamedStrategy &entry : strategies)
    if (strategy == entry.strategy) return entry.name;
  fail("strategy number ", static_cast<int>(strategy), " has no name");
}

std::string strategy_names()
{
  std::string names = strategies.front().name;
  for (std::size_t n = 1; n < strategies.size(); ++n)
    names += (n + 1 < strategies.size() ? ", " : " or ") + std::string(strategies[n].name);
  return names;
}

std::vector<Choice> select(const Candidates &candidates, const SelectionSettings &settings)
{
  check(candidates, settings);
  if (candidates.uncertainty.empty()) return {};
  return Selector(candidates, settings).choose();
}

std::vector<bool> known_already(const Candidates &candidates, double duplicate)
{
  const Rows rows{candidates.num_features, candidates.features};
  std::vector<bool> result(rows.count(), false);
  KnownConfigurations known;
  known.reset(candidates.num_features);
  known.add(candidates.known);
  for (int i = 0; i < rows.count(); ++i)
    result[i] = known.contains({rows[i], rows[i] + rows.num_features}, duplicate);
  return result;
}

}    // namespace almlip
