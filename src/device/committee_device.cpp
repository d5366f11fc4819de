// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/committee_device.h"

#include "almlip/error.h"
#include "almlip/kernels/shape.h"

namespace almlip::device {

// Compiled from committee_stages.cpp.in for each shape.
template <class Space, class Shape>
std::unique_ptr<typename CommitteeDevice<Space>::Kernel> make_stages(const Potential &, Precision,
                                                                     std::size_t);

template <class Space>
CommitteeDevice<Space>::CommitteeDevice(const Potential &potential, Precision precision,
                                        std::size_t scratch)
{
  with_shape(potential.settings, Kernels::compiled, [&](auto tag) {
    using Shape = typename decltype(tag)::type;
    if constexpr (std::is_same_v<Shape, GenericShape>)
      fail(
          "the potential's descriptors are those of no preset, and only presets have kernels for "
          "a device; train with a preset, or compute on the CPU (device no, without suffix kk)");
    else
      kernel_ = make_stages<Space, Shape>(potential, precision, scratch);
  });
}

template <class Space>
CommitteeDevice<Space>::~CommitteeDevice() = default;
template <class Space>
CommitteeDevice<Space>::CommitteeDevice(CommitteeDevice &&) noexcept = default;
template <class Space>
CommitteeDevice<Space> &CommitteeDevice<Space>::operator=(CommitteeDevice &&) noexcept = default;

template <class Space>
DeviceSums CommitteeDevice<Space>::evaluate(const DeviceAtoms &atoms, const DeviceOutput &output)
{
  return kernel_->evaluate(atoms, output);
}

template class CommitteeDevice<Kokkos::DefaultExecutionSpace>;
#ifdef ALMLIP_HOST_SPACE
template class CommitteeDevice<ALMLIP_HOST_SPACE>;
#endif

}    // namespace almlip::device
