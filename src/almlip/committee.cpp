#include "almlip/committee.h"

#include "almlip/committee_kernel.h"
#include "almlip/kokkos_lifetime.h"

namespace almlip {

// Compiled in committee_fast.cpp, committee_default.cpp, committee_accurate.cpp.
extern template class CommitteeKernel<double, native_lanes<double>, FastShape>;
extern template class CommitteeKernel<double, native_lanes<double>, DefaultShape>;
extern template class CommitteeKernel<double, native_lanes<double>, AccurateShape>;

Committee::Committee(const Potential &potential) : settings_(potential.settings)
{
  ensure_kokkos();
  kernel_ = with_shape(settings_, [&](auto tag) -> std::unique_ptr<Kernel> {
    using Shape = typename decltype(tag)::type;
    return std::make_unique<CommitteeKernel<double, native_lanes<double>, Shape>>(potential);
  });
}

Committee::~Committee() = default;
Committee::Committee(Committee &&) noexcept = default;
Committee &Committee::operator=(Committee &&) noexcept = default;

void Committee::evaluate(const Neighborhood &neighborhood, CommitteeOutput &output) { kernel_->evaluate(neighborhood, output); }

const ModelSettings &Committee::settings() const { return settings_; }

}    // namespace almlip
