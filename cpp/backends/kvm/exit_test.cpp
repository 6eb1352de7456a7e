// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of each exit and each failure of KVM_RUN, those too that no guest brings about: the
// kernel's answers are made up.
#include <gmock/gmock.h>

#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/test_calls.h"
#include "core/base/status.h"
#include "tests/conformance/support/guest.h"

namespace hvlab::kvm {
namespace {

using conformance::Access;
using conformance::Guest;
using conformance::Mode;
using testing::HasSubstr;

// What KVM_RUN answers when it was interrupted: it has written the registers back.
int interrupted(kvm_run& run) {
    run.s.regs.events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
    return -EINTR;
}

class MadeUpExits : public testing::Test {
protected:
    void SetUp() override {
        const conformance::TestedBackend backend{
            .name = std::string(KvmBackend::kName),
            .create = [this] { return std::make_unique<KvmBackend>(KvmOptions{.calls = &calls_}); },
            .lacks = {},
            .diverges = {}};
        try {
            guest_.emplace(backend);
        } catch (const BackendUnavailable& error) {
            GTEST_SKIP() << error.what();
        }
        guest_->boot(CODE64("nop; hlt"));
    }

    // The next KVM_RUNs answer so.
    template <typename... Answer>
    void script(Answer... answer) {
        calls_.script(KVM_RUN, {[this, answer](void*) { return answer(calls_.run()); }...});
    }
    static auto exit(std::uint32_t reason) {
        return [reason](kvm_run& run) {
            run.exit_reason = reason;
            return 0;
        };
    }
    static auto internal_error(std::uint32_t suberror) {
        return [suberror](kvm_run& run) {
            run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
            run.internal.suberror = suberror;
            run.internal.ndata = 2;
            run.internal.data[0] = 0xAB;
            run.internal.data[1] = 0xCD;
            return 0;
        };
    }
    static auto port(std::uint8_t direction, std::uint32_t count) {
        return [=](kvm_run& run) {
            run.exit_reason = KVM_EXIT_IO;
            run.io.direction = direction;
            run.io.size = 2;
            run.io.port = 0x60;
            run.io.count = count;
            run.io.data_offset = 4096 - 512;  // behind what of kvm_run is used here
            return 0;
        };
    }
    static auto halt() { return exit(KVM_EXIT_HLT); }

    Exit run() { return vcpu().run({}); }
    Guest& guest() { return *guest_; }
    Vcpu& vcpu() { return *guest_->vcpu; }
    ScriptedCalls& calls() { return calls_; }

private:
    ScriptedCalls calls_;
    std::optional<Guest> guest_;
};

// ---- Exits that end a run

TEST_F(MadeUpExits, FailedEntry) {
    script([](kvm_run& run) {
        run.exit_reason = KVM_EXIT_FAIL_ENTRY;
        run.fail_entry.hardware_entry_failure_reason = 0x80000021;
        return 0;
    });
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kInternal);
    EXPECT_EQ(exit.code, std::uint64_t{KVM_EXIT_FAIL_ENTRY});
    EXPECT_THAT(exit.detail, HasSubstr("refuses to enter the guest (reason 0x80000021)"));
    EXPECT_THAT(exit.detail, HasSubstr("RIP 0x1000"));
}

TEST_F(MadeUpExits, Unknown) {
    script([](kvm_run& run) {
        run.exit_reason = KVM_EXIT_UNKNOWN;
        run.hw.hardware_exit_reason = 0x4D;
        return 0;
    });
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kInternal);
    EXPECT_THAT(exit.detail, HasSubstr("KVM does not know (0x4d)"));
}

