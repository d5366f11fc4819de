// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/stress_offset.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/text.h"
#include "train/check/robust_statistics.h"
#include "train/units.h"

namespace almlip::train {

namespace {

using Json = nlohmann::ordered_json;

const std::string unnamed = "unnamed";    // source of frames that name none

double volume_per_atom(const Frame &frame) { return frame.volume() / frame.num_atoms(); }

/// Formula unit of a frame: atomic numbers with their shares.
std::string composition(const Frame &frame)
{
  std::map<int, int> count;
  for (const int number : frame.atomic_numbers) ++count[number];
  std::string text;
  for (const auto &[number, atoms] : count)
    text += format("%d %.6f ", number, static_cast<double>(atoms) / frame.num_atoms());
  return text;
}

double pressure(double virial, const StressOffset &offset) { return gpa * virial / offset.volume; }

/// Whether it could be one; smaller ones are errors of a fit.
bool is_large(const StressOffset &offset)
{
  constexpr double least = 0.5;    // GPa
  return std::abs(pressure(offset.found, offset)) > least;
}

}    // namespace

bool is_in_doubt(const StressOffset &offset)
{
  return offset.virial == 0.0 && is_large(offset) && std::abs(offset.found) > offset.spread;
}

std::string label_source(const Frame &frame)
{
  const auto named = frame.info.find("label_source");
  return named == frame.info.end() ? unnamed : named->second;
}

bool energies_tell_pressure(const std::vector<const Frame *> &frames)
{
  constexpr double least = 0.01, most = 0.3;    // of the volume
  constexpr int min_frames = 8;
  std::map<std::string, std::vector<double>> volumes;
  for (const Frame *frame : frames)
    if (frame->energy && frame->volume() > 0.0)
      volumes[composition(*frame)].push_back(volume_per_atom(*frame));
  int num_other = 0;
  for (const auto &[name, of] : volumes) {
    const double usual = median(of);
    for (const double volume : of) {
      const double off = std::abs(volume / usual - 1.0);
      if (off > least && off < most) ++num_other;
    }
  }
  return num_other >= min_frames;
}

StressOffsetFit::StressOffsetFit(const std::string &mode, const std::vector<const Frame *> &frames)
    : mode_(mode)
{
  if (mode == "off") return;
  energies_tell_pressure_ = energies_tell_pressure(frames);
  std::map<std::string, std::vector<double>> volumes;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    source_.push_back(label_source(*frames[f]));
    if (!frames[f]->virial || frames[f]->volume() == 0.0) continue;
    of_[source_[f]].push_back(f);
    volumes[source_[f]].push_back(volume_per_atom(*frames[f]));
  }
  for (const auto &[source, of] : volumes) volume_[source] = median(of);
}

double StressOffsetFit::virial(int frame, const StressOffsets &offsets) const
{
  if (mode_ == "off") return 0.0;
  const auto known = offsets.find(source_[static_cast<std::size_t>(frame)]);
  return known == offsets.end() ? 0.0 : known->second.virial;
}

bool StressOffsetFit::is_in_doubt(int frame, const StressOffsets &offsets) const
{
  if (mode_ != "auto") return false;
  const auto known = offsets.find(source_[static_cast<std::size_t>(frame)]);
  return known == offsets.end() || train::is_in_doubt(known->second);
}

/// One that many frames agree on.
bool StressOffsetFit::takes_off(const StressOffset &offset) const
{
  constexpr int min_frames = 8;
  constexpr double min_spreads = 6.0;    // real ones have 11 to 27, errors of fits up to 3
  if (mode_ == "on") return true;
  return energies_tell_pressure_ && offset.num_frames >= min_frames && is_large(offset) &&
         std::abs(offset.found) > min_spreads * offset.spread;
}

void StressOffsetFit::update(const std::vector<double> &errors, StressOffsets &offsets) const
{
  for (const auto &[source, frames] : of_) {
    std::vector<double> own;
    for (const std::size_t f : frames) own.push_back(errors[f]);
    StressOffset offset;
    offset.found = median(own);
    offset.spread = robust_spread(own);
    offset.volume = volume_.at(source);
    offset.num_frames = static_cast<int>(frames.size());
    if (takes_off(offset)) offset.virial = offset.found;
    offsets[source] = offset;
  }
}

void add_stress_offset(const StressOffsets &offsets, const Frame &frame,
                       FramePrediction &prediction)
{
  const auto known = offsets.find(label_source(frame));
  if (known == offsets.end()) return;
  for (std::size_t q = 0; q < 3; ++q)
    prediction.virial[q] += frame.num_atoms() * known->second.virial;
}

std::string text_of(const StressOffsets &offsets)
{
  std::string text;
  for (const auto &[source, offset] : offsets) {
    const double found = pressure(offset.found, offset);
    text += "stress labels" + (source == unnamed ? "" : " of " + source) +
            format(
                ": pressure %.2f GPa %s the potential's at %.2f Angstrom^3/atom (%d frames, "
                "spread %.2f GPa); ",
                std::abs(found), found < 0.0 ? "below" : "above", offset.volume, offset.num_frames,
                pressure(offset.spread, offset));
    if (is_in_doubt(offset))
      text +=
          "this may be an offset or the fit's own error, so that stresses weigh 0.001 at most; "
          "give "
          "more frames at other volumes, or set stress_offset on or off\n";
    else if (offset.virial == 0.0)
      text += "labels are taken as they are\n";
    else
      text += format(
          "%.4f eV/atom are taken off the labelled virials, and the potential's pressure "
          "is without them (Pulay stress)\n",
          offset.virial);
  }
  return text;
}

StressOffsets used_offsets(const StressOffsets &offsets, const std::vector<Frame> &frames)
{
  StressOffsets used;
  for (const Frame &frame : frames) {
    const auto known = offsets.find(label_source(frame));
    if (frame.virial && known != offsets.end() && known->second.virial != 0.0) used.insert(*known);
  }
  return used;
}

std::string to_json(const StressOffsets &offsets)
{
  Json json = Json::object();
  for (const auto &[source, offset] : offsets)
    json[source] = {{"virial", offset.virial}, {"pressure", pressure(offset.virial, offset)},
                    {"found", offset.found},   {"spread", offset.spread},
                    {"volume", offset.volume}, {"frames", offset.num_frames}};
  return json.dump();
}

StressOffsets stress_offsets_of_json(const std::string &text)
{
  StressOffsets offsets;
  try {
    const Json json = Json::parse(text);
    for (const auto &[source, entry] : json.items())
      offsets[source] = {entry.at("virial"), entry.at("found"), entry.at("spread"),
                         entry.at("volume"), entry.at("frames")};
  } catch (const Json::exception &e) {
    fail("offsets of the stress labels cannot be read: ", e.what());
  }
  return offsets;
}

StressOffsets stress_offsets_of(const Potential &potential)
{
  const Json provenance = Json::parse(potential.provenance);
  const auto found = provenance.find("stress_offset");
  return found == provenance.end() ? StressOffsets{} : stress_offsets_of_json(found->dump());
}

}    // namespace almlip::train
