// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/candidate_sieve.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include "almlip/error.h"
#include "almlip/query/observe.h"
#include "almlip/text.h"

namespace almlip::cli {

namespace {

/// A number of the comment line.
/// @throws Error if it is none
template <class Number>
Number number_of(const Frame &frame, const std::string &key)
{
  const std::string &text = frame.info.at(key);
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  require(problem == std::errc() && end == text.data() + text.size(), frame.source, ": ", key,
          " is '", text, "', but it must be a number");
  return number;
}

/// @param needed  by --spacing
std::int64_t step_of(const Frame &frame, bool needed)
{
  const bool told = frame.info.count("step") > 0;
  require(told || !needed, frame.source,
          ": --spacing is given, but the frame tells no step; give frames with step=N in the "
          "comment line, as spools have it, or leave the option out");
  if (needed) return number_of<std::int64_t>(frame, "step");
  return told ? std::atoll(frame.info.at("step").c_str()) : 0;
}

/// @throws Error if the frame does not tell it
double temperature_of(const Frame &frame)
{
  require(
      frame.info.count("temperature") > 0, frame.source,
      ": --temperature is given, but the frame tells none; give frames with temperature=T (K) in "
      "the comment line, as spools have it, or leave the option out");
  return number_of<double>(frame, "temperature");
}

std::string explanation(Refusal refusal, const RefusalTally::Entry &entry)
{
  const double worst = entry.worst(refusal);
  switch (refusal) {
    case Refusal::above_hi:
      return format("after another one above hi, sigma up to %.4g eV/Angstrom", worst);
    case Refusal::mindist:
      return format("two atoms too close, down to %.4g Angstrom", worst);
    case Refusal::fmax:
      return format("a force too large, up to %.4g eV/Angstrom", worst);
    case Refusal::not_finite:
      return "a number that is none";
    case Refusal::duplicate:
      return "known already";
    case Refusal::spacing:
      return "too soon after the candidate before";
    case Refusal::density:
      return format("from %.4g to %.4g g/cm^3", entry.least, entry.largest);
    case Refusal::temperature:
      return format("too hot, up to %.4g K", worst);
    case Refusal::buffer_full:
      return "given up by lot, as --buffer says";
    default:
      return "";
  }
}

/// Why a run has spooled the frame; empty if none has.
std::string spooled_reason(const Frame &frame)
{
  const auto reason = frame.info.find("reason");
  return reason == frame.info.end() ? "" : reason->second;
}

}    // namespace

void CandidateSieve::set_window(int num_atoms)
{
  if (window_.kind == SieveWindow::Kind::given) return;
  rule_.force = automatic_window(basis_, num_atoms);
  if (window_.kind == SieveWindow::Kind::none) rule_.force.lo = rule_.novelty.lo = 0.0;
  if (window_.kind != SieveWindow::Kind::adaptive) return;
  threshold_.begin(typical_largest_sigma(basis_, num_atoms), window_.share);
  rule_.force.lo = threshold_.lo();
}

bool CandidateSieve::look(const Frame &frame, const std::string &file)
{
  ++num_looks_;
  set_window(frame.num_atoms());
  seen_ = observe(frame, potential_, rule_.min_distance);
  seen_.step = step_of(frame, rule_.spacing > 0);
  const bool tells_step = frame.info.count("step") > 0;
  reason_ = spooled_reason(frame);
  const bool was_spooled_later = reason_ == "before";    // than others of the steps around it
  begins_anew_ = file != file_ || (tells_step && seen_.step <= last_step_ && !was_spooled_later);
  if (begins_anew_) last_taken_ = -1;
  if (begins_anew_ || reason_ == "above_hi") excursion_taken_ = false;
  was_untrusted_ = is_untrusted_ && !begins_anew_;
  may_lead_ = false;
  file_ = file;
  last_step_ = begins_anew_ ? seen_.step : std::max(last_step_, seen_.step);
  if (rule_.max_temperature > 0.0) seen_.temperature = temperature_of(frame);
  seen_.excursion_taken = excursion_taken_;
  seen_.since_stored = last_taken_ < 0 || is_kept() ? -1 : seen_.step - last_taken_;
  is_untrusted_ = !seen_.not_finite.empty() || seen_.least_distance == 0.0;
  if (is_untrusted_)
    refuse(seen_.not_finite.empty() ? Refusal::mindist : Refusal::not_finite, seen_.step);
  return !is_untrusted_;
}

bool CandidateSieve::takes(const FramePrediction &prediction, const std::vector<double> &novelty,
                           const std::vector<bool> &watched, const std::vector<double> &fingerprint,
                           double duplicate)
{
  observe(prediction, novelty, watched, seen_);
  Decision decision = rule_.decide(seen_);
  threshold_.follow(seen_.sigma.value);
  is_untrusted_ = decision.untrusted;
  if (!decision.untrusted) excursion_taken_ = false;
  may_lead_ = !decision.untrusted && decision.verdict != Decision::Verdict::candidate &&
              reason_.empty() && rule_.passes_gates(seen_);
  if (reason_ == "before" && decision.verdict == Decision::Verdict::known &&
      rule_.passes_gates(seen_))
    decision.verdict = Decision::Verdict::candidate;    // below lo by its nature
  switch (decision.verdict) {
    case Decision::Verdict::known:
      ++num_below_;
      return false;
    case Decision::Verdict::refused:
      refuse(decision.refusal, seen_.step, decision.value);
      return false;
    case Decision::Verdict::candidate:
      break;
  }
  // a known one, too, stands for those around it
  last_taken_ = std::max(last_taken_, seen_.step);
  excursion_taken_ = decision.untrusted;
  if (known.contains(fingerprint, duplicate)) {
    refuse(Refusal::duplicate, seen_.step);
    return false;
  }
  why_ = is_kept() ? reason_ : decision.untrusted ? "above_hi" : "window";
  return true;
}

bool CandidateSieve::take_unless_known(std::int64_t step, const std::vector<double> &fingerprint,
                                       double duplicate)
{
  if (known.contains(fingerprint, duplicate)) return false;
  last_taken_ = std::max(last_taken_, step);
  return true;
}

void CandidateSieve::refuse(Refusal refusal, std::int64_t step, double value)
{
  refusals_.add(refusal, step, value);
}

std::string refusal_report(const RefusalTally &refusals)
{
  std::string text;
  for (int i = 0; i < num_refusals; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    const RefusalTally::Entry &entry = refusals.of(refusal);
    if (entry.count == 0) continue;
    text += format("%8lld refused: %s, ", static_cast<long long>(entry.count),
                   to_string(refusal).c_str()) +
            explanation(refusal, entry) + "\n";
  }
  return text;
}

}    // namespace almlip::cli
