// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/committee.h"

#include <cmath>

#include "almlip/kernels/instruction_set.h"
#include "almlip/kernels/shape.h"
#include "almlip/kernels/sigma.h"

namespace almlip {

// Compiled from kernels/committee_kernel.cpp.in, for each shape and instruction set.
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
  const std::string chosen = chosen_instruction_set();
  with_shape(settings_, kernels, [&](auto tag) {
    using Shape = typename decltype(tag)::type;
#define ALMLIP_MAKE(target) \
  if (chosen == #target) kernel_ = target::make_committee_kernel<Shape>(potential, precision);
    ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_MAKE)
#undef ALMLIP_MAKE
  });
}

Committee::Committee(std::unique_ptr<Kernel> kernel, const ModelSettings &settings)
    : kernel_(std::move(kernel)), settings_(settings)
{
}

Committee::~Committee() = default;
Committee::Committee(Committee &&) noexcept = default;
Committee &Committee::operator=(Committee &&) noexcept = default;

void Committee::evaluate(const Neighborhood &neighborhood, CommitteeOutput &output)
{
  kernel_->evaluate(neighborhood, output);
}

const ModelSettings &Committee::settings() const { return settings_; }

void MemberForces::reset(std::size_t num_atoms, int num_members)
{
  constexpr std::size_t line = 64;    // bytes of a cache line
  length_ = static_cast<std::size_t>(row_length(num_members));
  numbers_.assign(num_atoms * length_ + line / sizeof(double), 0.0);
  void *begin = numbers_.data();
  std::size_t bytes = sizeof(double) * numbers_.size();
  first_ =
      static_cast<double *>(std::align(line, sizeof(double) * num_atoms * length_, begin, bytes));
}

double force_spread(const double *member_forces, int num_members)
{
  return spread_of_members(member_forces, num_members);
}

}    // namespace almlip
