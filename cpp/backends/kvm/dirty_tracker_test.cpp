// SPDX-License-Identifier: GPL-2.0-or-later
//
// The dirty ring and the dirty bitmap tell the same, and what they tell is what was written: also
// where a guest writes more pages than a ring holds. A ring that could not hold them says so.
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "backends/kvm/flavour.h"
#include "backends/kvm/kvm_backend.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using conformance::kEntry;
using conformance::Mode;
using conformance::Ram;

constexpr GuestAddress kRegion = 16 * kMiB;
constexpr std::uint64_t kPages = 8192;        // twice what a ring holds
constexpr GuestAddress kDirectory = 0x12000;  // long mode's, 2 MiB an entry

// A guest with 32 MiB more, all of it mapped in both modes.
class Writer : public conformance::Guest {
public:
    Writer(const conformance::TestedBackend& backend, Mode mode) : Guest(backend) {
        vm->map_memory(kRegion, more.bytes(), true);
        for (std::uint64_t i = kRegion / (2 * kMiB); i < kRegion / kMiB + 8; ++i) {
            ram.put(kDirectory + i * 8, i * 2 * kMiB | 0x87);
        }
        load(CODE64("1: mov [rdi], ecx; add edi, 0x1000; sub ecx, 1; jnz 1b; out 0xF4, al"),
             kEntry);
        // ECX stores of ESI at places that ESI draws.
        load(CODE64("1: imul esi, esi, 1664525; add esi, 1013904223; mov eax, esi; shr eax, 8;"
                    "and eax, 0x1FFF; shl eax, 12; mov [rdi + rax], esi; sub ecx, 1; jnz 1b;"
                    "out 0xF4, al"),
             kScatter);
        enter(mode);
    }
    Writer(const Writer&) = delete;

    void write_all() { run_at(kEntry, kPages, 0); }
    void scatter(std::uint64_t stores, std::uint64_t seed) { run_at(kScatter, stores, seed); }

    // Pages of the region by the log.
    std::vector<std::uint64_t> logged() {
        std::vector<std::uint64_t> pages;
        fetch_dirty().for_each([&](std::uint64_t page) {
            if (page - kRegion / kPageSize < kPages) pages.push_back(page - kRegion / kPageSize);
        });
        return pages;
    }
    // ... and by what is in memory; each store differs from what was there.
    std::vector<std::uint64_t> changed(const Ram& before) const {
        std::vector<std::uint64_t> pages;
        for (std::uint64_t page = 0; page < kPages; ++page) {
            const std::uint64_t at = page * kPageSize;
            if (more.get<std::uint32_t>(at) != before.get<std::uint32_t>(at)) pages.push_back(page);
        }
        return pages;
    }

    Ram more{kPages * kPageSize};

private:
    static constexpr GuestAddress kScatter = 0x3000;

    void run_at(GuestAddress rip, std::uint64_t count, std::uint64_t seed) {
        change([=](CpuState& state) {
            state.rip = rip;
            state.rflags |= 0x3000;
            state.gpr[kRdi] = kRegion;
            state.gpr[kRcx] = count;
            state.gpr[kRsi] = seed;
        });
        finish();
    }
};

bool skip_without_kvm() {
    try {
        KvmBackend();
        return false;
    } catch (const BackendUnavailable&) {
        return true;
    }
}

// Both, and native user-mode code: what the software flavour emulates overruns a ring.
class DirtyTrackers : public testing::Test {
protected:
    void SetUp() override {
        if (skip_without_kvm()) GTEST_SKIP() << "no KVM";
        ring_.emplace(conformance::kvm_with_ring(), Mode::kUser64);
        bitmap_.emplace(conformance::kvm_with_bitmap(), Mode::kUser64);
        for (Writer* each : both()) each->vm->set_dirty_logging(true);
    }
    std::array<Writer*, 2> both() { return {&*ring_, &*bitmap_}; }

    std::optional<Writer> ring_, bitmap_;
};

TEST_F(DirtyTrackers, MorePagesThanTheRingHolds) {
    for (Writer* each : both()) {
        each->write_all();
        const std::vector<std::uint64_t> pages = each->logged();
        ASSERT_EQ(pages.size(), kPages);
        EXPECT_TRUE(each->logged().empty()) << "fetched is cleared";
        each->write_all();
        EXPECT_EQ(each->logged().size(), kPages) << "and comes anew";
    }
}

