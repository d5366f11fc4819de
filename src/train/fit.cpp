#include "train/fit.h"

#include "train/initial_model.h"

namespace almlip {

Fit::Fit(const TrainingSettings &settings, const TrainingData &data, const Potential *start)
    : model(start ? make_training_model(settings, data, *start)
                  : make_training_model(settings, data)),
      loss(CommitteeLoss::create(model, settings.precision)),
      train(*loss, data.train),
      held_out(*loss, data.held_out)
{
}

void Fit::begin(const TrainingSettings &settings, const Potential *start, const Ranks &ranks)
{
  state.parameters =
      start ? from_potential(model, *start) : initial_parameters(model, settings.seed);
  loss->set_parameters(state.parameters);
  if (!start) standardise(model, *loss, train, settings.four_body_scale, ranks);
  state.optimiser =
      Soap::create(Trainer::optimiser_blocks(model.settings, settings), {}, settings.precision);
}

}    // namespace almlip
