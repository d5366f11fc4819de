// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/fit.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "almlip/error.h"
#include "train/initial_model.h"

namespace almlip::train {

namespace {

/// Bytes that this process may still take, of its part of `memory`.
double bytes_left(const TrainingSettings &settings, const TrainingData &data, int num_members,
                  const Ranks &ranks)
{
  if (settings.memory == 0.0) return std::numeric_limits<double>::infinity();
  int largest = 0;
  for (const std::vector<Frame> *frames : {&data.train, &data.held_out})
    for (const Frame &frame : *frames) largest = std::max(largest, frame.num_atoms());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  // Taken so far (kB), and what a fit takes apart from the frames: optimiser, arrays of one frame.
  const double taken = 1024.0 * static_cast<double>(usage.ru_maxrss),
               scratch = 3e7 + 5e3 * num_members * largest,
               left = 1e9 * settings.memory / ranks.size() - taken - scratch;
  require(left > 0.0, "\"memory\" is ", settings.memory, " GB, but ", ranks.size(),
          ranks.size() > 1 ? " processes" : " process", " and the frames alone take ",
          1e-9 * (taken + scratch) * ranks.size(),
          " GB; raise it, or use fewer processes or frames");
  return left;
}

}    // namespace

bool has_last_passes(const TrainingSettings &settings, const TrainingData &data)
{
  return settings.validation.empty() && !data.held_out.empty() &&
         settings.all_frames_epochs.value_or(1) > 0;
}

Fit::Fit(const TrainingSettings &settings, const TrainingData &data, const Potential *start,
         const Ranks &ranks)
    : model(start ? make_training_model(settings, data, *start)
                  : make_training_model(settings, data)),
      loss(CommitteeLoss::create(model, settings.precision)),
      new_elements(data.new_elements)
{
  const double bytes = bytes_left(settings, data, model.settings.num_members, ranks);
  held_out = PreparedFrames(*loss, data.held_out, ranks, bytes);
  train = PreparedFrames(*loss, data.train, ranks, bytes - held_out.bytes());
}

int Fit::num_not_kept() const
{
  int count = 0;
  for (const PreparedFrames *frames : {&train, &held_out})
    count += static_cast<int>(frames->own().size()) - frames->num_kept();
  return count;
}

void Fit::release()
{
  train = held_out = PreparedFrames();
  loss.reset();
  state.optimiser.reset();
#ifdef __GLIBC__
  malloc_trim(0);    // back to the system, where the final pass would else come on top
#endif
}

void Fit::begin(const TrainingSettings &settings, const Potential *start, const Ranks &ranks)
{
  state.parameters =
      start ? from_potential(model, *start) : initial_parameters(model, settings.seed);
  if (start && settings.stress_offset != "off") state.stress_offsets = stress_offsets_of(*start);
  loss->set_parameters(state.parameters);
  train.replicate(ranks);
  if (start) {
    restandardise(model, state.parameters, *loss, train, settings.four_body_scale, ranks);
    begin_networks(model, new_elements, settings.seed, state.parameters);
    loss->set_parameters(state.parameters);
  } else
    standardise(model, *loss, train, settings.four_body_scale, ranks);
  state.optimiser =
      Soap::create(Trainer::optimiser_blocks(model.settings, settings), {}, settings.precision);
}

}    // namespace almlip::train
