// SPDX-License-Identifier: GPL-2.0-or-later
//
// VMs that are used again: when they are, and that nothing of the machine before is left in them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/system_calls.h"
#include "backends/kvm/vm_pool.h"
#include "core/base/status.h"
#include "tests/conformance/support/guest.h"
#include "tests/conformance/support/random_state.h"

namespace hvlab::kvm {
namespace {

using conformance::Guest;
using conformance::kData;
using conformance::kDevice;
using conformance::Mode;
using conformance::Ram;

constexpr GuestAddress kSecret = 0x10000000;  // where only the first machine has memory

class CountingCalls : public SystemCalls {
public:
    std::map<unsigned long, unsigned> made;
    bool failing_run = false;  // the next KVM_RUN
    int ioctl(int fd, unsigned long request, void* argument) override {
        ++made[request];
        if (request == KVM_RUN && std::exchange(failing_run, false)) {
            errno = EIO;
            return -1;
        }
        return SystemCalls::ioctl(fd, request, argument);
    }
};

class UsedAgain : public testing::Test {
protected:
    void SetUp() override { open({}); }

    void open(KvmOptions options) {
        options.calls = &calls_;
        try {
            shared_ = std::make_unique<KvmBackend>(options);
        } catch (const BackendUnavailable& error) {
            GTEST_SKIP() << error.what();
        }
    }
    conformance::TestedBackend backend() { return conformance::sharing(*shared_); }
    // A machine comes, runs and goes.
    void live() {
        Guest guest(backend());
        guest.boot(CODE64("out 0xF4, al"));
        guest.finish();
    }
    KvmBackend& shared() { return *shared_; }
    unsigned made() { return calls_.made[KVM_CREATE_VM]; }
    CountingCalls& calls() { return calls_; }

