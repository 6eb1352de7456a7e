// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_vm.h"

#include <fmt/format.h>

#include <cerrno>
#include <new>

#include "backends/unicorn/unicorn_backend.h"
#include "backends/unicorn/unicorn_vcpu.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

EngineMemory create_memory() {
    vmm_memory* memory = vmm_memory_create();
    if (memory == nullptr) throw std::bad_alloc();
    return {memory, vmm_memory_destroy};
}

void check(int error, const std::string& operation) {
    if (error != 0) throw BackendError(std::string(UnicornBackend::kName), operation, error);
}

}  // namespace

UnicornVm::UnicornVm(const CpuModel& model) : memory_(create_memory()), model_(model) {}

void UnicornVm::map_memory(GuestAddress address, std::span<std::byte> host, bool writable) {
    check(vmm_memory_map(memory_.get(), address, host.size(), host.data(), writable),
          fmt::format("map {:#x} bytes at {:#x}", host.size(), address));
}

void UnicornVm::unmap_memory(GuestAddress address, std::uint64_t size) {
    check(vmm_memory_unmap(memory_.get(), address, size),
          fmt::format("unmap {:#x} bytes at {:#x}", size, address));
}

void UnicornVm::set_dirty_logging(bool enabled) {
    check(vmm_memory_set_logging(memory_.get(), enabled), "begin dirty logging");
}

void UnicornVm::fetch_and_clear_dirty(PageBitmap& into) {
    vmm_memory_fetch_dirty(
        memory_.get(),
        [](void* bitmap, std::uint64_t page) { static_cast<PageBitmap*>(bitmap)->set(page); },
        &into);
}

void UnicornVm::host_wrote(GuestAddress address, std::uint64_t size) {
    vmm_memory_host_wrote(memory_.get(), address, size);
}

std::unique_ptr<Vcpu> UnicornVm::create_vcpu(unsigned index, VcpuHandler& handler) {
    if (index >= UnicornBackend().capabilities().max_vcpus) {
        throw BackendError(std::string(UnicornBackend::kName), fmt::format("create vCPU {}", index),
                           ENOSPC);
    }
    return std::make_unique<UnicornVcpu>(memory_, model_, handler);
}

}  // namespace hvlab
