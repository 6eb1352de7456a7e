// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <limits>

#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::poke;
using test_images::program_header;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::string refusal(const Bytes& file, std::uint64_t memory_size = 2 * kMiB) {
    GuestMemory memory(memory_size);
    try {
        const ImageBytes image("vmlinux", file);
        load_segments(memory, image, parse_elf(image), 0x1000);
    } catch (const BootError& error) {
        return error.what();
    }
    return "accepted";
}

std::string refusal_of(Bytes file, std::size_t offset, auto value) {
    poke(file, offset, value);
    return refusal(file);
}
// The sample of either class with one number overwritten.
std::string refusal_with(std::size_t offset, auto value) {
    return refusal_of(test_images::sample_vmlinux(), offset, value);
}
std::string refusal32_with(std::size_t offset, auto value) {
    return refusal_of(test_images::sample_elf32(), offset, value);
}

class EitherClass : public ::testing::TestWithParam<ElfClass> {};

INSTANTIATE_TEST_SUITE_P(Elf, EitherClass, ::testing::Values(ElfClass::k32, ElfClass::k64),
                         [](const auto& param) {
                             return param.param == ElfClass::k32 ? "Elf32" : "Elf64";
                         });

TEST_P(EitherClass, LoadsSegmentsAndZeroesTheRest) {
    GuestMemory memory(2 * kMiB);
    ASSERT_TRUE(memory.fill(kVideoWindowEnd, memory.size() - kVideoWindowEnd, std::byte{0xEE}));
    const Bytes file =
        GetParam() == ElfClass::k32 ? test_images::sample_elf32() : test_images::sample_vmlinux();
    const ImageBytes image("vmlinux", file);
    const Elf elf = parse_elf(image);
    EXPECT_EQ(elf.elf_class, GetParam());
    EXPECT_EQ(elf.entry, test_images::kKernelEntry);
    EXPECT_EQ(elf.start(), test_images::kKernelStart);
    EXPECT_EQ(elf.end(), test_images::kKernelEnd);
    load_segments(memory, image, elf, kMiB);
    const auto first = test_images::sample_bytes(0x3000, 1);
    const auto second = test_images::sample_bytes(0x1234, 2);
    EXPECT_TRUE(std::ranges::equal(memory.host_bytes(0x100000, 0x3000), first));
    EXPECT_TRUE(std::ranges::equal(memory.host_bytes(0x108000, 0x1234), second));
    const auto zeroed = memory.host_bytes(0x109234, 0x110000 - 0x109234);
    EXPECT_TRUE(std::ranges::all_of(zeroed, [](std::byte b) { return b == std::byte{0}; }));
    // Nothing else was touched.
    for (const GuestAddress address : {0xFFFFFu, 0x103000u, 0x107FFFu, 0x110000u}) {
        EXPECT_EQ(memory.read_value<std::uint8_t>(address), 0xEE) << std::hex << address;
    }
}

TEST(Elf, SegmentsMayComeInAnyOrder) {
    const Bytes file = test_images::make_elf(
        {{.address = 0x8000, .content = Bytes(16)}, {.address = 0x4000, .content = Bytes(16)}},
        0x8000);
    const Elf elf = parse_elf(ImageBytes("k", file));
    EXPECT_EQ(elf.start(), 0x4000u);
    EXPECT_EQ(elf.end(), 0x8010u);
    EXPECT_EQ(refusal(file), "accepted");
}

TEST(Elf, VirtualEntryIsTranslated) {
    const std::uint64_t offset = 0xFFFFFFFF80000000;
    const Bytes file = test_images::make_elf(
        {{.address = 0x4000, .content = Bytes(64), .virtual_offset = offset}}, offset + 0x4010);
    EXPECT_EQ(parse_elf(ImageBytes("k", file)).entry, 0x4010u);
}

TEST(Elf, HeaderLies) {
    EXPECT_EQ(refusal_with(0, std::uint8_t{0}), "vmlinux: e_ident: not an ELF file");
    EXPECT_EQ(refusal_with(EI_CLASS, std::uint8_t{ELFCLASS32}),
              "vmlinux: e_machine: 62 is not i386");
    EXPECT_EQ(refusal_with(EI_CLASS, std::uint8_t{3}),
              "vmlinux: e_ident: neither a 32-bit nor a 64-bit ELF file");
    EXPECT_EQ(refusal_with(EI_DATA, std::uint8_t{ELFDATA2MSB}),
              "vmlinux: e_ident: not a little-endian ELF file");
    EXPECT_EQ(refusal_with(0x10, std::uint16_t{ET_REL}), "vmlinux: e_type: 1 is not an executable");
    EXPECT_EQ(refusal_with(0x12, std::uint16_t{EM_ARM}), "vmlinux: e_machine: 40 is not x86-64");
    EXPECT_EQ(refusal_with(0x36, std::uint16_t{55}), "vmlinux: e_phentsize: is 55, must be 56");
    EXPECT_EQ(refusal_with(0x38, std::uint16_t{0}),
              "vmlinux: e_phnum: 0 program headers; 1 to 256 are possible");
    EXPECT_EQ(refusal_with(0x38, std::uint16_t{0xFFFF}),
              "vmlinux: e_phnum: 65535 program headers; 1 to 256 are possible");
    EXPECT_EQ(
        refusal_with(0x20, kMax - 7),
        "vmlinux: program headers: starts 18446744073709534484 bytes after the end of the file");
    EXPECT_EQ(refusal_with(0x18, std::uint64_t{0x5000}),
              "vmlinux: e_entry: 0x5000 is in no segment");
    // More headers than the file has room for.
    Bytes file = test_images::make_elf({{.address = 0x4000, .content = Bytes(8)}}, 0x4000);
    poke(file, 0x38, std::uint16_t{3});
    EXPECT_EQ(refusal(file), "vmlinux: program headers: ends 104 bytes after the end of the file");
}

