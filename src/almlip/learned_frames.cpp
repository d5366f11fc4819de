// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/learned_frames.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "almlip/text.h"

namespace almlip {

std::string mark_of(const Frame &frame)
{
  constexpr std::size_t length = 12;    // of a hexadecimal number: 48 bits
  std::vector<int> numbers = frame.atomic_numbers;
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (const int number : numbers) text += std::to_string(number) + " ";
  text += format("%.3f %.5f", frame.volume(), *frame.energy);
  return content_hash(text).substr(0, length);
}

LearnedFrames::LearnedFrames(const Potential &potential)
{
  const nlohmann::json provenance = nlohmann::json::parse(potential.provenance);
  if (provenance.contains("learned")) marks_ = provenance["learned"].get<std::set<std::string>>();
}

bool LearnedFrames::contain(const Frame &frame) const
{
  return marks_ && frame.energy && marks_->count(mark_of(frame)) > 0;
}

}    // namespace almlip
