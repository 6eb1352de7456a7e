// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "core/base/random.h"
#include "core/base/status.h"
#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::kHasAddresses;
using test_images::kKernelEntry;
using test_images::multiboot_header;

class MultibootTest : public ::testing::Test {
protected:
    std::string refusal(const Bytes& file, const MultibootKernel& kernel = {.path = "kernel"},
                        const ModuleContents& modules = {}) {
        return refusal_in(memory_, file, kernel, modules);
    }
    static std::string refusal_in(GuestMemory& memory, const Bytes& file,
                                  const MultibootKernel& kernel = {.path = "kernel"},
                                  const ModuleContents& modules = {}) {
        try {
            load_multiboot(memory, kernel, file, modules);
        } catch (const BootError& error) {
            return error.what();
        }
        return "accepted";
    }
    // A file of 1000h bytes that is not ELF, with the header at 100h, for these addresses: header,
    // load, load_end, bss_end, entry.
    static Bytes by_addresses(const std::vector<std::uint32_t>& addresses) {
        Bytes file = test_images::sample_bytes(0x1000, 4);
        std::ranges::copy(multiboot_header(kHasAddresses, addresses), file.begin() + 0x100);
        return file;
    }
    template <typename T>
    T at(GuestAddress address) const {
        return memory_.read_value<T>(address).value();
    }
    std::uint32_t word(GuestAddress address) const { return at<std::uint32_t>(address); }
    std::string text_at(GuestAddress address) const {
        std::string text;
        while (const char c = at<char>(address++)) text += c;
        return text;
    }

    GuestMemory memory_{4 * kMiB};
    const Bytes elf_ = test_images::sample_multiboot(multiboot_header(3));
};

TEST_F(MultibootTest, EntryState) {
    for (const bool elf64 : {false, true}) {
        const Bytes file = test_images::sample_multiboot(multiboot_header(0), elf64);
        const CpuState state = load_multiboot(memory_, {.path = "k"}, file, {});
        EXPECT_EQ(state.rip, kKernelEntry);
        EXPECT_EQ(state.gpr[kRax], 0x2BADB002u);
        EXPECT_EQ(state.gpr[kRbx], test_images::kKernelEnd);  // the lowest free page
        EXPECT_EQ(state.cr0, 0x11u);
        EXPECT_EQ(state.msrs.efer, 0u);
        EXPECT_EQ(state.rflags, 2u);
        EXPECT_TRUE(state.cs.db);
        EXPECT_EQ(state.cs.limit, 0xFFFFFFFFu);
        EXPECT_EQ(state.ss.base, 0u);
    }
}

TEST_F(MultibootTest, Information) {
    const MultibootKernel kernel{.path = "k", .cmdline = "root=/dev/ram debug"};
    const GuestAddress info = load_multiboot(memory_, kernel, elf_, {}).gpr[kRbx];
    EXPECT_EQ(word(info), 0x24Du);     // memory, command line, modules, map, loader's name
    EXPECT_EQ(word(info + 4), 639u);   // mem_lower
    EXPECT_EQ(word(info + 8), 3072u);  // mem_upper
    EXPECT_EQ(text_at(word(info + 16)), "root=/dev/ram debug");
    EXPECT_EQ(word(info + 20), 0u);  // mods_count
    EXPECT_EQ(text_at(word(info + 64)), "hvlab");
    ASSERT_EQ(word(info + 44), 3 * 24u);  // mmap_length
    const GuestAddress map = word(info + 48);
    using Entry = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t, std::uint32_t>;
    const auto entry = [&](unsigned i) {
        const GuestAddress address = map + 24 * i;
        return Entry{word(address), at<std::uint64_t>(address + 4), at<std::uint64_t>(address + 12),
                     word(address + 20)};
    };
    EXPECT_EQ(entry(0), Entry(20, 0, 0x9FC00, 1));
    EXPECT_EQ(entry(1), Entry(20, 0x9FC00, 0x60400, 2));
    EXPECT_EQ(entry(2), Entry(20, 0x100000, 0x300000, 1));
}

