// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "almlip/files/append_file.h"
#include "almlip/query/buffer.h"

namespace almlip {

/// Where the candidates of a run are kept, and how many.
struct SpoolSettings {
  std::string folder;    ///< PREFIX.spool; made if it does not exist
  std::string run;       ///< what tells this run from all others; empty: drawn at random
  int max_frames = 10000;
  double max_megabytes = 1000.0;    ///< of the file, of which candidates that were replaced since
                                    ///< may be up to a half
  std::uint64_t seed = 12345;
  double sync_seconds = 30.0;    ///< a crash of the machine loses no more than was added in this
                                 ///< time; the end of the process alone loses nothing
};

/// What a spool tells of a candidate beside the candidate itself.
struct SpoolNote {
  std::string reason;       ///< why it is a candidate, such as "window"
  std::string potential;    ///< content hash of the potential that predicted it
  bool keep = false;    ///< stays whatever comes later: above hi, blow-up. Such ones come on top
                        ///< of the limits, up to half of these; then they are like others
};

/// Keeps the candidates of one run on disk, so that no end of the run loses them.
///
/// Each process has a file of its own, FOLDER/NNNN.extxyz, created exclusively. Candidates are
/// appended as whole frames (format: docs/spool.md). Within the limits all are kept; beyond them
/// the file is a random sample, in which every candidate of the run is with the same probability: a
/// new one is dropped or says which ones it replaces. A file more than half of which is replaced is
/// written anew without those. Deterministic for a seed.
/// Source: J. S. Vitter, ACM Trans. Math. Softw. 11, 37 (1985), algorithm R. Where the limit of
/// megabytes is met first, the sample is as large as fits then.
class Spool {
 public:
  /// Claims a new file.
  /// @throws Error if it cannot be created, or a limit is below 1
  explicit Spool(const SpoolSettings &settings);
  /// Goes on where `save` was called: what was added later goes to a file of its own,
  /// FOLDER/NNNN.extxyz.cutN, which `take_notes` says. If the file is not in this
  /// folder or another process has it, a new one is begun, which `take_notes` says.
  /// @throws Error if the state is not one, or as for a new file
  Spool(const SpoolSettings &settings, const std::string &state);
  /// Leaves no empty file behind, nor an empty folder of its own.
  ~Spool();
  Spool(const Spool &) = delete;
  Spool &operator=(const Spool &) = delete;

  /// Writes the candidate, or drops it if the spool is full and the lot says so; returns whether it
  /// was written. If somebody has moved or deleted the file, a new one is begun, which `take_notes`
  /// says. Energy, forces and virial of the frame are not: they are labels.
  /// @throws Error that says which candidate is lost if it cannot be written; those before it are
  /// then as they were, and the next can be tried
  bool add(const QueryCandidate &candidate, SpoolNote note);
  /// Text from which a run can go on, for a restart file; all written so far is on disk then.
  /// @throws Error if the disk fails
  std::string save();

  const std::string &path() const { return file_.path(); }
  /// Whether nobody has moved or deleted the file.
  bool is_there() const { return file_.is_there(); }
  const std::string &run() const { return settings_.run; }
  /// Candidates that were offered, and those that a reader finds.
  std::int64_t num_offered() const { return num_offered_; }
  int num_held() const { return static_cast<int>(sample_.size() + kept_.size()); }
  /// What somebody should know, since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  /// A candidate in the file.
  struct Entry {
    std::int64_t number = 0;    ///< counts what was offered, from 1
    std::int64_t offset = -1, size = 0;
  };

  struct State;
  static State parse(const std::string &state);
  AppendFile claim_file(const std::string &state);
  bool restore(AppendFile &file, const State &state);
  void cut_off(AppendFile &file, std::int64_t end, int num_later);
  void tell_gone(const std::string &path, bool any_replaced);
  static std::vector<Entry> found_again(const std::vector<std::int64_t> &numbers,
                                        const std::map<std::int64_t, Entry> &in_file);
  void begin_anew_if_gone();
  bool has_room_for_kept() const;
  void shrink();
  bool is_full() const { return static_cast<int>(sample_.size()) >= capacity_; }
  bool make_room(const Frame &frame, std::vector<int> &places);
  void put(const Entry &entry, std::vector<int> places);
  Entry write(const std::string &text, std::int64_t step);
  void sync_if_due();
  void compact_if_due();
  void compact();

  SpoolSettings settings_;
  std::vector<std::string> notes_;
  bool has_made_folder_ = false;
  std::int64_t num_offered_ = 0, num_drawn_ = 0;    ///< all; without those to keep
  int capacity_ = 0;                                ///< of the sample
  std::vector<Entry> sample_, kept_;
  std::int64_t compact_above_ = 0;    ///< size of the file after a compaction that failed
  AppendFile file_;
  std::chrono::steady_clock::time_point last_sync_;
};

}    // namespace almlip
