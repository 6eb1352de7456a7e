// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/micro.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/boot/boot_module.h"
#include "core/boot/elf.h"
#include "core/boot/image_file.h"
#include "core/boot/micro_layout.h"
#include "core/boot/micro_pages.h"
#include "core/boot/micro_tables.h"
#include "core/boot/placement.h"

namespace hvlab {
namespace {

using micro::PageTables;
using micro::Rights;

void check_request(const ImageBytes& file, const MicroImage& image) {
    check_cmdline(file, image.cmdline);
    if (!image.ports) return;
    if (image.ports->size() > MicroImage::kMaxPortRanges) {
        file.refuse("ports", fmt::format("{} ranges; at most {} are possible", image.ports->size(),
                                         MicroImage::kMaxPortRanges));
    }
    for (const MicroImage::Ports& range : *image.ports) {
        if (range.first > range.last) {
            file.refuse("ports",
                        fmt::format("{:#x} to {:#x} is no range", range.first, range.last));
        }
    }
}

// A flat binary: one segment at 1 MiB, entered at its first byte; it may do everything.
Elf flat_program(const ImageBytes& file) {
    return {.elf_class = ElfClass::k64,
            .entry = micro::kImage,
            .segments = {{.file_size = file.size(),
                          .address = micro::kImage,
                          .virtual_address = micro::kImage,
                          .memory_size = file.size(),
                          .writable = true,
                          .executable = true}},
            .notes = {}};
}

void check_segments(const ImageBytes& file, const GuestMemory& memory, const Elf& program) {
    for (const Elf::Segment& segment : program.segments) {
        const std::string name = fmt::format("segment {}", segment.index);
        if (segment.virtual_address != segment.address) {
            file.refuse(name, fmt::format("is linked for {:#x} but loaded at {:#x}: memory of a "
                                          "micro-guest is mapped to itself",
                                          segment.virtual_address, segment.address));
        }
        if (segment.address < micro::kImage) {
            file.refuse(name, fmt::format("{} bytes at {:#x} reach below {:#x}, where the "
                                          "loader's own tables lie",
                                          segment.memory_size, segment.address, micro::kImage));
        }
        check_place(memory, file, name, segment.address, segment.memory_size);
    }
    const auto holds_entry = [&program](const Elf::Segment& segment) {
        return program.entry >= segment.address && program.entry < segment.end() &&
               segment.executable;
    };
    if (std::ranges::none_of(program.segments, holds_entry)) {
        file.refuse("e_entry", fmt::format("{:#x} is in no executable segment", program.entry));
    }
}

// Everything outside the image (docs/design/micro-guests.md). What is not said is not there.
void map_surroundings(PageTables& pages, GuestAddress memory_end) {
    constexpr Rights kRead{};
    constexpr Rights kReadWrite{.write = true};
    constexpr Rights kDevice{.write = true, .cached = false};
    constexpr Rights kKernel{.user = false, .write = true};
    pages.map(micro::kInfo, micro::kControl, kRead);
    pages.map(micro::kControl, micro::kReport, kReadWrite);
    pages.map(micro::kReport, micro::kShim, kKernel);
    pages.map(micro::kShim, micro::kShimEnd, {.user = false, .execute = true});
    pages.map(micro::kStackBottom, micro::kRingsEnd, kReadWrite);
    pages.map(micro::kPageTables, micro::kPageTablesEnd, kKernel);
    pages.map(micro::kPageTablesEnd, kLegacyHoleStart, kReadWrite);
    pages.map(kVideoWindowStart, kVideoWindowEnd, kDevice);
    pages.map(kVideoWindowEnd, memory_end, kReadWrite);
    pages.map(kPciHoleStart, kPciHoleEnd, kDevice);
}

void map_image(PageTables& pages, const Elf& program) {
    GuestAddress mapped = 0;  // up to here, by the segments before
    for (const Elf::Segment& segment : program.segments) {
        const Rights rights{.write = segment.writable, .execute = segment.executable};
        GuestAddress start = align_down(segment.address, kPageSize);
        if (start < mapped) {  // a page that two of them share is both
            pages.allow(start, rights);
            start += kPageSize;
        }
        mapped = std::max(mapped, align_up(segment.end(), kPageSize));
        if (start < mapped) pages.map(start, mapped, rights);
    }
}

void write_info(GuestMemory& memory, const MicroImage& image, const Elf& program) {
    const micro::Info info{
        .memory_size = memory.size(),
        .memory_end = memory.end_below_4gib(),
        .image_start = program.start(),
        .image_end = program.end(),
        .free_start = align_up(program.end(), kPageSize),
        .cmdline_length = image.cmdline.size(),
    };
    HVLAB_ASSERT(memory.write_value(micro::kInfo, info));
    const std::string& text = image.cmdline;
    HVLAB_ASSERT(
        memory.write(micro::kCmdline, std::as_bytes(std::span(text.c_str(), text.size() + 1))));
}

}  // namespace

CpuState load_micro(GuestMemory& memory, const MicroImage& image,
                    std::span<const std::byte> bytes) {
    const ImageBytes file(image.path.string(), bytes);
    if (bytes.empty()) file.refuse("image", "the file is empty");
    check_request(file, image);
    const Elf program = is_elf(bytes) ? parse_elf(file) : flat_program(file);
    if (program.elf_class != ElfClass::k64) {
        file.refuse("e_ident", "a micro-guest is a 64-bit program");
    }
    check_segments(file, memory, program);

    PageTables pages;
    map_surroundings(pages, memory.end_below_4gib());
    map_image(pages, program);
    constexpr std::uint64_t kRoom = (micro::kPageTablesEnd - micro::kPageTables) / kPageSize;
    if (pages.pages() > kRoom) {
        file.refuse("program headers",
                    fmt::format("segments so far apart need {} pages of page tables; there is "
                                "room for {}",
                                pages.pages(), kRoom));
    }
    load_segments(memory, file, program, micro::kImage);
    pages.write(memory, micro::kPageTables);
    write_info(memory, image, program);

    CpuState state = micro::enter_user_mode(memory, image.ports);
    state.rip = program.entry;
    state.gpr[kRsp] = micro::kStackTop;
    state.gpr[kRdi] = micro::kInfo;
    return state;
}

CpuState load_micro(GuestMemory& memory, const MicroImage& image) {
    return load_micro(memory, image, read_image_file(image.path, "image", kMaxImageFile));
}

}  // namespace hvlab
