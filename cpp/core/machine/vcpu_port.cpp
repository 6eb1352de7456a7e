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

void Machine::VcpuPort::note(RecentEvent::Kind kind, std::uint64_t address, unsigned size,
                             std::uint64_t value, std::uint64_t unhandled_before) {
    machine_.recent_.note(kind, machine_.clock_->stamp(), address, value, size,
                          machine_.unhandled_count_ != unhandled_before);
}

std::uint32_t Machine::VcpuPort::port_read(std::uint16_t port, unsigned size) {
    space_ = Space::kPorts;
    const std::uint64_t unhandled = machine_.unhandled_count_;
    const std::uint32_t value = guarded(
        [&] { return static_cast<std::uint32_t>(machine_.platform_->ports().read(port, size)); });
    note(RecentEvent::Kind::kPortRead, port, size, value, unhandled);
    return value;
}

void Machine::VcpuPort::port_write(std::uint16_t port, unsigned size, std::uint32_t value) {
    space_ = Space::kPorts;
    const std::uint64_t unhandled = machine_.unhandled_count_;
    guarded([&] { machine_.platform_->ports().write(port, size, value); });
    note(RecentEvent::Kind::kPortWrite, port, size, value, unhandled);
    if (machine_.search_->awaits_ports() &&
        machine_.search_->port_written(port, size, value, machine_.now())) {
        machine_.matched();
    }
}

std::uint64_t Machine::VcpuPort::memory_read(GuestAddress address, unsigned size) {
    space_ = Space::kMemory;
    address = machine_.ram_map_->through_a20(address);
    const std::uint64_t unhandled = machine_.unhandled_count_;
    const std::uint64_t value =
        guarded([&] { return machine_.platform_->memory_map().read(address, size); });
    note(RecentEvent::Kind::kMemoryRead, address, size, value, unhandled);
    return value;
}

void Machine::VcpuPort::memory_write(GuestAddress address, unsigned size, std::uint64_t value) {
    space_ = Space::kMemory;
    address = machine_.ram_map_->through_a20(address);
    if (machine_.write_stuck_page(address, size, value)) return;
    const std::uint64_t unhandled = machine_.unhandled_count_;
    guarded([&] { machine_.platform_->memory_map().write(address, size, value); });
    note(RecentEvent::Kind::kMemoryWrite, address, size, value, unhandled);
}

std::optional<std::uint8_t> Machine::VcpuPort::acknowledge_interrupt() {
    const std::uint8_t vector = machine_.platform_->acknowledge_interrupt();
    machine_.leave_halt();
    machine_.recent_.note(RecentEvent::Kind::kInterrupt, machine_.clock_->stamp(), 0, vector);
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
