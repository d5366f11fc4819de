# almlip::kokkos: Kokkos 3.4 or newer, whatever its package looks like.

find_package(Kokkos 3.4 QUIET CONFIG)
if(NOT Kokkos_FOUND)
  message(FATAL_ERROR "Kokkos 3.4 or newer not found. Debian: apt install libtrilinos-kokkos-dev; "
                      "elsewhere: -DKokkos_ROOT=/path/to/kokkos")
endif()

add_library(almlip_kokkos INTERFACE)
add_library(almlip::kokkos ALIAS almlip_kokkos)
if(TARGET trilinos_kokkoscore)
  # Kokkos from Debian's Trilinos: its Kokkos::kokkos names an include folder that does not exist.
  find_path(ALMLIP_KOKKOS_INCLUDE_DIR Kokkos_Core.hpp HINTS ${Kokkos_INCLUDE_DIRS} PATH_SUFFIXES trilinos)
  find_library(ALMLIP_KOKKOS_LIBRARY trilinos_kokkoscore HINTS ${Kokkos_LIBRARY_DIRS})
  mark_as_advanced(ALMLIP_KOKKOS_INCLUDE_DIR ALMLIP_KOKKOS_LIBRARY)
  if(NOT ALMLIP_KOKKOS_INCLUDE_DIR OR NOT ALMLIP_KOKKOS_LIBRARY)
    message(FATAL_ERROR "Kokkos ${Kokkos_VERSION} (${Kokkos_DIR}) has no usable headers or library; "
                        "set ALMLIP_KOKKOS_INCLUDE_DIR and ALMLIP_KOKKOS_LIBRARY")
  endif()
  target_include_directories(almlip_kokkos SYSTEM INTERFACE ${ALMLIP_KOKKOS_INCLUDE_DIR})
  target_link_libraries(almlip_kokkos INTERFACE ${ALMLIP_KOKKOS_LIBRARY} ${CMAKE_DL_LIBS})
else()
  target_link_libraries(almlip_kokkos INTERFACE Kokkos::kokkos)
endif()
message(STATUS "Kokkos ${Kokkos_VERSION}: ${Kokkos_DEVICES} (${Kokkos_DIR})")
