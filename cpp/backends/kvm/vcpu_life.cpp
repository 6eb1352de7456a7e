// SPDX-License-Identifier: GPL-2.0-or-later
//
// The beginning and the end of a vCPU.
#include <exception>
#include <utility>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/kvm_vcpu.h"

namespace hvlab::kvm {
namespace {

constexpr std::uint32_t kModelTscKhz = 1'000'000;  // one tick a nanosecond of guest time

// The rate that the guest's CPUID has to tell; 0 where its TSC runs at the model's.
std::uint32_t set_up_tsc(const Device& device, const Handle& vcpu) {
    if (device.tsc_control) {
        vcpu.call(KVM_SET_TSC_KHZ, kModelTscKhz,
                  "set the rate of the guest's TSC (KVM_SET_TSC_KHZ)");
        return 0;
    }
    return static_cast<std::uint32_t>(vcpu.call(
        KVM_GET_TSC_KHZ, nullptr, "ask for the rate of the guest's TSC (KVM_GET_TSC_KHZ)"));
}

}  // namespace

KvmVcpu::KvmVcpu(std::shared_ptr<VmState> vm, unsigned index, VcpuHandler& handler)
    : vm_(std::move(vm)), index_(index), handler_(handler) {
    if (index == 0 && vm_->spare) {
        start_anew();
    } else {
        create(index);
    }
    signal_ = std::make_unique<RunSignal>(handle_.calls(), area());
    set_state(reset_state(vm_->model.cpuid(1, 0).eax));
}

void KvmVcpu::create(unsigned index) {
    const Device& device = *vm_->device;
    vm_->has_others |= index != 0;
    handle_ = vm_->handle.create(KVM_CREATE_VCPU, index, "create a vCPU (KVM_CREATE_VCPU)");
    area_ = SharedArea(handle_, device.run_size, 0, "map kvm_run");
    vm_->dirty->add_vcpu(handle_);
    CpuidTable cpuid = cpuid_table(vm_->model, set_up_tsc(device, handle_));
    if (device.options.irqchip == KvmOptions::Irqchip::kSplit) show_local_apic(cpuid, index);
    handle_.call(kSetCpuid2, &cpuid, "set CPUID (KVM_SET_CPUID2)");
    msrs_ = MsrAccess(handle_);
    area().kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    handle_.call(KVM_GET_SREGS, &synced().sregs, "read control registers (KVM_GET_SREGS)");
}

// What is not in CpuState, of a vCPU that another machine has had.
void KvmVcpu::start_anew() {
    handle_ = std::move(vm_->spare->handle);
    area_ = std::move(vm_->spare->area);
    msrs_ = vm_->spare->msrs;
    vm_->spare.reset();
    kvm_run& run = area();
    run.immediate_exit = 0;
    run.request_interrupt_window = 0;
    run.kvm_dirty_regs = 0;
}

KvmVcpu::~KvmVcpu() {
    signal_.reset();
    if (index_ != 0 || incomplete_ || spoiled_ || torn_) return;
    try {
        if (debugging_) set_debugging({});
        vm_->spare = {.handle = std::move(handle_), .area = std::move(area_), .msrs = msrs_};
    } catch (const std::exception&) {
        return;  // then it goes
    }
}

}  // namespace hvlab::kvm