TEST_F(MadeUpExits, InternalErrors) {
    const std::pair<std::uint32_t, const char*> kTold[] = {
        {KVM_INTERNAL_ERROR_EMULATION, "an instruction that it cannot emulate"},
        {KVM_INTERNAL_ERROR_SIMUL_EX, "an exception in the delivery of an exception"},
        {KVM_INTERNAL_ERROR_DELIVERY_EV, "while an event was delivered (0xab, 0xcd)"},
        {KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, "an exit that it does not know (0xab, 0xcd)"},
        {77, "suberror 77 (0xab, 0xcd)"},
    };
    for (const auto& [suberror, told] : kTold) {
        script(internal_error(suberror));
        const Exit exit = run();
        EXPECT_EQ(exit.kind, ExitKind::kInternal);
        EXPECT_EQ(exit.code, std::uint64_t{KVM_EXIT_INTERNAL_ERROR});
        EXPECT_THAT(exit.detail, HasSubstr(told));
    }
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "the vCPU is as it was";
}

TEST_F(MadeUpExits, FailedEmulationTellsTheInstruction) {
    script([](kvm_run& run) {
        run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
        run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
        run.internal.ndata = 4;
        run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
        run.emulation_failure.insn_size = 200;  // more than there is room for
        std::fill(std::begin(run.emulation_failure.insn_bytes),
                  std::end(run.emulation_failure.insn_bytes), 0x90);
        run.emulation_failure.insn_bytes[0] = 0x0F;
        return 0;
    });
    EXPECT_THAT(run().detail, HasSubstr("(0f 90 90 90"));
}

TEST_F(MadeUpExits, FailedEmulationWhereNoMemoryIs) {
    guest().change([](CpuState& state) { state.rip = conformance::kDevice; });
    script(internal_error(KVM_INTERNAL_ERROR_EMULATION));
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, conformance::kDevice);
}

TEST_F(MadeUpExits, ShutdownStays) {
    script(exit(KVM_EXIT_SHUTDOWN));
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    const unsigned runs = calls().calls();
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    EXPECT_EQ(calls().calls(), runs) << "it is not run again";
    guest().enter(Mode::kLong);
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "a new state ends it";
}

TEST_F(MadeUpExits, ThoseThatNobodyAskedFor) {
    for (const std::uint32_t reason : {std::uint32_t{KVM_EXIT_HYPERCALL}, 1234u, 0xFFFFFFFFu}) {
        script(exit(reason));
        const Exit told = run();
        EXPECT_EQ(told.kind, ExitKind::kInternal);
        EXPECT_EQ(told.code, reason);
        EXPECT_THAT(told.detail, HasSubstr(std::to_string(reason)));
    }
}

// ---- Exits that do not

TEST_F(MadeUpExits, ThoseAfterWhichTheGuestGoesOn) {
    script(exit(KVM_EXIT_INTR), exit(KVM_EXIT_IRQ_WINDOW_OPEN), exit(KVM_EXIT_SET_TPR),
           exit(KVM_EXIT_DIRTY_RING_FULL), interrupted);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_TRUE(calls().done());
    EXPECT_EQ(calls().calls(), 6u);
}

TEST_F(MadeUpExits, MsrAccesses) {
    const auto access = [](std::uint32_t reason, std::uint32_t index) {
        return [=](kvm_run& run) {
            run.exit_reason = reason;
            run.msr.index = index;
            run.msr.data = 9;
            run.msr.error = 0x55;
            return 0;
        };
    };
    const auto then = [](std::uint8_t error, std::uint64_t data) {
        return [=](kvm_run& run) {
            EXPECT_EQ(run.msr.error, error);
            EXPECT_EQ(run.msr.data, data);
            run.exit_reason = KVM_EXIT_HLT;
            return 0;
        };
    };
    constexpr std::uint32_t kForeign = 0x1234;
    guest().handler.msr_value = 7;
    script(access(KVM_EXIT_X86_RDMSR, kForeign), then(0, 7));
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    guest().enter(Mode::kLong);
    script(access(KVM_EXIT_X86_WRMSR, kForeign), then(0, 9));
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().handler.msr_value, 9u);
    guest().handler.msr_value.reset();
    for (const std::uint32_t reason : {KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR}) {
        guest().enter(Mode::kLong);
        script(access(reason, kForeign), then(1, reason == KVM_EXIT_X86_RDMSR ? 0 : 9));
        EXPECT_EQ(run().kind, ExitKind::kHalted);
    }
}