    // Leaves something of everything that a VM can hold.
    void fill(RandomStream& random);
    void expect_nothing_left();

private:
    CountingCalls calls_;
    std::unique_ptr<KvmBackend> shared_;
};

void UsedAgain::fill(RandomStream& random) {
    Ram secret(64 * kKiB);
    secret.put(0, std::uint64_t{0x5EC2E7});
    Guest guest(backend());
    guest.vm->map_memory(kSecret, secret.bytes(), true);
    guest.vm->set_dirty_logging(true);
    guest.catch_everything();
    // By the guest: pages, MSRs, x87 and SSE registers, descriptor tables, control registers.
    guest.boot(
        CODE64("mov [rdi], rax; mov [rsi], rax; mov ecx, 0xC0000082; mov edx, 1; wrmsr;"
               "mov cr8, rdx; mov dr1, rdi; out 0xF4, al"));
    guest.change([](CpuState& state) {
        state.gpr[kRdi] = kData;
        state.gpr[kRsi] = 0x90000;
    });
    guest.finish();
    // By the host: all of the state, and what waits to happen.
    CpuState state = conformance::random_state(guest.state(), random);
    guest.vcpu->set_state(state);
    guest.vcpu->capability<Debugger>()->set_debugging(
        {.single_step = random.next() % 2 != 0, .breakpoints = {0x1000, 0x1002}});
    guest.vcpu->capability<HostTimer>()->set_end(std::chrono::steady_clock::now());
    guest.vcpu->set_interrupt_line(true);
    guest.vcpu->raise_nmi();
    guest.vcpu->kick();
    if (random.next() % 2 != 0) guest.vcpu->capability<GeneralRegisters>()->set_registers({});
}

void UsedAgain::expect_nothing_left() {
    Guest guest(backend());
    const CpuState reset = reset_state(CpuModel::named("x86-64-v2").cpuid(1, 0).eax);
    EXPECT_EQ(guest.state(), reset);
    guest.vm->set_dirty_logging(true);
    guest.boot(CODE64("nop; mov rax, [rdi]; mov rbx, cr8; mov rdx, dr1; out 0xF4, al"));
    guest.change([](CpuState& state) { state.gpr[kRdi] = kDevice; });
    EXPECT_EQ(guest.state().msrs.lstar, 0u);
    guest.finish();  // not a step, an NMI, a kick or an end
    EXPECT_EQ(guest.gpr(kRbx), 0u);
    EXPECT_EQ(guest.gpr(kRdx), 0u);
    EXPECT_EQ(guest.handler.acknowledged, 0u);
    EXPECT_EQ(guest.handler.accesses.size(), 1u);
    const PageBitmap dirty = guest.fetch_dirty();
    EXPECT_FALSE(dirty.test(kData / kPageSize));
    EXPECT_FALSE(dirty.test(0x90));
    // There is no memory where the other one had some. Both through the same page tables.
    guest.host_put(conformance::kPageTable + 0x60 * 8, kSecret | 3);
    guest.boot(CODE64("mov rax, [rdi]; out 0xF4, al"));
    guest.change([](CpuState& state) { state.gpr[kRdi] = 0x60000; });
    guest.handler.reset();
    guest.finish();
    EXPECT_EQ(guest.gpr(kRax), conformance::device_value(kSecret, 8));
    guest.enter(Mode::kReal);
    guest.boot(CODE16("mov ax, 7; out 0xF4, al"), Mode::kReal);
    guest.finish();
    EXPECT_EQ(guest.gpr(kRax), 7u);
}

TEST_F(UsedAgain, NothingOfTheMachineBeforeIsLeft) {
    RandomStream random(Seed(3));
    for (int i = 0; i < 25 && !HasFailure(); ++i) {
        fill(random);
        expect_nothing_left();
    }
    EXPECT_EQ(made(), 1u) << "all of them in one VM";
}

TEST_F(UsedAgain, AShutdownVcpuToo) {
    for (int i = 0; i < 3; ++i) {
        Guest guest(backend());
        guest.boot(CODE64("lidt [rdi]; ud2"));
        guest.set(kRdi, kData);  // zeros: no table
        EXPECT_EQ(guest.run().kind, ExitKind::kTripleFault);
    }
    live();
    EXPECT_EQ(made(), 1u);
}

TEST_F(UsedAgain, AHaltedVcpuToo) {
    for (int i = 0; i < 3; ++i) {
        Guest guest(backend());
        guest.boot(CODE64("hlt"));
        EXPECT_EQ(guest.run().kind, ExitKind::kHalted);
    }
    live();
    EXPECT_EQ(made(), 1u);
}

TEST_F(UsedAgain, AVcpuOfTheSameVm) {
    Guest guest(backend());
    guest.boot(CODE64("inc eax; out 0xF4, al"));
    guest.finish();
    guest.vcpu.reset();
    guest.vcpu = guest.vm->create_vcpu(0, guest.handler);
    guest.handler.vcpu = guest.vcpu.get();
    EXPECT_EQ(guest.state(), reset_state(CpuModel::named("x86-64-v2").cpuid(1, 0).eax));
    guest.boot(CODE64("inc eax; out 0xF4, al"));
    guest.finish();
    EXPECT_EQ(calls().made[KVM_CREATE_VCPU], 1u);
}

TEST_F(UsedAgain, AVcpuThatOutlivesItsVm) {
    {
        Guest guest(backend());
        guest.boot(CODE64("out 0xF4, al"));
        guest.vm.reset();
        guest.finish();
    }
    live();
    EXPECT_EQ(made(), 1u);
}

TEST_F(UsedAgain, OnlyForTheSameModel) {
    live();
    unsigned others = 0;
    for (const std::string& name : CpuModel::names()) {
        if (name == "x86-64-v2") continue;
        try {
            shared().create_vm(CpuModel::named(name));
            ++others;
        } catch (const BackendError&) {
            continue;  // a model that this host does not have
        }
    }
    EXPECT_EQ(made(), 1u + others);
    live();
    EXPECT_EQ(made(), 1u + others);
}

TEST_F(UsedAgain, SeveralAtOnceUpToABound) {
    constexpr unsigned kMachines = VmPool::kCapacity + 2;
    for (int round = 0; round < 2; ++round) {
        std::vector<std::unique_ptr<Guest>> guests;
        for (unsigned i = 0; i < kMachines; ++i) {
            guests.push_back(std::make_unique<Guest>(backend()));
        }
    }
    EXPECT_EQ(made(), kMachines + 2);
}

TEST_F(UsedAgain, NotAfterAnErrorOfTheKernel) {
    {
        Guest guest(backend());
        guest.boot(CODE64("hlt"));
        calls().failing_run = true;
        EXPECT_THROW(guest.run(), BackendError);
    }
    live();
    EXPECT_EQ(made(), 2u);
}

TEST_F(UsedAgain, NotWithASecondVcpu) {
    {
        Guest guest(backend());
        conformance::Handler handler;
        try {
            guest.vm->create_vcpu(1, handler);
        } catch (const BackendError& error) {
            GTEST_SKIP() << error.what();
        }
    }
    live();
    EXPECT_EQ(made(), 2u);
}

TEST_F(UsedAgain, NotIfToldSo) {
    open({.keep_vms = false});
    live();
    live();
    EXPECT_EQ(made(), 2u);
}

TEST_F(UsedAgain, NotByAForkedProcess) {
    live();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        live();
        ::_exit(HasFailure() || made() != 2 ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    live();
    EXPECT_EQ(made(), 1u) << "here it is as it was";
}

TEST(KeptVms, CanBeGivenBack) {
    try {
        KvmBackend backend;
        conformance::Handler handler;
        backend.create_vm(CpuModel::named("x86-64-v2"))->create_vcpu(0, handler);
    } catch (const BackendUnavailable& error) {
        GTEST_SKIP() << error.what();
    }
    const std::string kind = fmt::format("/dev/kvm 0 0 x86-64-v2");
    std::optional<KernelVm> kept = VmPool::process()->take(kind);
    ASSERT_TRUE(kept);
    VmPool::process()->keep(kind, *std::move(kept));
    KvmBackend::drop_kept_vms();
    EXPECT_FALSE(VmPool::process()->take(kind));
}

}  // namespace
}  // namespace hvlab::kvm
