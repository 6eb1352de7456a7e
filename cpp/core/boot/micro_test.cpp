// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/micro.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "core/base/status.h"
#include "core/boot/micro_layout.h"
#include "core/boot/micro_shim.h"
#include "core/boot/test_descriptors.h"
#include "core/boot/test_images.h"
#include "micro/abi.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::poke;

// The guest's header and ours say the same.
static_assert(micro::kInfo == MICRO_INFO && micro::kCmdline == MICRO_CMDLINE);
static_assert(micro::kControl == MICRO_CONTROL && micro::kReport == MICRO_REPORT);
static_assert(micro::kGdt == MICRO_GDT && micro::kIdt == MICRO_IDT && micro::kTss == MICRO_TSS);
static_assert(micro::kKernelStackTop == MICRO_KERNEL_STACK);
static_assert(micro::kNmiStackTop == MICRO_NMI_STACK && micro::kShim == MICRO_SHIM);
static_assert(micro::kFaultStackTop == MICRO_FAULT_STACK && micro::kImage == MICRO_IMAGE);
static_assert(micro::kStackBottom == MICRO_STACK_BOTTOM && micro::kStackTop == MICRO_STACK_TOP);
static_assert(micro::kRingToHost == MICRO_RING_TO_HOST);
static_assert(micro::kRingToGuest == MICRO_RING_TO_GUEST);
static_assert(micro::kPageTables == MICRO_PAGE_TABLES);
static_assert(micro::kPageTablesEnd == MICRO_PAGE_TABLES_END);
static_assert(micro::kVectors == MICRO_VECTORS);
static_assert(micro::kReportPort == MICRO_PORT_REPORT);
static_assert(micro::kDoorbellPort == MICRO_PORT_DOORBELL);
static_assert(micro::kReport + offsetof(micro::Report, rip) == MICRO_REPORT_RIP);
static_assert(micro::kReport + offsetof(micro::Report, cs) == MICRO_REPORT_CS);
static_assert(micro::kReport + offsetof(micro::Report, rsi) == MICRO_REPORT_RSI);
static_assert(micro::kReportResult == MICRO_REPORT_RESULT);
static_assert(micro::Info{}.magic == MICRO_MAGIC);

// What a page-table walk finds.
struct Page {
    GuestAddress address = 0;
    bool user = true;
    bool write = true;
    bool execute = true;

    bool operator==(const Page&) const = default;
};

class MicroTest : public ::testing::Test {
protected:
    CpuState load(const Bytes& file, const MicroImage& image = {.path = "guest"}) {
        return load_micro(memory_, image, file);
    }

    // As a CPU walks 4-level tables (Intel SDM vol. 3 s. 4.5); nothing if not present.
    std::optional<Page> walk(std::uint64_t linear) const {
        Page page;
        GuestAddress table = micro::kPageTables;
        for (int shift = 39; shift >= 12; shift -= 9) {
            const auto entry =
                memory_.read_value<std::uint64_t>(table + (linear >> shift & 511) * 8).value();
            if ((entry & 1) == 0) return std::nullopt;
            page.write = page.write && (entry & 2) != 0;
            page.user = page.user && (entry & 4) != 0;
            page.execute = page.execute && entry >> 63 == 0;
            const std::uint64_t address = entry & 0x000FFFFFFFFFF000;
            if (shift == 12 || (entry & 0x80) != 0) {
                page.address = address | (linear & ((std::uint64_t{1} << shift) - 1));
                return page;
            }
            table = address;
        }
        return std::nullopt;
    }

    static Bytes program() {
        Bytes file = test_images::sample_vmlinux();
        poke(file, test_images::program_header(0) + 4, std::uint32_t{PF_R | PF_X});
        poke(file, test_images::program_header(1) + 4, std::uint32_t{PF_R | PF_W});
        return file;
    }

    GuestMemory memory_{8 * kMiB};
};

TEST_F(MicroTest, EntersUserModeAtTheEntry) {
    const CpuState state = load(program());
    EXPECT_EQ(state.rip, test_images::kKernelEntry);
    EXPECT_EQ(state.gpr[kRdi], micro::kInfo);
    EXPECT_EQ(state.gpr[kRsp], micro::kStackTop);
    EXPECT_EQ(state.rflags, 2u);
    EXPECT_EQ(state.cs.dpl, 3);
    EXPECT_EQ(state.cs.selector & 3, 3);
    EXPECT_TRUE(state.cs.l);
    EXPECT_EQ(state.ss.dpl, 3);
    EXPECT_EQ(state.cr0, 0x80010033u);
    EXPECT_EQ(state.cr4, 0x620u);
    EXPECT_EQ(state.msrs.efer, 0xD00u);
}

// The hidden parts are what loading the selectors would give.
TEST_F(MicroTest, SegmentsAgreeWithTheGdt) {
    const CpuState state = load(program());
    for (const Segment* segment : {&state.cs, &state.ss, &state.ds, &state.tr}) {
        expect_as_in_gdt(memory_, state, *segment);
    }
}