TEST_F(MultibootTest, UpperMemoryEndsAtTheHole) {
    GuestMemory large(5 * kGiB);
    const CpuState state = load_multiboot(large, {.path = "k"}, elf_, {});
    EXPECT_EQ(large.read_value<std::uint32_t>(state.gpr[kRbx] + 8), (3 * kGiB - kMiB) / kKiB);
    EXPECT_EQ(large.read_value<std::uint32_t>(state.gpr[kRbx] + 44), 4 * 24u);
}

// As a BIOS leaves it; a kernel that is loaded there goes before.
TEST_F(MultibootTest, BiosDataArea) {
    load_multiboot(memory_, {.path = "k"}, elf_, {});
    EXPECT_EQ(at<std::uint16_t>(0x40E), 0x9FC0);
    EXPECT_EQ(at<std::uint16_t>(0x413), 639);
    EXPECT_EQ(at<std::uint8_t>(0x9FC00), 1);
    const Bytes low = by_addresses({0x500, 0x400, 0, 0, 0x400});
    load_multiboot(memory_, {.path = "k"}, low, {});
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(0x400, 0x100), std::span(low).first(0x100)));
}

TEST_F(MultibootTest, Modules) {
    const MultibootKernel kernel{.path = "k", .modules = {{"a", "first module"}, {"b", ""}}};
    const ModuleContents contents{test_images::sample_bytes(4097, 1),
                                  test_images::sample_bytes(10, 2)};
    const GuestAddress info = load_multiboot(memory_, kernel, elf_, contents).gpr[kRbx];
    ASSERT_EQ(word(info + 20), 2u);
    const GuestAddress list = word(info + 24);
    const GuestAddress first = word(list);
    EXPECT_EQ(first, info + kPageSize);
    EXPECT_EQ(word(list + 4), first + 4097);
    EXPECT_EQ(text_at(word(list + 8)), "first module");
    EXPECT_EQ(word(list + 12), 0u);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(first, 4097), contents[0]));
    EXPECT_EQ(word(list + 16), first + 2 * kPageSize);
    EXPECT_EQ(word(list + 20), first + 2 * kPageSize + 10);
    EXPECT_EQ(text_at(word(list + 24)), "");
}

// Whatever the kernel wants of the screen: there is text.
TEST_F(MultibootTest, VideoModeIsAnsweredByText) {
    const Bytes file = test_images::sample_multiboot(multiboot_header(4));
    const GuestAddress info = load_multiboot(memory_, {.path = "k"}, file, {}).gpr[kRbx];
    EXPECT_EQ(word(info) & 0x1000, 0x1000u);
    EXPECT_EQ(at<std::uint64_t>(info + 88), 0xB8000u);
    EXPECT_EQ(word(info + 96), 160u);
    EXPECT_EQ(word(info + 100), 80u);
    EXPECT_EQ(word(info + 104), 25u);
    EXPECT_EQ(at<std::uint16_t>(info + 108), 0x0210u);  // 16 bits, EGA text
}

TEST_F(MultibootTest, LowKernelsLeaveTheInformationAbove1MiB) {
    const Bytes file = by_addresses({0x10100, 0x10000, 0, 0, 0x10200});
    const CpuState state = load_multiboot(memory_, {.path = "k"}, file, {});
    EXPECT_EQ(state.rip, 0x10200u);
    EXPECT_EQ(state.gpr[kRbx], 0x100000u);
    GuestMemory small(1 * kMiB);
    EXPECT_EQ(
        refusal_in(small, file),
        "kernel: boot information: no room for 216 bytes between 1 MiB and the end of memory");
}

