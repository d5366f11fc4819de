// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/spool.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "almlip/error.h"
#include "almlip/query/spool_format.h"
#include "almlip/query/spool_reader.h"
#include "almlip/random.h"
#include "almlip/text.h"

namespace almlip {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr double bytes_per_megabyte = 1e6;
constexpr const char *state_format = "almlip spool state";
constexpr int state_version = 1;
constexpr const char *damaged_state =
    "the state of a spool in the restart file is damaged; start without it";

/// A letter first, so that no reader takes it for a number.
std::string random_name()
{
  std::random_device device;
  return format("r%08x%08x", device(), device());
}

void check(const SpoolSettings &settings)
{
  require(settings.max_frames >= 1, settings.folder, ": the spool is limited to ",
          settings.max_frames, " frames, but it must be at least 1");
  require(settings.max_megabytes > 0.0, settings.folder, ": the spool is limited to ",
          settings.max_megabytes, " MB, but it must be more than 0");
}

/// Largest number of NNNN.extxyz in the folder; 0 if there is none. Temporary files of others do
/// not count.
int last_number(const std::string &folder)
{
  int last = 0;
  for (const std::string &file : spool_files(folder))
    last = std::max(last, std::atoi(std::filesystem::path(file).filename().c_str()));
  return last;
}

AppendFile new_file_in(const std::string &folder, bool &made)
{
  std::error_code problem;
  made = std::filesystem::create_directory(folder, problem) || made;
  require(!problem, folder, ": the folder of the spool cannot be made: ", problem.message());
  for (int number = last_number(folder) + 1;; ++number)
    if (auto file = AppendFile::create(folder + format("/%04d.extxyz", number)))
      return std::move(*file);
}

/// Makes the folder if there is none, and says so.
AppendFile new_file(const std::string &folder, bool &made)
{
  for (int attempt = 1;; ++attempt) try {
      return new_file_in(folder, made);
    } catch (const Error &) {
      constexpr int most = 10;    // another process that has no candidate may just remove it
      if (attempt == most || std::filesystem::exists(folder)) throw;
    }
}

/// The candidate as the spool has it.
Frame spool_frame(const QueryCandidate &candidate, const SpoolNote &note, const std::string &run)
{
  Frame frame = candidate.frame;
  frame.energy.reset();
  frame.virial.reset();
  frame.forces.clear();
  auto &info = frame.info;
  info["step"] = std::to_string(candidate.step);
  info["max_sigma"] = shortest_text(candidate.max_sigma);
  info["mean_sigma"] = shortest_text(candidate.mean_sigma);
  info["max_novelty"] = shortest_text(candidate.max_novelty);
  info["worst_atom"] = std::to_string(candidate.worst_atom);
  info["reason"] = note.reason;
  info["run"] = run;
  info["potential"] = note.potential;
  if (note.keep) info["kept"] = "T";
  return frame;
}

template <class Entries>
std::int64_t bytes_of(const Entries &entries)
{
  std::int64_t bytes = 0;
  for (const auto &entry : entries) bytes += entry.size;
  return bytes;
}

template <class Entries>
std::vector<std::int64_t> numbers_of(const Entries &entries)
{
  std::vector<std::int64_t> numbers;
  for (const auto &entry : entries) numbers.push_back(entry.number);
  return numbers;
}

}    // namespace

/// What a restart file holds of a spool.
struct Spool::State {
  std::string file, run;
  std::int64_t offered = 0, drawn = 0;
  int capacity = 0;
  std::vector<std::int64_t> sample, kept;    ///< numbers of candidates
};

Spool::State Spool::parse(const std::string &text)
{
  const Json json = Json::parse(text, nullptr, false);
  require(json.is_object() && json.value("format", "") == state_format, damaged_state);
  require(json.value("format_version", 0) == state_version, "the state of a spool has version ",
          json.value("format_version", 0), ", but this program reads ", state_version);
  try {
    return {json.at("file"),     json.at("run"),    json.at("offered"), json.at("drawn"),
            json.at("capacity"), json.at("sample"), json.at("kept")};
  } catch (const Json::exception &) {
    fail(damaged_state);
  }
}

Spool::Spool(const SpoolSettings &settings) : Spool(settings, "") {}

Spool::Spool(const SpoolSettings &settings, const std::string &state)
    : settings_((check(settings), settings)),
      capacity_(settings.max_frames),
      file_(claim_file(state)),
      last_sync_(Clock::now())
{
  shrink();
}

Spool::~Spool()
{
  try {
    file_.size() == 0 ? file_.remove() : file_.sync();
    std::error_code not_empty;
    if (has_made_folder_) std::filesystem::remove(settings_.folder, not_empty);
  } catch (const Error &) {
    // nobody is left to be told; what the kernel has got stays
  }
}

/// As many as come on top of the limits.
bool Spool::has_room_for_kept() const
{
  const double megabytes = static_cast<double>(bytes_of(kept_)) / bytes_per_megabyte;
  return static_cast<int>(kept_.size()) < std::max(1, settings_.max_frames / 2) &&
         megabytes < settings_.max_megabytes / 4.0;    // what is held is half of the file
}

