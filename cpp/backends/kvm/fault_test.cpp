// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every system call of a machine's life fails in turn: the error is typed and names the operation,
// nothing is left behind, and the next machine works.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/test_calls.h"
#include "core/base/status.h"
#include "tests/conformance/support/guest.h"

namespace hvlab::kvm {
namespace {

using conformance::Guest;
using conformance::kData;
using conformance::kDevice;
using conformance::Mode;

// Everything that a machine does with the kernel; what it and its guest saw, as text.
std::string whole_life(KvmBackend& backend, SystemCalls& calls) {
    std::string seen;
    const auto note = [&seen](auto&&... parts) { ((seen += fmt::format("{} ", parts)), ...); };
    std::optional<Guest> made(std::in_place, conformance::sharing(backend));
    Guest& guest = *made;
    Vcpu& vcpu = *guest.vcpu;
    const auto run = [&] {
        const Exit exit = vcpu.run({});
        note(to_string(exit.kind), exit.detail);
    };

    // Accesses of each kind, and an interrupt that arrives in the last.
    guest.boot(
        CODE64("out 0x80, al; in al, 0x60; mov ebx, [rdi]; mov [rdi + 8], ebx;"
               "mov [rsi], ebx; mov ecx, 0x1234; rdmsr; wrmsr; sti; out 0x81, al; nop; hlt"));
    guest.catch_everything();
    guest.change([](CpuState& state) {
        state.gpr[kRdi] = kDevice;
        state.gpr[kRsi] = kData;
    });
    guest.handler.msr_value = 5;
    guest.handler.on_access = [&](const conformance::Access& access) {
        if (access.address == 0x80) guest.handler.request_interrupt(0x40);
    };
    guest.vm->set_dirty_logging(true);
    run();
    note(guest.caught() ? guest.caught()->vector : 0, guest.state().gpr[kRbx]);
    PageBitmap dirty = guest.fetch_dirty();
    note(dirty.test(kData / kPageSize));
    vcpu.raise_nmi();
    run();
    note(guest.caught() ? guest.caught()->vector : 0);
    for (const auto& access : guest.handler.accesses) {
        note(unsigned{access.kind}, access.address, access.size, access.value);
    }
    guest.vm->set_dirty_logging(false);

    // The ends of runs.
    guest.boot(CODE64("1: jmp 1b"));
    vcpu.kick();
    run();
    vcpu.capability<HostTimer>()->set_end(std::chrono::steady_clock::now() +
                                          std::chrono::milliseconds(1));
    run();
    vcpu.capability<HostTimer>()->set_end(std::nullopt);

    // State, whole and in part; a debugger.
    guest.boot(CODE64("inc eax; hlt"));
    CpuState state = guest.state();
    state.dr[1] = kData;
    state.msrs.lstar = 0x1234;
    state.fpu.xmm[3] = {7, 8};
    vcpu.set_state(state);
    note(vcpu.state() == state);
    auto& general = *vcpu.capability<GeneralRegisters>();
    Registers registers = general.registers();
    registers.gpr[kRax] = 41;
    general.set_registers(registers);
    vcpu.capability<Debugger>()->set_debugging({.single_step = true});
    run();
    vcpu.capability<Debugger>()->set_debugging({});
    run();
    note(general.registers().gpr[kRax]);
    guest.vm->unmap_memory(conformance::kHighRam, conformance::kHighRamSize);
    // What fails here is not told: the VM is not kept, that is all.
    auto* const faulty = dynamic_cast<FaultyCalls*>(&calls);
    if (faulty != nullptr) faulty->untold = true;
    made.reset();
    if (faulty != nullptr) faulty->untold = false;
    return seen;
}

// A machine, and one that gets its VM.
std::string whole_life(SystemCalls& calls) {
    KvmBackend backend({.calls = &calls});
    const std::string first = whole_life(backend, calls);
    return first + whole_life(backend, calls);
}

struct Left {
    std::ptrdiff_t descriptors = 0;
    std::ptrdiff_t mappings = 0;  // of KVM's descriptors
    bool operator==(const Left&) const = default;
};

Left left() {
    Left found;
    found.descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        found.mappings +=
            line.find("kvm") != std::string::npos && line.find("anon_inode") != std::string::npos;
    }
    return found;
}

class Faults : public testing::Test {
protected:
    void SetUp() override {
        try {
            healthy_ = whole_life(SystemCalls::host());
        } catch (const BackendUnavailable& error) {
            GTEST_SKIP() << error.what();
        }
        FaultyCalls counted;
        ASSERT_EQ(whole_life(counted), healthy_);
        calls_ = counted.count();
        before_ = left();
    }

    // `may_be_unnoticed`: the life may go on as if nothing had been.
    void expect_told(const FaultyCalls::Fault& fault, bool may_be_unnoticed) {
        FaultyCalls faulty(fault);
        std::optional<std::string> seen;
        try {
            seen = whole_life(faulty);
        } catch (const BackendError& error) {
            EXPECT_EQ(error.backend(), KvmBackend::kName);
            EXPECT_EQ(error.error_number(), fault.error) << error.what();
            EXPECT_FALSE(error.operation().empty());
        }
        if (seen) {
            EXPECT_TRUE(may_be_unnoticed || faulty.failed_untold()) << "not told";
            EXPECT_EQ(*seen, healthy_);
        }
        EXPECT_EQ(left(), before_) << "left behind";
        // After each where that tells most; it is the longer part of these tests.
        if (fault.error == ENOMEM || fault.at % 16 == 0) {
            EXPECT_EQ(whole_life(SystemCalls::host()), healthy_) << "the next machine";
        }
        if (HasFailure()) ADD_FAILURE() << "call " << fault.at << ": " << faulty.failed();
    }
    void each_fails(int error, bool for_ever) {
        const bool retried = (error == EINTR || error == EAGAIN) && !for_ever;
        for (unsigned n = 1; n <= calls_ && !HasFailure(); ++n) {
            expect_told({.at = n, .error = error, .for_ever = for_ever}, retried);
        }
    }

private:
    std::string healthy_;
    unsigned calls_ = 0;
    Left before_;
};

TEST_F(Faults, OnceForLackOfMemory) {
    each_fails(ENOMEM, false);
}
TEST_F(Faults, OnceByAnIoError) {
    each_fails(EIO, false);
}
TEST_F(Faults, OnceForLackOfDescriptors) {
    each_fails(EMFILE, false);
}
TEST_F(Faults, OnceByASignal) {
    each_fails(EINTR, false);
}
TEST_F(Faults, OnceForTheMoment) {
    each_fails(EAGAIN, false);
}
TEST_F(Faults, ForEverAsInvalid) {
    each_fails(EINVAL, true);
}
TEST_F(Faults, ForEverBySignals) {
    each_fails(EINTR, true);
}
TEST_F(Faults, ForEverForTheMoment) {
    each_fails(EAGAIN, true);
}

}  // namespace
}  // namespace hvlab::kvm
