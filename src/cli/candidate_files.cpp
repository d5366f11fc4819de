// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/candidate_files.h"

#include <filesystem>
#include <memory>

#include "almlip/files/extxyz.h"
#include "almlip/files/lammps_dump.h"
#include "almlip/query/spool_reader.h"

namespace almlip::cli {

CandidateFiles::CandidateFiles(const std::vector<std::string> &paths,
                               std::vector<std::string> elements, std::string kept, int dimension)
    : elements_(std::move(elements)), kept_(std::move(kept)), dimension_(dimension)
{
  for (const std::string &path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files_.push_back({path});
      continue;
    }
    const std::vector<std::string> inside = spool_files(path);
    if (inside.empty())
      notes_.push_back(path + ": there is no *.extxyz in this folder; name other files themselves");
    for (const std::string &file : inside) files_.push_back({file, true});
  }
}

bool CandidateFiles::next(Frame &frame)
{
  while (true) {
    if (read_ && read_(frame)) return true;
    if (read_)
      for (const std::string &note : notes_of_file_()) notes_.push_back(note);
    read_ = nullptr;
    if (next_file_ == files_.size()) {
      if (num_barely_begun_ > 0)
        notes_.push_back(
            first_barely_begun_ + ": there is no frame in this file yet" +
            (num_barely_begun_ > 1
                 ? ", nor in " + std::to_string(num_barely_begun_ - 1) + " others; skipped"
                 : "; skipped"));
      num_barely_begun_ = 0;
      return false;
    }
    const File &file = files_[next_file_++];
    file_ = file.path;
    open(file);
  }
}

void CandidateFiles::open(const File &file)
{
  const std::string &path = file.path;
  if (file.in_folder && is_barely_begun(path)) {
    if (num_barely_begun_++ == 0) first_barely_begun_ = path;
  } else if (is_lammps_dump(path)) {
    const auto dump = std::make_shared<LammpsDump>(path, elements_, kept_, dimension_);
    read_ = [dump](Frame &frame) { return dump->next(frame); };
    notes_of_file_ = [dump] { return dump->notes(); };
  } else if (is_spool(path)) {
    const auto spool = std::make_shared<SpoolReader>(path);
    read_ = [spool](Frame &frame) {
      SpooledCandidate candidate;
      if (!spool->next(candidate)) return false;
      frame = std::move(candidate.candidate.frame);
      return true;
    };
    notes_of_file_ = [spool] { return spool->notes(); };
  } else {
    const auto stream = std::make_shared<ExtxyzStream>(path);
    read_ = [stream](Frame &frame) { return stream->next(frame); };
    notes_of_file_ = [stream] { return stream->notes(); };
  }
}

}    // namespace almlip::cli
