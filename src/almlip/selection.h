// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "almlip/query/atom_selection.h"
#include "almlip/query/kmeans.h"

namespace almlip {

/// How a batch is chosen from candidates.
enum class Strategy { random, uncertainty, diversity, hybrid, alc, alc_atoms, lcmd, badge, power };

/// Strategy of that name.
/// @throws Error that lists the names
Strategy parse_strategy(const std::string &name);
std::string to_string(Strategy strategy);
/// All names, as "a, b or c".
std::string strategy_names();

struct SelectionSettings {
  Strategy strategy = Strategy::hybrid;
  int batch = 15;             ///< configurations to choose
  int clusters = 15;          ///< k of k-means
  double alpha = 0.6;         ///< weight of uncertainty in hybrid, 0 to 1
  double duplicate = 0.01;    ///< rows that differ by less (rms) are the same configuration
  std::uint64_t seed = 12345;
};

/// Candidates and what is known already. Rows are fingerprints.
struct Candidates {
  int num_features = 0;
  std::vector<double> features;       ///< shape [num_candidates][num_features]
  std::vector<double> uncertainty;    ///< shape [num_candidates], larger is more uncertain
  std::vector<double> known;    ///< shape [num_known][num_features], never chosen, kept away from
  std::vector<double> references = {};    ///< shape [num_references][num_features], where the error
                                          ///< counts (alc only); empty: at the candidates

  // for alc_atoms only
  std::vector<const AtomPoints *> atoms = {};              ///< shape [num_candidates]
  std::vector<const AtomPoints *> reference_atoms = {};    ///< where the error counts
  const LabelledAtoms *labelled_atoms = nullptr;           ///< training atoms, and those of `known`
  std::vector<std::string> kind = {};    ///< of every candidate; empty: five clusters are the kinds
  std::map<std::string, int> labelled = {};    ///< configurations of a kind that have a label
};

/// One chosen candidate and why.
struct Choice {
  int index = -1;
  int cluster = -1;      ///< of k-means, -1 for strategies without clusters
  double score = 0.0;    ///< what the strategy ranked by: see `select`; 0 if it ranked by nothing
  double distance = 0.0;    ///< to the nearest known or chosen one; infinite if there is none
};

/// Chooses up to `batch` different candidates; fewer only if there are no more that differ from
/// each other and from all known ones (see SelectionSettings::duplicate).
///
/// Deterministic for a seed, and the same configurations are chosen whatever the order of the
/// candidates: ties go to the larger uncertainty, then to the smaller features, then to the lower
/// index. Distances are Euclidean after features were standardised on the candidates; features
/// without spread are dropped.
///
/// * random: uniformly.
/// * uncertainty: largest first.
/// * hybrid: k-means++ and Lloyd, then round the clusters, largest first; each round takes from
/// each
///   cluster the candidate with the largest alpha u + (1 - alpha) d, u the uncertainty, d the
///   distance to everything chosen or known, both scaled to 0..1 over the candidates. While nothing
///   is chosen or known, d falls from 1 at the center of the own cluster to 0.
/// * diversity: hybrid with alpha = 0, in each cluster the farthest point.
/// * alc: what makes the error at the reference points smallest, for a linear model of the features
///   (`select_alc`; of more than 4000 candidates or 2000 references a part).
/// * alc_atoms: the same for a linear model of the descriptors of the atoms, all atoms of a
///   configuration being labelled together (`select_by_atoms`); every fifth choice is of the kind
///   with the fewest labels.
/// * lcmd: the farthest of the largest cluster around what is chosen or known (`select_lcmd`).
/// * badge: k-means++ on the standardised features times the uncertainty (`select_badge`); the
/// known
///   ones play no part.
/// * power: at random in proportion to the squared uncertainty (`select_power`).
/// @throws Error for lengths that do not fit, numbers that are not finite, batch < 1, clusters < 1,
///               alpha outside 0..1, duplicate < 0
std::vector<Choice> select(const Candidates &candidates, const SelectionSettings &settings);

/// For every candidate, whether it is the same configuration as a known one.
std::vector<bool> known_already(const Candidates &candidates, double duplicate);

}    // namespace almlip