TEST(Elf, SegmentLies) {
    using namespace test_images;
    EXPECT_EQ(refusal_with(program_header(0) + kOffsetField, std::uint64_t{0x5000}),
              "vmlinux: segment 0: starts 3356 bytes after the end of the file");
    EXPECT_EQ(refusal_with(program_header(0) + kOffsetField, kMax),
              "vmlinux: segment 0: starts 18446744073709534491 bytes after the end of the file");
    EXPECT_EQ(refusal_with(program_header(1) + kFileSizeField, std::uint64_t{0x1235}),
              "vmlinux: segment 1: ends 1 bytes after the end of the file");
    EXPECT_EQ(refusal_with(program_header(0) + kFileSizeField, std::uint64_t{0x3001}),
              "vmlinux: segment 0: has 12289 bytes in the file but only 12288 in memory");
    EXPECT_EQ(
        refusal_with(program_header(0) + kMemorySizeField, kMax),
        "vmlinux: segment 0: 18446744073709551615 bytes at 0x100000 pass the end of the address "
        "space");
    EXPECT_EQ(
        refusal_with(program_header(1) + kPhysicalField, kMax - 5),
        "vmlinux: segment 1: 32768 bytes at 0xfffffffffffffffa pass the end of the address space");
    EXPECT_EQ(refusal_with(program_header(1) + kPhysicalField, std::uint64_t{0x102FFF}),
              "vmlinux: segment 1: at 0x102fff overlaps segment 0 at 0x100000-0x102fff");
    EXPECT_EQ(refusal_with(program_header(1) + kPhysicalField, std::uint64_t{0x103000}),
              "accepted");
    EXPECT_EQ(refusal_with(program_header(1) + kPhysicalField, std::uint64_t{0x1F8001}),
              "vmlinux: segment 1: 32768 bytes at 0x1f8001 do not fit into 2 MiB of memory");
    EXPECT_EQ(refusal_with(program_header(1) + kPhysicalField, std::uint64_t{0x1F8000}),
              "accepted");
    EXPECT_EQ(
        refusal_with(program_header(1) + kMemorySizeField, 1 * kTiB),
        "vmlinux: segment 1: 1099511627776 bytes at 0x108000 do not fit into 2 MiB of memory");
    EXPECT_EQ(refusal_with(program_header(1) + kPhysicalField, std::uint64_t{0xFFF}),
              "vmlinux: segment 1: 32768 bytes at 0xfff reach below 0x1000, where the loader's own "
              "tables lie");
}

TEST(Elf, Header32Lies) {
    EXPECT_EQ(refusal32_with(EI_CLASS, std::uint8_t{ELFCLASS64}),
              "vmlinux: e_machine: 3 is not x86-64");
    EXPECT_EQ(refusal32_with(0x12, std::uint16_t{EM_X86_64}), "vmlinux: e_machine: 62 is not i386");
    EXPECT_EQ(refusal32_with(0x10, std::uint16_t{ET_CORE}),
              "vmlinux: e_type: 4 is not an executable");
    EXPECT_EQ(refusal32_with(0x2A, std::uint16_t{56}), "vmlinux: e_phentsize: is 56, must be 32");
    EXPECT_EQ(refusal32_with(0x2C, std::uint16_t{257}),
              "vmlinux: e_phnum: 257 program headers; 1 to 256 are possible");
    EXPECT_EQ(refusal32_with(0x1C, std::uint32_t{0xFFFFFFFF}),
              "vmlinux: program headers: starts 4294950231 bytes after the end of the file");
    EXPECT_EQ(refusal32_with(0x18, std::uint32_t{0xFFFFF}),
              "vmlinux: e_entry: 0xfffff is in no segment");
    EXPECT_EQ(refusal32_with(0x18, std::uint32_t{0x10FFFF}), "accepted");
    EXPECT_EQ(refusal32_with(0x18, std::uint32_t{0x110000}),
              "vmlinux: e_entry: 0x110000 is in no segment");
}

