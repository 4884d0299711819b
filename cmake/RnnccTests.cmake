# The test-suite, driven by CTest. `ctest -L quick` is the part to run after every edit.
#
# tests/unit/*.c   One Criterion program, rnncc_tests; one CTest test per suite. The suites are read from the sources.
# tests/*.sh       One CTest test per executable script. Environment: RNNCC (the command), RNNCC_SOURCE_DIR,
#                  RNNCC_BUILD_DIR, RNNCC_TMP (an empty folder of its own), RNNCC_PYTHON, RNNCC_LLVM (0 or 1),
#                  RNNCC_SANITIZE, RNNCC_NPM (or empty). Exit status 0 passed, 77 skipped, else failed. A line
#                  "# ctest: WORD…" near the top sets: slow (not part of quick), serial (nothing runs beside it),
#                  timeout=SECONDS (900): ten times what the test takes alone, or more, as a loaded machine is no failure.
#                  Those with the highest limit start first, so that none is left alone on several cores.
# tests/fuzz/*.c   libFuzzer targets, with -DRNNCC_FUZZ=ON: NAME.c or fuzz_NAME.c becomes fuzz_NAME.
#
# A script or suite that prints "N passed, N failed" is counted by that line in scripts/test.sh.

find_program(RNNCC_NPM NAMES npm HINTS ${PROJECT_SOURCE_DIR}/build/venv/bin) # scripts/setup.sh --test
set(test_environment
  RNNCC=$<IF:$<TARGET_EXISTS:rnncc>,${PROJECT_BINARY_DIR}/rnncc,>
  RNNCC_SOURCE_DIR=${PROJECT_SOURCE_DIR} RNNCC_BUILD_DIR=${PROJECT_BINARY_DIR} RNNCC_PYTHON=${RNNCC_PYTHON}
  RNNCC_LLVM=$<BOOL:${RNNCC_HAVE_LLVM}> RNNCC_SANITIZE=${RNNCC_SANITIZE} RNNCC_NPM=$<$<BOOL:${RNNCC_NPM}>:${RNNCC_NPM}>
  UBSAN_OPTIONS=print_stacktrace=1)
if(RNNCC_SANITIZE) # AddressSanitizer's dlopen does not look where the program's RUNPATH says: the JIT's library is there
  list(APPEND test_environment LD_LIBRARY_PATH=${PROJECT_BINARY_DIR})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/tests/lsan.supp)
  list(APPEND test_environment LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0)
endif()

# Criterion exits 0 when a filter matches nothing, and neither a leak nor a UBSan report fails a test of its own accord.
set(bad_output "Tested: 0 ;LeakSanitizer;runtime error:")

# ------------------------------------------------------------------------------------------------------------- unit

pkg_check_modules(CRITERION IMPORTED_TARGET criterion)
file(GLOB unit_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/*.c)
if(unit_sources AND CRITERION_FOUND)
  add_executable(rnncc_tests ${unit_sources})
  target_compile_options(rnncc_tests PRIVATE ${RNNCC_WARNINGS} -Wno-missing-prototypes -Wno-pedantic) # Criterion's macros
  target_link_libraries(rnncc_tests PRIVATE rnncc_internal PkgConfig::CRITERION)
  target_compile_definitions(rnncc_tests PRIVATE RNNCC_SOURCE_DIR="${PROJECT_SOURCE_DIR}" RNNCC_BUILD_DIR="${PROJECT_BINARY_DIR}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${unit_sources})

  # Test(suite, …)  TestSuite(suite…)  ParameterizedTest(type, suite, …)  Theory((parameters), suite, …)
  set(suites "")
  foreach(source IN LISTS unit_sources)
    file(READ ${source} text)
    string(REPLACE ";" " " text "${text}")
    string(REGEX MATCHALL "(^|\n)(TestSuite|Test|ParameterizedTest\\([^,]*,|Theory\\(\\([^)]*\\),)[ \t\n]*[(]?[ \t\n]*[A-Za-z0-9_]+[ \t]*[,)]" found "${text}")
    foreach(match IN LISTS found)
      string(REGEX REPLACE ".*[^A-Za-z0-9_]([A-Za-z0-9_]+)[ \t]*[,)]$" "\\1" suite "${match}")
      list(APPEND suites ${suite})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES suites)
  list(SORT suites)
  foreach(suite IN LISTS suites)
    add_test(NAME unit/${suite} COMMAND rnncc_tests --filter=${suite}/* --jobs=1)
    set_tests_properties(unit/${suite} PROPERTIES LABELS "unit;quick" TIMEOUT 3600 COST 3600
      FAIL_REGULAR_EXPRESSION "${bad_output}" ENVIRONMENT "${test_environment}")
  endforeach()

  # A suite that the expression above does not see would never run.
  string(REPLACE ";" "," suites_csv "${suites}")
  add_test(NAME unit-suites-complete
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:rnncc_tests> -DSUITES=${suites_csv} -P ${CMAKE_CURRENT_LIST_DIR}/CheckSuites.cmake)
  set_tests_properties(unit-suites-complete PROPERTIES LABELS "unit;quick" ENVIRONMENT "${test_environment}")
elseif(unit_sources)
  message(STATUS "Criterion is not installed: no unit tests (scripts/setup.sh --test)")
endif()

# ---------------------------------------------------------------------------------------------------------- scripts

file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.sh)
foreach(script IN LISTS scripts)
  get_filename_component(name ${script} NAME_WE)
  execute_process(COMMAND test -x ${script} RESULT_VARIABLE not_executable)
  if(not_executable)
    continue() # a library of shell functions
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
  file(STRINGS ${script} header LIMIT_COUNT 10 REGEX "^# ctest:")
  string(REGEX REPLACE "^# ctest:[ ]*" "" header "${header}")
  separate_arguments(words UNIX_COMMAND "${header}")
  set(labels script quick)
  set(timeout 900)
  set(serial OFF)
  foreach(word IN LISTS words)
    if(word STREQUAL "slow")
      set(labels script slow)
    elseif(word STREQUAL "serial")
      set(serial ON)
    elseif(word MATCHES "^timeout=([0-9]+)$")
      set(timeout ${CMAKE_MATCH_1})
    else()
      message(FATAL_ERROR "${script}: '# ctest: ${word}' is none of slow, serial, timeout=SECONDS")
    endif()
  endforeach()
  set(tmp ${PROJECT_BINARY_DIR}/tests/${name})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND sh -c "rm -rf \"$RNNCC_TMP\" && mkdir -p \"$RNNCC_TMP\" && cd \"$RNNCC_TMP\" && exec \"$0\"" ${script})
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout} COST ${timeout} RUN_SERIAL ${serial} SKIP_RETURN_CODE 77
    FAIL_REGULAR_EXPRESSION "LeakSanitizer;runtime error:" ENVIRONMENT "${test_environment};RNNCC_TMP=${tmp}")
endforeach()

# ------------------------------------------------------------------------------------------------------------- fuzz

# Random graphs against the interpreter; tests/fuzz_graphs.sh runs it.
file(GLOB fuzz_graphs_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz_graphs/*.c)
add_executable(fuzz_graphs ${fuzz_graphs_sources})
target_compile_options(fuzz_graphs PRIVATE ${RNNCC_WARNINGS})
target_link_libraries(fuzz_graphs PRIVATE rnncc_internal)

if(RNNCC_FUZZ)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*.c)
  foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" name ${name})
    add_executable(fuzz_${name} ${source})
    target_link_libraries(fuzz_${name} PRIVATE rnncc_internal)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
endif()
