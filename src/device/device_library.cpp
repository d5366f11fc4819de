// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/host_committee.h"

#include "device/device_library.h"

#include <cstdlib>
#include <exception>
#include <string>

#include "almlip/error.h"

namespace almlip::device {

namespace {

/// Not Kokkos::num_devices, which ends the process where there is no driver.
int num_devices()
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

/// Once in a process, and Kokkos ends with it.
void start_kokkos(int local_rank)
{
  if (Kokkos::is_initialized()) return;
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
  const int count = num_devices();
  require(count > 0, "no device of the kind ", Kokkos::DefaultExecutionSpace::name(),
          " is there for this process; compute on the CPU (device no)");
  Kokkos::initialize(Kokkos::InitializationSettings().set_device_id(local_rank % count));
#else
  static_cast<void>(local_rank);
  Kokkos::initialize();
#endif
  std::atexit([] {
    if (Kokkos::is_initialized()) Kokkos::finalize();
  });
}

std::string device_name()
{
  std::string name = Kokkos::DefaultExecutionSpace::name();
#if defined(KOKKOS_ENABLE_CUDA)
  const Kokkos::Cuda space;
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, space.cuda_device()) == cudaSuccess)
    name += " device " + std::to_string(space.cuda_device()) + ", " + properties.name;
#elif defined(KOKKOS_ENABLE_HIP)
  const Kokkos::HIP space;
  hipDeviceProp_t properties;
  if (hipGetDeviceProperties(&properties, space.hip_device()) == hipSuccess)
    name += " device " + std::to_string(space.hip_device()) + ", " + properties.name;
#endif
  return name;
}

Committee::Kernel *make(const char *json, std::size_t length, Precision precision, int local_rank,
                        const char **device)
{
  static std::string name;
  try {
    start_kokkos(local_rank);
    name = device_name();
    *device = name.c_str();
    return new HostCommittee(parse_potential(std::string(json, length), "the potential"),
                             precision);
  } catch (const Error &) {
    throw;
  } catch (const std::exception &problem) {
    throw Error(problem.what());
  }
}

}    // namespace

}    // namespace almlip::device

extern "C" __attribute__((visibility("default"))) const almlip::device::DeviceLibrary *
almlip_device_library()
{
  using namespace almlip::device;
  static const DeviceLibrary library = {ALMLIP_VERSION, Kokkos::DefaultExecutionSpace::name(),
                                        num_devices, make};
  return &library;
}
