// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/shear_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "train/check/robust_statistics.h"
#include "train/check/stress_check.h"

namespace almlip::train {

namespace {

using Indices = std::vector<std::size_t>;
using Kinds = std::map<std::string, Indices>;    // by config_type
using Orders = std::vector<const ShearOrder *>;

/// Deviations of the shear components from the predicted ones, eV/Angstrom^3: sums over three.
struct Misfit {
  double given = 0.0, other = 0.0;    ///< as given, and in another order
  double change = 0.0;                ///< of the label by the order

  Misfit(const Compared &compared, const ShearOrder &order)
  {
    for (std::size_t q = 0; q < 3; ++q) {
      const double label = compared.label_stress[q + 3], predicted = compared.stress[q + 3],
                   taken = compared.label_stress[static_cast<std::size_t>(order.components[q])];
      given += std::abs(label - predicted);
      other += std::abs(taken - predicted);
      change += std::abs(taken - label);
    }
  }
  double better() const { return std::min(given, other); }
};

/// What the frames of a kind say of an order, each by its own stress.
struct Votes {
  static constexpr double clear = 0.5;    ///< share of a misfit that the better order leaves

  const ShearOrder *order;
  Indices wrong, right, unsure;
  double given = 0.0, other = 0.0;    ///< misfits of all but the right ones
  double misfit = 0.0;                ///< of all, if all but the right ones take the order
  double usual = 0.0;                 ///< in the better order of each frame

  /// @param floor  misfit as given that says nothing, eV/Angstrom^3
  Votes(const Indices &frames, const std::vector<Compared> &compared, const ShearOrder &other_order,
        double floor)
      : order(&other_order)
  {
    constexpr double beyond = 3.0;    // times the usual misfit
    std::vector<double> better;
    for (const std::size_t f : frames) better.push_back(Misfit(compared[f], *order).better());
    usual = median(better);
    for (const std::size_t f : frames) {
      const Misfit m(compared[f], *order);
      const bool is_right = m.given < clear * m.other && m.other > beyond * usual;
      const bool is_wrong = m.other < clear * m.given && m.given > beyond * std::max(usual, floor);
      (is_right ? right : is_wrong ? wrong : unsure).push_back(f);
      misfit += is_right ? m.given : m.other;
      if (is_right) continue;
      given += m.given;
      other += m.other;
    }
  }

  bool is_better() const { return other < clear * given; }
  /// Whether almost all that tell agree.
  bool is_of_all() const { return wrong.size() > 8 * right.size(); }
  bool speaks_against() const { return right.size() > wrong.size() && !is_better(); }
};

/// How much evidence an order needs.
struct Threshold {
  std::size_t frames;    ///< that do not speak against it
  std::size_t wrong;     ///< that speak for it
  double floor;          ///< misfit that says nothing, eV/Angstrom^3
};

/// The order in which the labels of a kind are nearest to the predictions, if it is far nearer than
/// as given.
std::optional<Votes> better_order(const Indices &kind, const std::vector<Compared> &compared,
                                  const Orders &orders, const Threshold &threshold)
{
  std::optional<Votes> best;
  for (const ShearOrder *order : orders) {
    const Votes votes(kind, compared, *order, threshold.floor);
    const bool enough = votes.wrong.size() >= threshold.wrong &&
                        votes.wrong.size() + votes.unsure.size() >= threshold.frames;
    if (enough && votes.is_better() && (!best || votes.misfit < best->misfit)) best = votes;
  }
  return best;
}

/// Misfit where there is shear, as most of a set is in one order or another.
double usual_misfit(const std::vector<Compared> &compared, const ShearOrder &order)
{
  std::vector<double> misfits, sizes;
  for (const Compared &c : compared) {
    if (!c.has_stress) continue;
    misfits.push_back(Misfit(c, order).better());
    sizes.push_back(std::abs(c.stress[3]) + std::abs(c.stress[4]) + std::abs(c.stress[5]));
  }
  return weighted_median(misfits, sizes);
}

void append(Indices &list, const Indices &frames)
{
  list.insert(list.end(), frames.begin(), frames.end());
}

/// Frames by what an order is to them.
struct Sorted {
  std::map<const ShearOrder *, Indices> exchanged, undecided;

