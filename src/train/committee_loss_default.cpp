#include "train/loss_kernel.h"

namespace almlip {

template class LossKernel<double, native_lanes<double>, DefaultShape>;
template class LossKernel<float, native_lanes<float>, DefaultShape>;

}    // namespace almlip
