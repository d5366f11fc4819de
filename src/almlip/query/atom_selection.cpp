// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/atom_selection.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "almlip/error.h"
#include "almlip/query/novelty.h"
#include "almlip/random.h"

namespace almlip {
namespace {

using Matrix = Eigen::MatrixXf;
using Wide = Eigen::MatrixXd;

// Prior of the models and noise of a label, in units of the variance that one labelled atom leaves
// of a unit point (measured in docs/notebook).
constexpr double ridge = 1e-2, training_noise = 0.05;
constexpr double rounding = 1e-5;    // of the numbers in a potential file, relative to the whole
constexpr int num_reference_atoms = 500;

/// Points z of the atoms of each element, shape [num_elements], each [D + 1][atoms].
std::vector<Matrix> points_of(const AtomPoints &atoms, int num_elements, int num_descriptors)
{
  std::vector<int> count(num_elements, 0);
  for (const int e : atoms.element) ++count[e];
  std::vector<Matrix> points;
  for (const int n : count) points.emplace_back(num_descriptors + 1, n);
  std::fill(count.begin(), count.end(), 0);
  const float scale = 1.0F / std::sqrt(static_cast<float>(num_descriptors));
  for (int i = 0; i < atoms.num_atoms(); ++i) {
    const int e = atoms.element[i];
    auto column = points[e].col(count[e]++);
    column.head(num_descriptors) =
        scale *
        Eigen::Map<const Eigen::VectorXf>(
            &atoms.descriptors[static_cast<std::size_t>(i) * num_descriptors], num_descriptors);
    column(num_descriptors) = 1.0F;
  }
  return points;
}

/// The linear model of one element: its posterior covariance, and the reference points under it.
class ElementModel {
 public:
  ElementModel(const std::vector<double> &gram, int size, Matrix references)
      : references_(std::move(references))
  {
    Wide precision = Eigen::Map<const Wide>(gram.data(), size, size);
    precision.diagonal().array() += std::max(ridge, rounding * precision.trace() / size);
    covariance_ = training_noise *
                  precision.selfadjointView<Eigen::Lower>().llt().solve(Wide::Identity(size, size));
    refresh();
    const Eigen::VectorXf variance = (references_.array() * seen_.array()).colwise().sum();
    weight_ = variance.cwiseMax(1e-12F).cwiseInverse();
  }

  /// Sum over the reference points of the relative variance that labels at `points` take away.
  double gain(const Matrix &points) const
  {
    if (points.cols() == 0 || references_.cols() == 0) return 0.0;
    Matrix own = points.transpose() * (single_ * points);
    own.diagonal().array() += 1.0F;
    Matrix shared = points.transpose() * seen_;
    own.llt().matrixL().solveInPlace(shared);
    return static_cast<double>(shared.colwise().squaredNorm() * weight_);
  }

  void label(const Matrix &points)
  {
    if (points.cols() == 0) return;
    const Wide z = points.cast<double>(), shared = covariance_ * z;
    const Wide own = z.transpose() * shared + Wide::Identity(z.cols(), z.cols());
    covariance_ -= shared * own.llt().solve(shared.transpose());
    refresh();
  }

 private:
  void refresh()
  {
    single_ = covariance_.cast<float>();
    seen_ = single_ * references_;
  }