TEST_F(MicroTest, SegmentsAreMappedWithTheirRights) {
    load(program());
    EXPECT_EQ(walk(0x100000), (Page{0x100000, true, false, true}));
    EXPECT_EQ(walk(0x102FFF), (Page{0x102FFF, true, false, true}));
    EXPECT_EQ(walk(0x103000), (Page{0x103000, true, true, false}));  // free memory
    EXPECT_EQ(walk(0x108000), (Page{0x108000, true, true, false}));
    EXPECT_EQ(walk(0x7FFFFF), (Page{0x7FFFFF, true, true, false}));
    EXPECT_EQ(walk(0x800000), std::nullopt);
}

TEST_F(MicroTest, WhatIsTheKernelsIsNotTheUsers) {
    load(program());
    EXPECT_EQ(walk(0), std::nullopt);
    EXPECT_EQ(walk(0xF000), std::nullopt);  // below the stack
    EXPECT_EQ(walk(micro::kInfo), (Page{micro::kInfo, true, false, false}));
    EXPECT_EQ(walk(micro::kControl), (Page{micro::kControl, true, true, false}));
    for (const GuestAddress address : {micro::kReport, micro::kGdt, micro::kIdt, micro::kTss,
                                       micro::kKernelStackTop - 8, micro::kPageTables}) {
        EXPECT_EQ(walk(address), (Page{address, false, true, false})) << std::hex << address;
    }
    EXPECT_EQ(walk(micro::kShim), (Page{micro::kShim, false, false, true}));
    EXPECT_EQ(walk(0xB8000), (Page{0xB8000, true, true, false}));
    EXPECT_EQ(walk(0xD0000000), (Page{0xD0000000, true, true, false}));
    EXPECT_EQ(walk(4 * kGiB), std::nullopt);
}

TEST_F(MicroTest, TwoSegmentsInOnePageHaveTheRightsOfBoth) {
    Bytes file = test_images::make_elf({{.address = 0x100000, .content = Bytes(0x800)},
                                        {.address = 0x100800, .content = Bytes(0x1000)}},
                                       0x100000);
    poke(file, test_images::program_header(0) + 4, std::uint32_t{PF_R | PF_X});
    poke(file, test_images::program_header(1) + 4, std::uint32_t{PF_R | PF_W});
    load(file);
    EXPECT_EQ(walk(0x100000), (Page{0x100000, true, true, true}));
    EXPECT_EQ(walk(0x101000), (Page{0x101000, true, true, false}));
}

TEST_F(MicroTest, TheGuestIsToldWhereThingsAre) {
    load(program(), {.path = "guest", .cmdline = "count=3 x"});
    const auto info = memory_.read_value<micro::Info>(micro::kInfo).value();
    EXPECT_EQ(info.magic, MICRO_MAGIC);
    EXPECT_EQ(info.size, sizeof info);
    EXPECT_EQ(info.memory_size, 8 * kMiB);
    EXPECT_EQ(info.image_start, test_images::kKernelStart);
    EXPECT_EQ(info.image_end, test_images::kKernelEnd);
    EXPECT_EQ(info.cmdline_length, 9u);
    const auto text = memory_.host_bytes(micro::kCmdline, 10);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(text.data())), "count=3 x");
}

TEST_F(MicroTest, AFlatBinaryLiesAtOneMegabyte) {
    const Bytes code(5000, std::byte{0x90});
    const CpuState state = load(code);
    EXPECT_EQ(state.rip, 0x100000u);
    EXPECT_EQ(walk(0x101000), (Page{0x101000, true, true, true}));
    EXPECT_EQ(memory_.read_value<std::uint8_t>(0x100000 + 4999), 0x90);
}

TEST_F(MicroTest, PortsAreAllowedByTheBitmap) {
    const auto denied = [this](unsigned port) {
        const auto byte = memory_.read_value<std::uint8_t>(micro::kTss + 0x68 + port / 8).value();
        return (byte >> port % 8 & 1) != 0;
    };
    CpuState state = load(program());
    EXPECT_EQ(memory_.read_value<std::uint16_t>(micro::kTss + 0x66), 0x68);
    EXPECT_EQ(memory_.read_value<std::uint8_t>(micro::kTss + state.tr.limit), 0xFF);
    for (const unsigned port : {0u, 0x3F8u, 0x51Fu, 0x524u, 0xFFFFu}) EXPECT_FALSE(denied(port));
    for (const unsigned port : {0x520u, 0x523u}) EXPECT_TRUE(denied(port));
    load(program(), {.path = "guest", .ports = {{{0x3F8, 0x3FF}, {0x520, 0x527}}}});
    for (const unsigned port : {0x3F8u, 0x3FFu, 0x524u}) EXPECT_FALSE(denied(port));
    for (const unsigned port : {0u, 0x3F7u, 0x400u, 0x520u, 0xFFFFu}) EXPECT_TRUE(denied(port));
}