TEST_F(MultibootTest, AddressesOfTheHeaderDecide) {
    ASSERT_TRUE(memory_.fill(0x200000, 0x10000, std::byte{0xEE}));
    // From the header on, 200h bytes, and zeros up to 201000h.
    const Bytes file = by_addresses({0x200000, 0x200000, 0x200200, 0x201000, 0x200FFF});
    const CpuState state = load_multiboot(memory_, {.path = "k"}, file, {});
    EXPECT_EQ(state.rip, 0x200FFFu);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(0x200000, 0x200),
                                   std::span(file).subspan(0x100, 0x200)));
    EXPECT_TRUE(std::ranges::all_of(memory_.host_bytes(0x200200, 0xE00),
                                    [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_EQ(at<std::uint8_t>(0x201000), 0xEE);
    // All of the file, and no zeros.
    load_multiboot(memory_, {.path = "k"}, by_addresses({0x300100, 0x300000, 0, 0, 0x300000}), {});
    EXPECT_TRUE(
        std::ranges::equal(memory_.host_bytes(0x300000, 0x100), std::span(file).first(0x100)));
    EXPECT_EQ(at<std::uint8_t>(0x300FFF), std::to_integer<std::uint8_t>(file[0xFFF]));
}

// They count even where the file is ELF as well (s. 3.1.2).
TEST_F(MultibootTest, AddressesGoBeforeElf) {
    const Bytes header = multiboot_header(kHasAddresses, {0x200000, 0x200000, 0, 0, 0x200040});
    const Bytes file = test_images::sample_multiboot(header);
    EXPECT_EQ(load_multiboot(memory_, {.path = "k"}, file, {}).rip, 0x200040u);
}

TEST_F(MultibootTest, AddressesThatLie) {
    const auto refused = [&](const std::vector<std::uint32_t>& addresses) {
        return refusal(by_addresses(addresses));
    };
    EXPECT_EQ(refused({0x200000, 0x200001, 0, 0, 0x200001}),
              "kernel: load_addr: 0x200001 is behind header_addr 0x200000");
    EXPECT_EQ(refused({0x200101, 0x200000, 0, 0, 0x200000}),
              "kernel: header_addr: 0x200101 is 257 bytes behind load_addr, but the header only "
              "256 bytes into the file");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x200000, 0, 0x200000}),
              "kernel: load_end_addr: 0x200000 is not behind load_addr 0x200000");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x201001, 0, 0x200000}),
              "kernel: load_end_addr: ends 1 bytes after the end of the file");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x201000, 0, 0x200000}), "accepted");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x201000, 0x200FFF, 0x200000}),
              "kernel: bss_end_addr: 0x200fff is before the end of what is loaded, 0x201000");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x201000, 0x400001, 0x200000}),
              "kernel: load_addr: 2097153 bytes at 0x200000 do not fit into 4 MiB of memory");
    EXPECT_EQ(refused({0x200100, 0x200000, 0x201000, 0xFFFFFFFF, 0x200000}),
              "kernel: load_addr: 4292870143 bytes at 0x200000 do not fit into 4 MiB of memory");
    EXPECT_EQ(refused({0x200100, 0x200000, 0, 0, 0x1FFFFF}),
              "kernel: entry_addr: 0x1fffff is outside 0x200000-0x200fff");
    EXPECT_EQ(refused({0x200100, 0x200000, 0, 0, 0x201000}),
              "kernel: entry_addr: 0x201000 is outside 0x200000-0x200fff");
    EXPECT_EQ(refused({0x9F101, 0x9F001, 0, 0, 0x9F001}),
              "kernel: load_addr: 4096 bytes at 0x9f001 overlap the legacy hole 0xa0000-0xfffff");
    EXPECT_EQ(refused({0x9F100, 0x9F000, 0, 0, 0x9F000}), "accepted");
    EXPECT_EQ(refused({0xC0000100, 0xC0000000, 0, 0, 0xC0000000}),
              "kernel: load_addr: 4096 bytes at 0xc0000000 overlap the device hole "
              "0xc0000000-0xffffffff");
    EXPECT_EQ(refused({0xFFFFF200, 0xFFFFF100, 0, 0, 0xFFFFF100}),
              "kernel: load_addr: 4096 bytes at 0xfffff100 overlap the device hole "
              "0xc0000000-0xffffffff");
}

TEST_F(MultibootTest, FilesThatDoNotWork) {
    EXPECT_EQ(refusal({}), "kernel: kernel: the file is empty");
    EXPECT_EQ(refusal(test_images::sample_elf32()),
              "kernel: multiboot header: none in the first 8192 bytes");
    Bytes plain(100);
    std::ranges::copy(multiboot_header(0), plain.begin());
    EXPECT_EQ(refusal(plain),
              "kernel: flags: the header gives no addresses (bit 16), and the file is not ELF");
    EXPECT_EQ(refusal(elf_, {.path = "kernel", .cmdline = std::string("a\0b", 3)}),
              "kernel: cmdline: has a NUL inside");
    EXPECT_THROW(load_multiboot(memory_, {.path = "/does/not/exist"}), BootError);
    for (std::size_t size = 0; size < elf_.size(); size += size < 300 ? 1 : 97) {
        EXPECT_NE(refusal(Bytes(elf_.begin(), elf_.begin() + static_cast<std::ptrdiff_t>(size))),
                  "accepted")
            << size;
    }
}

