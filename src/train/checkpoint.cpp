// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/checkpoint.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "train/binary_stream.h"

namespace almlip::train {

namespace {

const std::string format_name =
    "almlip checkpoint 3";    // the number rises when the layout changes

std::string path_in(const std::string &folder)
{
  return (std::filesystem::path(folder) / "checkpoint.bin").string();
}

}    // namespace

void write_checkpoint(const std::string &folder, const std::string &identity,
                      const TrainingState &state)
{
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  require(!failure, folder, ": the folder for checkpoints cannot be made: ", failure.message());
  std::ostringstream out;
  write_binary(out, format_name);
  write_binary(out, identity);
  write_binary(out, state.step);
  write_binary(out, state.epoch_loss);
  write_binary(out, state.best_score);
  write_binary(out, state.best_epoch);
  write_binary(out, state.kept_epoch);
  write_binary(out, state.parameters);
  write_binary(out, state.kept_parameters);
  write_binary(out, state.virial_errors);
  write_binary(out, to_json(state.stress_offsets));
  write_binary(out, to_json(state.kept_stress_offsets));
  state.optimiser->save(out);
  write_atomically(path_in(folder), out.str());
}

std::optional<std::string> owner_of_checkpoint(const std::string &folder)
{
  std::ifstream in(path_in(folder), std::ios::binary);
  if (!in) return std::nullopt;
  std::string format, owner;
  try {
    read_binary(in, format, format_name.size());
    constexpr std::size_t hash_length = 16;
    if (format == format_name) read_binary(in, owner, hash_length);
  } catch (const Error &) {
    return "";
  }
  return owner;
}

bool read_checkpoint(const std::string &folder, const std::string &identity, TrainingState &state)
{
  const std::string path = path_in(folder);
  if (!std::filesystem::exists(path)) return false;
  std::ifstream in(path, std::ios::binary);
  std::string format, owner;
  try {
    read_binary(in, format, format_name.size());
  } catch (const Error &) {
    format.clear();
  }
  require(format == format_name, path,
          " is not a checkpoint that this version can read; remove it or name another folder");
  try {
    read_binary(in, owner, identity.size());
    require(owner == identity, "it belongs to other settings or other training data");
    read_binary(in, state.step);
    read_binary(in, state.epoch_loss);
    read_binary(in, state.best_score);
    read_binary(in, state.best_epoch);
    read_binary(in, state.kept_epoch);
    const std::size_t size = state.parameters.size();
    read_binary(in, state.parameters, size);
    read_binary(in, state.kept_parameters, size);
    require(state.parameters.size() == size, "it has ", state.parameters.size(),
            " parameters where ", size, " are expected");
    constexpr std::uint64_t most = 1 << 24;    // frames; bytes about sources of labels
    read_binary(in, state.virial_errors, most);
    for (StressOffsets *offsets : {&state.stress_offsets, &state.kept_stress_offsets}) {
      std::string text;
      read_binary(in, text, most);
      *offsets = stress_offsets_of_json(text);
    }
    state.optimiser->load(in);
  } catch (const Error &e) {
    fail(path, " cannot be continued: ", e.what(), "; remove it or name another folder");
  }
  return true;
}

}    // namespace almlip::train
