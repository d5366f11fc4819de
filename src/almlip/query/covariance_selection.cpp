// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/covariance_selection.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "almlip/error.h"
#include "almlip/random.h"

namespace almlip {
namespace {

using Eigen::ArrayXf;
using Eigen::MatrixXf;
using Eigen::VectorXf;
using Map = Eigen::Map<const MatrixXf>;

constexpr float infinity = std::numeric_limits<float>::infinity();

void check(const CovarianceTask &task, int num_points)
{
  require(task.batch >= 1, "selection: batch is ", task.batch, ", but it must be at least 1");
  for (const std::vector<int> *list : {&task.candidates, &task.known, &task.references})
    for (int i : *list)
      require(i >= 0 && i < num_points, "selection: there is no point ", i, ", the covariance has ",
              num_points);
}

void check(const Covariance &covariance, const CovarianceTask &task)
{
  const std::size_t n = covariance.num_points;
  require(covariance.values.size() == n * n, "selection: the covariance holds ",
          covariance.values.size(), " numbers, but ", n, " points need ", n * n);
  check(task, covariance.num_points);
}

void check_alc(const CovarianceTask &task)
{
  require(!task.references.empty(),
          "selection: alc has no reference points; give those at which the error counts");
  require(task.noise > 0.0, "selection: noise is ", task.noise, ", but it must be positive");
}

std::vector<float> diagonal(const Covariance &covariance)
{
  std::vector<float> result(covariance.num_points);
  for (int i = 0; i < covariance.num_points; ++i) result[i] = covariance.row(i)[i];
  return result;
}

/// Gaussian process over all points, conditioned on some: posterior = prior - factor^T factor.
class Posterior {
 public:
  Posterior(const Covariance &covariance, const std::vector<int> &known, int num_more, double noise)
      : prior_(covariance.values.data(), covariance.num_points, covariance.num_points),
        variance_(covariance.num_points),
        factor_(static_cast<int>(known.size()) + num_more, covariance.num_points)
  {
    const std::vector<float> prior = diagonal(covariance);
    noise_ = static_cast<float>(noise * std::accumulate(prior.begin(), prior.end(), 0.0) /
                                covariance.num_points);
    std::copy(prior.begin(), prior.end(), variance_.data());
    if (known.empty()) return;

    const int num_known = static_cast<int>(known.size());
    MatrixXf between(num_known, num_known), to_all(num_known, covariance.num_points);
    for (int i = 0; i < num_known; ++i) {
      to_all.row(i) = prior_.col(known[i]).transpose();
      for (int j = 0; j < num_known; ++j)
        between(i, j) = prior_(known[i], known[j]) + (i == j ? noise_ : 0.0F);
    }
    factor_.topRows(num_known) = between.llt().matrixL().solve(to_all);
    variance_ -= factor_.topRows(num_known).colwise().squaredNorm().transpose().array();
    used_ = num_known;
  }

  /// Without labels, for a noise that is known.
  Posterior(const Covariance &covariance, float noise, int num_more)
      : Posterior(covariance, {}, num_more, 0.0)
  {
    noise_ = noise;
  }

  float noise() const { return noise_; }
  const ArrayXf &variance() const { return variance_; }

  /// Posterior covariance of some points (rows) with others (columns).
  MatrixXf covariance(const std::vector<int> &rows, const std::vector<int> &columns) const
  {
    MatrixXf result(rows.size(), columns.size()), left(used_, rows.size()),
        right(used_, columns.size());
    for (std::size_t i = 0; i < rows.size(); ++i) left.col(i) = factor_.col(rows[i]).head(used_);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      right.col(j) = factor_.col(columns[j]).head(used_);
      for (std::size_t i = 0; i < rows.size(); ++i) result(i, j) = prior_(rows[i], columns[j]);
    }
    result.noalias() -= left.transpose() * right;
    return result;
  }

  /// Conditions on one more point; returns the row v by which the covariance changes: - v^T v.
  VectorXf add(int point)
  {
    VectorXf v = prior_.col(point);
    v.noalias() -= factor_.topRows(used_).transpose() * factor_.col(point).head(used_);
    v /= std::sqrt(std::max(variance_[point], 0.0F) + noise_);
    factor_.row(used_++) = v.transpose();
    variance_ -= v.array().square();
    return v;
  }