TEST_F(MicroTest, StubsLieWhereTheGatesPoint) {
    load(program());
    for (unsigned vector = 0; vector < micro::kVectors; ++vector) {
        const auto gate = memory_.read_value<std::uint64_t>(micro::kIdt + vector * 16).value();
        const GuestAddress stub = (gate & 0xFFFF) | (gate >> 32 & 0xFFFF0000);
        EXPECT_EQ(stub, micro::kShim + vector * micro::kStubSize);
        if (vector == 6) continue;  // the gate: its way to a report lies elsewhere
        // Every stub names its vector: PUSH imm8, PUSH RAX.
        const auto code = micro::shim().subspan(vector * micro::kStubSize, micro::kStubSize);
        const std::array push{std::byte{0x6A}, std::byte(vector), std::byte{0x50}};
        EXPECT_FALSE(std::ranges::search(code, push).empty()) << vector;
    }
}

std::string refusal(const Bytes& file, const MicroImage& image = {.path = "guest"},
                    std::uint64_t memory_size = 8 * kMiB) {
    GuestMemory memory(memory_size);
    try {
        load_micro(memory, image, file);
    } catch (const BootError& error) {
        EXPECT_EQ(memory.read_value<std::uint64_t>(micro::kInfo), 0u);  // nothing was written
        return error.what();
    }
    return "accepted";
}

Bytes executable_at(GuestAddress address, std::uint64_t virtual_offset = 0) {
    Bytes file = test_images::make_elf(
        {{.address = address, .content = Bytes(16), .virtual_offset = virtual_offset}}, address);
    poke(file, test_images::program_header(0) + 4, std::uint32_t{PF_R | PF_X});
    return file;
}

TEST(MicroErrors, Images) {
    EXPECT_EQ(refusal({}), "guest: image: the file is empty");
    EXPECT_EQ(refusal(test_images::sample_elf32()),
              "guest: e_ident: a micro-guest is a 64-bit program");
    EXPECT_EQ(refusal(executable_at(0x200000)), "accepted");
    EXPECT_EQ(refusal(executable_at(0x80000)),
              "guest: segment 0: 16 bytes at 0x80000 reach below 0x100000, where the loader's own "
              "tables lie");
    EXPECT_EQ(refusal(executable_at(0x800000)),
              "guest: segment 0: 16 bytes at 0x800000 do not fit into 8 MiB of memory");
    EXPECT_EQ(refusal(executable_at(0x200000, 0x1000)),
              "guest: segment 0: is linked for 0x201000 but loaded at 0x200000: memory of a "
              "micro-guest is mapped to itself");
    Bytes data = executable_at(0x200000);
    poke(data, test_images::program_header(0) + 4, std::uint32_t{PF_R | PF_W});
    EXPECT_EQ(refusal(data), "guest: e_entry: 0x200000 is in no executable segment");
    EXPECT_EQ(refusal(Bytes(8 * kMiB)),
              "guest: segment 0: 8388608 bytes at 0x100000 do not fit into 8 MiB of memory");
    GuestMemory memory(kMiB);
    EXPECT_THROW(load_micro(memory, {.path = "/does/not/exist"}), BootError);
}

// As many regions of 2 MiB as there can be segments: more page tables than there is room for.
TEST(MicroErrors, SegmentsTooFarApart) {
    const auto scattered = [](unsigned count) {
        std::vector<test_images::ElfSegment> segments;
        for (unsigned i = 0; i < count; ++i) {
            segments.push_back({.address = 0x200000 + i * 2 * kMiB, .content = Bytes(8)});
        }
        Bytes file = test_images::make_elf(segments, 0x200000);
        for (unsigned i = 0; i < count; ++i) {
            poke(file, test_images::program_header(i) + 4, std::uint32_t{PF_R | PF_X});
        }
        return file;
    };
    EXPECT_EQ(refusal(scattered(57), {.path = "guest"}, 256 * kMiB), "accepted");
    EXPECT_EQ(refusal(scattered(58), {.path = "guest"}, 256 * kMiB),
              "guest: program headers: segments so far apart need 65 pages of page tables; there "
              "is room for 64");
}

TEST(MicroErrors, Requests) {
    const Bytes file = executable_at(0x200000);
    EXPECT_EQ(refusal(file, {.path = "guest", .cmdline = std::string(4095, 'x')}), "accepted");
    EXPECT_EQ(refusal(file, {.path = "guest", .cmdline = std::string(4096, 'x')}),
              "guest: cmdline: 4096 bytes; at most 4095 can be passed");
    EXPECT_EQ(refusal(file, {.path = "guest", .ports = {{{9, 8}}}}),
              "guest: ports: 0x9 to 0x8 is no range");
    EXPECT_EQ(refusal(file, {.path = "guest", .ports = std::vector<MicroImage::Ports>(65, {1, 2})}),
              "guest: ports: 65 ranges; at most 64 are possible");
}

}  // namespace
}  // namespace hvlab
