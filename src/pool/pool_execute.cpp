// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_execute.h"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>
#include <sstream>

#include "almlip/error.h"
#include "pool/pool_descriptors.h"
#include "pool/pool_progress.h"
#include "pool/pool_read.h"
#include "pool/pool_store.h"

namespace almlip::pool {

namespace {

std::string note_of(const std::string &file, const Pool &pool, std::size_t num_read)
{
  return std::filesystem::path(file).filename().string() + ": " +
         std::to_string(pool.entries.size()) + " of " + std::to_string(num_read) +
         " entries are used; left out: " + pool.dropped_text();
}

std::size_t num_rows(const Pool &pool)
{
  std::size_t count = pool.entries.size();
  for (const auto &[reason, number] : pool.dropped) count += static_cast<std::size_t>(number);
  return count;
}

/// Leaves out entries that belong to none of the systems.
void keep_systems(const std::vector<std::string> &systems, Pool &pool)
{
  std::vector<bool> used(pool.entries.size(), false);
  for (const std::string &system : systems)
    for (int i : entries_of_system(pool.entries, system)) used[i] = true;
  std::vector<PoolEntry> kept;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i])
      kept.push_back(std::move(pool.entries[i]));
    else
      ++pool.dropped["of none of the systems"];
  }
  pool.entries = std::move(kept);
}

Pool read_filtered(const std::string &file, const std::vector<std::string> &systems,
                   const PoolFilter &filter, std::vector<std::string> &notes)
{
  Pool pool = read_pool(file);
  const std::size_t rows = num_rows(pool);
  keep_systems(systems, pool);
  if (!pool.entries.empty()) apply(filter, pool, file);
  notes.push_back(note_of(file, pool, rows));
  return pool;
}

/// Filter of the sources, with structures if a descriptor of the study needs them.
PoolFilter source_filter(const PoolStudy &study)
{
  PoolFilter filter = study.filter;
  for (const PoolProtocol &p : study.series)
    filter.structures = filter.structures || PoolDescriptor(p.descriptor).needs_structure();
  return filter;
}

std::vector<double> energies_of(const std::vector<PoolEntry> &entries)
{
  std::vector<double> result;
  for (const PoolEntry &entry : entries) result.push_back(entry.formation_energy);
  return result;
}

/// What makes two pools different, as text.
std::string digest(const StudyData &data)
{
  std::ostringstream text;
  text.precision(12);
  const auto add = [&](const std::vector<PoolEntry> &entries) {
    double sum = 0.0;
    for (std::size_t i = 0; i < entries.size(); ++i)
      sum += double(i % 1009 + 1) * entries[i].formation_energy;
    text << ' ' << entries.size() << ' ' << sum;
  };
  add(data.entries);
  for (const std::vector<PoolEntry> &target : data.targets) add(target);
  return text.str();
}

/// Descriptors of all entries, computed when they are asked for first.
class DescriptorCache {
 public:
  explicit DescriptorCache(const StudyData &data)
      : data_(data), energies_(energies_of(data.entries))
  {
    for (const std::vector<PoolEntry> &target : data.targets)
      target_energies_.push_back(energies_of(target));
  }

  RunData of(const std::string &name)
  {
    auto found = rows_.find(name);
    if (found == rows_.end()) {
      const PoolDescriptor descriptor(name);
      std::vector<Rows> all = {descriptor(data_.entries)};
      for (const std::vector<PoolEntry> &target : data_.targets) all.push_back(descriptor(target));
      found = rows_.emplace(name, std::move(all)).first;
    }
    RunData run{found->second[0], energies_, {}, {}};
    for (std::size_t t = 0; t < data_.targets.size(); ++t) {
      run.target_descriptors.push_back(&found->second[t + 1]);
      run.target_energies.push_back(&target_energies_[t]);
    }
    return run;
  }

 private:
  const StudyData &data_;
  std::vector<double> energies_;
  std::vector<std::vector<double>> target_energies_;
  std::map<std::string, std::vector<Rows>> rows_;
};

struct Task {
  int system, seed;
};

/// The runs of a study and where they are kept.
class Worker {
 public:
  Worker(const PoolStudy &study, const StudyData &data, const std::string &folder)
      : study_(study),
        data_(data),
        store_((std::filesystem::path(folder) / "runs").string()),
        descriptors_(data)
  {
    const std::string data_text = digest(data);
    for (const PoolProtocol &p : study.series)
      settings_.push_back(shaping_text(study, p) + data_text);
  }

  std::optional<PoolRun> finished(const Task &task, int series) const
  {
    return store_.read(study_.systems[task.system], study_.series[series].name, task.seed,
                       settings_[series]);
  }

  void run(const Task &task, int series)
  {
    const PoolProtocol &protocol = study_.series[series];
    const PoolSplit split =
        study_split(study_, data_, study_.systems[task.system], protocol, task.seed);
    const PoolRun run = run_pool(protocol, study_, split, descriptors_.of(protocol.descriptor));
    store_.write(study_.systems[task.system], protocol.name, task.seed, settings_[series], run);
  }

 private:
  const PoolStudy &study_;
  const StudyData &data_;
  PoolStore store_;
  DescriptorCache descriptors_;
  std::vector<std::string> settings_;
};