  /// Frames that tell nothing for sure are like those that do, unless they lean against it.
  /// @param is_mixed  the frames may be of several kinds: the least leaning counts
  void add(const Votes &votes, const std::vector<Compared> &compared, bool is_mixed)
  {
    append(exchanged[votes.order], votes.wrong);
    const double lean = is_mixed ? 1.0 : Votes::clear;
    for (const std::size_t f : votes.unsure) {
      const Misfit m(compared[f], *votes.order);
      const bool follows = votes.is_of_all() && m.given >= lean * m.other;
      (follows ? exchanged : undecided)[votes.order].push_back(f);
    }
  }
};

/// Those of which the order changes more than the potential errs by.
Indices that_matter(Indices frames, const std::vector<Compared> &compared, const ShearOrder &order)
{
  const double usual = usual_misfit(compared, order);
  frames.erase(
      std::remove_if(frames.begin(), frames.end(),
                     [&](std::size_t f) { return Misfit(compared[f], order).change <= usual; }),
      frames.end());
  std::sort(frames.begin(), frames.end());
  return frames;
}

Finding undecided_shear(const ShearOrder &order)
{
  return {std::string("the potential does not tell whether, as of others, shear components of the "
                      "stress are exchanged: ") +
              order.text,
          "they are left as they are; look which calculation they are from, or check more frames "
          "of their config_type",
          {}};
}

/// Kinds that no order was found for by themselves, against the orders of the others.
void sort_rest(const Kinds &kinds, const std::vector<Compared> &compared, const Orders &orders,
               Sorted &sorted)
{
  const ShearOrder *usual = orders.front();    // nearly always the only one
  const Threshold threshold{1, 1, usual_misfit(compared, *usual)};
  for (const auto &[type, kind] : kinds) {
    if (const auto votes = better_order(kind, compared, orders, threshold)) {
      sorted.add(*votes, compared, type.empty());
      continue;
    }
    const Votes votes(kind, compared, *usual, threshold.floor);
    if (votes.speaks_against()) continue;
    append(sorted.undecided[usual], votes.wrong);
    append(sorted.undecided[usual], votes.unsure);
  }
}

Kinds kinds_with_stress(const std::vector<Frame> &frames, const std::vector<Compared> &compared)
{
  Kinds kinds;
  for (std::size_t f = 0; f < frames.size(); ++f)
    if (compared[f].has_stress) kinds[frames[f].config_type].push_back(f);
  return kinds;
}

}    // namespace

void check_predicted_shear(const std::vector<Frame> &frames, const std::vector<Compared> &compared,
                           std::vector<Finding> &findings)
{
  constexpr Threshold own{8, 2, 0.0};    // of a kind that convicts an order by itself
  Orders all;
  for (const ShearOrder &order : shear_orders) all.push_back(&order);
  Sorted sorted;
  Kinds rest;
  Indices few;
  for (const auto &[type, kind] : kinds_with_stress(frames, compared)) {
    if (const auto votes = better_order(kind, compared, all, own)) {
      sorted.add(*votes, compared, type.empty());
      continue;
    }
    rest[type] = kind;
    if (kind.size() < own.frames) append(few, kind);
  }
  Orders found;
  for (const auto &[order, exchanged] : sorted.exchanged) found.push_back(order);
  if (const auto votes = better_order(few, compared, all, own)) found.push_back(votes->order);
  if (found.empty()) return;
  sort_rest(rest, compared, found, sorted);
  for (auto &[order, exchanged] : sorted.exchanged) {
    std::sort(exchanged.begin(), exchanged.end());
    if (!exchanged.empty()) {
      findings.push_back(exchanged_shear(*order));
      findings.back().frames = exchanged;
    }
  }
  for (const auto &[order, frames_of] : sorted.undecided) {
    Finding finding = undecided_shear(*order);
    finding.frames = that_matter(frames_of, compared, *order);
    if (!finding.frames.empty()) findings.push_back(std::move(finding));
  }
}

}    // namespace almlip::train
