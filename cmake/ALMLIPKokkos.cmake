# SPDX-License-Identifier: GPL-2.0-or-later
# Finds the Kokkos of ALMLIP_DEVICE as Kokkos::kokkos, version 4.4 or newer:
#   the one of LAMMPS's package KOKKOS, if LAMMPS was given as a build folder and has that package (sets ALMLIP_KOKKOS), or
#   a CMake package (-DKokkos_ROOT=PREFIX), or
#   the one of Debian's Trilinos, which is older and for the CPU only, but good for tests.
# What a LAMMPS with KOKKOS loads links almlip::kokkos_in_lammps instead: headers only, since a process has one Kokkos.

set(ALMLIP_KOKKOS "")
if(TARGET almlip::lammps)
  get_target_property(ALMLIP_KOKKOS almlip::lammps ALMLIP_KOKKOS)
endif()
# Without that component Kokkos would have everything compiled by the compiler of its device.
if(ALMLIP_KOKKOS)
  find_package(Kokkos 4.4 REQUIRED CONFIG COMPONENTS separable_compilation PATHS ${ALMLIP_KOKKOS} NO_DEFAULT_PATH)
  get_target_property(tools almlip::lammps ALMLIP_KOKKOS_TOOLS)
  find_program(Kokkos_COMPILE_LAUNCHER kokkos_launch_compiler HINTS ${tools})
  find_program(Kokkos_NVCC_WRAPPER nvcc_wrapper HINTS ${tools})
  mark_as_advanced(Kokkos_COMPILE_LAUNCHER Kokkos_NVCC_WRAPPER)
  add_library(almlip_kokkos_in_lammps INTERFACE)
  add_library(almlip::kokkos_in_lammps ALIAS almlip_kokkos_in_lammps)
  target_include_directories(almlip_kokkos_in_lammps SYSTEM INTERFACE $<TARGET_PROPERTY:Kokkos::kokkos,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(almlip_kokkos_in_lammps INTERFACE $<TARGET_PROPERTY:Kokkos::kokkos,INTERFACE_COMPILE_DEFINITIONS>)
  target_compile_options(almlip_kokkos_in_lammps INTERFACE $<TARGET_PROPERTY:Kokkos::kokkos,INTERFACE_COMPILE_OPTIONS>)
  target_compile_features(almlip_kokkos_in_lammps INTERFACE $<TARGET_PROPERTY:Kokkos::kokkos,INTERFACE_COMPILE_FEATURES>)
  if(Kokkos_ENABLE_CUDA)
    target_link_libraries(almlip_kokkos_in_lammps INTERFACE CUDA::cudart)
  endif()
else()
  find_package(Kokkos 4.4 QUIET CONFIG COMPONENTS separable_compilation)
endif()
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
    target_compile_options(${target} PRIVATE --expt-relaxed-constexpr $<$<BOOL:${ALMLIP_DEVICE_REPORT}>:-Xptxas=-v>)
    kokkos_compilation(TARGET ${target})
    set_property(TARGET ${target} PROPERTY CXX_COMPILER_LAUNCHER "")    # Kokkos's launcher would not see the compiler behind it
  endif()
endfunction()
