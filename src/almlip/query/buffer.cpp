#include "almlip/query/buffer.h"

#include <algorithm>

#include "almlip/error.h"
#include "almlip/random.h"

namespace almlip {

QueryBuffer::QueryBuffer(int capacity, Strategy strategy, std::uint64_t seed)
    : capacity_(capacity), strategy_(strategy), seed_(seed)
{
  require(capacity >= 1, "buffer is ", capacity, ", but it must be at least 1");
}

bool QueryBuffer::add(QueryCandidate candidate)
{
  ++num_seen_;
  if (size() < capacity_) {
    candidates_.push_back(std::move(candidate));
    return false;
  }
  const int place = place_in_full_buffer(candidate.max_sigma);
  if (place < capacity_) candidates_[place] = std::move(candidate);
  return true;
}

/// Index of the candidate that makes room; the capacity or more if the new one is given up.
int QueryBuffer::place_in_full_buffer(double max_sigma) const
{
  if (strategy_ == Strategy::uncertainty) {
    const auto least = std::min_element(
        candidates_.begin(), candidates_.end(),
        [](const QueryCandidate &a, const QueryCandidate &b) { return a.max_sigma < b.max_sigma; });
    return max_sigma > least->max_sigma ? static_cast<int>(least - candidates_.begin()) : capacity_;
  }
  Random random(seed_ + num_seen_);
  return static_cast<int>(std::min<std::uint64_t>(random.below(num_seen_), capacity_));
}

void QueryBuffer::clear()
{
  candidates_.clear();
  num_seen_ = 0;
}

std::string to_string(Refusal refusal)
{
  static const std::array<const char *, num_refusals> names{"above_hi",    "mindist",    "fmax",
                                                            "not_finite",  "duplicate",  "spacing",
                                                            "buffer_full", "passed_over"};
  return names.at(static_cast<int>(refusal));
}

void RefusalTally::add(Refusal refusal, std::int64_t step, double value, std::int64_t count)
{
  if (count == 0) return;
  Entry &entry = entries[static_cast<int>(refusal)];
  if (entry.count == 0) {
    entry.first_step = step;
    entry.worst = value;
  }
  entry.worst =
      refusal == Refusal::mindist ? std::min(entry.worst, value) : std::max(entry.worst, value);
  entry.last_step = step;
  entry.count += count;
}

}    // namespace almlip
