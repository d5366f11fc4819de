// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/spool_reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/text.h"

namespace almlip {

namespace {

/// 0 for what is not a number; the check has shown that the spool was written like that.
template <class Number>
Number number_of(const std::map<std::string, std::string> &keys, const std::string &key)
{
  Number number{};
  const auto entry = keys.find(key);
  if (entry == keys.end()) return number;
  std::from_chars(entry->second.data(), entry->second.data() + entry->second.size(), number);
  return number;
}

std::string text_of(const std::map<std::string, std::string> &keys, const std::string &key)
{
  const auto entry = keys.find(key);
  return entry == keys.end() ? "" : entry->second;
}

SpooledCandidate to_candidate(const SpoolRecord &record, const std::string &path)
{
  SpooledCandidate spooled;
  spooled.number = record.number();
  spooled.run = text_of(record.keys, "run");
  spooled.note = {text_of(record.keys, "reason"), text_of(record.keys, "potential"),
                  record.keys.count("kept") > 0};
  QueryCandidate &candidate = spooled.candidate;
  candidate.step = number_of<std::int64_t>(record.keys, "step");
  candidate.max_sigma = number_of<double>(record.keys, "max_sigma");
  candidate.mean_sigma = number_of<double>(record.keys, "mean_sigma");
  candidate.worst_atom = number_of<std::int64_t>(record.keys, "worst_atom");
  candidate.max_novelty = number_of<double>(record.keys, "max_novelty");
  candidate.frame = parse_extxyz(record.text, path, static_cast<int>(spooled.number), record.line);
  candidate.frame.info.erase("replaces");
  candidate.frame.source = path + ", candidate " + std::to_string(spooled.number);
  return spooled;
}

/// Whether a frame in extended XYZ begins like this that was never in a spool.
bool is_comment_of_others(const std::string &line)
{
  return !has_check(line) && line.find("Properties=") != std::string::npos &&
         line.find(" candidate=") == std::string::npos;
}

}    // namespace

SpoolReader::SpoolReader(const std::string &path, Take take) : scanner_(path)
{
  for (SpoolRecord record; scanner_.next(record);)
    if (take == Take::held)
      for (const std::int64_t number : record.numbers_of("replaces")) replaced_.insert(number);
  if (!scanner_.note().empty()) notes_.push_back(scanner_.note());
  scanner_.rewind();
}

bool SpoolReader::next(SpooledCandidate &candidate)
{
  for (SpoolRecord record; scanner_.next(record);) {
    if (replaced_.count(record.number()) > 0) continue;
    try {
      candidate = to_candidate(record, scanner_.path());
      return true;
    } catch (const Error &error) {
      notes_.push_back(std::string(error.what()) + "; skipped");
    }
  }
  return false;
}

std::vector<std::string> spool_files(const std::string &folder)
{
  std::error_code problem;
  std::filesystem::directory_iterator entries(folder, problem);
  require(!problem, folder, ": cannot be read: ", problem.message());
  std::vector<std::string> files;
  for (const auto &entry : entries) {
    const std::string name = entry.path().string();
    if (ends_with(name, ".extxyz") || ends_with(name, ".extxyz.gz")) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool is_spool(const std::string &path)
{
  LineReader lines(path);
  std::string line;
  while (lines.next(line) && is_blank(line)) {
  }
  bool is_second = true;
  for (int num_atoms = atoms_of_frame(line); lines.next(line); num_atoms = atoms_of_frame(line)) {
    if (num_atoms > 0 && has_check(line)) return true;
    if (num_atoms > 0 && is_second && is_comment_of_others(line)) return false;
    is_second = false;
  }
  return false;
}

bool is_barely_begun(const std::string &path)
{
  LineReader lines(path);
  std::string line;
  while (lines.next(line) && is_blank(line)) {
  }
  return is_blank(line) || !lines.next(line) || line.back() != '\n';
}

SpoolContent read_spool(const std::string &path)
{
  SpoolContent content;
  SpoolReader reader(path);
  for (SpooledCandidate candidate; reader.next(candidate);)
    content.candidates.push_back(std::move(candidate));
  content.notes = reader.notes();
  return content;
}

SpoolContent read_spools(const std::vector<std::string> &paths)
{
  SpoolContent all;
  for (const std::string &path : paths) {
    const bool folder = std::filesystem::is_directory(path);
    for (const std::string &file : folder ? spool_files(path) : std::vector<std::string>{path}) {
      SpoolContent content = read_spool(file);
      std::move(content.candidates.begin(), content.candidates.end(),
                std::back_inserter(all.candidates));
      std::move(content.notes.begin(), content.notes.end(), std::back_inserter(all.notes));
    }
  }
  return all;
}

}    // namespace almlip
