# SPDX-License-Identifier: GPL-2.0-or-later
# x86 images from assembly and C. Compiler and binutils for x86 targets: the system's own on x86-64, the
# cross tools elsewhere.
include_guard(GLOBAL)
find_program(HVLAB_GUEST_AS NAMES x86_64-linux-gnu-as as REQUIRED)
find_program(HVLAB_GUEST_CC NAMES x86_64-linux-gnu-gcc gcc REQUIRED)
find_program(HVLAB_GUEST_LD NAMES x86_64-linux-gnu-ld.bfd x86_64-linux-gnu-ld ld.bfd ld REQUIRED)
find_program(HVLAB_GUEST_OBJCOPY NAMES x86_64-linux-gnu-objcopy objcopy REQUIRED)

# hvlab_add_image(<path without suffix> SOURCE <file> SCRIPT <linker script> INCLUDE <folder>
#                 [DEFINES NAME=VALUE...] [DEPENDS <file>...])
# PATH.bin is the section .image of PATH.elf, which has the symbols.
function(hvlab_add_image base)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;SCRIPT;INCLUDE" "DEFINES;DEPENDS")
    set(defines "")
    foreach(define IN LISTS arg_DEFINES)
        list(APPEND defines --defsym ${define})
    endforeach()
    cmake_path(GET base FILENAME name)
    add_custom_command(
        OUTPUT ${base}.bin ${base}.elf
        COMMAND ${HVLAB_GUEST_AS} --64 --fatal-warnings -g ${defines}
                -I ${arg_INCLUDE} -o ${base}.o ${arg_SOURCE}
        COMMAND ${HVLAB_GUEST_LD} -m elf_x86_64 -n --build-id=none -T ${arg_SCRIPT} -o ${base}.elf ${base}.o
        COMMAND ${HVLAB_GUEST_OBJCOPY} -O binary -j .image ${base}.elf ${base}.bin
        DEPENDS ${arg_SOURCE} ${arg_SCRIPT} ${arg_DEPENDS}
        COMMENT "Guest ${name}"
        VERBATIM)
endfunction()

# hvlab_add_c_image(<path without suffix> SOURCES <file>... SCRIPT <linker script> INCLUDE <folder>
#                   [DEFINES NAME=VALUE...] [DEPENDS <file>...])
# A freestanding 64-bit program of C and preprocessed assembly; files as above. Integer registers only:
# nothing has to save others, and the same source gives the same instructions whatever the compiler's
# defaults are.
function(hvlab_add_c_image base)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT;INCLUDE" "SOURCES;DEFINES;DEPENDS")
    list(TRANSFORM arg_DEFINES PREPEND -D OUTPUT_VARIABLE defines)
    cmake_path(GET base FILENAME name)
    set(objects "")
    foreach(source IN LISTS arg_SOURCES)
        cmake_path(GET source FILENAME file)
        set(object ${base}-${file}.o)
        list(APPEND objects ${object})
        add_custom_command(
            OUTPUT ${object}
            COMMAND ${HVLAB_GUEST_CC} -m64 -std=c11 -O2 -g -ffreestanding -fno-pic -fno-stack-protector
                    -fcf-protection=none -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns
                    -mgeneral-regs-only -Wall -Wextra -Werror ${defines} -I ${arg_INCLUDE}
                    -c -o ${object} ${source}
            DEPENDS ${source} ${arg_DEPENDS}
            COMMENT "Guest ${name}: ${file}"
            VERBATIM)
    endforeach()
    add_custom_command(
        OUTPUT ${base}.bin ${base}.elf
        COMMAND ${HVLAB_GUEST_LD} -m elf_x86_64 -z noexecstack --build-id=none -T ${arg_SCRIPT}
                -o ${base}.elf ${objects}
        COMMAND ${HVLAB_GUEST_OBJCOPY} -O binary -j .image ${base}.elf ${base}.bin
        DEPENDS ${objects} ${arg_SCRIPT}
        COMMENT "Guest ${name}"
        VERBATIM)
endfunction()
