// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/handler.h"

#include <fmt/format.h>

#include <utility>

namespace hvlab::conformance {

void PrintTo(const Access& access, std::ostream* out) {
    constexpr const char* kNames[] = {"port read", "port write", "memory read", "memory write"};
    *out << fmt::format("{} of {} at {:#x}: {:#x}", kNames[access.kind], access.size,
                        access.address, access.value);
}

std::uint64_t device_value(std::uint64_t address, unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{device_byte(address + i)} << i * 8;
    return value;
}

void Handler::request_interrupt(std::uint8_t vector) {
    requested = vector;
    vcpu->set_interrupt_line(true);
}

// Ports and memory go by Access::Kind.
enum class Handler::Call : std::uint8_t {
    kAcknowledge = Access::kMemoryWrite + 1,
    kTime,
    kRandom,
    kMsrRead,
    kMsrWrite,
};

void Handler::note(Call call, std::uint64_t where, std::uint64_t size, std::uint64_t value) {
    ++calls;
    const std::uint64_t count = counter != nullptr ? counter->retired() : 0;
    for (const std::uint64_t word : {static_cast<std::uint64_t>(call), where, size, value, count}) {
        fingerprint = (fingerprint ^ word) * 1099511628211u;
        fingerprint ^= fingerprint >> 29;
    }
}

std::uint64_t Handler::read(Access access) {
    note(static_cast<Call>(access.kind), access.address, access.size, 0);
    if (on_access) on_access(access);
    access.value = answer ? answer(access) : device_value(access.address, access.size);
    accesses.push_back(access);
    return access.value;
}

void Handler::write(const Access& access) {
    note(static_cast<Call>(access.kind), access.address, access.size, access.value);
    if (access.kind == Access::kPortWrite && access.address == kStopPort) {
        vcpu->request_stop();
        return;
    }
    accesses.push_back(access);
    if (on_access) on_access(access);
}

void Handler::reset() {
    accesses.clear();
    msr_accesses.clear();
    drawn.clear();
    fingerprint = calls = 0;
    acknowledged = clock_reads = 0;
    requested.reset();
    random_numbers = RandomStream(Seed(7));
}

void Handler::take_over(const Handler& other) {
    fingerprint = other.fingerprint;
    calls = other.calls;
    requested = other.requested;
    random_numbers = other.random_numbers;
}

std::uint32_t Handler::port_read(std::uint16_t port, unsigned size) {
    return static_cast<std::uint32_t>(read({Access::kPortRead, port, size, 0}));
}
void Handler::port_write(std::uint16_t port, unsigned size, std::uint32_t value) {
    write({Access::kPortWrite, port, size, value});
}
std::uint64_t Handler::memory_read(GuestAddress address, unsigned size) {
    return read({Access::kMemoryRead, address, size, 0});
}
void Handler::memory_write(GuestAddress address, unsigned size, std::uint64_t value) {
    write({Access::kMemoryWrite, address, size, value});
}

std::optional<std::uint8_t> Handler::acknowledge_interrupt() {
    ++acknowledged;
    note(Call::kAcknowledge, 0, 0, requested.value_or(0));
    if (on_acknowledge) on_acknowledge();
    if (!requested) return std::nullopt;
    vcpu->set_interrupt_line(false);
    return std::exchange(requested, std::nullopt);
}

std::uint64_t Handler::time_stamp() {
    ++clock_reads;
    note(Call::kTime, 0, 0, 0);
    return clock ? clock() : counter != nullptr ? counter->retired() : 0;
}

std::uint64_t Handler::random() {
    note(Call::kRandom, 0, 0, 0);
    return drawn.emplace_back(random_numbers.next());
}

std::optional<std::uint64_t> Handler::msr_read(std::uint32_t index) {
    note(Call::kMsrRead, index, 0, 0);
    msr_accesses.push_back({false, index, 0});
    return msr_value;
}

bool Handler::msr_write(std::uint32_t index, std::uint64_t value) {
    note(Call::kMsrWrite, index, 0, value);
    msr_accesses.push_back({true, index, value});
    if (msr_value) msr_value = value;
    return msr_value.has_value();
}

std::vector<Access> Handler::of(Access::Kind one, Access::Kind other) const {
    std::vector<Access> found;
    for (const Access& access : accesses) {
        if (access.kind == one || access.kind == other) found.push_back(access);
    }
    return found;
}

}  // namespace hvlab::conformance