 private:
  Map prior_;
  float noise_ = 0.0F;
  ArrayXf variance_;
  MatrixXf factor_;
  int used_ = 0;
};

ArrayXf at(const ArrayXf &values, const std::vector<int> &indices)
{
  ArrayXf result(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) result[i] = values[indices[i]];
  return result;
}

/// By how much one more label lowers the sum of the criterion over the references, without the part
/// that all candidates share.
float gain(const ArrayXf &reference_variance, const Eigen::Ref<const ArrayXf> &covariance,
           float label_variance, AlcCriterion criterion)
{
  const float scale = 1.0F / label_variance;
  if (criterion == AlcCriterion::variance) return scale * covariance.square().sum();
  return -(reference_variance - scale * covariance.square()).max(0.0F).sqrt().sum();
}

/// Chooses one point after the other by the largest gain.
std::vector<int> greedy_alc(Posterior posterior, const std::vector<int> &candidates,
                            const std::vector<int> &references, int batch, AlcCriterion criterion)
{
  MatrixXf covariance = posterior.covariance(references, candidates);
  std::vector<bool> available(candidates.size(), true);
  std::vector<int> chosen;
  for (int k = 0; k < batch; ++k) {
    const ArrayXf reference_variance = at(posterior.variance(), references).max(1e-12F);
    int best = -1;
    float best_gain = -infinity;
    for (std::size_t j = 0; j < candidates.size(); ++j) {
      if (!available[j]) continue;
      const float label_variance =
          std::max(posterior.variance()[candidates[j]], 0.0F) + posterior.noise();
      const float value =
          gain(reference_variance, covariance.col(j).array(), label_variance, criterion);
      if (best >= 0 && !(value > best_gain)) continue;
      best = static_cast<int>(j);
      best_gain = value;
    }
    available[best] = false;
    chosen.push_back(candidates[best]);
    const ArrayXf v = posterior.add(candidates[best]).array();
    covariance.noalias() -= at(v, references).matrix() * at(v, candidates).matrix().transpose();
  }
  return chosen;
}

/// Gaussian process over many points, conditioned on some: covariance = whitened features times
/// their transpose.
class FeaturePosterior {
 public:
  FeaturePosterior(const FeaturePoints &points, const std::vector<int> &known, double noise)
      : features_(points.values.data(), points.num_points(), points.num_features)
  {
    const int width = points.num_features;
    noise_ = static_cast<float>(noise * features_.cast<double>().squaredNorm() /
                                double(features_.rows()));
    Eigen::MatrixXd precision =
        Eigen::MatrixXd::Identity(width, width);    // of the weights of the features
    MatrixXf labelled(known.size(), width);
    for (std::size_t i = 0; i < known.size(); ++i) labelled.row(i) = features_.row(known[i]);
    precision += (labelled.transpose() * labelled).cast<double>() / double(noise_);
    const Eigen::MatrixXd inverse_root =
        precision.llt().matrixL().solve(Eigen::MatrixXd::Identity(width, width));
    whitening_ = inverse_root.transpose().cast<float>();
  }

  float noise() const { return noise_; }

  /// Posterior covariance of some points.
  Covariance covariance(const std::vector<int> &indices) const
  {
    const MatrixXf rows = whitened(indices, 0, indices.size());
    Covariance result{static_cast<int>(indices.size()),
                      std::vector<float>(indices.size() * indices.size())};
    Eigen::Map<MatrixXf>(result.values.data(), rows.rows(), rows.rows()).noalias() =
        rows * rows.transpose();
    return result;
  }

