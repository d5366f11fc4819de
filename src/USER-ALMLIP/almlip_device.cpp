// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip_device.h"

#include "comm.h"
#include "lammps.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip_problem.h"
#include "device/device_library.h"

#include <dlfcn.h>
#include <mpi.h>
#include <unistd.h>

#include <cstring>

using namespace LAMMPS_NS;
using almlip::require;
using almlip::device::DeviceLibrary;

// Folder of the file that this function is in.
static std::string own_folder()
{
  Dl_info self;
  if (!dladdr(reinterpret_cast<void *>(&own_folder), &self) || !self.dli_fname) return ".";
  const std::string path = self.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Throws almlip::Error if the library is not there or of another ALMLIP.
static const DeviceLibrary &device_library()
{
  const std::string file = own_folder() + "/almlip_device.so";
  require(access(file.c_str(), F_OK) == 0, "this ALMLIP was not built for devices: there is no ",
          file, "; build it with -DALMLIP_DEVICE=ON");
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char *reason = library ? "" : dlerror();
  require(library, "the part for devices cannot be loaded (", reason,
          "); it needs the driver and the libraries of its GPU on this machine");
  auto *const get =
      reinterpret_cast<const DeviceLibrary *(*)()>(dlsym(library, "almlip_device_library"));
  require(get && strcmp(get()->version, ALMLIP_VERSION) == 0, file,
          " is not of this version of ALMLIP; install its files together");
  return *get();
}

// Rank among those of the node, which share its devices.
static int local_rank(MPI_Comm world)
{
  MPI_Comm node;
  int rank;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  MPI_Comm_rank(node, &rank);
  MPI_Comm_free(&node);
  return rank;
}

// Throws almlip::Error if this rank has no device, where a backend of the host counts as one only
// if it was asked for by name.
static std::unique_ptr<almlip::Committee::Kernel> device_kernel(LAMMPS *lmp,
                                                                const std::string &text,
                                                                almlip::Precision precision,
                                                                int rank, bool any_backend,
                                                                const char **device)
{
  require(
      !lmp->kokkos,
      "LAMMPS itself computes with its package KOKKOS in this run, and a process has one Kokkos; "
      "use pair_style almlip/kk, or start LAMMPS without -k on");
  const DeviceLibrary &library = device_library();
  require(any_backend || library.num_devices() > 0, "no device for ", library.backend, " is there");
  return std::unique_ptr<almlip::Committee::Kernel>(
      library.make(text.data(), text.size(), precision, rank, device));
}

std::unique_ptr<almlip::Committee> LAMMPS_NS::almlip_committee(LAMMPS *lmp,
                                                               const almlip::Potential &potential,
                                                               const std::string &text,
                                                               almlip::Precision precision,
                                                               ALMLIPDeviceUse use)
{
  if (use == ALMLIPDeviceUse::NO) return std::make_unique<almlip::Committee>(potential, precision);
  const bool must = use == ALMLIPDeviceUse::YES;
  const int rank = local_rank(lmp->world);
  std::unique_ptr<almlip::Committee::Kernel> kernel;
  std::string problem;
  const char *device = "";
  try {
    kernel = device_kernel(lmp, text, precision, rank, must, &device);
  } catch (const almlip::Error &e) {
    problem = e.what();
  }
  if (must)
    end_on_problem_of_any_rank(lmp, problem.empty() ? "" : "pair_style almlip device: " + problem);
  int failed = problem.empty() ? 0 : 1;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, lmp->world);
  if (lmp->comm->me == 0)
    utils::logmesg(lmp, "pair_style almlip: computing on {}\n",
                   !failed           ? device
                   : problem.empty() ? "the CPU: another rank has no device"
                                     : "the CPU: " + problem);
  if (failed) return std::make_unique<almlip::Committee>(potential, precision);
  return std::make_unique<almlip::Committee>(std::move(kernel), potential.settings);
}
