// SPDX-License-Identifier: GPL-2.0-or-later
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
  const int num_kept = size() - static_cast<int>(in_the_lottery().size());
  candidate.keep = candidate.keep && num_kept < capacity_ / 2;
  if (!candidate.keep) ++num_seen_;
  if (size() < capacity_) {
    candidates_.push_back(std::move(candidate));
    return false;
  }
  const int place = place_in_full_buffer(candidate);
  if (place < capacity_) candidates_[place] = std::move(candidate);
  return true;
}

/// Places of the candidates that may be given up.
std::vector<int> QueryBuffer::in_the_lottery() const
{
  std::vector<int> places;
  for (int i = 0; i < size(); ++i)
    if (!candidates_[i].keep) places.push_back(i);
  return places;
}

/// Index of the candidate that makes room; the capacity or more if the new one is given up.
int QueryBuffer::place_in_full_buffer(const QueryCandidate &candidate) const
{
  const std::vector<int> places = in_the_lottery();
  if (strategy_ == Strategy::uncertainty) {
    const auto least = std::min_element(places.begin(), places.end(), [this](int a, int b) {
      return candidates_[a].max_sigma < candidates_[b].max_sigma;
    });
    const bool better = candidate.keep || candidate.max_sigma > candidates_[*least].max_sigma;
    return better ? *least : capacity_;
  }
  // One to keep takes the place of any other, which leaves the rest a smaller sample.
  const std::uint64_t among = candidate.keep ? places.size() : num_seen_;
  const std::uint64_t drawn = Random(seed_ + num_seen_ + (candidate.keep ? 1 : 0)).below(among);
  return drawn < places.size() ? places[drawn] : capacity_;
}

int QueryBuffer::thin_atoms(int max_atoms, int num_descriptors)
{
  constexpr double max_bytes = 500e6;
  constexpr int least = 8;
  const double bytes_per_atom = sizeof(float) * static_cast<double>(num_descriptors);
  while (max_atoms > least && bytes_per_atom * max_atoms * size() > max_bytes) {
    max_atoms /= 2;
    for (QueryCandidate &candidate : candidates_) candidate.atoms.thin(max_atoms);
  }
  return max_atoms;
}

void QueryBuffer::clear()
{
  candidates_.clear();
  num_seen_ = 0;
}

void QueryBuffer::restore(std::uint64_t num_seen, std::vector<QueryCandidate> candidates)
{
  num_seen_ = num_seen;
  candidates_ = std::move(candidates);
}

}    // namespace almlip