  /// The candidates whose label alone would gain most, in any order.
  std::vector<int> most_gainful(const std::vector<int> &candidates,
                                const std::vector<int> &references, int count,
                                AlcCriterion criterion) const
  {
    constexpr std::size_t block = 1024;
    const MatrixXf to = whitened(references, 0, references.size());
    const ArrayXf reference_variance = to.rowwise().squaredNorm().array().max(1e-12F);
    std::vector<float> gains;
    for (std::size_t begin = 0; begin < candidates.size(); begin += block) {
      const MatrixXf rows = whitened(candidates, begin, std::min(begin + block, candidates.size()));
      const MatrixXf covariance = to * rows.transpose();
      for (Eigen::Index j = 0; j < covariance.cols(); ++j)
        gains.push_back(gain(reference_variance, covariance.col(j).array(),
                             rows.row(j).squaredNorm() + noise_, criterion));
    }
    std::vector<int> order(candidates.size());
    std::iota(order.begin(), order.end(), 0);
    std::nth_element(order.begin(), order.begin() + count, order.end(), [&](int a, int b) {
      return gains[a] != gains[b] ? gains[a] > gains[b] : a < b;
    });
    order.resize(count);
    for (int &i : order) i = candidates[i];
    return order;
  }

 private:
  MatrixXf whitened(const std::vector<int> &indices, std::size_t begin, std::size_t end) const
  {
    MatrixXf rows(end - begin, features_.cols());
    for (std::size_t i = begin; i < end; ++i) rows.row(i - begin) = features_.row(indices[i]);
    return rows * whitening_;
  }

  Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> features_;
  MatrixXf whitening_;
  float noise_ = 0.0F;
};

/// Joins lists of indices, each index once and in rising order.
std::vector<int> joined(std::vector<int> a, const std::vector<int> &b)
{
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  a.erase(std::unique(a.begin(), a.end()), a.end());
  return a;
}

/// A random part of a list, in its order.
std::vector<int> random_part(const std::vector<int> &list, int count, std::uint64_t seed)
{
  Random random(seed);
  std::vector<int> result;
  std::size_t wanted = std::min(list.size(), static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < list.size() && wanted > 0; ++i) {
    if (random.below(list.size() - i) >= wanted) continue;
    result.push_back(list[i]);
    --wanted;
  }
  return result;
}

/// Candidates with their nearest center (known or chosen) by the distance that a covariance means.
/// @tparam CovarianceOf  of two points, by their indices
template <class CovarianceOf>
class CenterClusters {
 public:
  CenterClusters(const CovarianceOf &covariance, int num_points, const CovarianceTask &task)
      : covariance_(covariance),
        norm_(num_points),
        candidates_(task.candidates),
        center_(task.candidates.size(), -1),
        distance_(task.candidates.size(), infinity),
        available_(task.candidates.size(), true)
  {
    for (int i = 0; i < num_points; ++i) norm_[i] = covariance(i, i);
    for (int known : task.known) add_center(known);
  }

  bool has_centers() const { return num_centers_ > 0; }

  /// Position of the candidate with the largest variance.
  int max_norm() const
  {
    const auto by_norm = [&](int a, int b) { return norm_[a] < norm_[b]; };
    return static_cast<int>(std::max_element(candidates_.begin(), candidates_.end(), by_norm) -
                            candidates_.begin());
  }

  /// Position of the farthest candidate of the cluster with the largest sum of squared distances.
  int farthest_of_largest() const
  {
    std::vector<double> size(norm_.size(), -1.0);
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      if (available_[i]) size[center_[i]] = std::max(size[center_[i]], 0.0) + distance_[i];
    const int largest = static_cast<int>(std::max_element(size.begin(), size.end()) - size.begin());
    int best = -1;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      if (available_[i] && center_[i] == largest && (best < 0 || distance_[i] > distance_[best]))
        best = static_cast<int>(i);
    return best;
  }

  int take(int position)
  {
    available_[position] = false;
    add_center(candidates_[position]);
    return candidates_[position];
  }

 private:
  void add_center(int point)
  {
    ++num_centers_;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const float distance = std::max(
          norm_[point] + norm_[candidates_[i]] - 2.0F * covariance_(point, candidates_[i]), 0.0F);
      if (distance >= distance_[i]) continue;
      distance_[i] = distance;
      center_[i] = point;
    }
  }

  const CovarianceOf &covariance_;
  std::vector<float> norm_;
  const std::vector<int> &candidates_;
  std::vector<int> center_;
  std::vector<float> distance_;    ///< squared, to the nearest center
  std::vector<bool> available_;
  int num_centers_ = 0;
};

