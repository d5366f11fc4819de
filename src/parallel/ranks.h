// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace almlip {

/// Thrown on the other ranks when the first one reports the error of all.
class FailedElsewhere : public std::runtime_error {
 public:
  FailedElsewhere() : std::runtime_error("another rank reports the error") {}
};

/// The processes that work on one fit. MPI is started only if an MPI launcher started this process,
/// and is ended with this object.
class Ranks {
 public:
  Ranks();
  /// This process alone, whatever launched it, for work that ranks do apart from each other.
  struct Alone {};
  explicit Ranks(Alone) {}
  ~Ranks();
  Ranks(const Ranks &) = delete;
  Ranks &operator=(const Ranks &) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }

  /// Sums entry by entry; all ranks get the same numbers to the last bit.
  void sum(std::vector<double> &numbers) const;
  /// As `sum`, but only the first rank gets the result; the others keep what they had.
  void sum_on_first(std::vector<double> &numbers) const;
  /// Sums entry by entry; rank r gets the sums of its segment and the others' stay unspecified.
  /// @param begin  first entry of every segment and the number of entries, shape [size + 1]
  void sum_segments(std::vector<double> &numbers, const std::vector<int> &begin) const;
  /// All ranks get every rank's own segment.
  void share_segments(std::vector<double> &numbers, const std::vector<int> &begin) const;
  /// The texts of all ranks on the first one, by rank; the others get nothing.
  std::vector<std::string> gather(const std::string &text) const;
  /// All ranks get what the first one has. Lengths must agree.
  void broadcast(std::vector<double> &numbers) const;
  void broadcast(std::string &text) const;

  /// Runs work that may fail, without communication inside; if it fails on any rank, all ranks
  /// leave.
  /// @throws Error on the first rank, with the message of the lowest rank that failed;
  ///               FailedElsewhere on the others
  void agree(const std::function<void()> &work) const;

  /// Ends all processes after an error that only this rank knows of.
  [[noreturn]] void abort() const;

 private:
  int rank_ = 0, size_ = 1;
  bool started_ = false;
};

}    // namespace almlip
