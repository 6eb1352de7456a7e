// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_vm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/kvm_vcpu.h"
#include "backends/kvm/msrs.h"

namespace hvlab::kvm {
namespace {

// VT-x without "unrestricted guest" runs real mode in a virtual-8086 task: three pages of guest
// memory below 4 GiB for its TSS, and one for page tables (api.rst, 4.36 and 4.37). Where a PC has
// its local APICs' neighbours, and nothing of ours is.
constexpr unsigned long kTssAddress = 0xFEFFD000;
constexpr std::uint64_t kIdentityMapAddress = 0xFEFFC000;

void give_vmx_its_pages(const Handle& vm) {
    std::uint64_t address = kIdentityMapAddress;
    vm.call(KVM_SET_IDENTITY_MAP_ADDR, &address,
            "place the identity map (KVM_SET_IDENTITY_MAP_ADDR)");
    vm.call(KVM_SET_TSS_ADDR, kTssAddress, "place the TSS (KVM_SET_TSS_ADDR)");
}

void split_irqchip(const Handle& vm) {
    constexpr std::uint64_t kRoutes = 24;  // kept for an I/O APIC's inputs
    vm.enable(KVM_CAP_SPLIT_IRQCHIP, kRoutes,
              "put local APICs into the kernel (KVM_CAP_SPLIT_IRQCHIP)");
}

bool wants_ring(const Device& device) {
    if (device.options.dirty_log == KvmOptions::DirtyLog::kBest) {
        return device.host.flavour != Flavour::kSoftware;
    }
    return device.options.dirty_log == KvmOptions::DirtyLog::kRing;
}

void enable_if_there(const Handle& vm, std::uint32_t capability, std::string_view operation) {
    if (vm.extension(capability) != 0) vm.enable(capability, 1, operation);
}

// All that a VM is made with.
std::string kind_of(const Device& device, const CpuModel& model) {
    return fmt::format("{} {} {} {}", device.options.device,
                       static_cast<int>(device.options.irqchip),
                       static_cast<int>(device.options.dirty_log), model.name());
}

}  // namespace

VmState::VmState(std::shared_ptr<const Device> the_device, const CpuModel& the_model)
    : device(std::move(the_device)), model(the_model), owner(::getpid()) {
    const KvmOptions& options = device->options;
    if (device->pool) {
        if (std::optional<KernelVm> kept = device->pool->take(kind_of(*device, model))) {
            handle = std::move(kept->handle);
            dirty = std::move(kept->dirty);
            spare = std::move(kept->vcpu);
            return;
        }
    }
    handle = device->handle.create(KVM_CREATE_VM, 0, "create a VM (KVM_CREATE_VM)");
    if (device->host.flavour == Flavour::kVmx) give_vmx_its_pages(handle);
    if (options.irqchip == KvmOptions::Irqchip::kSplit) split_irqchip(handle);
    filter_msrs(handle);
    // Telling what failed beats guessing from an exit: the bytes of the instruction come along.
    enable_if_there(handle, KVM_CAP_EXIT_ON_EMULATION_FAILURE,
                    "let failed emulation out (KVM_CAP_EXIT_ON_EMULATION_FAILURE)");
    // A shutdown that a signal has held up is seen, and goes with the state.
    enable_if_there(handle, KVM_CAP_X86_TRIPLE_FAULT_EVENT,
                    "let shutdowns be seen (KVM_CAP_X86_TRIPLE_FAULT_EVENT)");
    if (wants_ring(*device)) dirty = make_dirty_ring(handle);
    if (!dirty) dirty = make_dirty_log();
}

VmState::~VmState() {
    // Local APICs hold state of which CpuState knows nothing.
    if (!spare || has_others || !device->pool || dirty->lost_pages() || owner != ::getpid() ||
        device->options.irqchip != KvmOptions::Irqchip::kNone) {
        return;
    }
    try {
        slots.remove_all(handle);
        dirty->forget(handle, slots);
        device->pool->keep(
            kind_of(*device, model),
            {.handle = std::move(handle), .dirty = std::move(dirty), .vcpu = *std::move(spare)});
    } catch (const std::exception&) {
        return;  // then it goes
    }
}

KvmVm::KvmVm(std::shared_ptr<const Device> device, const CpuModel& model)
    : state_(std::make_shared<VmState>(std::move(device), model)) {}

void KvmVm::map_memory(GuestAddress address, std::span<std::byte> host, bool writable) {
    state_->slots.add(state_->handle, address, host, writable);
}

void KvmVm::unmap_memory(GuestAddress address, std::uint64_t size) {
    // A slot's number may be used again: what the ring holds of it belongs to it.
    if (state_->slots.logging()) state_->dirty->make_room(state_->handle, state_->slots);
    state_->slots.remove(state_->handle, address, size);
}

void KvmVm::set_dirty_logging(bool enabled) {
    if (enabled == state_->slots.logging()) return;
    state_->slots.set_logging(state_->handle, enabled);
    state_->dirty->forget(state_->handle, state_->slots);
}

void KvmVm::fetch_and_clear_dirty(PageBitmap& into) {
    state_->dirty->fetch(state_->handle, state_->slots, into);
}

// The processor sees what is in memory.
void KvmVm::host_wrote(GuestAddress, std::uint64_t) {}

std::unique_ptr<Vcpu> KvmVm::create_vcpu(unsigned index, VcpuHandler& handler) {
    if (index >= state_->device->max_vcpus) {
        fail(fmt::format("create vCPU {}", index), ENOSPC);
    }
    return std::make_unique<KvmVcpu>(state_, index, handler);
}

}  // namespace hvlab::kvm
