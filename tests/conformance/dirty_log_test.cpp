// SPDX-License-Identifier: GPL-2.0-or-later
//
// The dirty log: every page that the guest changed is in it, and not much else.
#include "tests/conformance/support/nasty_guest.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t page_of(GuestAddress address) {
    return address / kPageSize;
}

std::vector<std::uint64_t> pages(const PageBitmap& log) {
    std::vector<std::uint64_t> all;
    log.for_each([&](std::uint64_t page) { all.push_back(page); });
    return all;
}

// ---- Who writes, and what is then in the log

struct WriterRow {
    std::string name;
    std::span<const std::byte> code;  // RDI: kData; ends by the stop port
    std::vector<std::uint64_t> dirty;
    Mode mode = Mode::kProtected32;  // without paging: no page walks in the log
    std::function<void(Guest&)> prepare = {};
};
void PrintTo(const WriterRow& row, std::ostream* out) {
    *out << row.name;
}

std::vector<WriterRow> writers() {
    constexpr std::uint64_t kPage = page_of(kData);
    constexpr std::uint64_t kStackPage = page_of(kStack - 1);
    return {
        {"Nothing", CODE32("mov eax, [edi]; out 0xF4, al"), {}},
        {"Byte", CODE32("mov [edi], al; out 0xF4, al"), {kPage}},
        {"Straddling", CODE32("mov [edi + 0xFFE], eax; out 0xF4, al"), {kPage, kPage + 1}},
        {"LastByteOfAPage", CODE32("mov [edi + 0xFFF], al; out 0xF4, al"), {kPage}},
        {"LastByteOfRam", CODE32("mov [0x1FFFFF], al; out 0xF4, al"), {page_of(kRamSize) - 1}},
        {"FirstPage", CODE32("mov [0], al; out 0xF4, al"), {0}},
        {"ReadModifyWrite", CODE32("add [edi], eax; out 0xF4, al"), {kPage}},
        {"Atomic", CODE32("lock xadd [edi], eax; out 0xF4, al"), {kPage}},
        {"Push", CODE32("push eax; out 0xF4, al"), {kStackPage}},
        {"Call", CODE32("call 1f; 1: out 0xF4, al"), {kStackPage}},
        {"StringStore",
         CODE32("mov ecx, 0x2001; rep stosb; out 0xF4, al"),
         {kPage, kPage + 1, kPage + 2}},
        {"StringMove",
         CODE32("lea esi, [edi + 0x4000]; add edi, 0xFFC; mov ecx, 2; rep movsd; out 0xF4, al"),
         {kPage, kPage + 1}},
        {"StringInput", CODE32("mov edx, 0x60; insb; out 0xF4, al"), {kPage}},
        {"BackwardsStringStore",
         CODE32("std; mov ecx, 2; rep stosb; out 0xF4, al"),
         {kPage - 1, kPage}},
        {"SameValue", CODE32("mov dword ptr [edi], 0; out 0xF4, al"), {kPage}},
        {"Twice",
         CODE32("mov [edi], al; mov [edi + 8], al; mov [edi + 0x3000], al; out 0xF4, al"),
         {kPage, kPage + 3}},
        {"ItsOwnCode", CODE32("mov byte ptr [0x1800], 1; out 0xF4, al"), {page_of(kEntry)}},
        {"ADevice", CODE32("mov [0xFE000000], eax; out 0xF4, al"), {}},
        {"DescriptorTableStore", CODE32("sgdt [edi]; out 0xF4, al"), {kPage}},
        {"InterruptFrame",
         CODE32("int 0x80"),
         {kStackPage},
         Mode::kProtected32,
         [](Guest& guest) { guest.catch_everything(); }},
        {"RealModeStore",
         CODE16("mov ax, 0x5000; mov ds, ax; mov [0x10], al; out 0xF4, al"),
         {kPage},
         Mode::kReal},
        {"Fxsave", CODE32("fxsave [edi]; out 0xF4, al"), {kPage}},
        {"SseStore", CODE32("movups [edi + 0xFF8], xmm0; out 0xF4, al"), {kPage, kPage + 1}},
        {"X87Store",
         CODE32("fld1; fstp tbyte ptr [edi + 0xFFB]; out 0xF4, al"),
         {kPage, kPage + 1}},
    };
}

