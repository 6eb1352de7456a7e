// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_backend.h"

#include <utility>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/device.h"
#include "backends/kvm/host_model.h"
#include "backends/kvm/kvm_vm.h"
#include "backends/kvm/vm_pool.h"

namespace hvlab {

KvmBackend::KvmBackend(const KvmOptions& options) : device_(kvm::Device::open(options)) {}

KvmBackend::~KvmBackend() = default;

Capabilities KvmBackend::capabilities() const {
    return {.deterministic = false, .instruction_count = false, .max_vcpus = device_->max_vcpus};
}

std::unique_ptr<Vm> KvmBackend::create_vm(const CpuModel& model) {
    if (model.is_host()) {
        return std::make_unique<kvm::KvmVm>(device_, kvm::host_model(device_->supported));
    }
    kvm::check_features(device_->supported, device_->host.flavour, model);
    return std::make_unique<kvm::KvmVm>(device_, model);
}

void KvmBackend::drop_kept_vms() {
    kvm::VmPool::process()->clear();
}

}  // namespace hvlab