TEST_F(DirtyTrackers, TellTheSameOfRandomWork) {
    Ram before(kPages * kPageSize);
    RandomStream random(Seed(21));
    for (int round = 0; round < 6; ++round) {
        const std::uint64_t stores = 1 + random.below(8000), seed = random.below(1u << 31);
        before.copy_from(ring_->more);
        for (Writer* each : both()) each->scatter(stores, seed);
        const std::vector<std::uint64_t> pages = ring_->changed(before);
        EXPECT_GT(pages.size(), std::min(stores, kPages) / 3);
        EXPECT_EQ(ring_->logged(), pages) << round;
        EXPECT_EQ(bitmap_->logged(), pages) << round;
    }
}

TEST_F(DirtyTrackers, ForgetWhatWasWrittenWhileTheyWereOff) {
    for (Writer* each : both()) {
        each->write_all();
        each->vm->set_dirty_logging(false);
        each->write_all();
        each->vm->set_dirty_logging(true);
        EXPECT_TRUE(each->logged().empty());
        each->scatter(1, 5);
        EXPECT_EQ(each->logged().size(), 1u);
    }
}

TEST_F(DirtyTrackers, FetchedWhileTheGuestRunsNothingIsMissed) {
    // The device that the guest writes to between its rounds fetches: what comes later is told
    // later.
    for (Writer* each : both()) {
        each->load(CODE64("1: mov [rdi], ecx; add edi, 0x1000; test cl, cl; jnz 2f; out 0x80, al;"
                          "2: sub ecx, 1; jnz 1b; out 0xF4, al"),
                   kEntry);
        std::vector<std::uint64_t> all;
        const auto fetch = [&](const conformance::Access&) {
            const std::vector<std::uint64_t> pages = each->logged();
            EXPECT_LE(pages.size(), 256u);
            all.insert(all.end(), pages.begin(), pages.end());
        };
        each->handler.on_access = fetch;
        each->write_all();
        fetch({});
        EXPECT_EQ(each->handler.accesses.size(), kPages / 256);
        ASSERT_EQ(all.size(), kPages);
        for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_EQ(all[page], page);
    }
}

// What machines use, in native code and in code that the software flavour emulates.
class DirtyLogByDefault : public testing::TestWithParam<Mode> {
protected:
    void SetUp() override {
        if (skip_without_kvm()) GTEST_SKIP() << "no KVM";
    }
};
INSTANTIATE_TEST_SUITE_P(, DirtyLogByDefault, testing::Values(Mode::kProtected32, Mode::kUser64),
                         [](const auto& instance) {
                             return std::string(to_string(instance.param));
                         });

TEST_P(DirtyLogByDefault, HoldsEveryPage) {
    Writer writer(conformance::kvm_backend(), GetParam());
    writer.vm->set_dirty_logging(true);
    writer.write_all();
    EXPECT_EQ(writer.logged().size(), kPages);
    Ram before(kPages * kPageSize);
    before.copy_from(writer.more);
    writer.scatter(5000, 77);
    EXPECT_EQ(writer.logged(), writer.changed(before));
}

TEST_P(DirtyLogByDefault, ARingThatIsOverrunSaysSo) {
    // On the software flavour, where the bitmap is the default for it, emulated code may do that.
    const bool may_overrun =
        kvm::host_kvm().flavour == kvm::Flavour::kSoftware && GetParam() == Mode::kProtected32;
    Writer writer(conformance::kvm_with_ring(), GetParam());
    writer.vm->set_dirty_logging(true);
    try {
        writer.write_all();
        EXPECT_EQ(writer.logged().size(), kPages);
    } catch (const BackendError& error) {
        EXPECT_EQ(error.error_number(), EOVERFLOW);
        EXPECT_TRUE(may_overrun) << error.what();
    }
}

TEST_F(DirtyTrackers, ARingThatWasOverrunServesNoOtherMachine) {
    // Whether it is overrun is the flavour's; the next machine of the process knows nothing of it.
    for (int i = 0; i < 2; ++i) {
        Writer emulated(conformance::kvm_with_ring(), Mode::kProtected32);
        emulated.vm->set_dirty_logging(true);
        try {
            emulated.write_all();
        } catch (const BackendError& error) {
            EXPECT_EQ(error.error_number(), EOVERFLOW);
        }
        Writer native(conformance::kvm_with_ring(), Mode::kUser64);
        native.vm->set_dirty_logging(true);
        native.write_all();
        EXPECT_EQ(native.logged().size(), kPages);
    }
}

}  // namespace
}  // namespace hvlab
