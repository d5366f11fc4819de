#include "train/loss_kernel.h"

namespace almlip {

template class LossKernel<double, native_lanes<double>, FastShape>;
template class LossKernel<float, native_lanes<float>, FastShape>;

}    // namespace almlip