  Wide covariance_;
  Matrix single_, references_, seen_;    ///< covariance; points; covariance times points
  Eigen::VectorXf weight_;               ///< by reference point, 1 / variance before any choice
};

/// Adds a random part of the atoms of some configurations to a sample.
void add_sample_of(const std::vector<const AtomPoints *> &frames, std::size_t max_atoms,
                   int num_descriptors, Random &random, AtomPoints &sample)
{
  std::vector<std::pair<const AtomPoints *, int>> atoms;
  for (const AtomPoints *frame : frames)
    for (int i = 0; i < frame->num_atoms(); ++i) atoms.emplace_back(frame, i);
  const std::size_t size = std::min(max_atoms, atoms.size());
  for (std::size_t n = 0; n < size; ++n) {
    std::swap(atoms[n], atoms[n + random.below(atoms.size() - n)]);
    const auto &[frame, i] = atoms[n];
    const auto row = frame->descriptors.begin() + static_cast<std::ptrdiff_t>(i) * num_descriptors;
    sample.element.push_back(frame->element[i]);
    sample.descriptors.insert(sample.descriptors.end(), row, row + num_descriptors);
  }
}

/// Where the error counts: at random atoms of the references, or of the candidates, of which every
/// kind counts alike, however many of it there are.
AtomPoints reference_atoms(const AtomTask &task, int num_descriptors)
{
  AtomPoints sample;
  Random random(task.seed);
  if (!task.references.empty()) {
    add_sample_of(task.references, num_reference_atoms, num_descriptors, random, sample);
    return sample;
  }
  std::map<int, std::vector<const AtomPoints *>> by_kind;
  for (std::size_t c = 0; c < task.candidates.size(); ++c)
    by_kind[task.kind[c]].push_back(task.candidates[c]);
  std::vector<int> kinds;
  for (const auto &[kind, frames] : by_kind) kinds.push_back(kind);
  for (std::size_t n = 0; n < num_reference_atoms && kinds.size() > num_reference_atoms; ++n)
    std::swap(kinds[n], kinds[n + random.below(kinds.size() - n)]);
  kinds.resize(std::min<std::size_t>(kinds.size(), num_reference_atoms));    // an atom of each
  for (const int kind : kinds)
    add_sample_of(by_kind[kind], num_reference_atoms / kinds.size(), num_descriptors, random,
                  sample);
  return sample;
}

class AtomSelector {
 public:
  AtomSelector(const LabelledAtoms &labelled, const AtomTask &task)
      : task_(task),
        num_elements_(static_cast<int>(labelled.gram.size())),
        num_descriptors_(labelled.num_descriptors),
        labelled_(task.labelled),
        gain_(task.candidates.size(), 0.0),
        round_(task.candidates.size(), -1),
        available_(task.candidates.size(), true)
  {
    const AtomPoints sample = reference_atoms(task, num_descriptors_);
    num_references_ = std::max(1, sample.num_atoms());
    std::vector<Matrix> references = points_of(sample, num_elements_, num_descriptors_);
    for (int e = 0; e < num_elements_; ++e)
      models_.emplace_back(labelled.gram[e], num_descriptors_ + 1, std::move(references[e]));
    for (std::size_t c = 0; c < gain_.size(); ++c) update(static_cast<int>(c), 0);
  }

  std::vector<AtomChoice> choose()
  {
    std::vector<AtomChoice> choices;
    for (int round = 0; round < task_.batch; ++round) {
      const bool by_quota = task_.quota > 0 && (round + 1) % task_.quota == 0;
      const int best = most_gainful(round, by_quota ? min_labels() : all_labels);
      if (best < 0) break;
      choices.push_back({best, gain_[best] / num_references_});
      available_[best] = false;
      ++labelled_[task_.kind[best]];
      const std::vector<Matrix> points =
          points_of(*task_.candidates[best], num_elements_, num_descriptors_);
      for (int e = 0; e < num_elements_; ++e) models_[e].label(points[e]);
    }
    return choices;
  }

 private:
  static constexpr int all_labels = -1;

  /// Fewest labels of a kind that still has candidates.
  int min_labels() const
  {
    int fewest = all_labels;
    for (std::size_t c = 0; c < gain_.size(); ++c)
      if (available_[c] && (fewest < 0 || labelled_[task_.kind[c]] < fewest))
        fewest = labelled_[task_.kind[c]];
    return fewest;
  }

