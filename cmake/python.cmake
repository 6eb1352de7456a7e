# SPDX-License-Identifier: GPL-2.0-or-later
# The Python extension: finding Python and pybind11, and the three places that it is put in.
#
#   build tree    always, with libraries of the system
#   source tree   HVLAB_INPLACE: python/hvlab/_core.*.so, which the editable install of .venv imports
#   wheel         component "hvlab": hvlab/_core.*.so and beside it, in hvlab/libs, each shared library that a
#                 machine without the development packages would lack. Debian's archives of RE2 and yaml-cpp
#                 are not position-independent, so linking them statically is not possible.

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT pybind11_DIR)
    execute_process(
        COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir
        OUTPUT_VARIABLE hvlab_pybind11_dir OUTPUT_STRIP_TRAILING_WHITESPACE
        RESULT_VARIABLE hvlab_pybind11_result ERROR_QUIET)
    if(hvlab_pybind11_result EQUAL 0)
        set(pybind11_DIR ${hvlab_pybind11_dir})
    endif()
endif()
set(PYBIND11_FINDPYTHON ON)
find_package(pybind11 3.0 CONFIG REQUIRED)

# hvlab_add_python_module(<target> SOURCES <file>... LIBS <target>...)
function(hvlab_add_python_module target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    pybind11_add_module(${target} MODULE NO_EXTRAS ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE ${arg_LIBS} hvlab_warnings)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cpp ${PROJECT_SOURCE_DIR})
    # RPATH and not RUNPATH: it holds for the libraries' own dependencies too.
    target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL -Wl,--disable-new-dtags)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/libs")

    if(HVLAB_INPLACE)
        set(package ${PROJECT_SOURCE_DIR}/python/hvlab)
        # A new file under the old name: a process that has the old one mapped keeps it.
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:${target}> ${package}/$<TARGET_FILE_NAME:${target}>.new
            COMMAND ${CMAKE_COMMAND} -E rename ${package}/$<TARGET_FILE_NAME:${target}>.new
                    ${package}/$<TARGET_FILE_NAME:${target}>
            VERBATIM)
    endif()

    install(TARGETS ${target} LIBRARY DESTINATION hvlab COMPONENT hvlab)
    # Each library once, under the name that it is loaded by: a wheel holds no symbolic links.
    install(CODE "set(module \"$<TARGET_FILE:${target}>\")" COMPONENT hvlab)
    install(CODE [[
        file(GET_RUNTIME_DEPENDENCIES MODULES ${module}
            RESOLVED_DEPENDENCIES_VAR libraries
            PRE_EXCLUDE_REGEXES "^lib(c|m|dl|rt|pthread|stdc\\+\\+|gcc_s)\\.so" "^ld-linux" "^libpython")
        set(folder $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/hvlab/libs)
        file(MAKE_DIRECTORY ${folder})
        foreach(library IN LISTS libraries)
            cmake_path(GET library FILENAME name)
            file(REAL_PATH ${library} file)
            message(STATUS "Installing: ${folder}/${name}")
            file(COPY_FILE ${file} ${folder}/${name})
        endforeach()
    ]] COMPONENT hvlab)
endfunction()
