# SPDX-License-Identifier: GPL-2.0-or-later
include(GoogleTest)

# hvlab_add_test(<name> SOURCES <file>... [LIBS <target>...] [LABELS <label>...] [TIMEOUT <seconds>])
# A GoogleTest program whose tests are known to ctest one by one. Nothing without HVLAB_BUILD_TESTS.
# LABELS long: run by `make test-long` only.
function(hvlab_add_test name)
    if(NOT HVLAB_BUILD_TESTS)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBS;LABELS")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
        message(FATAL_ERROR "hvlab_add_test(${name}): bad arguments '${arg_UNPARSED_ARGUMENTS}'")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LIBS} hvlab_warnings GTest::gmock_main)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cpp)
    set(properties TIMEOUT ${arg_TIMEOUT})
    if(arg_LABELS)
        list(APPEND properties LABELS "${arg_LABELS}")
    endif()
    gtest_discover_tests(${name} TEST_PREFIX "${name}:" DISCOVERY_MODE PRE_TEST
        DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()
