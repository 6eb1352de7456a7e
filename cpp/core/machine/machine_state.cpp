// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine's whole state: for comparing two machines, and for moving one into another of the same
// configuration.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/hash.h"
#include "core/cpu/cpu_state_io.h"
#include "core/machine/machine.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 3;

using Page = std::array<std::byte, kPageSize>;

bool is_zero(const Page& page) {
    return std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Visits every page that holds something; a page that was never touched equals one full of zeros.
template <typename Visit>
void for_each_page(const GuestMemory& memory, Visit&& visit) {
    Page page;
    for (const GuestMemory::Region& region : memory.populated()) {
        for (GuestAddress address = region.address; address < region.address + region.size;
             address += kPageSize) {
            HVLAB_ASSERT(memory.read(address, page));
            if (!is_zero(page)) visit(address, page);
        }
    }
}

}  // namespace

std::string Machine::state_hash() const {
    StateWriter writer;
    save_cpu_state(writer, vcpu_->state());
    platform_->save(writer);
    writer.put(timeline_.now());
    writer.put(instructions().value_or(0));
    writer.put(guest_random_.state());
    save_stuck_bits(writer);

    RecordHasher hasher;
    hasher.update(writer.bytes());
    for_each_page(memory_, [&](GuestAddress address, const Page& page) {
        hasher.update(std::as_bytes(std::span{&address, 1}));
        hasher.update(page);
    });
    return hasher.digest_hex();
}

std::vector<std::byte> Machine::save() const {
    StateWriter writer;
    writer.begin("machine", kVersion);
    writer.put(memory_.size());
    writer.put(now());
    writer.put(instructions().value_or(0));
    writer.put(guest_random_.state());
    save_cpu_state(writer, vcpu_->state());
    platform_->save(writer);
    save_stuck_bits(writer);
    for_each_page(memory_, [&](GuestAddress address, const Page& page) {
        writer.put(address);
        writer.put_bytes(page);
    });
    writer.put(memory_.end());  // no page begins there: the end of the list
    return writer.take();
}

void Machine::load(std::span<const std::byte> state) {
    StateReader reader(state);
    reader.begin("machine", kVersion);
    if (reader.get<std::uint64_t>() != memory_.size()) {
        throw StateError("the state is of a machine with another memory size");
    }
    const auto time =
        reader.get_in<Nanoseconds>(0, std::numeric_limits<Nanoseconds>::max(), "guest time");
    const auto retired = reader.get<std::uint64_t>();
    if (retired > static_cast<std::uint64_t>(time)) {
        throw StateError("the state is of more instructions than nanoseconds");
    }
    clock_->set(time, retired);
    guest_random_.set_state(reader.get<std::uint64_t>());
    const CpuState cpu = load_cpu_state(reader);
    platform_->load(reader);
    load_stuck_bits(reader);
    memory_.clear();
    for (;;) {
        const auto address = reader.get<GuestAddress>();
        if (address == memory_.end()) break;
        const std::vector<std::byte> page = reader.get_bytes(kPageSize);
        if (page.size() != kPageSize || !is_aligned(address, kPageSize) ||
            !memory_.write(address, page)) {
            throw StateError("the state has a page that is not in memory");
        }
    }
    vcpu_->set_state(cpu);
    requested_.reset();
    ended_.reset();
    halted_ = cpu.halted;
}

}  // namespace hvlab
