// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/kokkos_function.h"

#include <string>
#include <type_traits>

namespace almlip::device {

/// GPUs that this process can use; 0 also where Kokkos's default backend is of the host. Not
/// Kokkos::num_devices, which ends the process where there is no driver.
inline int num_devices()
{
  int count = 0;
#if defined(KOKKOS_ENABLE_CUDA)
  if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
#elif defined(KOKKOS_ENABLE_HIP)
  if (hipGetDeviceCount(&count) != hipSuccess) count = 0;
#elif defined(KOKKOS_ENABLE_SYCL)
  count = Kokkos::num_devices();
#endif
  return count;
}

/// Whether Kokkos can be initialised: its default backend is of the host, or there is a GPU for it.
inline bool can_compute()
{
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
  return num_devices() > 0;
#else
  return true;
#endif
}

/// What an execution space of this process computes on, in words, such as "Cuda device 0, NVIDIA
/// H100". Kokkos must be initialised.
template <class Space>
std::string device_name()
{
  std::string name = Space::name();
#if defined(KOKKOS_ENABLE_CUDA)
  if constexpr (std::is_same_v<Space, Kokkos::Cuda>) {
    const int number = Space().cuda_device();
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, number) == cudaSuccess)
      name += " device " + std::to_string(number) + ", " + properties.name;
  }
#elif defined(KOKKOS_ENABLE_HIP)
  if constexpr (std::is_same_v<Space, Kokkos::HIP>) {
    const int number = Space().hip_device();
    hipDeviceProp_t properties;
    if (hipGetDeviceProperties(&properties, number) == hipSuccess)
      name += " device " + std::to_string(number) + ", " + properties.name;
  }
#endif
  return name;
}

}    // namespace almlip::device
