# SPDX-License-Identifier: GPL-2.0-or-later
# What a build can be asked for, and the compiler settings that hold for all of our own code.

if(PROJECT_IS_TOP_LEVEL AND NOT SKBUILD)
    set(hvlab_developer ON)
else()
    set(hvlab_developer OFF)
endif()
if(SKBUILD)
    set(hvlab_wheel ON)
else()
    set(hvlab_wheel OFF)
endif()

option(HVLAB_BUILD_TESTS "Build the C++ unit tests" ${hvlab_developer})
option(HVLAB_BUILD_BENCH "Build the benchmarks" OFF)
option(HVLAB_BUILD_SIM_BENCH "Build what `make bench-sim` compares (SimGrid)" OFF)
option(HVLAB_BUILD_FUZZ "Build the libFuzzer targets (clang)" OFF)
option(HVLAB_BUILD_PYTHON "Build the Python extension hvlab._core" ${hvlab_wheel})
option(HVLAB_INPLACE "Put hvlab._core into python/hvlab of the source tree too" OFF)
option(HVLAB_WERROR "Warnings are errors" OFF)
set(HVLAB_SANITIZE "" CACHE STRING "Sanitizers: 'address,undefined' or 'thread'")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Assertions of the standard library's cheap kind stay out of Release; HVLAB_ASSERT is ours and always on.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g -D_GLIBCXX_ASSERTIONS")

find_program(HVLAB_CCACHE ccache)
if(HVLAB_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Paths relative to the tree: another clone of it finds the same entries.
    set(launcher env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${HVLAB_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
# Neither messages nor debug information name the folder that the build was made in.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Linked by every target of ours, and by nothing that others wrote (the engine has its own warnings).
add_library(hvlab_warnings INTERFACE)
target_compile_options(hvlab_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused
    -Wconversion -Wno-sign-conversion -Wdouble-promotion -Wimplicit-fallthrough -Wundef
    $<$<BOOL:${HVLAB_WERROR}>:-Werror>)

if(HVLAB_SANITIZE)
    add_compile_options(-fsanitize=${HVLAB_SANITIZE} -fno-omit-frame-pointer
                        -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
    add_link_options(-fsanitize=${HVLAB_SANITIZE})
endif()
if(HVLAB_BUILD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)  # coverage; the programs link the driver
endif()