/// Tasks of one rank, seeds first, so that a stopped study has some seeds of all systems.
std::vector<Task> tasks_of(const PoolStudy &study, const Ranks &ranks)
{
  std::vector<Task> tasks;
  int count = 0;
  for (int seed = study.first_seed; seed < study.first_seed + study.seeds; ++seed)
    for (int system = 0; system < static_cast<int>(study.systems.size()); ++system)
      if (count++ % ranks.size() == ranks.rank()) tasks.push_back({system, seed});
  return tasks;
}

void work(const PoolStudy &study, Worker &worker, const Ranks &ranks)
{
  const int num_series = static_cast<int>(study.series.size());
  std::vector<std::pair<Task, int>> missing;
  const std::vector<Task> tasks = tasks_of(study, ranks);
  for (const Task &task : tasks)
    for (int series = 0; series < num_series; ++series)
      if (!worker.finished(task, series)) missing.push_back({task, series});
  PoolProgress progress(static_cast<int>(missing.size()),
                        static_cast<int>(tasks.size()) * num_series, ranks.first());
  for (const auto &[task, series] : missing) {
    worker.run(task, series);
    progress.step(study.systems[task.system] + ", seed " + std::to_string(task.seed) + ", " +
                  study.series[series].name);
  }
}

}    // namespace

std::vector<std::vector<int>> StudyData::members(const PoolStudy &study,
                                                 const std::string &system) const
{
  std::vector<std::vector<int>> result(study.sources.size());
  for (int i : entries_of_system(entries, system)) result[source[i]].push_back(i);
  return result;
}

StudyData read_study_data(const PoolStudy &study)
{
  StudyData data;
  const PoolFilter filter = source_filter(study);
  for (std::size_t s = 0; s < study.sources.size(); ++s) {
    Pool pool = read_filtered(study.sources[s].file, study.systems, filter, data.notes);
    data.source.insert(data.source.end(), pool.entries.size(), static_cast<int>(s));
    std::move(pool.entries.begin(), pool.entries.end(), std::back_inserter(data.entries));
  }
  for (const PoolTarget &target : study.targets)
    data.targets.push_back(read_filtered(target.file, study.systems, filter, data.notes).entries);
  for (const std::string &system : study.systems) {
    std::string counts;
    for (const std::vector<int> &list : data.members(study, system))
      counts += (counts.empty() ? "" : " + ") + std::to_string(list.size());
    data.notes.push_back("system " + system + ": " + counts + " entries");
    for (const PoolProtocol &protocol : study.series) {
      const PoolSplit split = study_split(study, data, system, protocol, study.first_seed);
      require(static_cast<int>(split.pool.size()) >= protocol.last_labels(), "system ", system,
              ", series ", protocol.name, ": the pool has ", split.pool.size(), " entries, but ",
              protocol.initial, " at the beginning and ", protocol.rounds, " batches of ",
              protocol.batch, " need ", protocol.last_labels(),
              "; use more entries, or a smaller \"initial\", \"rounds\" or \"batch\"");
    }
  }
  return data;
}

PoolSplit study_split(const PoolStudy &study, const StudyData &data, const std::string &system,
                      const PoolProtocol &protocol, int seed)
{
  std::vector<std::vector<int>> target_members;
  for (const std::vector<PoolEntry> &target : data.targets)
    target_members.push_back(entries_of_system(target, system));
  return split_pool(study, data.entries, data.members(study, system), data.targets, target_members,
                    protocol.one_per_formula, seed, system);
}

StudyRuns execute_study(const PoolStudy &study, const StudyData &data, const std::string &folder,
                        const Ranks &ranks)
{
  Worker worker(study, data, folder);
  ranks.agree([&] { work(study, worker, ranks); });
  StudyRuns runs;
  ranks.agree([&] {
    if (!ranks.first()) return;
    runs.assign(study.systems.size(), std::vector<std::vector<PoolRun>>(study.series.size()));
    for (std::size_t system = 0; system < study.systems.size(); ++system)
      for (std::size_t series = 0; series < study.series.size(); ++series)
        for (int seed = study.first_seed; seed < study.first_seed + study.seeds; ++seed) {
          const std::optional<PoolRun> run =
              worker.finished({static_cast<int>(system), seed}, static_cast<int>(series));
          require(run.has_value(), folder, ": the run of ", study.systems[system], ", ",
                  study.series[series].name, ", seed ", seed,
                  " is missing; do all ranks write to the same folder?");
          runs[system][series].push_back(*run);
        }
  });
  return runs;
}

std::vector<double> principal_components(const Rows &descriptors)
{
  Eigen::MatrixXd points(descriptors.count(), descriptors.num_features);
  for (int i = 0; i < descriptors.count(); ++i)
    for (int f = 0; f < descriptors.num_features; ++f) points(i, f) = descriptors[i][f];
  points.rowwise() -= points.colwise().mean().eval();
  for (Eigen::Index f = 0; f < points.cols(); ++f) {
    const double deviation = std::sqrt(points.col(f).squaredNorm() / double(points.rows()));
    if (deviation > 1e-9) points.col(f) /= deviation;
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(points.transpose() * points);
  const int last = static_cast<int>(points.cols()) - 1;
  std::vector<double> result;
  for (Eigen::Index i = 0; i < points.rows(); ++i)
    for (int k = 0; k < 2; ++k)
      result.push_back(last >= k ? points.row(i).dot(solver.eigenvectors().col(last - k)) : 0.0);
  return result;
}

}    // namespace almlip::pool
