// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/finding.h"

#include <algorithm>

namespace almlip::train {

void Collector::add(const Finding &finding, const std::vector<std::size_t> &frames)
{
  if (frames.empty()) return;
  const auto like = std::find_if(findings_.begin(), findings_.end(), [&](const Finding &f) {
    return f.what == finding.what && f.repair.kind == finding.repair.kind;
  });
  Finding &place = like == findings_.end() ? findings_.emplace_back(finding) : *like;
  place.frames.insert(place.frames.end(), frames.begin(), frames.end());
  std::sort(place.frames.begin(), place.frames.end());
}

Tensor6 repaired_virial(const Tensor6 &virial, const Repair &repair)
{
  Tensor6 repaired = virial;
  for (std::size_t q = 0; q < 6; ++q) {
    if (repair.kind == Repair::Kind::scale_virial) repaired[q] *= repair.factor;
    if (repair.kind == Repair::Kind::exchange_shear && q > 2)
      repaired[q] = virial[static_cast<std::size_t>(repair.shear[q - 3])];
  }
  return repaired;
}

std::string file_of(const Frame &frame)
{
  return frame.source.substr(0, frame.source.rfind(", frame"));
}

namespace {

void repair_frame(Frame &frame, const Repair &repair)
{
  if (repair.kind == Repair::Kind::scale_energy && frame.energy) *frame.energy *= repair.factor;
  if (repair.kind == Repair::Kind::scale_forces)
    for (double &force : frame.forces) force *= repair.factor;
  if (frame.virial) frame.virial = repaired_virial(*frame.virial, repair);
}

}    // namespace

std::size_t repair(std::vector<Frame> &frames, const std::vector<Finding> &findings)
{
  std::vector<bool> touched(frames.size(), false), removed(frames.size(), false);
  for (const Finding &finding : findings) {
    if (finding.repair.kind == Repair::Kind::none) continue;
    for (const std::size_t f : finding.frames) {
      touched[f] = true;
      if (finding.repair.kind == Repair::Kind::remove)
        removed[f] = true;
      else
        repair_frame(frames[f], finding.repair);
    }
  }
  std::vector<Frame> kept;
  for (std::size_t f = 0; f < frames.size(); ++f)
    if (!removed[f]) kept.push_back(std::move(frames[f]));
  frames = std::move(kept);
  return static_cast<std::size_t>(std::count(touched.begin(), touched.end(), true));
}

std::string text_of(const std::vector<Finding> &findings, const std::vector<Frame> &frames)
{
  constexpr std::size_t max_named = 3;
  std::string text;
  for (const Finding &finding : findings) {
    text += "  " + std::to_string(finding.frames.size()) + " of " + std::to_string(frames.size()) +
            " frames: " + finding.what + "\n    " + finding.remedy + "\n    ";
    std::string file;
    for (std::size_t n = 0; n < std::min(max_named, finding.frames.size()); ++n) {
      const Frame &frame = frames[finding.frames[n]];
      const bool new_file = file_of(frame) != file;
      file = file_of(frame);
      text += n > 0 ? "; " : "";
      text += new_file ? frame.source : frame.source.substr(file.size() + 2);
    }
    text += finding.frames.size() > max_named ? "; ...\n" : "\n";
  }
  return text;
}

}    // namespace almlip::train
