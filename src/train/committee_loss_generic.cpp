#include "train/loss_kernel.h"

namespace almlip {

template class LossKernel<double, native_lanes<double>, GenericShape>;
template class LossKernel<float, native_lanes<float>, GenericShape>;

}    // namespace almlip
