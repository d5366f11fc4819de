// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>

#include "almlip/files/extxyz.h"
#include "almlip/query/spool_reader.h"
#include "message_of.h"

using namespace almlip;
using almlip::test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace {

/// Two silicon atoms in a slab whose numbers differ from step to step.
QueryCandidate silicon_at(std::int64_t step)
{
  QueryCandidate candidate;
  candidate.step = step;
  candidate.max_sigma = 0.1 + 1e-3 * step;
  candidate.mean_sigma = candidate.max_sigma / 2;
  candidate.worst_atom = 2;
  Frame &frame = candidate.frame;
  frame.cell = {5.43, 0, 0, 0.1, 5.43, 0, 0, 0.2, 20.0};    // Angstrom
  frame.pbc = {true, true, false};
  frame.atomic_numbers = {14, 14};
  frame.positions = {0.0, 0.0, 1.0 / 3.0, 1.3, 1.3, 1.3 + 1e-3 * step};
  frame.per_atom["sigma"] = {0.05, candidate.max_sigma};
  frame.per_atom["novelty"] = {0.5, 1.5};
  candidate.max_novelty = 1.5;
  frame.per_atom_vectors["predicted_forces"] = {0.1, 0.2, 0.3, -0.1, -0.2, -0.3};
  frame.info["predicted_energy"] = "-9.25";
  return candidate;
}

/// Calls the function in a process of its own.
pid_t start_process(const std::function<void()> &work)
{
  const pid_t process = fork();
  if (process != 0) return process;
  try {
    work();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

int status_of(pid_t process)
{
  int status = 0;
  waitpid(process, &status, 0);
  return status;
}

std::string content_of(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class SpoolTest : public testing::Test {
 protected:
  SpoolTest()
  {
    std::string name = (std::filesystem::temp_directory_path() / "almlip-XXXXXX").string();
    root = mkdtemp(name.data());
    settings.folder = root + "/al.spool";
    settings.run = "r1";
  }
  ~SpoolTest() override { std::filesystem::remove_all(root); }

  /// Adds candidates of the steps first .. last.
  static void add(Spool &spool, int first, int last)
  {
    for (int step = first; step <= last; ++step) spool.add(silicon_at(step), {"window", "abc"});
  }

  std::vector<std::int64_t> steps() const
  {
    std::vector<std::int64_t> result;
    for (const auto &one : read_spools({settings.folder}).candidates)
      result.push_back(one.candidate.step);
    return result;
  }

  std::string first_file() const { return settings.folder + "/0001.extxyz"; }

  std::string root;
  SpoolSettings settings;
};

std::vector<std::int64_t> range(int first, int last)
{
  std::vector<std::int64_t> numbers(last - first + 1);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}    // namespace

TEST_F(SpoolTest, GivesBackWhatWasAdded)
{
  const QueryCandidate added = silicon_at(40);
  Spool(settings).add(added, {"above_hi", "0123456789abcdef", true});

  const SpoolContent content = read_spools({settings.folder});
  ASSERT_EQ(content.candidates.size(), 1u);
  EXPECT_TRUE(content.notes.empty());
  const SpooledCandidate &read = content.candidates[0];
  EXPECT_EQ(read.candidate.step, 40);
  EXPECT_EQ(read.candidate.max_sigma, added.max_sigma);
  EXPECT_EQ(read.candidate.mean_sigma, added.mean_sigma);
  EXPECT_EQ(read.candidate.worst_atom, 2);
  EXPECT_EQ(read.candidate.max_novelty, 1.5);
  EXPECT_EQ(read.note.reason, "above_hi");
  EXPECT_EQ(read.note.potential, "0123456789abcdef");
  EXPECT_TRUE(read.note.keep);
  EXPECT_EQ(read.run, "r1");
  EXPECT_EQ(read.number, 1);
  EXPECT_EQ(read.candidate.frame.source, first_file() + ", candidate 1");
  EXPECT_EQ(read.candidate.frame.cell, added.frame.cell);
  EXPECT_EQ(read.candidate.frame.pbc, added.frame.pbc);
  EXPECT_EQ(read.candidate.frame.positions, added.frame.positions);
  EXPECT_EQ(read.candidate.frame.per_atom, added.frame.per_atom);
  EXPECT_EQ(read.candidate.frame.per_atom_vectors, added.frame.per_atom_vectors);
  EXPECT_EQ(read.candidate.frame.info.at("predicted_energy"), "-9.25");
}

TEST_F(SpoolTest, IsExtendedXyzWithoutLabels)
{
  QueryCandidate candidate = silicon_at(1);
  candidate.frame.energy = -9.0;
  candidate.frame.forces.assign(6, 0.5);
  candidate.frame.virial = Tensor6{1, 2, 3, 4, 5, 6};
  Spool(settings).add(candidate, {"window", "abc"});

  const Frame frame = read_extxyz(first_file()).at(0);
  EXPECT_EQ(frame.positions, candidate.frame.positions);
  EXPECT_FALSE(frame.energy || frame.virial);
  EXPECT_TRUE(frame.forces.empty());
}

TEST_F(SpoolTest, EachOfManyProcessesHasAFileOfItsOwn)
{
  constexpr int count = 24;
  std::vector<pid_t> processes;
  for (int p = 0; p < count; ++p)
    processes.push_back(start_process([&] {
      Spool spool(settings);
      add(spool, 10 * p, 10 * p + 9);
    }));
  for (const pid_t process : processes) EXPECT_EQ(status_of(process), 0);

  EXPECT_EQ(spool_files(settings.folder).size(), count);
  EXPECT_THAT(steps(), testing::UnorderedElementsAreArray(range(0, 10 * count - 1)));
}

TEST_F(SpoolTest, LeavesNoEmptyFile)
{
  {
    const Spool spool(settings);
  }
  EXPECT_FALSE(std::filesystem::exists(settings.folder));
  std::filesystem::create_directory(settings.folder);    // somebody else's stays
  {
    const Spool spool(settings);
  }
  EXPECT_TRUE(spool_files(settings.folder).empty());
}

TEST_F(SpoolTest, CutOffAtAnyByteGivesTheWholeFramesBefore)
{
  std::vector<std::int64_t> ends;
  {
    Spool spool(settings);
    for (int step = 0; step < 3; ++step) {
      add(spool, step, step);
      ends.push_back(static_cast<std::int64_t>(content_of(spool.path()).size()));
    }
  }
  const std::string whole = content_of(first_file());
  for (std::size_t length = ends[0]; length <= whole.size(); ++length) {
    std::filesystem::remove(first_file());    // or the old content is flushed first, slowly
    std::ofstream(first_file(), std::ios::binary) << whole.substr(0, length);
    const SpoolContent content = read_spool(first_file());
    const auto num_whole = std::count_if(ends.begin(), ends.end(), [&](std::int64_t end) {
      return end <= static_cast<std::int64_t>(length);
    });
    EXPECT_EQ(content.candidates.size(), num_whole) << length;
    const std::int64_t end = num_whole > 0 ? ends[num_whole - 1] : 0;
    EXPECT_EQ(content.notes.size(), static_cast<std::int64_t>(length) > end) << length;
  }
}

TEST_F(SpoolTest, DamageInTheMiddleCostsOnlyTheFrameItIsIn)
{
  std::int64_t first_end = 0;
  {
    Spool spool(settings);
    add(spool, 1, 1);
    first_end = static_cast<std::int64_t>(content_of(spool.path()).size());
    add(spool, 2, 3);
  }
  const std::string whole = content_of(first_file());
  for (const std::string &damage :
       {std::string(40, '\0'), std::string("7"), std::string("\n2\n")}) {
    std::string text = whole;
    text.replace(first_end + 100, damage.size(), damage);    // in the comment line of frame 2
    std::ofstream(first_file(), std::ios::binary) << text;
    EXPECT_THAT(steps(), ElementsAre(1, 3));
  }
}

TEST_F(SpoolTest, DamagedHeadCostsOnlyTheFramesItIsIn)
{
  {
    Spool spool(settings);
    add(spool, 1, 3);
  }
  const std::string whole = content_of(first_file());
  const std::string rest = whole.substr(1);    // without the number of atoms
  const std::string zeros = std::string(300, '\0') + whole.substr(300);
  for (const std::string &text : {"-3" + rest, "0" + rest, "99999999999" + rest, "7" + rest, zeros,
                                  std::string(300, 'x') + whole.substr(300)}) {
    std::ofstream(first_file(), std::ios::binary) << text;
    EXPECT_TRUE(is_spool(first_file()));
    EXPECT_THAT(steps(), ElementsAre(2, 3));
    EXPECT_EQ(read_spool(first_file()).notes.size(), 1u);
  }
  std::ofstream(first_file(), std::ios::binary) << "junk\n" << whole;
  EXPECT_TRUE(is_spool(first_file()));
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
}

TEST_F(SpoolTest, NoteTellsWhatWasSkipped)
{
  {
    Spool spool(settings);
    add(spool, 1, 1);
  }
  const std::string whole = content_of(first_file());
  std::ofstream(first_file(), std::ios::binary) << whole << "2\nLattice";

  EXPECT_THAT(
      read_spool(first_file()).notes,
      ElementsAre(first_file() + ": 9 bytes from byte " + std::to_string(whole.size()) +
                  " on are no whole frame and were skipped (its writer was killed, the disk "
                  "was full, it is damaged, or it is being written)"));
}

TEST_F(SpoolTest, KilledWriterLosesNothingThatWasAdded)
{
  constexpr int num_kills = 40;
  void *page = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  auto *num_added = new (page) std::atomic<int>;
  std::mt19937 random(1);
  for (int kill_number = 0; kill_number < num_kills; ++kill_number) {
    settings.folder = root + "/" + std::to_string(kill_number) + ".spool";
    *num_added = 0;
    const pid_t writer = start_process([&] {
      Spool spool(settings);
      for (int step = 1;; ++step) {
        spool.add(silicon_at(step), {"window", "abc"});
        *num_added = step;
      }
    });
    while (*num_added == 0) usleep(100);
    usleep(random() % 20000);
    kill(writer, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status_of(writer)));

    const std::vector<std::int64_t> found = steps();
    EXPECT_GE(static_cast<int>(found.size()), num_added->load());
    EXPECT_EQ(found, range(1, static_cast<int>(found.size())));
  }
  munmap(page, sizeof(std::atomic<int>));
}

TEST_F(SpoolTest, KilledInCompactionsLosesNothingEither)
{
  settings.max_frames = 3;    // nearly every candidate early on leads to a compaction
  std::mt19937 random(2);
  for (int kill_number = 0; kill_number < 30; ++kill_number) {
    settings.folder = root + "/" + std::to_string(kill_number) + ".spool";
    const pid_t writer = start_process([&] {
      while (true) {    // offers begin anew, so that many are taken
        Spool spool(settings);
        add(spool, 1, 30);
      }
    });
    while (!std::filesystem::exists(settings.folder)) usleep(100);
    usleep(random() % 20000);
    kill(writer, SIGKILL);
    status_of(writer);

    for (const std::string &file : spool_files(settings.folder)) {
      const std::size_t held = read_spool(file).candidates.size();
      EXPECT_TRUE(held == 3 || file == spool_files(settings.folder).back()) << file;
    }
  }
}

TEST_F(SpoolTest, FullDiskIsAnErrorThatSaysWhatIsLost)
{
  std::string message;
  std::size_t held_then = 0;
  const pid_t process = start_process([&] {
    signal(SIGXFSZ, SIG_IGN);
    Spool spool(settings);
    add(spool, 1, 2);
    rlimit limit{content_of(spool.path()).size() + 100, RLIM_INFINITY};    // into the next frame
    setrlimit(RLIMIT_FSIZE, &limit);
    message = message_of([&] { add(spool, 3, 3); });
    held_then = read_spool(spool.path()).candidates.size();
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    add(spool, 4, 4);
    if (held_then != 2 ||
        message !=
            first_file() +
                ": the candidate of step 3 cannot be written and is lost: File too large; the "
                "2 candidates before it are whole. Make room, or give the spool a lower limit")
      _exit(2);
  });

  EXPECT_EQ(status_of(process), 0);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 4));
  EXPECT_TRUE(read_spool(first_file()).notes.empty());
}

TEST_F(SpoolTest, IsBegunAnewWhereSomebodyHasTakenItAway)
{
  settings.max_frames = 4;
  Spool spool(settings);
  add(spool, 1, 4);
  std::filesystem::rename(settings.folder, root + "/moved");
  add(spool, 5, 8);

  EXPECT_EQ(steps(), range(5, 8));
  EXPECT_EQ(read_spools({root + "/moved"}).candidates.size(), 4);
  const std::vector<std::string> notes = spool.take_notes();
  ASSERT_EQ(notes.size(), 1);
  EXPECT_THAT(notes[0], HasSubstr("0001.extxyz: is not there any more, with 4 candidates; those "
                                  "from now on are in " +
                                  first_file()));
}

TEST_F(SpoolTest, LeavesAFileOfAnotherAlone)
{
  {
    Spool spool(settings);
    std::filesystem::remove_all(settings.folder);
    std::filesystem::create_directory(settings.folder);
    std::ofstream(first_file()) << "of another";
  }
  EXPECT_EQ(content_of(first_file()), "of another");
}

TEST_F(SpoolTest, BeyondItsLimitIsAUniformSample)
{
  constexpr int runs = 200, capacity = 4, seen = 16;
  settings.max_frames = capacity;
  std::vector<int> times_held(seen + 1, 0);
  for (int run = 0; run < runs; ++run) {
    settings.folder = root + "/" + std::to_string(run) + ".spool";
    settings.seed = 1000 * run;
    {
      Spool spool(settings);
      add(spool, 1, seen);
    }
    const std::vector<std::int64_t> held = steps();
    EXPECT_EQ(held.size(), capacity);
    for (const std::int64_t step : held) ++times_held[step];
  }

  for (int step = 1; step <= seen; ++step)
    EXPECT_NEAR(times_held[step], runs * 0.25,
                5 * std::sqrt(runs * 0.25 * 0.75));    // 5 deviations
}

TEST_F(SpoolTest, FollowsTheSeed)
{
  settings.max_frames = 5;
  std::vector<std::vector<std::int64_t>> samples;
  for (const int seed : {1, 1, 2}) {
    settings.seed = seed;
    settings.folder = root + "/" + std::to_string(samples.size()) + ".spool";
    {
      Spool spool(settings);
      add(spool, 1, 60);
    }
    samples.push_back(steps());
  }
  EXPECT_EQ(samples[0], samples[1]);
  EXPECT_NE(samples[0], samples[2]);
}

TEST_F(SpoolTest, ARunThatGoesOnFromBeforeItsFirstCandidateHasNoneTwice)
{
  const auto killed = start_process([&] {
    Spool spool(settings);
    std::ofstream(root + "/state") << spool.save();
    add(spool, 1, 5);
    raise(SIGKILL);
  });
  waitpid(killed, nullptr, 0);
  std::ifstream file(root + "/state");
  const std::string state{std::istreambuf_iterator<char>(file), {}};
  {
    Spool spool(settings, state);
    add(spool, 1, 3);
    EXPECT_THAT(spool.take_notes(), ElementsAre(HasSubstr("5 candidates from after the restart "
                                                          "point are now in")));
  }
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
  std::vector<std::int64_t> cut;    // not lost: the run that goes on may be another one
  for (const auto &one : read_spools({first_file() + ".cut1"}).candidates)
    cut.push_back(one.candidate.step);
  EXPECT_THAT(cut, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(SpoolTest, NobodyMissesTheFileOfARunWithoutCandidates)
{
  std::string state;
  {
    Spool spool(settings);
    state = spool.save();
  }
  EXPECT_FALSE(std::filesystem::exists(settings.folder));    // neither file nor folder
  Spool spool(settings, state);
  EXPECT_TRUE(spool.take_notes().empty());
}

TEST_F(SpoolTest, TemporaryFilesOfOthersTakeNoNumber)
{
  std::filesystem::create_directory(settings.folder);
  std::ofstream(settings.folder + "/0007.extxyz.Ab12Cd") << "\n";
  Spool(settings).add(silicon_at(40), {"window", "0123456789abcdef", false});

  EXPECT_TRUE(std::filesystem::exists(settings.folder + "/0001.extxyz"));
}

TEST_F(SpoolTest, CandidatesToKeepAreNeverReplaced)
{
  settings.max_frames = 6;
  {
    Spool spool(settings);
    for (int step = 1; step <= 60; ++step)
      spool.add(silicon_at(step), {"window", "abc", step % 20 == 0});
    EXPECT_EQ(spool.num_held(), 6 + 3);
    EXPECT_EQ(spool.num_offered(), 60);
  }
  std::vector<std::int64_t> kept;
  for (const SpooledCandidate &one : read_spools({settings.folder}).candidates)
    if (one.note.keep) kept.push_back(one.candidate.step);
  EXPECT_THAT(kept, ElementsAre(20, 40, 60));
}

TEST_F(SpoolTest, CandidatesToKeepAreBoundedToo)
{
  settings.max_frames = 4;
  {
    Spool spool(settings);
    for (int step = 1; step <= 60; ++step) spool.add(silicon_at(step), {"above_hi", "abc", true});
    EXPECT_EQ(spool.num_held(), 4 + 4 / 2);
  }
  const std::vector<std::int64_t> held = steps();
  EXPECT_EQ(std::vector<std::int64_t>(held.begin(), held.begin() + 2),
            (std::vector<std::int64_t>{1, 2}));

  settings.max_frames = 10000;
  settings.max_megabytes = 0.01;
  Spool spool(settings);
  for (int step = 1; step <= 200; ++step) spool.add(silicon_at(step), {"above_hi", "abc", true});
  EXPECT_LE(std::filesystem::file_size(spool.path()), 1.5 * 0.01e6 + 1000.0);    // and a frame
}

TEST_F(SpoolTest, FileNeverExceedsTheLimitOfMegabytes)
{
  settings.max_megabytes = 0.01;
  Spool spool(settings);
  for (int step = 1; step <= 300; ++step) {
    QueryCandidate candidate = silicon_at(step);
    candidate.frame.info["comment"] = std::string(step % 7 * 100, 'x');    // frames differ in size
    spool.add(candidate, {"window", "abc"});
    EXPECT_LE(std::filesystem::file_size(spool.path()), 10000u);
    EXPECT_EQ(static_cast<int>(steps().size()), spool.num_held());
  }
  EXPECT_GE(spool.num_held(), 4);    // of at most 1200 bytes, in half of the limit
}

TEST_F(SpoolTest, NoMoreThanHalfOfTheFileIsReplacedOnes)
{
  settings.max_frames = 4;
  Spool spool(settings);
  for (int step = 1; step <= 200; ++step) {
    add(spool, step, step);
    std::int64_t held = 0, all = 0;
    SpoolScanner scanner(spool.path());
    const std::vector<std::int64_t> live = steps();
    for (SpoolRecord record; scanner.next(record); all += record.size)
      if (std::count(live.begin(), live.end(), record.number()) > 0) held += record.size;
    EXPECT_EQ(static_cast<int>(live.size()), std::min(step, 4));
    EXPECT_LE(all, 2 * held);
  }
}

TEST_F(SpoolTest, RestartedRunLeavesTheSameFileAsAnUninterruptedOne)
{
  const auto after_restart = [&](int restart, int killed, int last) {
    settings.folder = root + "/" + std::to_string(restart) + ".spool";
    std::string state;
    {
      Spool spool(settings);
      add(spool, 1, restart);
      state = spool.save();
      add(spool, restart + 1, killed);
    }
    Spool spool(settings, state);
    EXPECT_EQ(spool.take_notes().empty(), killed == restart);    // else some are cut off
    add(spool, restart + 1, last);
    EXPECT_EQ(spool_files(settings.folder).size(), 1u);
    return content_of(spool.path());
  };
  EXPECT_EQ(after_restart(7, 13, 20), after_restart(20, 20, 20));    // all held
  settings.max_frames = 12;
  EXPECT_EQ(after_restart(14, 16, 25), after_restart(25, 25, 25));    // some replaced
}

TEST_F(SpoolTest, RestartBeforeACompactionLeavesTheSameCandidates)
{
  settings.max_frames = 3;
  std::string state;
  {
    Spool spool(settings);
    add(spool, 1, 6);
    state = spool.save();
    add(spool, 7, 60);
  }
  {
    Spool spool(settings, state);
    EXPECT_THAT(spool.take_notes(),
                ElementsAre(HasSubstr("candidates from after the restart point are now in"),
                            HasSubstr("were replaced after the restart point")));
    add(spool, 7, 100);
  }
  const std::vector<std::int64_t> restarted = steps();
  settings.folder = root + "/uninterrupted.spool";
  {
    Spool spool(settings);
    add(spool, 1, 100);
  }
  EXPECT_EQ(restarted, steps());
}

TEST_F(SpoolTest, RestartOverADamagedFileSaysWhatIsLost)
{
  std::string state;
  {
    Spool spool(settings);
    add(spool, 1, 6);
    state = spool.save();
    add(spool, 7, 9);
  }
  const std::string whole = content_of(first_file());
  std::ofstream(first_file(), std::ios::binary) << whole.substr(0, whole.size() / 2);
  {
    Spool spool(settings, state);
    EXPECT_THAT(spool.take_notes(),
                ElementsAre(first_file() + ": 2 candidates of the restart point are lost: the file "
                                           "was cut off or damaged since; the run goes on without "
                                           "them"));
    EXPECT_EQ(spool.num_held(), 4);
    add(spool, 7, 8);
  }
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 7, 8));
}

TEST_F(SpoolTest, RestartLeavesAFileAloneThatAnotherProcessHas)
{
  Spool spool(settings);
  add(spool, 1, 2);
  const std::string state = spool.save();
  add(spool, 3, 3);
  Spool second(settings, state);    // such as a replica from the same restart file

  EXPECT_EQ(second.path(), settings.folder + "/0002.extxyz");
  EXPECT_THAT(second.take_notes(),
              ElementsAre(StartsWith(first_file() + ": is not there, or another run")));
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
}

TEST_F(SpoolTest, RestartLeavesAFileOfAnotherRunAlone)
{
  std::string state;
  {
    Spool spool(settings);
    add(spool, 1, 2);
    state = spool.save();
  }
  settings.folder = root + "/other.spool";
  settings.run = "r2";
  {
    Spool spool(settings);
    add(spool, 5, 9);
  }

  {
    Spool spool(settings, state);
    add(spool, 3, 3);
  }
  EXPECT_THAT(steps(), ElementsAre(5, 6, 7, 8, 9, 3));
}

TEST_F(SpoolTest, LowerLimitOfARestartHolds)
{
  std::string state;
  {
    Spool spool(settings);
    add(spool, 1, 10);
    state = spool.save();
  }
  settings.max_frames = 4;
  {
    Spool spool(settings, state);
  }
  EXPECT_EQ(steps().size(), 4u);
}

TEST_F(SpoolTest, ErrorsSayWhatIsWrong)
{
  std::ofstream(root + "/file") << "x";
  SpoolSettings wrong = settings;
  wrong.folder = root + "/file";
  EXPECT_EQ(message_of([&] { Spool spool(wrong); }),
            root + "/file: the folder of the spool cannot be made: File exists");
  wrong = settings;
  wrong.max_frames = 0;
  EXPECT_EQ(message_of([&] { Spool spool(wrong); }),
            settings.folder + ": the spool is limited to 0 frames, but it must be at least 1");
  EXPECT_EQ(message_of([&] { Spool spool(settings, "{}"); }),
            "the state of a spool in the restart file is damaged; start without it");
}
