#include "almlip/committee_kernel.h"

namespace almlip {

template std::unique_ptr<Committee::Kernel>
ALMLIP_KERNEL_TARGET::make_committee_kernel<AccurateShape>(const Potential &, Precision);

}    // namespace almlip
