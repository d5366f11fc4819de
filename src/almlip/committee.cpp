#include "almlip/committee.h"

#include "almlip/committee_kernel.h"
#include "almlip/kokkos_lifetime.h"
#include "almlip/shape.h"

namespace almlip {

// Compiled in committee_fast.cpp and so on.
#define ALMLIP_COMMITTEE(Shape)                                               \
  extern template class CommitteeKernel<double, native_lanes<double>, Shape>; \
  extern template class CommitteeKernel<float, native_lanes<float>, Shape>;
ALMLIP_COMMITTEE(FastShape)
ALMLIP_COMMITTEE(DefaultShape)
ALMLIP_COMMITTEE(AccurateShape)
ALMLIP_COMMITTEE(GenericShape)
#undef ALMLIP_COMMITTEE

Committee::Committee(const Potential &potential, Precision precision, Kernels kernels)
    : settings_(potential.settings)
{
  ensure_kokkos();
  kernel_ = with_shape(settings_, kernels, [&](auto tag) -> std::unique_ptr<Kernel> {
    using Shape = typename decltype(tag)::type;
    if (precision == Precision::mixed)
      return std::make_unique<CommitteeKernel<float, native_lanes<float>, Shape>>(potential);
    return std::make_unique<CommitteeKernel<double, native_lanes<double>, Shape>>(potential);
  });
}

Committee::~Committee() = default;
Committee::Committee(Committee &&) noexcept = default;
Committee &Committee::operator=(Committee &&) noexcept = default;

void Committee::evaluate(const Neighborhood &neighborhood, CommitteeOutput &output)
{
  kernel_->evaluate(neighborhood, output);
}

const ModelSettings &Committee::settings() const { return settings_; }

}    // namespace almlip
