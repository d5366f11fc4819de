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

# almlip_lighten_sanitizers(FILE...): address sanitizer only. With both on them, each file of a large kernel takes
# minutes and gigabytes to compile; the same templates are compiled in full for the smallest shape.
function(almlip_lighten_sanitizers)
  if(ALMLIP_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -fno-sanitize=undefined)
  endif()
endfunction()
