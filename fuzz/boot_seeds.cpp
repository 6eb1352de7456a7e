// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes the seeds of the boot_*_fuzz targets anew: boot_seeds fuzz/seeds
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/boot/test_images.h"

using namespace hvlab;
using test_images::Bytes;

namespace {

void write(const std::filesystem::path& path, const Bytes& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
}

std::vector<test_images::ElfSegment> small_segments(GuestAddress start) {
    return {{.address = start, .content = test_images::sample_bytes(300, 1)},
            {.address = start + 0x1000,
             .content = test_images::sample_bytes(40, 2),
             .memory_size = 0x2000}};
}

Bytes small_vmlinux(GuestAddress start) {
    return test_images::make_elf(small_segments(start), start + 0x20);
}

// The same with a multiboot header where the first segment begins.
Bytes small_multiboot(const Bytes& header, bool elf64) {
    auto segments = small_segments(test_images::kKernelStart);
    std::ranges::copy(header, segments[0].content.begin());
    const GuestAddress entry = test_images::kKernelStart + 0x40;
    return elf64 ? test_images::make_elf(segments, entry)
                 : test_images::make_elf32(segments, entry);
}

// The same with the note of a PVH kernel, behind another one.
Bytes small_pvh(bool elf64) {
    auto segments = small_segments(test_images::kKernelStart);
    Bytes notes = test_images::make_note("GNU", 3, Bytes(20));
    const Bytes entry = test_images::pvh_note();
    notes.insert(notes.end(), entry.begin(), entry.end());
    segments.push_back({.address = 0, .content = notes, .type = PT_NOTE});
    return elf64 ? test_images::make_elf(segments, test_images::kKernelStart)
                 : test_images::make_elf32(segments, test_images::kKernelStart);
}

void write_multiboot(const std::filesystem::path& folder) {
    using test_images::kHasAddresses;
    using test_images::multiboot_header;
    constexpr auto kStart = static_cast<std::uint32_t>(test_images::kKernelStart);
    write(folder / "elf32", small_multiboot(multiboot_header(3), false));
    write(folder / "elf64", small_multiboot(multiboot_header(7), true));
    const std::vector<std::uint32_t> addresses{kStart, kStart, kStart + 64, kStart + 0x1000,
                                               kStart + 32};
    Bytes flat = multiboot_header(kHasAddresses | 3, addresses);
    flat.resize(100);
    write(folder / "addresses", flat);
    write(folder / "gzip",
          test_images::compress(Compression::kGzip, small_multiboot(multiboot_header(3), false)));
}

void write_pvh(const std::filesystem::path& folder) {
    write(folder / "elf32", small_pvh(false));
    write(folder / "elf64", small_pvh(true));
    const Bytes packed = test_images::compress(Compression::kGzip, small_pvh(true));
    write(folder / "bzimage", test_images::make_bzimage(packed));
}

// Code and data with their rights, apart and in one page; and a flat one.
void write_micro(const std::filesystem::path& folder) {
    for (const GuestAddress data :
         {test_images::kKernelStart + 0x1000, test_images::kKernelStart + 0x200, 0x200000UL}) {
        auto segments = small_segments(test_images::kKernelStart);
        segments[1].address = data;
        Bytes program = test_images::make_elf(segments, test_images::kKernelStart + 0x20);
        test_images::poke(program, test_images::program_header(0) + 4, std::uint32_t{PF_R | PF_X});
        test_images::poke(program, test_images::program_header(1) + 4, std::uint32_t{PF_R | PF_W});
        write(folder / ("data-" + std::to_string(data >> 9)), program);
    }
    write(folder / "flat", test_images::sample_bytes(300, 1));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: boot_seeds DIRECTORY\n");
        return 2;
    }
    const std::filesystem::path root = argv[1];
    const Bytes vmlinux = small_vmlinux(test_images::kKernelStart);
    write(root / "boot_kernel_fuzz/vmlinux", vmlinux);
    write(root / "boot_elf_fuzz/vmlinux", vmlinux);
    write(root / "boot_elf_fuzz/low", small_vmlinux(0x20000));
    write(root / "boot_elf_fuzz/elf32",
          test_images::make_elf32(small_segments(test_images::kKernelStart),
                                  test_images::kKernelStart + 0x20));
    Bytes protected_mode = test_images::make_bzimage(vmlinux);
    test_images::poke(protected_mode, 0x236, std::uint16_t{0});  // no XLF_KERNEL_64
    write(root / "boot_kernel_fuzz/protected-mode", protected_mode);
    for (const Compression format : {Compression::kNone, Compression::kGzip, Compression::kXz,
                                     Compression::kLzma, Compression::kZstd, Compression::kLz4}) {
        const std::string name(to_string(format));
        const Bytes packed =
            test_images::with_size(test_images::compress(format, vmlinux), vmlinux.size());
        write(root / "boot_kernel_fuzz" / name, test_images::make_bzimage(packed));
        write(root / "boot_decompress_fuzz" / name, packed);
    }
    write(root / "boot_decompress_fuzz/xz-x86", test_images::compress_xz_x86(vmlinux));
    write_multiboot(root / "boot_multiboot_fuzz");
    write_micro(root / "boot_micro_fuzz");
    write_pvh(root / "boot_pvh_fuzz");
    return 0;
}