class DirtyBy : public TableTest<WriterRow> {};
ON_EVERY_VARIANT_FOR(DirtyBy, writers());

TEST_P(DirtyBy, ExactlyThesePages) {
    Guest guest(backend());
    guest.boot(row().code, row().mode);
    if (row().prepare) row().prepare(guest);
    guest.set(kRdi, kData);
    guest.vm->set_dirty_logging(true);
    guest.finish();
    EXPECT_EQ(pages(guest.fetch_dirty()), row().dirty);
}

// ---- The log itself

class DirtyLog : public GuestTest {
protected:
    void run() {
        guest().change([](CpuState& state) { state.rip = kEntry; });
        guest().finish();
    }
    bool logged(GuestAddress address) { return guest().fetch_dirty().test(page_of(address)); }
};
ON_EVERY_VARIANT(DirtyLog);

TEST_P(DirtyLog, BeginsEmpty) {
    guest().boot(CODE64("mov [0x50000], al; out 0xF4, al"));
    guest().finish();
    guest().vm->set_dirty_logging(true);
    EXPECT_TRUE(guest().fetch_dirty().none());
}

TEST_P(DirtyLog, IsEmptyWhileItIsOff) {
    guest().boot(CODE64("mov [0x50000], al; out 0xF4, al"));
    guest().finish();
    EXPECT_TRUE(guest().fetch_dirty().none());
}

