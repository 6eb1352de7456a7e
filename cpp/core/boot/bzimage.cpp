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
constexpr std::uint64_t kSyssize = 0x1F4;
constexpr std::uint64_t kBootFlag = 0x1FE;
constexpr std::uint64_t kJump = 0x200;
constexpr std::uint64_t kMagic = 0x202;
constexpr std::uint64_t kVersion = 0x206;
constexpr std::uint64_t kLoadflags = 0x211;
constexpr std::uint64_t kCode32Start = 0x214;
constexpr std::uint64_t kInitrdAddrMax = 0x22C;
constexpr std::uint64_t kXloadflags = 0x236;
constexpr std::uint64_t kCmdlineSize = 0x238;
constexpr std::uint64_t kPayloadOffset = 0x248;
constexpr std::uint64_t kPayloadLength = 0x24C;
constexpr std::uint64_t kPrefAddress = 0x258;
constexpr std::uint64_t kInitSize = 0x260;

constexpr std::uint32_t kHdrS = 0x53726448;
constexpr std::uint8_t kLoadedHigh = 0x01;
constexpr std::uint16_t kXlfKernel64 = 1;
constexpr std::uint64_t kParagraph = 16;

// The protocol that brought a field. 2.06 is Linux 2.6.22 of 2007.
constexpr std::uint16_t kOldestVersion = 0x0206;
constexpr std::uint16_t kHasPayload = 0x0208;
constexpr std::uint16_t kHasInitSize = 0x020A;
constexpr std::uint16_t kHasXloadflags = 0x020C;

// Where the last field of that protocol ends.
std::uint64_t last_field_end(std::uint16_t version) {
    if (version < 0x0207) return 0x23C;
    if (version < kHasPayload) return 0x248;
    if (version < 0x0209) return 0x250;
    if (version < kHasInitSize) return 0x258;
    if (version < 0x020B) return 0x264;
    return 0x268;
}

// The header reaches up to the target of the jump at its offset 200h.
std::span<const std::byte> setup_header(const ImageBytes& file, std::uint16_t version) {
    const std::uint64_t end = kJump + 2 + file.load<std::uint8_t>(kJump + 1, "setup header");
    if (end < last_field_end(version)) {
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
        file.refuse("version", fmt::format("boot protocol {}.{:02}; 2.06 or newer is needed",
                                           version >> 8, version & 0xFF));
    }
    if ((file.load<std::uint8_t>(kLoadflags, "loadflags") & kLoadedHigh) == 0) {
        file.refuse("loadflags", "a kernel for low memory (zImage)");
    }
}

// Offset of the protected-mode part.
std::uint64_t setup_size(const ImageBytes& file) {
    std::uint64_t sectors = file.load<std::uint8_t>(kSetupSects, "setup_sects");
    if (sectors == 0) sectors = 4;  // as boot.rst says
    return (sectors + 1) * kSector;
}

std::span<const std::byte> find_payload(const ImageBytes& file, std::uint64_t setup) {
    const auto offset = file.load<std::uint32_t>(kPayloadOffset, "payload_offset");
    const auto length = file.load<std::uint32_t>(kPayloadLength, "payload_length");
    if (length == 0) return {};
    return file.slice(setup + offset, length, "payload");
}

// The file may end within the last paragraph, and may have more behind it (a signature).
std::span<const std::byte> find_protected_mode_part(const ImageBytes& file, std::uint64_t setup) {
    const std::uint64_t size = file.load<std::uint32_t>(kSyssize, "syssize") * kParagraph;
    if (size == 0) file.refuse("syssize", "is 0");
    const std::uint64_t there = file.size() - std::min(file.size(), setup);
    if (there < size && size - there < kParagraph) return file.slice(setup, there, "syssize");
    return file.slice(setup, size, "syssize");
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
    image.setup_header = setup_header(file, image.version);
    image.cmdline_size = file.load<std::uint32_t>(kCmdlineSize, "cmdline_size");
    image.initrd_addr_max = file.load<std::uint32_t>(kInitrdAddrMax, "initrd_addr_max");
    const std::uint64_t setup = setup_size(file);
    if (image.version >= kHasXloadflags) {
        image.is_64_bit = (file.load<std::uint16_t>(kXloadflags, "xloadflags") & kXlfKernel64) != 0;
    }
    if (image.version >= kHasInitSize) {
        image.pref_address = file.load<std::uint64_t>(kPrefAddress, "pref_address");
        image.init_size = file.load<std::uint32_t>(kInitSize, "init_size");
    }
    if (image.version >= kHasPayload) image.payload = find_payload(file, setup);
    if (!image.has_64_bit_vmlinux()) {
        image.code32_start = file.load<std::uint32_t>(kCode32Start, "code32_start");
        image.protected_mode_part = find_protected_mode_part(file, setup);
    }
    return image;
}

Unpacked unpack(const BzImage& image, const ImageBytes& file, std::uint64_t memory_size) {
    if (image.payload.empty()) file.refuse("payload_length", "is 0: the file has no vmlinux");
    const Compression compression = detect_compression(image.payload, file.path());
    return decompress(compression, image.payload, std::min(memory_size, kMaxUnpacked), file.path());
}

}  // namespace hvlab
