// SPDX-License-Identifier: GPL-2.0-or-later
#include "handles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backends/kvm/kvm_backend.h"
#include "backends/unicorn/unicorn_backend.h"

namespace hvlab::python {

namespace {

template <typename T>
std::unique_ptr<Backend> create() {
    return std::make_unique<T>();
}

struct BackendEntry {
    std::string_view name;
    std::unique_ptr<Backend> (*create)();
};
// The default first.
constexpr BackendEntry kBackends[] = {
    {UnicornBackend::kName, create<UnicornBackend>},
    {KvmBackend::kName, create<KvmBackend>},
};

}  // namespace

HostHandle::Use::Use(HostHandle& handle) : handle_(handle) {
    if (handle.busy_.exchange(true, std::memory_order_acquire)) {
        throw BusyError(
            "the machine is in use by another thread; only interrupt() may be called meanwhile");
    }
    if (handle.closed()) {
        handle.busy_.store(false, std::memory_order_release);
        throw ClosedError("the machine is closed");
    }
}

void HostHandle::close() {
    if (busy_.exchange(true, std::memory_order_acquire)) {
        throw BusyError("the machine is in use by another thread and cannot be closed");
    }
    host_.reset();
    records_.clear();
    busy_.store(false, std::memory_order_release);
}

Machine& HostHandle::create_machine(const MachineConfig& config, std::string_view backend_name) {
    Machine& machine = host_->create_machine(config, backend(backend_name));
    auto& record = records_[&machine] = std::make_unique<RecordDigest>();
    machine.set_observer(record.get());
    return machine;
}

void HostHandle::remove_machine(Machine& machine) {
    const Machine* key = &machine;
    host_->remove(machine);
    records_.erase(key);
}

Backend& HostHandle::backend(std::string_view name) {
    const auto known = backends_.find(name);
    if (known != backends_.end()) return *known->second;
    return *backends_.emplace(name, create_backend(name)).first->second;
}

std::unique_ptr<Backend> create_backend(std::string_view name) {
    for (const BackendEntry& entry : kBackends) {
        if (entry.name == name) return entry.create();
    }
    throw BackendUnavailable(std::string(name), "create a machine", 0,
                             fmt::format("this build has no such backend; it has: {}",
                                         fmt::join(backend_names(), ", ")));
}

std::vector<std::string> backend_names() {
    std::vector<std::string> names;
    for (const BackendEntry& entry : kBackends) names.emplace_back(entry.name);
    return names;
}

}  // namespace hvlab::python
