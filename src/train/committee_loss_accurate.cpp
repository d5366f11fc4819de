#include "train/loss_kernel.h"

namespace almlip {

template std::unique_ptr<CommitteeLoss> ALMLIP_KERNEL_TARGET::make_loss_kernel<AccurateShape>(
    const TrainingModel &, bool);

}    // namespace almlip