bool Spool::add(const QueryCandidate &candidate, SpoolNote note)
{
  begin_anew_if_gone();
  ++num_offered_;
  note.keep = note.keep && has_room_for_kept();
  Frame frame = spool_frame(candidate, note, settings_.run);
  frame.info["candidate"] = std::to_string(num_offered_);
  std::vector<int> places;
  if (!note.keep && !make_room(frame, places)) return false;

  std::vector<std::string> replaced;
  for (const int place : places) replaced.push_back(std::to_string(sample_[place].number));
  if (!replaced.empty()) frame.info["replaces"] = joined(replaced, " ");
  const Entry entry = write(to_spool_text(frame), candidate.step);
  if (note.keep)
    kept_.push_back(entry);
  else
    put(entry, std::move(places));
  sync_if_due();
  compact_if_due();
  return true;
}

/// The sample is then that of what comes from now on.
void Spool::begin_anew_if_gone()
{
  if (file_.is_there()) return;
  AppendFile file = new_file(settings_.folder, has_made_folder_);
  notes_.push_back(path() + ": is not there any more, with " + std::to_string(num_held()) +
                   " candidates; those from now on are in " + file.path());
  file_ = std::move(file);
  sample_.clear();
  kept_.clear();
  num_drawn_ = compact_above_ = 0;
  capacity_ = settings_.max_frames;
}

/// Draws which candidates of the sample the frame replaces, none while there is room; false if it
/// is itself the one that is dropped.
bool Spool::make_room(const Frame &frame, std::vector<int> &places)
{
  Random random(settings_.seed + static_cast<std::uint64_t>(++num_drawn_));
  const auto draw = [&] {
    const std::uint64_t place = random.below(num_drawn_);
    if (place < sample_.size()) places.push_back(static_cast<int>(place));
    return place < sample_.size();
  };
  if (is_full() && !draw()) return false;

  const auto most = static_cast<std::int64_t>(settings_.max_megabytes * bytes_per_megabyte / 2.0);
  std::int64_t bytes = bytes_of(sample_) + static_cast<std::int64_t>(to_spool_text(frame).size());
  if (!places.empty()) bytes -= sample_[places[0]].size;
  if (bytes > most && !is_full() && !sample_.empty()) {
    capacity_ = static_cast<int>(sample_.size());
    if (!draw()) return false;
    bytes -= sample_[places[0]].size;
  }
  while (bytes > most && places.size() < sample_.size()) {
    const int place = static_cast<int>(random.below(sample_.size()));
    if (std::find(places.begin(), places.end(), place) != places.end()) continue;
    places.push_back(place);
    bytes -= sample_[place].size;
    --capacity_;
  }
  return true;
}

/// Drops candidates if the limit of frames is lower than before the restart.
void Spool::shrink()
{
  if (static_cast<int>(sample_.size()) <= capacity_) return;
  Random random(settings_.seed + static_cast<std::uint64_t>(num_drawn_));
  while (static_cast<int>(sample_.size()) > capacity_)
    sample_.erase(sample_.begin() + static_cast<std::ptrdiff_t>(random.below(sample_.size())));
  compact();
}

/// The candidate takes the first of these places, the others become empty.
void Spool::put(const Entry &entry, std::vector<int> places)
{
  if (places.empty()) {
    sample_.push_back(entry);
    return;
  }
  sample_[places[0]] = entry;
  std::sort(places.begin() + 1, places.end(), std::greater<>());
  for (std::size_t k = 1; k < places.size(); ++k) sample_.erase(sample_.begin() + places[k]);
}

Spool::Entry Spool::write(const std::string &text, std::int64_t step)
{
  const int problem = file_.append(text);
  if (problem != 0)
    fail(path(), ": the candidate of step ", step,
         " cannot be written and is lost: ", std::strerror(problem), "; the ", num_held(),
         " candidates before it are whole. Make room, or give the spool a lower limit");
  const auto size = static_cast<std::int64_t>(text.size());
  return {num_offered_, file_.size() - size, size};
}

void Spool::sync_if_due()
{
  const auto now = Clock::now();
  if (std::chrono::duration<double>(now - last_sync_).count() < settings_.sync_seconds) return;
  file_.sync();
  last_sync_ = now;
}

void Spool::compact_if_due()
{
  const std::int64_t held = bytes_of(sample_) + bytes_of(kept_);
  if (file_.size() <= std::max(2 * held, compact_above_)) return;
  try {
    compact();
  } catch (const Error &error) {
    compact_above_ = file_.size() + file_.size() / 2;
    notes_.push_back(std::string(error.what()) + "; the spool keeps replaced candidates for now");
  }
}