TEST_F(MadeUpExits, AStopWithinABatchOfPortReadsAnswersAllOfIt) {
    // REP INS: the kernel asks for several at once, and the guest takes them all.
    guest().handler.on_access = [&](const Access&) { vcpu().request_stop(); };
    script(port(KVM_EXIT_IO_IN, 3), [](kvm_run& run) {
        EXPECT_EQ(run.immediate_exit, 1);
        const auto* data = reinterpret_cast<const std::uint16_t*>(
            reinterpret_cast<const std::byte*>(&run) + run.io.data_offset);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(data[i], conformance::device_value(0x60, 2));
        return interrupted(run);
    });
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().handler.accesses.size(), 3u);
    EXPECT_TRUE(calls().done());
    EXPECT_EQ(calls().run().immediate_exit, 0);
}

// ---- Handlers that throw

TEST_F(MadeUpExits, AThrowingHandlerIsToldWhenTheInstructionHasCompleted) {
    guest().handler.on_access = [](const Access&) { throw std::runtime_error("the device broke"); };
    script(port(KVM_EXIT_IO_OUT, 1), [](kvm_run& run) {
        EXPECT_EQ(run.immediate_exit, 1);
        return interrupted(run);
    });
    EXPECT_THROW(run(), std::runtime_error);
    EXPECT_TRUE(calls().done());
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "told once";
}

TEST_F(MadeUpExits, AThrowingHandlerIsForgottenIfTheKernelFailsBehindIt) {
    guest().handler.on_access = [](const Access&) { throw std::runtime_error("the device broke"); };
    script(port(KVM_EXIT_IO_OUT, 1), [](kvm_run&) { return -EFAULT; });
    EXPECT_THROW(run(), BackendError);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
}

TEST_F(MadeUpExits, AnExceptionOfAcknowledgingIsTold) {
    struct Throws : conformance::Handler {
        std::optional<std::uint8_t> acknowledge_interrupt() override {
            throw std::runtime_error("the controller broke");
        }
    } handler;
    std::unique_ptr<Vcpu> other;
    try {
        other = guest().vm->create_vcpu(1, handler);
    } catch (const BackendError& error) {
        GTEST_SKIP() << error.what();
    }
    CpuState state = guest().state();
    state.rflags |= 0x200;
    other->set_state(state);
    other->set_interrupt_line(true);
    EXPECT_THROW(other->run({}), std::runtime_error);
    other->set_interrupt_line(false);
    EXPECT_EQ(other->run({}).kind, ExitKind::kHalted);
}

// ---- KVM_RUN fails

TEST_F(MadeUpExits, AFailedRunNamesItself) {
    script([](kvm_run&) { return -EIO; });
    try {
        run();
        ADD_FAILURE() << "not told";
    } catch (const BackendError& error) {
        EXPECT_EQ(error.error_number(), EIO);
        EXPECT_THAT(error.operation(), HasSubstr("KVM_RUN"));
    }
    EXPECT_EQ(run().kind, ExitKind::kHalted);
}

TEST_F(MadeUpExits, AVcpuThatIsNeverReadyIsTold) {
    calls().answer(KVM_RUN, [](void*) { return -EAGAIN; });
    try {
        run();
        ADD_FAILURE() << "not told";
    } catch (const BackendError& error) {
        EXPECT_EQ(error.error_number(), EAGAIN);
    }
    EXPECT_LE(calls().calls(), 1000u);
}

TEST_F(MadeUpExits, AVcpuThatIsNotReadyCanBeKicked) {
    calls().answer(KVM_RUN, [&](void*) {
        if (calls().calls() == 10) vcpu().kick();
        return -EAGAIN;
    });
    EXPECT_EQ(run().kind, ExitKind::kKicked);
}

TEST_F(MadeUpExits, SignalsOfOthersNeverEndARun) {
    calls().answer(KVM_RUN, [&](void*) {
        if (calls().calls() == 5000) vcpu().kick();
        return interrupted(calls().run());
    });
    EXPECT_EQ(run().kind, ExitKind::kKicked);
    EXPECT_EQ(calls().calls(), 5000u);
}