  /// @param labels  only of kinds with so many labels, or of all
  int most_gainful(int round, int labels)
  {
    std::vector<int> heap;    // of many candidates few are looked at again
    for (int c = 0; c < static_cast<int>(gain_.size()); ++c)
      if (available_[c] && (labels < 0 || labelled_[task_.kind[c]] == labels)) heap.push_back(c);
    const auto less = [this](int a, int b) {
      return gain_[a] < gain_[b] || (gain_[a] == gain_[b] && a > b);
    };
    std::make_heap(heap.begin(), heap.end(), less);
    while (!heap.empty() && round_[heap.front()] != round) {
      std::pop_heap(heap.begin(), heap.end(), less);
      update(heap.back(), round);
      std::push_heap(heap.begin(), heap.end(), less);
    }
    return heap.empty() ? -1 : heap.front();
  }

  void update(int candidate, int round)
  {
    const std::vector<Matrix> points =
        points_of(*task_.candidates[candidate], num_elements_, num_descriptors_);
    gain_[candidate] = 0.0;
    for (int e = 0; e < num_elements_; ++e) gain_[candidate] += models_[e].gain(points[e]);
    round_[candidate] = round;
  }

  const AtomTask &task_;
  int num_elements_, num_descriptors_, num_references_ = 1;
  std::vector<ElementModel> models_;
  std::vector<int> labelled_;
  std::vector<double> gain_;
  std::vector<int> round_;    ///< in which the gain was found
  std::vector<bool> available_;
};

void add_point(Wide &gram, const double *x, int num_descriptors)
{
  Eigen::VectorXd z(num_descriptors + 1);
  z.head(num_descriptors) =
      Eigen::Map<const Eigen::VectorXd>(x, num_descriptors) / std::sqrt(num_descriptors);
  z(num_descriptors) = 1.0;
  // Column by column, as rankUpdate() does it: with that, clang-tidy sees a leak in Eigen.
  for (Eigen::Index c = 0; c < z.size(); ++c)
    gram.col(c).tail(z.size() - c) += z(c) * z.tail(z.size() - c);
}

std::vector<double> full(const Wide &lower)
{
  const Wide all = lower.selfadjointView<Eigen::Lower>();
  return {all.data(), all.data() + all.size()};
}

/// From C = (L^T L)^-1, the covariance that the novelty whitens with L, as it was before it was
/// shrunk.
std::vector<double> gram_of_moments(const Novelty &novelty, double num_atoms)
{
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const int D = static_cast<int>(novelty.center.size());
  const Eigen::Map<const Rows> whitening(novelty.whitening.data(), D, D);
  const Eigen::Map<const Eigen::VectorXd> center(novelty.center.data(), D);
  const Wide factor = whitening.triangularView<Eigen::Lower>().solve(Wide::Identity(D, D));
  Wide covariance = factor * factor.transpose();
  const Eigen::VectorXd variance = covariance.diagonal();
  covariance /= 1.0 - novelty_shrinkage;
  covariance.diagonal() = variance;
  Wide gram(D + 1, D + 1);
  gram.topLeftCorner(D, D) = num_atoms / D * (covariance + center * center.transpose());
  gram.bottomLeftCorner(1, D) = num_atoms / std::sqrt(D) * center.transpose();
  gram(D, D) = num_atoms;
  return full(gram);
}

/// From the rows of the fingerprints: mean and most uncertain atom of every training frame.
std::vector<double> gram_of_fingerprints(const Potential &potential, int element)
{
  const int D = potential.settings.num_descriptors(),
            E = static_cast<int>(potential.settings.elements.size());
  const std::size_t width = 2 * static_cast<std::size_t>(E) * D;
  Wide gram = Wide::Zero(D + 1, D + 1);
  for (std::size_t f = 0; f + width <= potential.known_fingerprints.size(); f += width)
    for (int row = 2 * element; row < 2 * element + 2; ++row) {
      const double *x = &potential.known_fingerprints[f + static_cast<std::size_t>(row) * D];
      if (std::any_of(x, x + D, [](double v) { return v != 0.0; })) add_point(gram, x, D);
    }
  return full(gram);
}

}    // namespace

void AtomPoints::thin(int max_atoms)
{
  if (num_atoms() <= max_atoms) return;
  const auto width = static_cast<std::ptrdiff_t>(descriptors.size() / element.size());
  AtomPoints few;
  for (int n = 0; n < max_atoms; ++n) {
    const auto i = static_cast<std::ptrdiff_t>(n) * num_atoms() / max_atoms;
    const auto row = descriptors.begin() + i * width;
    few.element.push_back(element[static_cast<std::size_t>(i)]);
    few.descriptors.insert(few.descriptors.end(), row, row + width);
  }
  *this = std::move(few);
}

AtomPoints atom_points(const double *descriptors, const int *element, const double *sigma,
                       int num_atoms, int num_descriptors, int max_atoms)
{
  const auto row = [&](int i) {
    return descriptors + static_cast<std::size_t>(i) * num_descriptors;
  };
  std::vector<int> order(num_atoms);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (sigma[a] != sigma[b]) return sigma[a] > sigma[b];
    return std::lexicographical_compare(row(a), row(a) + num_descriptors, row(b),
                                        row(b) + num_descriptors);
  });
  const int count = std::min(num_atoms, max_atoms);
  AtomPoints points;
  points.descriptors.reserve(static_cast<std::size_t>(count) * num_descriptors);
  for (int n = 0; n < count; ++n) {
    const int i = order[static_cast<std::size_t>(n) * num_atoms / count];
    points.element.push_back(element[i]);
    for (int d = 0; d < num_descriptors; ++d)
      points.descriptors.push_back(static_cast<float>(row(i)[d]));
  }
  return points;
}

