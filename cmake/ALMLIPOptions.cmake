# SPDX-License-Identifier: GPL-2.0-or-later
# almlip::options: the compile flags that every target of the project shares.
#
# They are one target because packs of SIMD lanes change their size with the instruction set: two files that exchange a
# pack must be compiled for the same one.

add_library(almlip_options INTERFACE)
add_library(almlip::options ALIAS almlip_options)

target_compile_features(almlip_options INTERFACE cxx_std_17)
target_compile_options(almlip_options INTERFACE
  -Wall -Wextra
  # Neither changes a result (errno and trap flags only), and both let square roots and branches vectorise.
  -fno-math-errno -fno-trapping-math
  $<$<CONFIG:Release,RelWithDebInfo>:-O3>
  $<$<BOOL:${ALMLIP_NATIVE}>:-march=native>
  $<$<BOOL:${ALMLIP_WERROR}>:-Werror>)

# g++ 12 sees uninitialised values inside its own vector headers.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(almlip_options INTERFACE -Wno-maybe-uninitialized)
endif()

if(ALMLIP_SANITIZE)
  target_compile_options(almlip_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(almlip_options INTERFACE -fsanitize=address,undefined)
endif()

# Shapes and instruction sets of the kernels, for the sources in almlip/build_settings.h.
if(ALMLIP_NATIVE)
  set(instruction_sets native)
elseif(ALMLIP_INSTRUCTION_SETS)
  set(instruction_sets ${ALMLIP_INSTRUCTION_SETS})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(instruction_sets avx512 avx2 baseline)
else()
  set(instruction_sets baseline)
endif()
set(listed_sets)
foreach(set IN LISTS instruction_sets)
  if(NOT set MATCHES "^(avx512|avx2|baseline|native)$")
    message(FATAL_ERROR "ALMLIP_INSTRUCTION_SETS has \"${set}\", but there are only avx512, avx2 and baseline")
  endif()
  string(APPEND listed_sets " X(${set})")
endforeach()
# The presets' names are those of their table; ALMLIP_SHAPES may leave some without kernels of their own.
file(STRINGS ${PROJECT_SOURCE_DIR}/src/almlip/kernels/presets.def presets REGEX "^ALMLIP_PRESET")
list(TRANSFORM presets REPLACE "^ALMLIP_PRESET\\(([a-z_0-9]+),.*" "\\1")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/almlip/kernels/presets.def)
set(compiled_shapes ${ALMLIP_SHAPES})
if(NOT DEFINED ALMLIP_SHAPES OR ALMLIP_SHAPES STREQUAL "all")
  set(compiled_shapes ${presets})
endif()
set(listed_shapes)
foreach(shape IN LISTS compiled_shapes)
  if(NOT shape IN_LIST presets)
    list(JOIN presets ", " names)
    message(FATAL_ERROR "ALMLIP_SHAPES has \"${shape}\", but the presets are ${names}")
  endif()
  string(APPEND listed_shapes " X(shape_${shape})")
endforeach()
set(base_target baseline)
if(ALMLIP_NATIVE)
  set(base_target native)
endif()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/almlip/build_settings.h CONTENT
"#pragma once

/// Written by CMake: the shapes (almlip/kernels/shape.h) that have kernels of their own, the instruction sets that all kernels
/// are compiled for, and the one that the compiler's flags stand for.
#define ALMLIP_FOR_EACH_SHAPE(X)@listed_shapes@
#define ALMLIP_FOR_EACH_INSTRUCTION_SET(X)@listed_sets@
#define ALMLIP_BASE_TARGET @base_target@
" @ONLY)

# almlip_add_kernels(TARGET TEMPLATE FILE...): compiles the template for each shape (@shape@) and the files into TARGET, once
# for each instruction set.
function(almlip_add_kernels target template)
  get_filename_component(name "${template}" NAME_WE)
  set(files ${ARGN})
  if(template)
    set(shapes GenericShape)
    foreach(shape IN LISTS compiled_shapes)
      list(APPEND shapes shape_${shape})
    endforeach()
  endif()
  foreach(shape IN LISTS shapes)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_${shape}.cpp)
    configure_file(${template} ${file} @ONLY)
    list(APPEND files ${file})
  endforeach()
  foreach(set IN LISTS instruction_sets)
    add_library(${target}_${set} OBJECT ${files})
    target_include_directories(${target}_${set} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
    target_compile_definitions(${target}_${set} PRIVATE $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
    target_link_libraries(${target}_${set} PRIVATE almlip::options)
    if(NOT set STREQUAL base_target)
      string(TOUPPER ${set} name_of_set)
      target_compile_definitions(${target}_${set} PRIVATE ALMLIP_KERNELS_${name_of_set})
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${set}>)
  endforeach()
endfunction()
