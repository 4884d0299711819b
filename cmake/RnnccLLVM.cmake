# Clang and LLVM for the in-process JIT: sets RNNCC_HAVE_LLVM, defines the interface target rnncc_llvm, which only the JIT's
# own library links.
#
# One LLVM major for everything (the libomp packages of different majors conflict); 14 is Debian 12's and the reference.
# Another one: -DLLVM_DIR=/usr/lib/llvm-16/lib/cmake/llvm. Without LLVM the compiler works and the JIT uses `cc -shared`.

set(RNNCC_HAVE_LLVM OFF)
string(TOUPPER "${RNNCC_WITH_LLVM}" with_llvm)
if(with_llvm STREQUAL "AUTO" OR with_llvm)
  set(LLVM_DIR /usr/lib/llvm-14/lib/cmake/llvm CACHE PATH "LLVMConfig.cmake's folder")
  get_filename_component(clang_dir ${LLVM_DIR}/../clang ABSOLUTE)
  set(Clang_DIR ${clang_dir} CACHE PATH "ClangConfig.cmake's folder")
  if(EXISTS ${LLVM_DIR}/LLVMConfig.cmake AND EXISTS ${Clang_DIR}/ClangConfig.cmake)
    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
      enable_language(CXX)
      find_package(Clang CONFIG QUIET)
      if(Clang_FOUND AND TARGET clang-cpp AND TARGET LLVM)
        set(RNNCC_HAVE_LLVM ON)
      endif()
    endif()
  endif()

  if(RNNCC_HAVE_LLVM)
    message(STATUS "JIT: Clang/LLVM ${LLVM_PACKAGE_VERSION} in process")
    execute_process(COMMAND ${LLVM_TOOLS_BINARY_DIR}/clang -print-resource-dir OUTPUT_VARIABLE resource_dir
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    add_library(rnncc_llvm INTERFACE)
    target_include_directories(rnncc_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${CLANG_INCLUDE_DIRS})
    target_compile_definitions(rnncc_llvm INTERFACE
      RNNCC_CLANG_RESOURCE_DIR="${resource_dir}" # Clang's own headers
      __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
    target_compile_options(rnncc_llvm INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-std=c++17 -Wall -Wextra -Wno-unused-parameter>)
    if(NOT LLVM_ENABLE_RTTI)
      target_compile_options(rnncc_llvm INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fno-rtti;-fno-sanitize=vptr>")
    endif()
    target_link_libraries(rnncc_llvm INTERFACE clang-cpp LLVM)
  elseif(NOT with_llvm STREQUAL "AUTO")
    message(FATAL_ERROR "RNNCC_WITH_LLVM=ON, but no usable Clang/LLVM in ${LLVM_DIR}: scripts/setup.sh installs them")
  endif()
endif()
if(NOT RNNCC_HAVE_LLVM)
  message(STATUS "JIT: without LLVM, by cc -shared")
endif()
