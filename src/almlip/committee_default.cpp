#include "almlip/committee_kernel.h"

namespace almlip {

template class CommitteeKernel<double, native_lanes<double>, DefaultShape>;
template class CommitteeKernel<float, native_lanes<float>, DefaultShape>;

}    // namespace almlip
