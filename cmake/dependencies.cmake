# SPDX-License-Identifier: GPL-2.0-or-later
# The libraries of the system. What others link to:
#   fmt::fmt  spdlog::spdlog  re2::re2  yaml-cpp::yaml-cpp
#   LZ4::LZ4  ZLIB::ZLIB  LibLZMA::LibLZMA  Zstd::Zstd  Threads::Threads
#   GTest::gmock_main (tests)  benchmark::benchmark (bench)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp)  # before yaml-cpp 0.8
    add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
    set_target_properties(yaml-cpp::yaml-cpp PROPERTIES INTERFACE_LINK_LIBRARIES yaml-cpp)
endif()

# hvlab_pkg_config(<target> <module>): an imported target for what ships no CMake files on every system.
find_package(PkgConfig REQUIRED)
function(hvlab_pkg_config target module)
    if(NOT TARGET ${target})
        pkg_check_modules(HVLAB_${module} REQUIRED IMPORTED_TARGET ${module})
        add_library(${target} INTERFACE IMPORTED GLOBAL)
        set_target_properties(${target} PROPERTIES
            INTERFACE_LINK_LIBRARIES PkgConfig::HVLAB_${module})
    endif()
endfunction()
hvlab_pkg_config(re2::re2 re2)
hvlab_pkg_config(LZ4::LZ4 liblz4)
hvlab_pkg_config(Zstd::Zstd libzstd)

if(HVLAB_BUILD_TESTS)
    find_package(GTest REQUIRED)
endif()
if(HVLAB_BUILD_BENCH)
    find_package(benchmark REQUIRED)
endif()
if(HVLAB_BUILD_PYTHON)
    include(cmake/python.cmake)
endif()
