#include "almlip/committee.h"

#include "almlip/instruction_set.h"
#include "almlip/kokkos_lifetime.h"
#include "almlip/shape.h"

namespace almlip {

// Compiled in committee_fast.cpp and so on, once for each instruction set.
#define ALMLIP_DECLARE(target)                                                                     \
  inline namespace target {                                                                        \
  template <class Shape>                                                                           \
  std::unique_ptr<Committee::Kernel> make_committee_kernel(const Potential &potential, Precision); \
  }
ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_DECLARE)
#undef ALMLIP_DECLARE

Committee::Committee(const Potential &potential, Precision precision, Kernels kernels)
    : settings_(potential.settings)
{
  ensure_kokkos();
  const std::string chosen = chosen_instruction_set();
  with_shape(settings_, kernels, [&](auto tag) {
    using Shape = typename decltype(tag)::type;
#define ALMLIP_MAKE(target) \
  if (chosen == #target) kernel_ = target::make_committee_kernel<Shape>(potential, precision);
    ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_MAKE)
#undef ALMLIP_MAKE
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