TEST_F(MultibootTest, PackedKernelsAreUnpacked) {
    const Bytes packed = test_images::compress(Compression::kGzip, elf_);
    EXPECT_EQ(load_multiboot(memory_, {.path = "k"}, packed, {}).rip, kKernelEntry);
    EXPECT_EQ(refusal(Bytes(packed.begin(), packed.end() - 20)),
              "kernel: payload: the gzip data end too early");
    const Bytes large(4 * kMiB + 1);
    EXPECT_EQ(refusal(test_images::compress(Compression::kGzip, large)),
              "kernel: payload: the gzip data unpack to more than 4194304 bytes");
    const Bytes other = test_images::compress(Compression::kGzip, Bytes(100));
    EXPECT_EQ(refusal(other), "kernel: multiboot header: none in the first 8192 bytes");
}

TEST_F(MultibootTest, ModulesThatDoNotWork) {
    const auto with = [&](std::string cmdline, Bytes content) {
        return refusal(elf_, {.path = "kernel", .modules = {{"module", std::move(cmdline)}}},
                       {std::move(content)});
    };
    EXPECT_EQ(with("", {}), "module: module 0: the file is empty");
    EXPECT_EQ(with(std::string(4096, 'x'), Bytes(1)),
              "module: cmdline: 4096 bytes; at most 4095 can be passed");
    EXPECT_EQ(with("", Bytes(4 * kMiB)),
              "module: module 0: no room for 4194304 bytes between 1 MiB and the end of memory");
    MultibootKernel many{.path = "kernel", .modules = {}};
    many.modules.resize(65, {.path = "m"});
    EXPECT_EQ(refusal(elf_, many, ModuleContents(65, Bytes(1))),
              "kernel: modules: 65 of them; at most 64 are possible");
    many.modules.pop_back();
    EXPECT_EQ(refusal(elf_, many, ModuleContents(64, Bytes(1))), "accepted");
}

// Kernels of random segments and modules of random sizes: nothing lies on anything else.
TEST_F(MultibootTest, EverythingIsDisjoint) {
    struct Range {
        GuestAddress start;
        GuestAddress end;
    };
    RandomStream random(Seed{11});
    int accepted = 0;
    for (int round = 0; round < 200; ++round) {
        const GuestAddress start = 0x100000 + random.below(0x200) * 0x1000;
        const std::uint64_t gap = random.below(0x40) * 0x1000;
        Bytes first(0x1000 + random.below(0x8000));
        std::ranges::copy(multiboot_header(3), first.begin());
        const GuestAddress second = align_up(start + first.size(), 16) + gap;
        const Bytes file = test_images::make_elf32(
            {{.address = start, .content = first},
             {.address = second, .content = Bytes(16), .memory_size = 1 + random.below(0x80000)}},
            start);
        MultibootKernel kernel{.path = "kernel", .modules = {}};
        ModuleContents contents;
        for (std::uint64_t i = random.below(5); i > 0; --i) {
            kernel.modules.push_back({.path = "module", .cmdline = std::string(i, 'm')});
            contents.push_back(test_images::sample_bytes(1 + random.below(0x60000), i));
        }
        if (refusal(file, kernel, contents) != "accepted") continue;
        ++accepted;
        const GuestAddress info = load_multiboot(memory_, kernel, file, contents).gpr[kRbx];
        const GuestAddress list = word(info + 24);
        std::vector<Range> ranges{{start, start + first.size()},
                                  {info, list + contents.size() * 16}};
        for (std::size_t i = 0; i < contents.size(); ++i) {
            ranges.push_back({word(list + 16 * i), word(list + 16 * i + 4)});
            EXPECT_TRUE(std::ranges::equal(
                memory_.host_bytes(ranges.back().start, contents[i].size()), contents[i]));
        }
        EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(start, first.size()), first));
        std::ranges::sort(ranges, {}, &Range::start);
        for (std::size_t i = 1; i < ranges.size(); ++i) {
            EXPECT_LE(ranges[i - 1].end, ranges[i].start);
        }
    }
    EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace hvlab
