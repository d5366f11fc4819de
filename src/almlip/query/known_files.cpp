// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/known_files.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "almlip/calculator.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/learned_frames.h"
#include "almlip/query/batch.h"
#include "almlip/query/fingerprint.h"
#include "almlip/query/spool_reader.h"
#include "almlip/text.h"

namespace almlip {
namespace {

namespace fs = std::filesystem;

/// 0 if there is none, or if another process has just claimed it.
std::uintmax_t size_of(const fs::path &path)
{
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

const std::string extension_of_batch = ".extxyz";

/// By its name, which is looked at as text: a folder of batches has thousands of them.
bool has_frames(const std::string &path)
{
  return ends_with(path, extension_of_batch) || ends_with(path, ".xyz") ||
         ends_with(path, ".extxyz.gz") || ends_with(path, ".xyz.gz");
}

/// Files of a folder with frames, in the order of their names.
std::vector<std::string> frame_files(const fs::path &folder)
{
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (has_frames(entry->path().native())) files.push_back(entry->path().native());
  require(!error, folder.string(), ": cannot be read: ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// Hash of the potential of a batch; empty if its manifest is not there or not one.
std::string potential_of(const std::string &manifest)
{
  if (size_of(manifest) == 0) return {};
  const auto json = nlohmann::json::parse(read_text(manifest), nullptr, false);
  const auto potential = json.is_object() ? json.find("potential") : json.end();
  return potential != json.end() && potential->is_string() ? potential->get<std::string>() : "";
}

/// Calls `take` with each frame of a file, in a spool with all that are whole.
/// @return  what was passed over
std::vector<std::string> read_frames(const std::string &file,
                                     const std::function<void(Frame &)> &take)
{
  if (is_spool(file)) {
    SpoolReader spool(file, SpoolReader::Take::all);
    for (SpooledCandidate candidate; spool.next(candidate);) take(candidate.candidate.frame);
    return spool.notes();
  }
  ExtxyzStream stream(file);
  for (Frame frame; stream.next(frame);) take(frame);
  return stream.notes();
}

/// Adds the frame, unless it is known. The potential keeps the atoms of what it has learned.
void take_frame(Calculator &calculator, const Frame &frame, bool learned, double duplicate,
                KnownConfigurations &known, LabelledAtoms &labelled)
{
  const ModelSettings &settings = calculator.potential().settings;
  const FramePrediction prediction = calculator.predict(frame);
  const std::vector<int> element = elements_of(frame, settings);
  const std::vector<double> row = fingerprint(
      prediction.descriptors.data(), element.data(), prediction.sigma.data(), frame.num_atoms(),
      settings.num_descriptors(), static_cast<int>(settings.elements.size()));
  if (known.contains(row, duplicate)) return;
  known.add(row);
  if (learned) return;
  labelled.add(atom_points(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                           frame.num_atoms(), settings.num_descriptors()));
}

}    // namespace

KnownFiles::KnownFiles(std::vector<std::string> paths, std::string prefix)
    : paths_(std::move(paths)), prefix_(std::move(prefix))
{
}

int KnownFiles::read_new(const Potential &potential, const std::string &hash, double duplicate,
                         KnownConfigurations &known, LabelledAtoms &labelled)
{
  int count = 0;
  const std::vector<std::string> files = new_files(hash);
  if (!files.empty()) {
    Calculator calculator(potential);
    const LearnedFrames learned(potential);
    for (const std::string &file : files)
      for (const Frame &frame : new_frames(file)) {
        if (!has_elements(frame, potential.settings)) continue;
        take_frame(calculator, frame, learned.contain(frame), duplicate, known, labelled);
        ++count;
      }
  }
  is_first_time_ = false;
  return count;
}

void KnownFiles::skip_batch(int number)
{
  const std::string file = batch_stem(prefix_, number) + extension_of_batch;
  read_[identity_of(file)] = {size_of(file), std::numeric_limits<int>::max()};
  settled_.insert(file);
}

std::vector<std::string> KnownFiles::take_notes() { return std::exchange(notes_, {}); }

/// The same for all ways to write a name.
const std::string &KnownFiles::identity_of(const std::string &file)
{
  std::string &identity = identities_[file];
  if (identity.empty()) {
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(file, error);
    identity = error ? file : whole.string();
  }
  return identity;
}

bool KnownFiles::is_new(const std::string &file)
{
  const auto read = read_.find(identity_of(file));
  return read == read_.end() || read->second.size != size_of(file);
}

/// Frames beyond those that were read before; all of a file that has become smaller.
std::vector<Frame> KnownFiles::new_frames(const std::string &file)
{
  const std::uintmax_t size = size_of(file);    // what is written from now on is for the next time
  Progress &progress = read_[identity_of(file)];
  if (size < progress.size) progress.num_frames = 0;
  progress.size = size;
  const std::string later = "; it is tried again when the file has changed";
  std::vector<Frame> frames;
  int number = 0;
  const auto take = [&](Frame &frame) {
    if (++number > progress.num_frames) frames.push_back(std::move(frame));
  };
  try {
    for (const std::string &note : read_frames(file, take)) notes_.push_back(note + later);
  } catch (const Error &error) {
    const bool is_named = std::find(paths_.begin(), paths_.end(), file) != paths_.end();
    if (is_first_time_ && is_named && number == 0) throw;
    notes_.push_back(error.what() + later);
  }
  progress.num_frames = std::max(progress.num_frames, number);
  return frames;
}

std::vector<std::string> KnownFiles::new_files(const std::string &hash)
{
  std::vector<std::string> files;
  for (const std::string &path : paths_) {
    const bool exists = fs::exists(path);
    require(exists || !is_first_time_, "known is '", path,
            "', but there is no such file or folder");
    if (!exists)
      notes_.push_back("known is '" + path + "', which is not there any more");
    else if (!fs::is_directory(path))
      files.push_back(path);
    else
      for (const std::string &file : frame_files(path))
        if (size_of(file) > 0) files.push_back(file);
  }
  find_batches(hash, files);
  files.erase(std::remove_if(files.begin(), files.end(),
                             [this](const std::string &file) { return !is_new(file); }),
              files.end());
  return files;
}

/// Batches of the prefix with that potential, or without a whole manifest: whoever wrote these was
/// killed before it had one, or writes it now. One that is settled costs nothing but its name in
/// the list of the folder, however many there are.
void KnownFiles::find_batches(const std::string &hash, std::vector<std::string> &files)
{
  const fs::path folder =
      fs::path(prefix_).has_parent_path() ? fs::path(prefix_).parent_path() : ".";
  if (!fs::is_directory(folder)) return;    // writing there will say so
  const std::string start = (folder / fs::path(prefix_).filename()).string() + ".";
  for (const std::string &file : frame_files(folder)) {
    const std::string extension =
        ends_with(file, ".gz") ? extension_of_batch + ".gz" : extension_of_batch;
    const std::size_t around_number = start.size() + extension.size();
    if (file.size() <= around_number || file.compare(0, start.size(), start) != 0 ||
        !ends_with(file, extension))
      continue;
    const std::string number = file.substr(start.size(), file.size() - around_number);
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stem = prefix_ + "." + number;    // as it is written, for `skip_batch`
    const std::string frames = stem + extension;
    if (settled_.count(frames) > 0) continue;
    const std::string potential = potential_of(stem + ".json");
    if (!potential.empty() && (potential != hash || !is_new(frames))) {
      settled_.insert(frames);
    } else if (potential == hash) {
      files.push_back(frames);
    } else if (size_of(frames) > 0 && is_new(frames)) {
      files.push_back(frames);
      notes_.push_back(frames +
                       " has no whole manifest: its run was killed, or writes it now. Its frames "
                       "are known, as far as they can be read: label them too");
    }
  }
}

}    // namespace almlip
