// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/edges.h"

namespace hvlab::conformance {
namespace {

constexpr GuestAddress kRamBeforeRom = 0x2FF000;
constexpr GuestAddress kRom = 0x300000;
constexpr GuestAddress kRamBehindRom = 0x301000;
constexpr GuestAddress kLoneRom = 0x400000;
constexpr GuestAddress kSecondRam = 0x500000;  // two regions side by side
constexpr std::uint64_t kMargin = 64;

}  // namespace

const std::vector<Edge>& edges() {
    static const std::vector<Edge> all = {
        {"RamRam", kSecondRam + kPageSize},
        {"RamNothing", kRamSize},
        {"NothingRam", kRamBeforeRom},
        {"RamRom", kRom},
        {"RomRam", kRamBehindRom},
        {"RomNothing", kLoneRom + kPageSize},
        {"NothingRom", kLoneRom},
        {"HoleEnd", kHighRam},                 // nothing below 4 GiB, RAM from there on
        {"LastRam", kHighRam + kHighRamSize},  // the last byte of all RAM
        {"Wrap64", 0},                         // FFFFFFFF_FFFFFFFFh and 0
        {"WithinDevice", kDevice + kPageSize},
        {"WithinRam", kData + 2 * kPageSize},
    };
    return all;
}

EdgeGuest::EdgeGuest(const TestedBackend& backend) : Guest(backend) {
    map(kRamBeforeRom, kPageSize, true);
    map(kRom, kPageSize, false);
    map(kRamBehindRom, kPageSize, true);
    map(kLoneRom, kPageSize, false);
    map(kSecondRam, kPageSize, true);
    map(kSecondRam + kPageSize, kPageSize, true);
    for (const Edge& edge : edges()) fill(edge.linear);
}

EdgeGuest::~EdgeGuest() {
    // Before the memory that they use.
    vcpu.reset();
    vm.reset();
}

void EdgeGuest::map(GuestAddress physical, std::uint64_t size, bool writable) {
    Region& region = regions_.emplace_back(Region{physical, Ram(size), writable});
    vm->map_memory(physical, region.ram.bytes(), writable);
}

void EdgeGuest::fill(std::uint64_t edge) {
    for (std::uint64_t linear = edge - kMargin; linear != edge + kMargin; ++linear) {
        if (std::byte* const host = at(linear).host) *host = std::byte{device_byte(~linear)};
    }
}

EdgeGuest::Byte EdgeGuest::at(std::uint64_t linear) const {
    const GuestAddress physical = linear >= kTop ? linear - kTop + 0x5F000 : linear;
    if (physical < kRamSize) return {Place::kRam, physical, ram.bytes().data() + physical};
    if (physical - kHighRam < kHighRamSize) {
        return {Place::kRam, physical, high.bytes().data() + (physical - kHighRam)};
    }
    for (const Region& region : regions_) {
        if (physical - region.physical < region.ram.size()) {
            return {region.writable ? Place::kRam : Place::kRom, physical,
                    region.ram.bytes().data() + (physical - region.physical)};
        }
    }
    return {Place::kNothing, physical, nullptr};
}

std::uint8_t EdgeGuest::value(std::uint64_t linear) const {
    const Byte byte = at(linear);
    return byte.host != nullptr ? static_cast<std::uint8_t>(*byte.host)
                                : device_byte(byte.physical);
}

std::map<GuestAddress, std::uint8_t> EdgeGuest::handled(bool writes) const {
    std::map<GuestAddress, std::uint8_t> bytes;
    for (const Access& access : writes ? handler.writes() : handler.reads()) {
        EXPECT_LE(access.size, 8u);
        for (unsigned i = 0; i < access.size; ++i) {
            const auto value = static_cast<std::uint8_t>(access.value >> i * 8);
            EXPECT_TRUE(bytes.emplace(access.address + i, value).second)
                << "byte " << std::hex << access.address + i << " twice";
        }
    }
    return bytes;
}

}  // namespace hvlab::conformance
