// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/predict_frames.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <sstream>

#include "train/binary_stream.h"

namespace almlip::train {

namespace {

constexpr std::size_t frames_per_exchange = 16;    // of every rank: bounds what is on its way

void write(std::ostream &out, const FramePrediction &prediction)
{
  write_binary(out, prediction.energy);
  write_binary(out, prediction.virial);
  for (const auto *numbers : {&prediction.forces, &prediction.spread, &prediction.descriptors})
    write_binary(out, *numbers);
}

FramePrediction read(std::istream &in)
{
  FramePrediction prediction;
  read_binary(in, prediction.energy);
  read_binary(in, prediction.virial);
  for (auto *numbers : {&prediction.forces, &prediction.spread, &prediction.descriptors})
    read_binary(in, *numbers, std::numeric_limits<std::uint64_t>::max());
  return prediction;
}

}    // namespace

void predict_frames(const Potential &potential, const std::vector<Frame> &frames,
                    const Ranks &ranks,
                    const std::function<void(const Frame &frame, FramePrediction prediction)> &take)
{
  std::optional<Committee> committee;
  ranks.agree([&] { committee.emplace(potential); });
  const auto num_ranks = static_cast<std::size_t>(ranks.size()),
             rank = static_cast<std::size_t>(ranks.rank());
  const std::size_t block = frames_per_exchange * num_ranks;
  for (std::size_t begin = 0; begin < frames.size(); begin += block) {
    const std::size_t end = std::min(begin + block, frames.size());
    std::ostringstream out;
    ranks.agree([&] {
      for (std::size_t f = begin + rank; f < end; f += num_ranks)
        write(out, predict(*committee, potential, frames[f]));
    });
    std::vector<std::istringstream> in;
    for (const std::string &text : ranks.gather(out.str())) in.emplace_back(text);
    for (std::size_t f = begin; f < end && ranks.first(); ++f) {
      FramePrediction prediction = read(in[(f - begin) % num_ranks]);
      calibrate_sigma(prediction, frames[f], potential);
      calibrate_energy(prediction, frames[f], potential);
      take(frames[f], std::move(prediction));
    }
  }
}

}    // namespace almlip::train
