# Installation: the command, the library and its header, the JIT's library, find_package(rnncc), the manual page and shell completions.

include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rnncc)

install(TARGETS librnncc EXPORT rnnccLibrary)
if(TARGET rnncc_jit)
  install(TARGETS rnncc_jit DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT rnnccLibrary NAMESPACE rnncc:: DESTINATION ${config_dir})
if(TARGET rnncc)
  install(TARGETS rnncc EXPORT rnnccCommand)
  install(EXPORT rnnccCommand NAMESPACE rnncc:: DESTINATION ${config_dir})
endif()
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/rnnccConfig.cmake.in ${PROJECT_BINARY_DIR}/rnnccConfig.cmake
  INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rnnccConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rnnccConfig.cmake ${PROJECT_BINARY_DIR}/rnnccConfigVersion.cmake cmake/RnnccAddModel.cmake
  DESTINATION ${config_dir})

install(FILES docs/rnncc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES completions/rnncc.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME rnncc OPTIONAL)
install(FILES completions/_rnncc DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions OPTIONAL)
install(FILES completions/rnncc.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
