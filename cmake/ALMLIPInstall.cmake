# SPDX-License-Identifier: GPL-2.0-or-later
# What `cmake --install` puts beside the command and the plugin (docs/install.md): the core with its headers and CMake
# package, potentials, documentation, examples, and what sets up a user's shell. All of it may be moved with the prefix.

include(CMakePackageConfigHelpers)

set(ALMLIP_DATA_DIR ${CMAKE_INSTALL_DATADIR}/almlip)

# The headers of kernels/ are left out: packs change their size with the compiler's flags, which are those of this build.
# So is what includes them.
install(DIRECTORY src/almlip/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/almlip
        FILES_MATCHING PATTERN "*.h" PATTERN kernels EXCLUDE PATTERN json_keys.h EXCLUDE PATTERN short_range.h EXCLUDE)
set_target_properties(almlip_core PROPERTIES EXPORT_NAME core)
install(TARGETS almlip_core EXPORT ALMLIPTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ALMLIP)
install(EXPORT ALMLIPTargets NAMESPACE almlip:: DESTINATION ${package_dir})
configure_package_config_file(cmake/ALMLIPConfig.cmake.in ${PROJECT_BINARY_DIR}/generated/ALMLIPConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/ALMLIPConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/ALMLIPConfig.cmake ${PROJECT_BINARY_DIR}/generated/ALMLIPConfigVersion.cmake
        DESTINATION ${package_dir})

install(DIRECTORY potentials examples DESTINATION ${ALMLIP_DATA_DIR} PATTERN __pycache__ EXCLUDE)
install(FILES README.md ARCHITECTURE.md CHANGELOG.md CITATION.cff CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES benchmarks/RESULTS.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/benchmarks)

# An MPI that is not the system's is found through a link in the prefix, which the script below makes.
set(mpi_folder "")
if(ALMLIP_BUILD_TRAINER)
  if(ALMLIP_INSTALL_RPATH)
    set_target_properties(almlip PROPERTIES INSTALL_RPATH "${ALMLIP_INSTALL_RPATH}")
  elseif(MPI_CXX_LIBRARIES)    # else the compiler itself knows MPI
    list(GET MPI_CXX_LIBRARIES 0 library)
    get_filename_component(folder ${library} DIRECTORY)
    if(NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
      set(mpi_folder ${folder})
      file(RELATIVE_PATH from_bin /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${ALMLIP_PLUGIN_DIR}/mpi)
      set_target_properties(almlip PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin}")
    endif()
  endif()
endif()

set(lammps_python "")
if(TARGET almlip::lammps)
  get_target_property(lammps_python almlip::lammps ALMLIP_PYTHON)
endif()
configure_file(cmake/InstallEnvironment.cmake.in ${PROJECT_BINARY_DIR}/generated/InstallEnvironment.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/generated/InstallEnvironment.cmake)
