// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot_header.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvlab {
namespace {

constexpr std::uint64_t kSearched = 8192;
constexpr std::uint32_t kMagic = 0x1BADB002;

// Bits 0-15 are demands: one that is not known must be refused. The others are offers.
constexpr std::uint32_t kDemands = 0xFFFF;
constexpr std::uint32_t kPageAlignedModules = 1 << 0;
constexpr std::uint32_t kMemoryInformation = 1 << 1;
constexpr std::uint32_t kVideoMode = 1 << 2;
constexpr std::uint32_t kKnownDemands = kPageAlignedModules | kMemoryInformation | kVideoMode;
constexpr std::uint32_t kHasAddresses = 1 << 16;

struct Magic {
    std::uint32_t magic = 0;
    std::uint32_t flags = 0;
    std::uint32_t checksum = 0;
};
constexpr std::uint64_t kAddressesOffset = sizeof(Magic);

// Where a header begins, by its three first fields.
std::optional<std::uint64_t> find_offset(const ImageBytes& file) {
    const std::uint64_t end = std::min(file.size(), kSearched);
    std::optional<std::uint64_t> wrong;
    for (std::uint64_t at = 0; at + sizeof(Magic) <= end; at += 4) {
        const auto found = file.load<Magic>(at, "multiboot header");
        if (found.magic != kMagic) continue;
        if (found.magic + found.flags + found.checksum == 0) return at;
        wrong = wrong.value_or(at);
    }
    if (wrong) {
        file.refuse("checksum", fmt::format("of the multiboot header at {:#x} is wrong", *wrong));
    }
    return std::nullopt;
}

}  // namespace

MultibootHeader find_multiboot_header(const ImageBytes& file) {
    const auto offset = find_offset(file);
    if (!offset) {
        file.refuse("multiboot header", fmt::format("none in the first {} bytes", kSearched));
    }
    const auto flags = file.load<Magic>(*offset, "multiboot header").flags;
    if (const std::uint32_t unknown = flags & kDemands & ~kKnownDemands; unknown != 0) {
        file.refuse("flags",
                    fmt::format("{:#x} demands what the specification does not know: {:#x}", flags,
                                unknown));
    }
    MultibootHeader header{.offset = *offset, .wants_video_mode = (flags & kVideoMode) != 0};
    if ((flags & kHasAddresses) != 0) {
        const std::uint64_t at = *offset + kAddressesOffset;
        header.addresses = file.load<MultibootHeader::Addresses>(at, "multiboot header");
        if (at + sizeof(MultibootHeader::Addresses) > kSearched) {
            file.refuse("multiboot header",
                        fmt::format("at {:#x} passes the first {} bytes", *offset, kSearched));
        }
    }
    return header;
}

}  // namespace hvlab
