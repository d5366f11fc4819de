#include "train/loss_kernel.h"

namespace almlip {

template class LossKernel<double, native_lanes<double>, AccurateShape>;
template class LossKernel<float, native_lanes<float>, AccurateShape>;

}    // namespace almlip
