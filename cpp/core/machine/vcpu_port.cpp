// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/vcpu_port.h"

#include <type_traits>

namespace hvlab {

template <typename Access>
auto Machine::VcpuPort::guarded(Access&& access) -> decltype(access()) {
    using Result = decltype(access());
    try {
        return access();
    } catch (...) {  // kept, not swallowed: Machine::run rethrows it
        if (!machine_.pending_exception_) machine_.pending_exception_ = std::current_exception();
        machine_.vcpu_->request_stop();
        if constexpr (!std::is_void_v<Result>) return static_cast<Result>(~Result{});
    }
}

std::uint32_t Machine::VcpuPort::port_read(std::uint16_t port, unsigned size) {
    space_ = Space::kPorts;
    return guarded(
        [&] { return static_cast<std::uint32_t>(machine_.platform_->ports().read(port, size)); });
}

void Machine::VcpuPort::port_write(std::uint16_t port, unsigned size, std::uint32_t value) {
    space_ = Space::kPorts;
    guarded([&] { machine_.platform_->ports().write(port, size, value); });
    if (machine_.search_->awaits_ports() &&
        machine_.search_->port_written(port, size, value, machine_.now())) {
        machine_.matched();
    }
}

std::uint64_t Machine::VcpuPort::memory_read(GuestAddress address, unsigned size) {
    space_ = Space::kMemory;
    return guarded([&] {
        return machine_.platform_->memory_map().read(machine_.ram_map_->through_a20(address), size);
    });
}

void Machine::VcpuPort::memory_write(GuestAddress address, unsigned size, std::uint64_t value) {
    space_ = Space::kMemory;
    address = machine_.ram_map_->through_a20(address);
    if (machine_.write_stuck_page(address, size, value)) return;
    guarded([&] { machine_.platform_->memory_map().write(address, size, value); });
}

std::optional<std::uint8_t> Machine::VcpuPort::acknowledge_interrupt() {
    const std::uint8_t vector = machine_.platform_->acknowledge_interrupt();
    if (machine_.observer_ != nullptr) {
        machine_.observer_->interrupt_delivered(machine_.now(), vector);
    }
    return vector;
}

// One tick a nanosecond of guest time.
std::uint64_t Machine::VcpuPort::time_stamp() {
    return static_cast<std::uint64_t>(machine_.now());
}

std::uint64_t Machine::VcpuPort::random() {
    return machine_.guest_random_.next();
}

std::optional<std::uint64_t> Machine::VcpuPort::msr_read(std::uint32_t index) {
    return machine_.cpu_model_.constant_msr(index);
}

bool Machine::VcpuPort::msr_write(std::uint32_t index, std::uint64_t) {
    return machine_.cpu_model_.msr_write_ignored(index);
}

void Machine::VcpuPort::unclaimed(std::uint64_t address, unsigned size, bool write,
                                  std::uint64_t value) {
    machine_.unhandled({.kind = space_ == Space::kPorts ? UnhandledAccess::Kind::kPort
                                                        : UnhandledAccess::Kind::kMemory,
                        .address = address,
                        .size = size,
                        .write = write,
                        .value = value});
}

}  // namespace hvlab
