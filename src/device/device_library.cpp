// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/host_committee.h"

#include "device/device_library.h"
#include "device/devices.h"

#include <cstdlib>
#include <exception>
#include <string>

#include "almlip/error.h"

namespace almlip::device {

namespace {

/// Once in a process, and Kokkos ends with it.
void start_kokkos(int local_rank)
{
  if (Kokkos::is_initialized()) return;
  require(can_compute(), "no device of the kind ", Kokkos::DefaultExecutionSpace::name(),
          " is there for this process; compute on the CPU (device no)");
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
  Kokkos::initialize(Kokkos::InitializationSettings().set_device_id(local_rank % num_devices()));
#else
  static_cast<void>(local_rank);
  Kokkos::initialize();
#endif
  std::atexit([] {
    if (Kokkos::is_initialized()) Kokkos::finalize();
  });
}

Committee::Kernel *make(const char *json, std::size_t length, Precision precision, int local_rank,
                        const char **device)
{
  static std::string name;
  try {
    start_kokkos(local_rank);
    name = device_name<Kokkos::DefaultExecutionSpace>();
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
