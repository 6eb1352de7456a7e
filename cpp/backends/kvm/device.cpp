// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/device.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <vector>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/kvm_api.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

constexpr int kApiVersion = 12;  // the only one that programs may use (api.rst, 4.1)

[[noreturn]] void unavailable(const std::string& operation, int error, const std::string& advice) {
    throw BackendUnavailable(std::string(KvmBackend::kName), operation, error, advice);
}

const char* advice_for(int error) {
    switch (error) {
        case ENOENT:
            return "the host has no KVM: virtualization is off in the firmware, the module is not "
                   "loaded, or this is a container that was not given the device";
        case EACCES:
        case EPERM:
            return "this user may not use it: join the group that owns it";
        case ENODEV:
        case ENXIO:
            return "the device is there but no KVM module answers";
        default:
            return "";
    }
}

// What is required is older than Linux 5.13, and nothing here runs without it.
#define HVLAB_KVM_CAP(name, required) \
    UsedCapability {                  \
#name, name, required         \
    }
constexpr std::array kUsed = {
    HVLAB_KVM_CAP(KVM_CAP_USER_MEMORY, true),
    HVLAB_KVM_CAP(KVM_CAP_READONLY_MEM, true),
    HVLAB_KVM_CAP(KVM_CAP_IMMEDIATE_EXIT, true),
    HVLAB_KVM_CAP(KVM_CAP_SYNC_REGS, true),
    HVLAB_KVM_CAP(KVM_CAP_VCPU_EVENTS, true),
    HVLAB_KVM_CAP(KVM_CAP_DEBUGREGS, true),
    HVLAB_KVM_CAP(KVM_CAP_XSAVE, true),
    HVLAB_KVM_CAP(KVM_CAP_X86_USER_SPACE_MSR, true),
    HVLAB_KVM_CAP(KVM_CAP_X86_MSR_FILTER, true),
    HVLAB_KVM_CAP(KVM_CAP_MAX_VCPUS, false),
    HVLAB_KVM_CAP(KVM_CAP_NR_MEMSLOTS, false),
    HVLAB_KVM_CAP(KVM_CAP_TSC_CONTROL, false),
    HVLAB_KVM_CAP(KVM_CAP_DIRTY_LOG_RING, false),
    HVLAB_KVM_CAP(KVM_CAP_SET_GUEST_DEBUG, false),
    HVLAB_KVM_CAP(KVM_CAP_SPLIT_IRQCHIP, false),
    HVLAB_KVM_CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE, false),
};
#undef HVLAB_KVM_CAP

std::shared_ptr<Device> look_at(const KvmOptions& options) {
    auto device = std::make_shared<Device>();
    device->options = options;
    SystemCalls& calls = options.calls != nullptr ? *options.calls : SystemCalls::host();
    UniqueFd fd(calls.open(options.device.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) {
        const int error = errno;
        unavailable("open " + options.device, error, advice_for(error));
    }
    device->handle = Handle(calls, std::move(fd));
    const Handle& handle = device->handle;

    const int version = handle.try_call(KVM_GET_API_VERSION, nullptr);
    if (version < 0) {
        unavailable(fmt::format("ask {} for its version", options.device), -version,
                    "it is not KVM");
    }
    if (version != kApiVersion) {
        unavailable(fmt::format("use {}", options.device), 0,
                    fmt::format("its interface has version {}, not {}", version, kApiVersion));
    }
    for (const UsedCapability& used : kUsed) {
        if (used.required && handle.extension(used.number) == 0) {
            unavailable(fmt::format("use {}", options.device), 0,
                        fmt::format("the kernel lacks {}", used.name));
        }
    }
    device->host = host_kvm();
    device->run_size = static_cast<std::size_t>(
        handle.call(KVM_GET_VCPU_MMAP_SIZE, nullptr, "ask for the size of kvm_run"));
    device->max_vcpus = static_cast<unsigned>(std::max(handle.extension(KVM_CAP_MAX_VCPUS), 1));
    device->tsc_control = handle.extension(KVM_CAP_TSC_CONTROL) != 0;
    // The attribute that it takes is as old as Linux 5.16 and VT-x's and SVM's alone.
    device->tsc_settable = device->host.flavour != Flavour::kSoftware && device->tsc_control;
    device->supported = supported_cpuid(handle);
    if (options.keep_vms) {
        device->pool = options.calls == nullptr ? VmPool::process() : std::make_shared<VmPool>();
    }
    return device;
}

// What stays the same for a process, by what it was asked for.
struct Known {
    std::mutex mutex;
    std::vector<std::shared_ptr<const Device>> devices;
};

bool same(const KvmOptions& a, const KvmOptions& b) {
    return a.device == b.device && a.irqchip == b.irqchip && a.dirty_log == b.dirty_log &&
           a.keep_vms == b.keep_vms;
}

}  // namespace

std::span<const UsedCapability> used_capabilities() {
    return kUsed;
}

std::shared_ptr<const Device> Device::open(const KvmOptions& options) {
    if (options.calls != nullptr) return look_at(options);
    static Known& known =
        *new Known;  // never destroyed: machines may outlive whatever ends a process
    const std::lock_guard lock(known.mutex);
    for (const auto& device : known.devices) {
        if (same(device->options, options)) return device;
    }
    return known.devices.emplace_back(look_at(options));
}

}  // namespace hvlab::kvm
