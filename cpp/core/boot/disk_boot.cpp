// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/disk_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/boot/builtin_firmware.h"
#include "core/boot/image_file.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kMaxDisk = 128 * kGiB;  // what 28-bit addresses reach
constexpr std::uint64_t kMaxFirmware = 4 * kMiB;
constexpr std::uint64_t kMaxWindow = 128 * kKiB;
constexpr std::size_t kSignatureOffset = 510;

// In the built-in ROM: fixtures/firmware/firmware.S.
constexpr std::size_t kMirrorOffset = 0xFF08;

struct FloppyFormat {
    std::uint16_t cylinders;
    std::uint8_t heads;
    std::uint8_t sectors;  // a track

    std::uint64_t total() const { return std::uint64_t{cylinders} * heads * sectors; }
};

// By size. What has none of these sizes is the first megabyte format that holds it.
constexpr std::array<FloppyFormat, 8> kFloppyFormats = {{{40, 1, 8},
                                                         {40, 1, 9},
                                                         {40, 2, 8},
                                                         {40, 2, 9},
                                                         {80, 2, 9},
                                                         {80, 2, 15},
                                                         {80, 2, 18},
                                                         {80, 2, 36}}};
constexpr std::size_t kFirstCommon = 6;  // 1.44 MB

std::shared_ptr<DiskImage> open_image(const std::filesystem::path& path, const std::string& field,
                                      std::uint64_t max_size) {
    const auto refuse = [&](const std::string& message) {
        throw BootError(path.string(), field, message);
    };
    try {
        auto image = std::make_shared<DiskImage>(path);
        const std::uint64_t size = image->size_in_bytes();
        if (size == 0) refuse("the file is empty");
        if (size % kSectorSize != 0) {
            refuse(fmt::format("{} bytes are not whole sectors of {}", size, kSectorSize));
        }
        if (size > max_size) refuse(fmt::format("{} bytes are more than {}", size, max_size));
        const Sector first = image->read(0);
        if (first[kSignatureOffset] != std::byte{0x55} ||
            first[kSignatureOffset + 1] != std::byte{0xAA}) {
            refuse("its first sector does not end in the boot signature 55h AAh");
        }
        return image;
    } catch (const HostError& error) {
        refuse(error.reason());
        throw;
    }
}

AtaDrive open_disk(const std::filesystem::path& path) {
    constexpr std::uint8_t kHeads = 16;
    constexpr std::uint8_t kSectors = 63;
    std::shared_ptr<const DiskImage> image = open_image(path, "disk", kMaxDisk);
    const std::uint64_t cylinders = image->sectors() / (kHeads * kSectors);
    return {.image = std::move(image),
            .cylinders = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(cylinders, 2, 16383)),
            .heads = kHeads,
            .sectors = kSectors,
            .removable = false};
}

AtaDrive open_floppy(const std::filesystem::path& path) {
    const std::uint64_t largest = kFloppyFormats.back().total() * kSectorSize;
    const std::shared_ptr<DiskImage> image = open_image(path, "floppy", largest);
    const auto equal = [&](const FloppyFormat& f) { return f.total() == image->sectors(); };
    const auto holds = [&](const FloppyFormat& f) { return f.total() >= image->sectors(); };
    const auto* format = std::find_if(kFloppyFormats.begin(), kFloppyFormats.end(), equal);
    if (format == kFloppyFormats.end()) {
        format = std::find_if(kFloppyFormats.begin() + kFirstCommon, kFloppyFormats.end(), holds);
    }
    image->extend(format->total());
    return {.image = image,
            .cylinders = format->cylinders,
            .heads = format->heads,
            .sectors = format->sectors,
            .removable = true};
}

std::vector<std::byte> read_firmware(const std::filesystem::path& path) {
    std::vector<std::byte> rom = read_image_file(path, "firmware", kMaxFirmware);
    if (rom.size() % (64 * kKiB) != 0) {
        throw BootError(path.string(), "firmware",
                        fmt::format("{} bytes are not a multiple of 64 KiB", rom.size()));
    }
    return rom;
}

}  // namespace

FirmwareSetup prepare_disk_boot(const DiskBoot& boot) {
    if (!boot.disk && !boot.floppy) {
        throw BootError("boot", "disk", "neither a disk nor a floppy is given");
    }
    FirmwareSetup setup;
    std::size_t next = 0;
    if (boot.disk) setup.drives[next++] = open_disk(*boot.disk);
    if (boot.floppy) setup.drives[next++] = open_floppy(*boot.floppy);
    if (boot.firmware) {
        setup.rom = read_firmware(*boot.firmware);
        setup.window = std::min<std::uint64_t>(setup.rom.size(), kMaxWindow);
        setup.window_writable = true;
    } else {
        const std::span<const std::byte> rom = builtin_firmware();
        setup.rom.assign(rom.begin(), rom.end());
        setup.rom[kMirrorOffset] = static_cast<std::byte>(boot.mirror);
        setup.window = setup.rom.size();
    }
    return setup;
}

CpuState load_firmware(GuestMemory& memory, const FirmwareSetup& setup) {
    const std::span<const std::byte> rom(setup.rom);
    HVLAB_ASSERT(memory.write(kRomWindowEnd - setup.window, rom.last(setup.window)));
    return reset_state();
}

}  // namespace hvlab
