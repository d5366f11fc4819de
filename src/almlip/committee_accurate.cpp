#include "almlip/committee_kernel.h"

namespace almlip {

template class CommitteeKernel<double, native_lanes<double>, AccurateShape>;
template class CommitteeKernel<float, native_lanes<float>, AccurateShape>;

}    // namespace almlip
