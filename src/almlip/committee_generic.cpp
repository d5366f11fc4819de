#include "almlip/committee_kernel.h"

namespace almlip {

template class CommitteeKernel<double, native_lanes<double>, GenericShape>;
template class CommitteeKernel<float, native_lanes<float>, GenericShape>;

}    // namespace almlip
