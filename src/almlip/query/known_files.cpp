// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/known_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "almlip/calculator.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/query/batch.h"
#include "almlip/query/fingerprint.h"

namespace almlip {
namespace {

namespace fs = std::filesystem;

bool has_content(const fs::path &path)
{
  std::error_code error;
  return fs::file_size(path, error) > 0 && !error;    // another process may have just claimed it
}

/// Files of a folder with frames, in the order of their names.
std::vector<std::string> frame_files(const fs::path &folder)
{
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension == ".extxyz" || extension == ".xyz") files.push_back(entry->path().string());
  }
  require(!error, folder.string(), ": cannot be read: ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// Hash of the potential of a batch; empty if its manifest is not there or not one.
std::string potential_of(const std::string &manifest)
{
  if (!has_content(manifest)) return {};
  const auto json = nlohmann::json::parse(read_text(manifest), nullptr, false);
  return json.is_object() ? json.value("potential", "") : "";
}

bool has_elements(const Frame &frame, const ModelSettings &settings)
{
  return std::all_of(frame.atomic_numbers.begin(), frame.atomic_numbers.end(), [&](int number) {
    return settings.element_index(chemical_symbol(number)) >= 0;
  });
}

/// Fingerprint of a frame, whose atoms are added to `labelled`.
std::vector<double> take_frame(Calculator &calculator, const Frame &frame, LabelledAtoms &labelled)
{
  const ModelSettings &settings = calculator.potential().settings;
  const FramePrediction prediction = calculator.predict(frame);
  const std::vector<int> element = elements_of(frame, settings);
  labelled.add(atom_points(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                           frame.num_atoms(), settings.num_descriptors()));
  return fingerprint(prediction.descriptors.data(), element.data(), prediction.sigma.data(),
                     frame.num_atoms(), settings.num_descriptors(),
                     static_cast<int>(settings.elements.size()));
}

}    // namespace

KnownFiles::KnownFiles(std::vector<std::string> paths, std::string prefix)
    : paths_(std::move(paths)), prefix_(std::move(prefix))
{
}

std::vector<double> KnownFiles::read_new(const Potential &potential, const std::string &hash,
                                         LabelledAtoms &labelled)
{
  std::vector<double> rows;
  const std::vector<std::string> files = new_files(hash);
  if (files.empty()) return rows;
  Calculator calculator(potential);
  for (const std::string &file : files) {
    for (const Frame &frame : read_extxyz(file)) {
      if (!has_elements(frame, potential.settings)) continue;
      const std::vector<double> row = take_frame(calculator, frame, labelled);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    read_.insert(file);
  }
  return rows;
}

void KnownFiles::skip_batch(int number) { read_.insert(batch_stem(prefix_, number) + ".extxyz"); }

std::vector<std::string> KnownFiles::new_files(const std::string &hash)
{
  std::vector<std::string> files;
  for (const std::string &path : paths_) {
    require(fs::exists(path), "known is '", path, "', but there is no such file or folder");
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const std::string &file : frame_files(path))
      if (has_content(file)) files.push_back(file);
  }
  find_batches(hash, files);
  files.erase(std::remove_if(files.begin(), files.end(),
                             [this](const std::string &file) { return read_.count(file) > 0; }),
              files.end());
  return files;
}

/// Complete batches of the prefix with that potential.
void KnownFiles::find_batches(const std::string &hash, std::vector<std::string> &files)
{
  const fs::path folder =
      fs::path(prefix_).has_parent_path() ? fs::path(prefix_).parent_path() : ".";
  if (!fs::is_directory(folder)) return;    // writing there will say so
  const std::string start = fs::path(prefix_).filename().string() + ".";
  for (const std::string &file : frame_files(folder)) {
    const std::string name = fs::path(file).stem().string();    // without .extxyz
    if (name.compare(0, start.size(), start) != 0) continue;
    const std::string number = name.substr(start.size());
    const bool is_batch =
        !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
    if (!is_batch) continue;
    const std::string stem = prefix_ + "." + number;    // as it is written, for `skip_batch`
    if (read_.count(stem + ".extxyz") > 0 || potential_of(stem + ".json") != hash) continue;
    files.push_back(stem + ".extxyz");
  }
}

}    // namespace almlip