void LabelledAtoms::add(const AtomPoints &atoms)
{
  const int size = num_descriptors + 1;
  const std::vector<Matrix> points =
      points_of(atoms, static_cast<int>(gram.size()), num_descriptors);
  for (std::size_t e = 0; e < gram.size(); ++e)
    Eigen::Map<Wide>(gram[e].data(), size, size) +=
        (points[e] * points[e].transpose()).cast<double>();
}

LabelledAtoms training_atoms(const Potential &potential)
{
  const std::size_t num_elements = potential.settings.elements.size();
  const std::vector<double> &num_atoms = potential.record.num_atoms;
  LabelledAtoms atoms{potential.settings.num_descriptors(), {}};
  for (std::size_t e = 0; e < num_elements; ++e) {
    const bool has_moments = num_atoms.size() == num_elements &&
                             potential.novelty.size() == num_elements &&
                             !potential.novelty[e].whitening.empty();
    atoms.gram.push_back(has_moments ? gram_of_moments(potential.novelty[e], num_atoms[e])
                                     : gram_of_fingerprints(potential, static_cast<int>(e)));
  }
  return atoms;
}

std::vector<AtomChoice> select_by_atoms(const LabelledAtoms &labelled, const AtomTask &task)
{
  require(task.batch >= 1, "selection: batch is ", task.batch, ", but it must be at least 1");
  require(task.kind.size() == task.candidates.size(), "selection: ", task.kind.size(),
          " kinds for ", task.candidates.size(), " candidates, but there must be one for each");
  for (const int kind : task.kind)
    require(kind >= 0 && kind < static_cast<int>(task.labelled.size()),
            "selection: a candidate is of kind ", kind, ", but there are ", task.labelled.size());
  for (const std::vector<const AtomPoints *> *frames : {&task.candidates, &task.references})
    for (const AtomPoints *frame : *frames)
      require(frame->descriptors.size() == frame->element.size() * labelled.num_descriptors,
              "selection: ", frame->descriptors.size(), " descriptors for ", frame->num_atoms(),
              " atoms, but there must be ", labelled.num_descriptors, " for each");
  return AtomSelector(labelled, task).choose();
}

}    // namespace almlip
