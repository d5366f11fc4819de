// SPDX-License-Identifier: GPL-2.0-or-later
#include "parallel/ranks.h"

#include <mpi.h>

#include <algorithm>
#include <cstdlib>

#include "almlip/error.h"

namespace almlip {

namespace {

/// True if an MPI launcher (mpirun, srun) started this process.
bool under_launcher()
{
  for (const char *name :
       {"PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "MPI_LOCALRANKID"})
    if (std::getenv(name)) return true;
  return false;
}

int length(const std::vector<double> &numbers) { return static_cast<int>(numbers.size()); }

}    // namespace

Ranks::Ranks()
{
  if (!under_launcher()) return;
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (!initialized) MPI_Init(nullptr, nullptr);
  started_ = !initialized;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

Ranks::~Ranks()
{
  if (started_) MPI_Finalize();
}

void Ranks::sum(std::vector<double> &numbers) const
{
  sum_on_first(numbers);
  broadcast(numbers);
}

void Ranks::sum_on_first(std::vector<double> &numbers) const
{
  if (size_ == 1) return;
  if (first())
    MPI_Reduce(MPI_IN_PLACE, numbers.data(), length(numbers), MPI_DOUBLE, MPI_SUM, 0,
               MPI_COMM_WORLD);
  else
    MPI_Reduce(numbers.data(), nullptr, length(numbers), MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
}

void Ranks::sum_segments(std::vector<double> &numbers, const std::vector<int> &begin) const
{
  if (size_ == 1) return;
  std::vector<int> counts;
  for (int r = 0; r < size_; ++r) counts.push_back(begin[r + 1] - begin[r]);
  std::vector<double> mine(static_cast<std::size_t>(counts[rank_]));
  MPI_Reduce_scatter(numbers.data(), mine.data(), counts.data(), MPI_DOUBLE, MPI_SUM,
                     MPI_COMM_WORLD);
  std::copy(mine.begin(), mine.end(), numbers.begin() + begin[rank_]);
}

void Ranks::share_segments(std::vector<double> &numbers, const std::vector<int> &begin) const
{
  if (size_ == 1) return;
  std::vector<int> counts;
  for (int r = 0; r < size_; ++r) counts.push_back(begin[r + 1] - begin[r]);
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, numbers.data(), counts.data(), begin.data(),
                 MPI_DOUBLE, MPI_COMM_WORLD);
}

std::vector<std::string> Ranks::gather(const std::string &text) const
{
  if (size_ == 1) return {text};
  if (!first()) {
    MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, 0, 0, MPI_COMM_WORLD);
    return {};
  }
  std::vector<std::string> texts{text};
  for (int r = 1; r < size_; ++r) {
    MPI_Status status;
    int size = 0;
    MPI_Probe(r, 0, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_CHAR, &size);
    std::string other(static_cast<std::size_t>(size), ' ');
    MPI_Recv(other.data(), size, MPI_CHAR, r, 0, MPI_COMM_WORLD, &status);
    texts.push_back(std::move(other));
  }
  return texts;
}

void Ranks::broadcast(std::vector<double> &numbers) const
{
  if (size_ > 1) MPI_Bcast(numbers.data(), length(numbers), MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

void Ranks::broadcast(std::string &text) const
{
  if (size_ == 1) return;
  int size = static_cast<int>(text.size());
  MPI_Bcast(&size, 1, MPI_INT, 0, MPI_COMM_WORLD);
  text.resize(static_cast<std::size_t>(size));
  MPI_Bcast(text.data(), size, MPI_CHAR, 0, MPI_COMM_WORLD);
}

void Ranks::agree(const std::function<void()> &work) const
{
  std::string message;
  int failed = size_;    // lowest rank that failed
  try {
    work();
  } catch (const std::exception &e) {
    message = e.what();
    failed = rank_;
  }
  if (size_ > 1) {
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    int size = static_cast<int>(message.size());
    if (failed < size_) {
      MPI_Bcast(&size, 1, MPI_INT, failed, MPI_COMM_WORLD);
      message.resize(static_cast<std::size_t>(size));
      MPI_Bcast(message.data(), size, MPI_CHAR, failed, MPI_COMM_WORLD);
    }
  }
  if (failed == size_) return;
  if (!first()) throw FailedElsewhere();
  throw Error(message);
}

void Ranks::abort() const
{
  if (size_ > 1) MPI_Abort(MPI_COMM_WORLD, 1);
  std::exit(1);
}

}    // namespace almlip