TEST_F(MadeUpExits, RegistersThatWereNotTakenAreGivenAgain) {
    auto& general = *vcpu().capability<GeneralRegisters>();
    Registers registers = general.registers();
    registers.gpr[kRbx] = 0x1234;
    general.set_registers(registers);
    // A vCPU that waits to be started: the kernel writes its registers back and has not read them.
    script([](kvm_run& run) {
        run.s.regs.regs.rbx = 1;
        run.s.regs.events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
        return -EAGAIN;
    });
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().gpr(kRbx), 0x1234u);
}

// ---- Interrupts

TEST_F(MadeUpExits, AnInterruptThatCouldNotBeDeliveredIsDeliveredLater) {
    guest().boot(CODE64("sti; nop; nop; hlt"));
    guest().catch_everything();
    guest().handler.request_interrupt(0x40);
    calls().script(KVM_INTERRUPT, {[](void*) { return -ENOMEM; }});
    EXPECT_THROW(run(), BackendError);
    EXPECT_EQ(guest().handler.acknowledged, 1u);
    EXPECT_EQ(guest().state().interrupt, (PendingInterrupt{.pending = true, .vector = 0x40}))
        << "the controller has forgotten it";
    guest().finish();
    EXPECT_EQ(guest().caught()->vector, 0x40u);
    EXPECT_EQ(guest().handler.acknowledged, 1u);
}

TEST_F(MadeUpExits, AWaitingInterruptDoesNotMakeAccessesDearer) {
    guest().boot(CODE64("cli; mov ecx, 10; 1: out 0x80, al; dec ecx; jnz 1b; out 0xF4, al"));
    guest().handler.request_interrupt(0x40);
    calls().script(KVM_RUN, {});
    guest().finish();
    EXPECT_EQ(calls().calls(), 12u) << "a KVM_RUN an access, one to complete the last";
}

// ---- States

TEST_F(MadeUpExits, AStateThatIsRefusedHalfwayChangesNothing) {
    guest().change([](CpuState& state) {
        state.gpr[kRcx] = 5;
        state.dr[2] = 0x1000;
        state.msrs.lstar = 0x777;
        state.fpu.xmm[1] = {1, 2};
    });
    const CpuState good = guest().state();
    CpuState bad = good;
    bad.gpr[kRcx] = 6;
    bad.dr[2] = 0x2000;
    bad.msrs.lstar = 0x888;
    bad.fpu.xmm[1] = {3, 4};
    bad.cr3 += 0x1000;
    bad.halted = true;
    for (const unsigned long request :
         {std::uint64_t{KVM_SET_SREGS}, std::uint64_t{KVM_SET_REGS},
          std::uint64_t{KVM_SET_VCPU_EVENTS}, std::uint64_t{KVM_SET_DEBUGREGS},
          std::uint64_t{kSetMsrs}, std::uint64_t{kSetXsave}}) {
        calls().script(request, {[](void*) { return -EINVAL; }});
        EXPECT_THROW(vcpu().set_state(bad), BackendError);
        EXPECT_TRUE(calls().done());
        EXPECT_EQ(guest().state(), good) << std::hex << request;
    }
    bad.msrs.star = good.msrs.star + 1;
    bad.msrs.lstar = 0x8000'0000'0000'0000;  // not canonical: refused when others are written
    EXPECT_THROW(vcpu().set_state(bad), BackendError);
    EXPECT_EQ(guest().state(), good);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
}

TEST_F(MadeUpExits, AStateThatCannotBeTakenBackIsNotRun) {
    const CpuState good = guest().state();
    CpuState bad = good;
    bad.gpr[kRcx] = 6;
    calls().script(KVM_SET_REGS, {[](void*) { return -EIO; }, [](void*) { return -EIO; }});
    EXPECT_THROW(vcpu().set_state(bad), BackendError);
    EXPECT_THROW(run(), BackendError);
    vcpu().set_state(good);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
}

}  // namespace
}  // namespace hvlab::kvm
