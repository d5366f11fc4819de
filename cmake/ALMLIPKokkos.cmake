# SPDX-License-Identifier: GPL-2.0-or-later
# Finds the Kokkos of ALMLIP_DEVICE as Kokkos::kokkos: version 4.4 or newer as CMake package (-DKokkos_ROOT=PREFIX), or the
# one of Debian's Trilinos, which is older and for the CPU only, but good for tests.

# Without that component Kokkos would have everything compiled by the compiler of its device.
find_package(Kokkos 4.4 QUIET CONFIG COMPONENTS separable_compilation)
if(NOT TARGET Kokkos::kokkos)
  find_path(ALMLIP_KOKKOS_INCLUDE Kokkos_Core.hpp PATH_SUFFIXES trilinos)
  find_library(ALMLIP_KOKKOS_LIBRARY NAMES trilinos_kokkoscore)
  mark_as_advanced(ALMLIP_KOKKOS_INCLUDE ALMLIP_KOKKOS_LIBRARY)
  if(NOT ALMLIP_KOKKOS_INCLUDE OR NOT ALMLIP_KOKKOS_LIBRARY)
    message(FATAL_ERROR "ALMLIP_DEVICE needs Kokkos 4.4 or newer: name where it is installed with -DKokkos_ROOT=PREFIX "
                        "(for tests on the CPU alone, Debian: apt install libtrilinos-kokkos-dev)")
  endif()
  add_library(Kokkos::kokkos INTERFACE IMPORTED)
  target_include_directories(Kokkos::kokkos SYSTEM INTERFACE ${ALMLIP_KOKKOS_INCLUDE})
  target_link_libraries(Kokkos::kokkos INTERFACE ${ALMLIP_KOKKOS_LIBRARY})
  set(Kokkos_VERSION "of Trilinos")
  set(Kokkos_DEVICES SERIAL)
endif()
message(STATUS "Kokkos ${Kokkos_VERSION} for devices: ${Kokkos_DEVICES}")

# almlip_compile_for_device(TARGET): by the compiler of the device; the CPU's kernels stay with that of the host.
function(almlip_compile_for_device target)
  if(Kokkos_ENABLE_CUDA)
    target_compile_options(${target} PRIVATE --expt-relaxed-constexpr)
    kokkos_compilation(TARGET ${target})
  endif()
endfunction()
