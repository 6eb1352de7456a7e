// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/boot_params.h"

#include <algorithm>
#include <cstring>

#include "core/base/status.h"
#include "core/boot/memory_map.h"

namespace hvlab {
namespace {

// screen_info, at 0 (Linux: include/uapi/linux/screen_info.h).
constexpr std::size_t kVideoMode = 0x06;
constexpr std::size_t kVideoColumns = 0x07;
constexpr std::size_t kVideoLines = 0x0E;
constexpr std::size_t kVideoIsVga = 0x0F;
constexpr std::size_t kVideoPoints = 0x10;
constexpr std::size_t kE820Entries = 0x1E8;
constexpr std::size_t kSetupHeader = 0x1F1;
constexpr std::size_t kBootFlag = 0x1FE;
constexpr std::size_t kMagic = 0x202;
constexpr std::size_t kVersion = 0x206;
constexpr std::size_t kTypeOfLoader = 0x210;
constexpr std::size_t kLoadflags = 0x211;
constexpr std::size_t kRamdiskImage = 0x218;
constexpr std::size_t kRamdiskSize = 0x21C;
constexpr std::size_t kCmdLinePtr = 0x228;
constexpr std::size_t kKernelAlignment = 0x230;
constexpr std::size_t kSetupData = 0x250;
constexpr std::size_t kSetupHeaderRoom = 0x290;
constexpr std::size_t kE820Table = 0x2D0;
constexpr std::size_t kE820EntrySize = 20;
constexpr std::size_t kExtRamdiskImage = 0x0C0;
constexpr std::size_t kExtCmdLinePtr = 0x0C8;

constexpr std::uint8_t kUndefinedLoader = 0xFF;
constexpr std::uint8_t kLoadedHigh = 0x01;
constexpr std::uint8_t kKaslrActive = 0x02;

}  // namespace

template <typename T>
void BootParams::put(std::size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
}

BootParams::BootParams(std::span<const std::byte> setup_header) {
    HVLAB_ASSERT(setup_header.size() <= kSetupHeaderRoom - kSetupHeader);
    std::ranges::copy(setup_header, bytes_.begin() + kSetupHeader);
    if (setup_header.empty()) {
        put(kBootFlag, std::uint16_t{0xAA55});
        put(kMagic, std::uint32_t{0x53726448});  // "HdrS"
        put(kVersion, std::uint16_t{0x020C});
        put(kLoadflags, kLoadedHigh);
        put(kKernelAlignment, std::uint32_t{2 * kMiB});
    }
    put(kTypeOfLoader, kUndefinedLoader);
    const auto flags = std::to_integer<std::uint8_t>(bytes_[kLoadflags]);
    // Nobody has randomised anything.
    put(kLoadflags, static_cast<std::uint8_t>(flags & ~kKaslrActive));
    // The text screen as firmware leaves it; the cursor is in its first cell.
    put(kVideoMode, std::uint8_t{3});
    put(kVideoColumns, std::uint8_t{80});
    put(kVideoLines, std::uint8_t{25});
    put(kVideoIsVga, std::uint8_t{1});
    put(kVideoPoints, std::uint16_t{16});
    // The loader's to fill in, whatever the file has there.
    put(kRamdiskImage, std::uint32_t{0});
    put(kRamdiskSize, std::uint32_t{0});
    put(kSetupData, std::uint64_t{0});
}

void BootParams::set_cmdline(GuestAddress address) {
    put(kCmdLinePtr, static_cast<std::uint32_t>(address));
    put(kExtCmdLinePtr, static_cast<std::uint32_t>(address >> 32));
}

void BootParams::set_initrd(GuestAddress address, std::uint64_t size) {
    HVLAB_ASSERT(address + size <= kPciHoleEnd);  // the header's fields have 32 bits
    put(kRamdiskImage, static_cast<std::uint32_t>(address));
    put(kRamdiskSize, static_cast<std::uint32_t>(size));
    put(kExtRamdiskImage, std::uint32_t{0});
}

void BootParams::set_memory_map(const GuestMemory& memory) {
    std::size_t at = kE820Table;
    const std::vector<MemoryRange> map = memory_map(memory);
    for (const MemoryRange& range : map) {
        put(at, range.start);
        put(at + 8, range.end - range.start);
        put(at + 16, range.type);
        at += kE820EntrySize;
    }
    put(kE820Entries, static_cast<std::uint8_t>(map.size()));
}

}  // namespace hvlab
