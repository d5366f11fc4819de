#include "almlip/committee_kernel.h"

namespace almlip {

template class CommitteeKernel<double, native_lanes<double>, FastShape>;
template class CommitteeKernel<float, native_lanes<float>, FastShape>;

}    // namespace almlip