/// Writes what is held to a new file, which then takes the place of this one.
void Spool::compact()
{
  const std::string name = path() + ".compact";
  std::remove(name.c_str());    // of a run that was killed
  std::optional<AppendFile> copy = AppendFile::create(name);
  require(copy.has_value(), name, ": there is such a file again and again");
  std::map<std::int64_t, Entry *> order;
  for (std::vector<Entry> *entries : {&sample_, &kept_})
    for (Entry &entry : *entries)
      if (entry.size > 0) order[entry.number] = &entry;
  try {
    for (const auto &[number, entry] : order) {
      const int problem = copy->append(file_.read(entry->offset, entry->size));
      require(problem == 0, name, ": cannot be written: ", std::strerror(problem));
    }
    copy->sync();
    copy->replace(file_);
  } catch (const Error &) {
    copy->remove();
    throw;
  }
  file_ = std::move(*copy);
  std::int64_t offset = 0;
  for (const auto &[number, entry] : order) {
    entry->offset = offset;
    offset += entry->size;
  }
}

std::string Spool::save()
{
  if (file_.size() > 0) file_.sync();
  Json state;
  state["format"] = state_format;
  state["format_version"] = state_version;
  state["file"] = path().substr(path().rfind('/') + 1);
  state["run"] = settings_.run;
  state["offered"] = num_offered_;
  state["drawn"] = num_drawn_;
  state["capacity"] = capacity_;
  state["sample"] = numbers_of(sample_);
  state["kept"] = numbers_of(kept_);
  return state.dump();
}

/// A new file, or the one that a state tells of.
AppendFile Spool::claim_file(const std::string &state)
{
  if (settings_.run.empty()) settings_.run = random_name();
  if (!state.empty()) {
    const State parsed = parse(state);
    const std::string path = settings_.folder + "/" + parsed.file;
    std::optional<AppendFile> file = AppendFile::claim(path);
    if (file && restore(*file, parsed)) return std::move(*file);
    if (parsed.offered > 0)    // else nothing is missing
      notes_.push_back(path +
                       ": is not there, or another run or process has it; a new file is begun");
  }
  return new_file(settings_.folder, has_made_folder_);
}

/// Sets what was added after a restart point aside: the run that goes on may be another one.
void Spool::cut_off(AppendFile &file, std::int64_t end, int num_later)
{
  if (num_later > 0) {
    std::optional<AppendFile> cut;
    for (int n = 1; !cut; ++n) cut = AppendFile::create(file.path() + ".cut" + std::to_string(n));
    const int problem = cut->append(file.read(end, file.size() - end));
    require(problem == 0, cut->path(), ": cannot be written: ", std::strerror(problem));
    cut->sync();
    notes_.push_back(file.path() + ": " + std::to_string(num_later) +
                     " candidates from after the restart point are now in " + cut->path() +
                     "; the same run would find them again");
  }
  file.truncate(end);
}

/// Takes over the state and cuts off what was added later; false if the file is of another run.
bool Spool::restore(AppendFile &file, const State &state)
{
  std::map<std::int64_t, Entry> in_file;
  std::int64_t end = 0;
  int num_later = 0;
  bool any_replaced = false;    // after the restart point
  SpoolScanner scanner(file.path());
  for (SpoolRecord record; scanner.next(record);) {
    if (record.keys["run"] != state.run) return false;
    if (record.number() > state.offered) {
      ++num_later;
      any_replaced = any_replaced || record.keys.count("replaces") > 0;
      continue;
    }
    end = record.offset + record.size;
    in_file[record.number()] = {record.number(), record.offset, record.size};
  }
  cut_off(file, end, num_later);

  settings_.run = state.run;
  num_offered_ = state.offered;
  num_drawn_ = state.drawn;
  sample_ = found_again(state.sample, in_file);
  kept_ = found_again(state.kept, in_file);
  const bool full = static_cast<int>(sample_.size()) >= state.capacity;
  capacity_ = full ? std::min(state.capacity, settings_.max_frames) : settings_.max_frames;
  tell_gone(file.path(), any_replaced);
  return true;
}

/// Those that were replaced keep their places in the sample: the same run replaces them again.
void Spool::tell_gone(const std::string &path, bool any_replaced)
{
  const auto is_gone = [](const Entry &entry) { return entry.size == 0; };
  auto num_gone = std::count_if(sample_.begin(), sample_.end(), is_gone);
  if (!any_replaced) {
    num_gone += std::count_if(kept_.begin(), kept_.end(), is_gone);
    sample_.erase(std::remove_if(sample_.begin(), sample_.end(), is_gone), sample_.end());
    kept_.erase(std::remove_if(kept_.begin(), kept_.end(), is_gone), kept_.end());
  }
  if (num_gone == 0) return;
  notes_.push_back(
      path + ": " + std::to_string(num_gone) +
      (any_replaced ? " candidates were replaced after the restart point and are gone; the same "
                      "run would replace them again"
                    : " candidates of the restart point are lost: the file was cut off or damaged "
                      "since; the run goes on without them"));
}

/// Where these candidates are in the file; size 0 for those that are not there any more.
std::vector<Spool::Entry> Spool::found_again(const std::vector<std::int64_t> &numbers,
                                             const std::map<std::int64_t, Entry> &in_file)
{
  std::vector<Entry> entries;
  for (const std::int64_t number : numbers) {
    const auto place = in_file.find(number);
    entries.push_back(place == in_file.end() ? Entry{number} : place->second);
  }
  return entries;
}

}    // namespace almlip
