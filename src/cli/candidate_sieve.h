// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/query/known.h"
#include "almlip/query/refusal.h"
#include "almlip/query/rule.h"
#include "almlip/query/window.h"

namespace almlip::cli {

/// Where the window of forces is from; the words are those of `fix al_query`.
struct SieveWindow {
  enum class Kind { given, automatic, none, adaptive };

  Kind kind = Kind::given;    ///< given: that of the rule; all others depend on a frame's atoms
  double share = 0.0;         ///< of the frames that are at or above lo, if it is adaptive
};

/// Decides about frames of files as a query decides in a run, and counts.
class CandidateSieve {
 public:
  CandidateSieve(const QueryRule &rule, const SieveWindow &window, const Potential &potential)
      : rule_(rule), window_(window), potential_(potential), basis_(window_basis(potential))
  {
  }

  /// Fingerprints that are never candidates; there may be none.
  KnownConfigurations known;

  /// Whether the frame can be predicted at all: numbers that are numbers, no atoms at one place. If
  /// not, it is refused. An excursion above hi is over where the file ends or its steps begin anew,
  /// as in a run. In a spool, which lacks what came between, each frame that begins one says so.
  /// @throws Error if there is a limit of temperature and the frame tells none
  bool look(const Frame &frame, const std::string &file);
  /// Whether the frame looked at last is a candidate.
  /// @param watched      atoms whose sigma and novelty count, shape [num_atoms]; empty: all
  /// @param fingerprint  shape [num_features]
  bool takes(const FramePrediction &prediction, const std::vector<double> &novelty,
             const std::vector<bool> &watched, const std::vector<double> &fingerprint,
             double duplicate);
  /// Whether the frame, the one at hand or one before, is none that is known. It then counts as
  /// taken, else as refused.
  bool take_unless_known(std::int64_t step, const std::vector<double> &fingerprint,
                         double duplicate);
  void refuse(Refusal refusal, std::int64_t step, double value = 0.0);

  /// Whether another run begins with the frame at hand.
  bool begins_anew() const { return begins_anew_; }
  /// Whether the frame at hand is not trusted, while the one before was.
  bool begins_excursion() const { return is_untrusted_ && !was_untrusted_; }
  /// Whether the frame at hand could be labelled, is trusted and not taken, and is not from a
  /// spool, which lacks what follows.
  bool may_lead_to_excursion() const { return may_lead_; }
  /// As it was for the frame at hand.
  const QueryRule &rule() const { return rule_; }
  /// What was seen of the frame at hand.
  const Observation &seen() const { return seen_; }
  /// Why it is a candidate: "window", "above_hi", or what a spool says.
  const std::string &why() const { return why_; }
  const RefusalTally &refusals() const { return refusals_; }
  std::int64_t num_looks() const { return num_looks_; }
  std::int64_t num_below() const { return num_below_; }

 private:
  QueryRule rule_;
  SieveWindow window_;
  const Potential &potential_;
  WindowBasis basis_;
  Observation seen_;
  std::string file_, why_;
  std::string reason_;    ///< why a run has spooled the frame; empty: none has
  AdaptiveThreshold threshold_;
  bool excursion_taken_ = false, begins_anew_ = true;
  bool is_untrusted_ = false, was_untrusted_ = false;
  bool may_lead_ = false;
  std::int64_t last_step_ = -1;
  std::int64_t last_taken_ = -1;    ///< step in this run; negative: none
  RefusalTally refusals_;
  std::int64_t num_looks_ = 0, num_below_ = 0;

  void set_window(int num_atoms);
  /// Whether a run has spooled the frame whatever the spacing is.
  bool is_kept() const { return reason_ == "above_hi" || reason_ == "before"; }
};

/// One line for each reason, for people; empty if nothing was refused.
std::string refusal_report(const RefusalTally &refusals);

}    // namespace almlip::cli
