# almlip_check_headers(TARGET HEADER...): target TARGET_headers compiles each header alone. Not part of `all`.

function(almlip_check_headers target)
  set(units)
  foreach(header IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER ${header} name)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"almlip/${header}\"\n")
    list(APPEND units ${unit})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${units})
  target_link_libraries(${target}_headers PRIVATE ${target} $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
endfunction()
