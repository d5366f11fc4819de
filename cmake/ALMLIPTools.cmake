# Optional targets: `format` rewrites the sources in the project's style, `tidy` runs clang-tidy over them.

file(GLOB_RECURSE sources ${PROJECT_SOURCE_DIR}/src/*.cpp ${PROJECT_SOURCE_DIR}/src/*.h
     ${PROJECT_SOURCE_DIR}/tests/*.cpp ${PROJECT_SOURCE_DIR}/benchmarks/*.cpp)

find_program(ALMLIP_CLANG_FORMAT clang-format)
find_program(ALMLIP_RUFF ruff)
if(ALMLIP_CLANG_FORMAT AND ALMLIP_RUFF)
  add_custom_target(format COMMAND ${ALMLIP_CLANG_FORMAT} -i ${sources}
                           COMMAND ${ALMLIP_RUFF} format --quiet ${PROJECT_SOURCE_DIR} VERBATIM)
endif()

find_program(ALMLIP_CLANG_TIDY clang-tidy)
if(ALMLIP_CLANG_TIDY)
  set(units ${sources})
  list(FILTER units INCLUDE REGEX "/src/.*\\.cpp$")
  add_custom_target(tidy COMMAND ${ALMLIP_CLANG_TIDY} -p ${PROJECT_BINARY_DIR} --quiet ${units} VERBATIM)
endif()
mark_as_advanced(ALMLIP_CLANG_FORMAT ALMLIP_CLANG_TIDY ALMLIP_RUFF)