TEST_P(DirtyLog, HoldsAPageAnewAfterAFetch) {
    guest().boot(CODE64("inc dword ptr [0x50000]; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    for (int i = 0; i < 4; ++i) {
        run();
        EXPECT_TRUE(logged(kData)) << i;
        EXPECT_FALSE(logged(kData)) << "fetched is cleared";
    }
}

TEST_P(DirtyLog, EndsWhenItIsTurnedOff) {
    guest().boot(CODE64("inc dword ptr [0x50000]; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    run();
    guest().vm->set_dirty_logging(false);
    run();
    EXPECT_TRUE(guest().fetch_dirty().none());
}

TEST_P(DirtyLog, BeginsEmptyAgain) {
    guest().boot(CODE64("inc dword ptr [0x50000]; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    run();
    guest().vm->set_dirty_logging(false);
    guest().vm->set_dirty_logging(true);
    EXPECT_FALSE(logged(kData));
    run();
    EXPECT_TRUE(logged(kData));
}

TEST_P(DirtyLog, SeesPagesThatWereWrittenBeforeItBegan) {
    // Whatever lets a store pass unheard has to go when logging begins.
    guest().boot(CODE64("mov ecx, 100; 1: inc dword ptr [0x50000]; dec ecx; jnz 1b; out 0xF4, al"));
    run();
    guest().vm->set_dirty_logging(true);
    run();
    EXPECT_TRUE(logged(kData));
}

TEST_P(DirtyLog, HostWritesAreNotInIt) {
    guest().boot(CODE64("out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    guest().host_put(kData, std::uint64_t{5});
    run();
    EXPECT_FALSE(logged(kData));
}

TEST_P(DirtyLog, AHostWriteDoesNotHideTheGuests) {
    guest().boot(CODE64("inc dword ptr [0x50000]; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    guest().host_put(kData, std::uint64_t{5});
    run();
    EXPECT_TRUE(logged(kData));
}

TEST_P(DirtyLog, RegionsAreNumberedByTheirAddress) {
    guest().boot(CODE64("mov [rdi], al; out 0xF4, al"));
    guest().set(kRdi, kHighRam + kPageSize);
    guest().vm->set_dirty_logging(true);
    run();
    const PageBitmap log = guest().fetch_dirty();
    EXPECT_TRUE(log.test(page_of(kHighRam) + 1));
    EXPECT_FALSE(log.test(page_of(kHighRam)));
}

TEST_P(DirtyLog, ARegionMappedWhileLoggingIsLogged) {
    guest().vm->set_dirty_logging(true);
    Ram more(2 * kPageSize);
    guest().vm->map_memory(kRamSize, more.bytes(), true);
    guest().boot(CODE64("mov [0x201000], al; out 0xF4, al"));
    guest().finish();
    const PageBitmap log = guest().fetch_dirty();
    EXPECT_FALSE(log.test(page_of(kRamSize)));
    EXPECT_TRUE(log.test(page_of(kRamSize) + 1));
    guest().vm->unmap_memory(kRamSize, more.size());
}

TEST_P(DirtyLog, RomIsNeverDirty) {
    guest().vm->set_dirty_logging(true);
    Ram rom(kPageSize);
    guest().vm->map_memory(kRamSize, rom.bytes(), false);
    guest().boot(CODE64("mov [0x200000], eax; out 0xF4, al"));
    guest().finish();
    EXPECT_FALSE(logged(kRamSize));
    guest().vm->unmap_memory(kRamSize, rom.size());
}

TEST_P(DirtyLog, AFaultingStoreIsNotInIt) {
    guest().boot(CODE64("mov [0x17FFFE], eax; out 0xF4, al"));
    guest().catch_everything();
    guest().vm->set_dirty_logging(true);
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_FALSE(logged(0x17FFFE));
}

TEST_P(DirtyLog, StoresUnderAnotherNameAreInIt) {
    guest().boot(CODE64("mov [0x190800], al; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    guest().finish();
    const PageBitmap log = guest().fetch_dirty();
    EXPECT_TRUE(log.test(2)) << "physical, not linear";
    EXPECT_FALSE(log.test(page_of(kAlias)));
}

TEST_P(DirtyLog, AccessedBitsAreInIt) {
    NEEDS(Feature::kPageWalkLog);
    guest().boot(CODE64("mov eax, [0x60000]; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    guest().finish();
    const PageBitmap log = guest().fetch_dirty();
    for (const std::uint64_t page : {0x10, 0x11, 0x12, 0x13}) {
        EXPECT_TRUE(log.test(page)) << page;
    }
    EXPECT_FALSE(log.test(0x60)) << "only read";
    EXPECT_NE(guest().ram.get<std::uint64_t>(kPageTable + 0x60 * 8) & 0x20, 0u);
}

TEST_P(DirtyLog, DirtyBitsAreInIt) {
    NEEDS(Feature::kPageWalkLog);
    guest().boot(CODE64("mov eax, [0x60000]; out 0xF4, al; mov [0x60000], eax; out 0xF4, al"));
    guest().vm->set_dirty_logging(true);
    guest().finish();
    guest().fetch_dirty();
    EXPECT_EQ(guest().ram.get<std::uint64_t>(kPageTable + 0x60 * 8) & 0x60, 0x20u);
    guest().finish();
    const PageBitmap log = guest().fetch_dirty();
    EXPECT_TRUE(log.test(page_of(kPageTable)));
    EXPECT_TRUE(log.test(0x60));
    EXPECT_EQ(guest().ram.get<std::uint64_t>(kPageTable + 0x60 * 8) & 0x60, 0x60u);
}

// ---- Against the memory itself

// The pages that differ.
std::vector<std::uint64_t> changed(const Ram& before, const Ram& after) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t at = 0; at < after.size(); at += kPageSize) {
        if (std::memcmp(before.bytes().data() + at, after.bytes().data() + at, kPageSize) != 0) {
            all.push_back(at / kPageSize);
        }
    }
    return all;
}

TEST_P(DirtyLog, HoldsEveryPageThatChanged) {
    NEEDS(Feature::kInstructionCount);
    NastyGuest nasty(backend());
    nasty.vm->set_dirty_logging(true);
    Ram before(kRamSize);
    RandomStream random(Seed(3));
    std::uint64_t at = 0, logged = 0, seen = 0;
    while (at < 60'000) {
        before.copy_from(nasty.ram);
        at += 1 + random.below(500);
        ASSERT_EQ(nasty.run_to(at), "");
        const PageBitmap log = nasty.fetch_dirty();
        for (const std::uint64_t page : changed(before, nasty.ram)) {
            EXPECT_TRUE(log.test(page)) << "page " << page << " before " << at;
            ++seen;
        }
        logged += log.count();
        if (HasFailure()) return;
    }
    EXPECT_GT(seen, 1000u);
    EXPECT_LT(logged, 2 * seen) << "a log of nearly everything is none";
}

}  // namespace
}  // namespace hvlab::conformance
