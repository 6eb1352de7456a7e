// SPDX-License-Identifier: GPL-2.0-or-later
//
// Task switches keep the flags of both tasks (Intel SDM vol. 3 s. 7.3): also those that the
// instruction right before has computed. All else of task switches is in the guest `tasks`.
#include <string_view>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr GuestAddress kOther = kData;        // the other task's TSS, GDT entry kSpare
constexpr GuestAddress kOtherEntry = 0x3000;  // its code
constexpr std::uint64_t kFlagsOffset = 0x24;
constexpr std::uint64_t kNestedTask = 0x4000;
constexpr std::uint64_t kFree = 0x9, kBusy = 0xB;

// CF, PF, AF and SF, of 0 - 1, and the bit that is always set.
constexpr std::uint32_t kFlags = 0x97;
constexpr std::uint32_t kOtherFlags = 0x41;  // CF and ZF; bit 1 is set by the processor

class TaskFlags : public GuestTest {
protected:
    // Runs the code from where EAX is 0 and ECX 1 into the other task.
    void switch_by(std::span<const std::byte> code, std::uint64_t type, std::uint64_t flags) {
        guest().load(CODE32("pushf; out 0xF4, al"), kOtherEntry);
        guest().boot(code, Mode::kProtected32);
        guest().host_put(kGdt + kSpare, 0x67 | kOther << 16 | (0x80 | type) << 40);
        guest().host_put(kTss32, std::uint32_t{kSpare});  // back link
        put_other(0x20, kOtherEntry);
        put_other(kFlagsOffset, kOtherFlags);
        put_other(0x38, kStack);
        for (const unsigned segment : {0x48, 0x50, 0x54}) put_other(segment, kData32);
        put_other(0x4C, kCode32);
        guest().change([=](CpuState& state) {
            state.gpr[kRax] = 0;
            state.gpr[kRcx] = 1;
            state.rflags |= flags;
        });
        guest().finish();
        EXPECT_EQ(guest().ram.get<std::uint32_t>(kTss32 + kFlagsOffset), kFlags) << "saved";
        EXPECT_EQ(guest().stack<std::uint32_t>(0) & 0xFFFF, kOtherFlags | 2) << "loaded";
        EXPECT_EQ(guest().state().tr.selector, kSpare);
    }

private:
    void put_other(std::uint64_t offset, std::uint64_t value) {
        guest().host_put(kOther + offset, static_cast<std::uint32_t>(value));
    }
};
ON_EVERY_BACKEND(TaskFlags);

TEST_P(TaskFlags, OfAJump) {
    switch_by(CODE32("cmp eax, ecx; .byte 0xEA, 0, 0, 0, 0, 0x68, 0"), kFree, 0);
}

TEST_P(TaskFlags, OfAReturn) {
    switch_by(CODE32("cmp eax, ecx; iretd"), kBusy, kNestedTask);
}

}  // namespace
}  // namespace hvlab::conformance
