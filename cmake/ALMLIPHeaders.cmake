# SPDX-License-Identifier: GPL-2.0-or-later
# almlip_check_headers(TARGET FOLDER): target TARGET_headers compiles each header below src/FOLDER alone. Not part of `all`;
# headers makes all of them.

add_custom_target(headers)

function(almlip_check_headers target folder)
  file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/src CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.h)
  list(FILTER headers EXCLUDE REGEX "/KOKKOS/")    # needs a LAMMPS with that package
  set(units)
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER ${header} name)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n")
    list(APPEND units ${unit})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${units})
  target_include_directories(${target}_headers PRIVATE ${PROJECT_SOURCE_DIR}/src)
  get_target_property(libraries ${target} LINK_LIBRARIES)
  list(TRANSFORM libraries REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1")
  target_link_libraries(${target}_headers PRIVATE ${libraries})
  target_include_directories(${target}_headers PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_compile_definitions(${target}_headers PRIVATE $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
  add_dependencies(headers ${target}_headers)
endfunction()
