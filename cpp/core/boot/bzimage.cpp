// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/bzimage.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvlab {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kMaxUnpacked = 1 * kGiB;

// Offsets in the file; in boot_params they are the same.
constexpr std::uint64_t kSetupSects = 0x1F1;
constexpr std::uint64_t kBootFlag = 0x1FE;
constexpr std::uint64_t kJump = 0x200;
constexpr std::uint64_t kMagic = 0x202;
constexpr std::uint64_t kVersion = 0x206;
constexpr std::uint64_t kInitrdAddrMax = 0x22C;
constexpr std::uint64_t kXloadflags = 0x236;
constexpr std::uint64_t kCmdlineSize = 0x238;
constexpr std::uint64_t kPayloadOffset = 0x248;
constexpr std::uint64_t kPayloadLength = 0x24C;
constexpr std::uint64_t kInitSize = 0x260;
constexpr std::uint64_t kHeaderEnd212 = 0x268;  // of protocol 2.12

constexpr std::uint32_t kHdrS = 0x53726448;
constexpr std::uint16_t kOldestVersion = 0x020C;
constexpr std::uint16_t kXlfKernel64 = 1;

// The header reaches up to the target of the jump at its offset 200h.
std::span<const std::byte> setup_header(const ImageBytes& file) {
    const std::uint64_t end = kJump + 2 + file.load<std::uint8_t>(kJump + 1, "setup header");
    if (end < kHeaderEnd212) {
        file.refuse("jump",
                    fmt::format("the setup header ends at {:#x}, before its last fields", end));
    }
    // boot_params has room up to 290h, and a jump is a signed byte.
    if (end > kJump + 2 + 0x7F) {
        file.refuse("jump", fmt::format("the setup header ends at {:#x}, after its room", end));
    }
    return file.slice(kSetupSects, end - kSetupSects, "setup header");
}

void check_kind(const ImageBytes& file, std::uint16_t version) {
    if (file.load<std::uint16_t>(kBootFlag, "boot_flag") != 0xAA55) {
        file.refuse("boot_flag", "is not AA55h");
    }
    if (version < kOldestVersion) {
        file.refuse("version", fmt::format("boot protocol {}.{:02}; 2.12 or newer is needed",
                                           version >> 8, version & 0xFF));
    }
    if ((file.load<std::uint16_t>(kXloadflags, "xloadflags") & kXlfKernel64) == 0) {
        file.refuse("xloadflags", "not a 64-bit kernel");
    }
}

std::span<const std::byte> find_payload(const ImageBytes& file) {
    std::uint64_t setup_sectors = file.load<std::uint8_t>(kSetupSects, "setup_sects");
    if (setup_sectors == 0) setup_sectors = 4;  // as boot.rst says
    const std::uint64_t offset =
        (setup_sectors + 1) * kSector + file.load<std::uint32_t>(kPayloadOffset, "payload_offset");
    const auto length = file.load<std::uint32_t>(kPayloadLength, "payload_length");
    if (length == 0) file.refuse("payload_length", "is 0");
    return file.slice(offset, length, "payload");
}

}  // namespace

bool is_bzimage(std::span<const std::byte> bytes) {
    std::uint32_t magic = 0;
    if (bytes.size() < kMagic + sizeof magic) return false;
    std::memcpy(&magic, bytes.data() + kMagic, sizeof magic);
    return magic == kHdrS;
}

BzImage parse_bzimage(const ImageBytes& file) {
    BzImage image;
    image.version = file.load<std::uint16_t>(kVersion, "version");
    check_kind(file, image.version);
    image.setup_header = setup_header(file);
    image.cmdline_size = file.load<std::uint32_t>(kCmdlineSize, "cmdline_size");
    image.initrd_addr_max = file.load<std::uint32_t>(kInitrdAddrMax, "initrd_addr_max");
    image.init_size = file.load<std::uint32_t>(kInitSize, "init_size");
    image.payload = find_payload(file);
    return image;
}

Unpacked unpack(const BzImage& image, const ImageBytes& file, std::uint64_t memory_size) {
    const Compression compression = detect_compression(image.payload, file.path());
    return decompress(compression, image.payload, std::min(memory_size, kMaxUnpacked), file.path());
}

}  // namespace hvlab
