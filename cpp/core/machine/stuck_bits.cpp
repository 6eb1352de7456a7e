// SPDX-License-Identifier: GPL-2.0-or-later
//
// Faulty RAM. Its pages are mapped read-only: loads, fetches and page walks go on at full speed and
// see what the cells hold, which has the stuck bits in it; each store comes to us, and GuestMemory
// forces them again.
#include <fmt/format.h>

#include "core/machine/machine.h"

namespace hvlab {

namespace {

GuestAddress page_of(GuestAddress address) {
    return address & ~(kPageSize - 1);
}

}  // namespace

void Machine::stick_bit(const GuestMemory::StuckBit& stuck) {
    const GuestAddress page = page_of(stuck.address);
    const bool watched = memory_.has_stuck_bits(page);
    if (stuck.bit > 7) {
        throw ConfigError("bit", fmt::format("{} is not 0 to 7, of the byte", stuck.bit));
    }
    if (!memory_.contains(stuck.address, 1)) {
        throw ConfigError("address", fmt::format("{:#x} is not RAM", stuck.address));
    }
    if (!watched && ram_map_->covers(stuck.address)) {
        throw ConfigError("address", fmt::format("{:#x} lies under a ROM", stuck.address));
    }
    if (!memory_.stick(stuck)) {
        throw ConfigError("address",
                          fmt::format("{} bits are stuck already", GuestMemory::kMaxStuckBits));
    }
    if (!watched) ram_map_->cover(page, memory_.host_bytes(page, kPageSize));
}

bool Machine::unstick_bit(GuestAddress address, std::uint8_t bit) {
    if (!memory_.unstick(address, bit)) return false;
    if (!memory_.has_stuck_bits(page_of(address))) ram_map_->uncover(page_of(address));
    return true;
}

// A store of a vCPU that did not go to RAM directly. True if its page has stuck bits.
bool Machine::write_stuck_page(GuestAddress address, unsigned size, std::uint64_t value) {
    if (memory_.stuck_bits().empty() || !memory_.has_stuck_bits(page_of(address))) return false;
    const auto bytes = std::as_bytes(std::span{&value, 1});
    HVLAB_ASSERT(memory_.write(address, bytes.first(size)));  // never across a page
    return true;
}

void Machine::save_stuck_bits(StateWriter& writer) const {
    writer.put(static_cast<std::uint32_t>(memory_.stuck_bits().size()));
    for (const GuestMemory::StuckBit& stuck : memory_.stuck_bits()) {
        writer.put(stuck.address);
        writer.put(stuck.bit);
        writer.put(stuck.value);
    }
}

void Machine::load_stuck_bits(StateReader& reader) {
    while (!memory_.stuck_bits().empty()) {
        const GuestMemory::StuckBit stuck = memory_.stuck_bits().back();
        unstick_bit(stuck.address, stuck.bit);
    }
    for (auto count = reader.get<std::uint32_t>(); count > 0; --count) {
        GuestMemory::StuckBit stuck{.address = reader.get<GuestAddress>(),
                                    .bit = reader.get<std::uint8_t>()};
        stuck.value = reader.get_bool();
        try {
            stick_bit(stuck);
        } catch (const ConfigError& error) {
            throw StateError(
                fmt::format("the state has a stuck bit that cannot be: {}", error.what()));
        }
    }
}

}  // namespace hvlab