template <class CovarianceOf>
std::vector<int> choose_lcmd(const CovarianceOf &covariance, int num_points,
                             const CovarianceTask &task)
{
  CenterClusters<CovarianceOf> clusters(covariance, num_points, task);
  const int batch = std::min(task.batch, static_cast<int>(task.candidates.size()));
  std::vector<int> chosen;
  while (static_cast<int>(chosen.size()) < batch)
    chosen.push_back(clusters.take(clusters.has_centers() ? clusters.farthest_of_largest()
                                                          : clusters.max_norm()));
  return chosen;
}

}    // namespace

AlcCriterion parse_alc_criterion(const std::string &name)
{
  if (name == "deviation") return AlcCriterion::deviation;
  require(name == "variance", "criterion is '", name, "', but it must be deviation or variance");
  return AlcCriterion::variance;
}

std::vector<int> select_alc(const Covariance &covariance, const CovarianceTask &task,
                            AlcCriterion criterion)
{
  check(covariance, task);
  check_alc(task);
  const int batch = std::min(task.batch, static_cast<int>(task.candidates.size()));
  return greedy_alc(Posterior(covariance, task.known, batch, task.noise), task.candidates,
                    task.references, batch, criterion);
}

std::vector<int> select_alc(const FeaturePoints &points, const CovarianceTask &task,
                            AlcCriterion criterion, const LargePoolSettings &settings)
{
  check(task, points.num_points());
  check_alc(task);
  const int batch = std::min(task.batch, static_cast<int>(task.candidates.size()));
  const FeaturePosterior posterior(points, task.known, task.noise);
  const std::vector<int> references =
      random_part(task.references, settings.max_references, settings.seed);
  // the best alone may all be alike, a random part holds what completes them
  const std::vector<int> candidates =
      static_cast<int>(task.candidates.size()) <= settings.max_candidates
          ? task.candidates
          : joined(posterior.most_gainful(task.candidates, references, settings.max_candidates / 2,
                                          criterion),
                   random_part(task.candidates, settings.max_candidates / 2, settings.seed + 1));

  std::vector<int> of_small =
      references;    // point of every row of a small covariance: references, then candidates
  of_small.insert(of_small.end(), candidates.begin(), candidates.end());
  std::vector<int> small_references(references.size()), small_candidates(candidates.size());
  std::iota(small_references.begin(), small_references.end(), 0);
  std::iota(small_candidates.begin(), small_candidates.end(), static_cast<int>(references.size()));
  const Covariance small = posterior.covariance(of_small);
  std::vector<int> chosen = greedy_alc(Posterior(small, posterior.noise(), batch), small_candidates,
                                       small_references, batch, criterion);
  for (int &i : chosen) i = of_small[i];
  return chosen;
}

std::vector<int> select_lcmd(const Covariance &covariance, const CovarianceTask &task)
{
  check(covariance, task);
  return choose_lcmd([&](int i, int j) { return covariance.row(i)[j]; }, covariance.num_points,
                     task);
}

std::vector<int> select_lcmd(const FeaturePoints &points, const CovarianceTask &task)
{
  check(task, points.num_points());
  const int width = points.num_features;
  const auto row = [&](int i) {
    return Eigen::Map<const VectorXf>(points.values.data() + static_cast<std::size_t>(i) * width,
                                      width);
  };
  return choose_lcmd([&](int i, int j) { return row(i).dot(row(j)); }, points.num_points(), task);
}

Covariance gaussian_covariance(const Rows &rows)
{
  const int n = rows.count();
  Covariance covariance{n, std::vector<float>(static_cast<std::size_t>(n) * n, 0.0F)};
  std::vector<float> between;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j) {
      const float distance =
          static_cast<float>(squared_distance(rows[i], rows[j], rows.num_features));
      covariance.values[static_cast<std::size_t>(i) * n + j] =
          covariance.values[static_cast<std::size_t>(j) * n + i] = distance;
      between.push_back(distance);
    }
  float median = 1.0F;
  if (!between.empty()) {
    std::nth_element(between.begin(), between.begin() + between.size() / 2, between.end());
    if (between[between.size() / 2] > 0.0F) median = between[between.size() / 2];
  }
  for (float &value : covariance.values) value = std::exp(-value / (2.0F * median));
  return covariance;
}

}    // namespace almlip