TEST(Elf, Segment32Lies) {
    using namespace test_images;
    EXPECT_EQ(refusal32_with(program_header32(0) + kOffsetField32, std::uint32_t{0xFFFFFFFF}),
              "vmlinux: segment 0: starts 4294950231 bytes after the end of the file");
    EXPECT_EQ(refusal32_with(program_header32(0) + kFileSizeField32, std::uint32_t{0x3001}),
              "vmlinux: segment 0: has 12289 bytes in the file but only 12288 in memory");
    EXPECT_EQ(refusal32_with(program_header32(1) + kPhysicalField32, std::uint32_t{0xFFFF8000}),
              "vmlinux: segment 1: 32768 bytes at 0xffff8000 pass the end of the address space");
    EXPECT_EQ(refusal32_with(program_header32(1) + kPhysicalField32, std::uint32_t{0xFFFF7FFF}),
              "vmlinux: segment 1: 32768 bytes at 0xffff7fff overlap the device hole "
              "0xc0000000-0xffffffff");
    EXPECT_EQ(refusal32_with(program_header32(1) + kMemorySizeField32, std::uint32_t{0xFFEF8000}),
              "vmlinux: segment 1: 4293885952 bytes at 0x108000 pass the end of the address space");
}

// RAM that an image may not have: below 1 MiB where devices are, and what no entry state reaches.
TEST(Elf, HolesAndTheEndOfReach) {
    const auto at = [](GuestAddress address, std::uint64_t memory_size) {
        return refusal(test_images::make_elf({{.address = address, .content = Bytes(16)}}, address),
                       memory_size);
    };
    EXPECT_EQ(at(0x9FFF0, kMiB), "accepted");
    EXPECT_EQ(at(0x9FFF1, kMiB),
              "vmlinux: segment 0: 16 bytes at 0x9fff1 overlap the legacy hole 0xa0000-0xfffff");
    EXPECT_EQ(at(0xFFFFF, 2 * kMiB),
              "vmlinux: segment 0: 16 bytes at 0xfffff overlap the legacy hole 0xa0000-0xfffff");
    EXPECT_EQ(at(0x100000, 2 * kMiB), "accepted");
    EXPECT_EQ(at(0x100000, kMiB),
              "vmlinux: segment 0: 16 bytes at 0x100000 do not fit into 1 MiB of memory");
    EXPECT_EQ(at(0xBFFFFFF0, 4 * kGiB), "accepted");
    EXPECT_EQ(at(0xBFFFFFF1, 4 * kGiB),
              "vmlinux: segment 0: 16 bytes at 0xbffffff1 overlap the device hole "
              "0xc0000000-0xffffffff");
    EXPECT_EQ(at(0xC0000000, 4 * kGiB),
              "vmlinux: segment 0: 16 bytes at 0xc0000000 overlap the device hole "
              "0xc0000000-0xffffffff");
    EXPECT_EQ(at(0x100000000, 4 * kGiB),
              "vmlinux: segment 0: 16 bytes at 0x100000000 lie above 4 GiB, out of reach at the "
              "entry");
}

// One that covers the legacy hole from both sides, too.
TEST(Elf, SegmentOverTheLegacyHole) {
    EXPECT_EQ(refusal(test_images::make_elf(
                  {{.address = 0x90000, .content = Bytes(16), .memory_size = 0x80000}}, 0x90000)),
              "vmlinux: segment 0: 524288 bytes at 0x90000 overlap the legacy hole "
              "0xa0000-0xfffff");
}

TEST(Elf, NothingToLoad) {
    Bytes file = test_images::make_elf({{.address = 0x4000, .content = Bytes(8)}}, 0x4000);
    poke(file, program_header(0), std::uint32_t{PT_NOTE});
    EXPECT_EQ(refusal(file), "vmlinux: program headers: nothing is to be loaded");
    poke(file, program_header(0), std::uint32_t{PT_LOAD});
    poke(file, program_header(0) + test_images::kFileSizeField, std::uint64_t{0});
    poke(file, program_header(0) + test_images::kMemorySizeField, std::uint64_t{0});
    EXPECT_EQ(refusal(file), "vmlinux: program headers: nothing is to be loaded");
}

// A file offset that makes no sense does not matter where nothing is read.
TEST(Elf, SegmentWithoutFilePart) {
    Bytes file = test_images::make_elf({{.address = 0x4000, .content = Bytes(8)},
                                        {.address = 0x8000, .content = {}, .memory_size = 0x1000}},
                                       0x4000);
    poke(file, program_header(1) + test_images::kOffsetField, kMax);
    EXPECT_EQ(refusal(file), "accepted");
}

TEST_P(EitherClass, EveryTruncationIsRefused) {
    const Bytes file =
        GetParam() == ElfClass::k32 ? test_images::sample_elf32() : test_images::sample_vmlinux();
    for (std::size_t size = 0; size < file.size(); size += size < 300 ? 1 : 97) {
        EXPECT_NE(refusal(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))),
                  "accepted")
            << size;
    }
}

}  // namespace
}  // namespace hvlab
