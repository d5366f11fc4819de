#include "almlip/committee_kernel.h"

namespace almlip {

template class CommitteeKernel<double, native_lanes<double>, DefaultShape>;

}    // namespace almlip
