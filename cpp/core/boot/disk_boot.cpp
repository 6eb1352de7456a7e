// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/disk_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/boot/builtin_firmware.h"
#include "core/boot/image_file.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kMaxDisk = 128 * kGiB;  // what 28-bit addresses reach
constexpr std::uint64_t kMaxFirmware = 4 * kMiB;
constexpr std::uint64_t kMaxVideo = 64 * kKiB;
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

template <typename T>
void append(std::vector<std::byte>& bytes, T value) {
    const auto raw = std::as_bytes(std::span{&value, 1});
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

template <typename T>
FwCfg::File number(const std::string& name, T value) {
    FwCfg::File file{.name = name, .content = {}};
    append(file.content, value);
    return file;
}

// RAM, as start, length and type.
FwCfg::File memory_map(const GuestMemory& memory) {
    constexpr std::uint32_t kRam = 1;
    FwCfg::File file{.name = "etc/e820", .content = {}};
    const std::uint64_t below = std::min(memory.size(), kPciHoleStart);
    const auto add = [&](GuestAddress start, std::uint64_t size) {
        if (size == 0) return;
        append(file.content, start);
        append(file.content, size);
        append(file.content, kRam);
    };
    add(0, below);
    add(kPciHoleEnd, memory.size() - below);
    return file;
}

// The floppy as a file: SeaBIOS makes drive 00h of it.
FwCfg::File floppy_file(const DiskImage& image) {
    FwCfg::File file{.name = "floppyimg/floppy", .content = {}};
    for (std::uint64_t n = 0; n < image.sectors(); ++n) append(file.content, image.read(n));
    return file;
}

// An option ROM, which SeaBIOS puts to C0000h and starts (Plug and Play BIOS 1.0A s. 3.2).
FwCfg::File video_file(const std::filesystem::path& path) {
    std::vector<std::byte> rom = read_image_file(path, "video", kMaxVideo);
    if (rom.size() % kSectorSize != 0 || rom[0] != std::byte{0x55} || rom[1] != std::byte{0xAA}) {
        throw BootError(path.string(), "video", "not an option ROM: 55h AAh, whole blocks of 512");
    }
    return {.name = "vgaroms/vgabios.bin", .content = std::move(rom)};
}

// SeaBIOS, "Runtime configuration".
std::vector<FwCfg::File> firmware_files(const DiskBoot& boot, const GuestMemory& memory) {
    std::vector<FwCfg::File> files;
    files.push_back(memory_map(memory));
    files.push_back(number<std::uint16_t>("etc/show-boot-menu", 0));
    files.push_back(number<std::uint32_t>("etc/boot-fail-wait", ~std::uint32_t{0}));
    if (boot.video) files.push_back(video_file(*boot.video));
    if (boot.mirror) files.push_back(number<std::uint16_t>("etc/sercon-port", 0x3F8));
    return files;
}

FirmwareSetup with_own_firmware(const DiskBoot& boot) {
    if (boot.video) {
        throw BootError(boot.video->string(), "video", "the built-in firmware needs no VGA BIOS");
    }
    FirmwareSetup setup;
    const std::span<const std::byte> rom = builtin_firmware();
    setup.rom.assign(rom.begin(), rom.end());
    setup.rom[kMirrorOffset] = static_cast<std::byte>(boot.mirror);
    setup.window = setup.rom.size();
    std::size_t next = 0;
    if (boot.disk) setup.drives[next++] = open_disk(*boot.disk);
    if (boot.floppy) setup.drives[next++] = open_floppy(*boot.floppy);
    return setup;
}

FirmwareSetup with_other_firmware(const DiskBoot& boot, const GuestMemory& memory) {
    FirmwareSetup setup;
    setup.rom = read_firmware(*boot.firmware);
    setup.window = std::min<std::uint64_t>(setup.rom.size(), kMaxWindow);
    setup.window_writable = true;
    setup.files = firmware_files(boot, memory);
    if (boot.disk) setup.drives[0] = open_disk(*boot.disk);
    if (boot.floppy) setup.files->push_back(floppy_file(*open_floppy(*boot.floppy).image));
    return setup;
}

}  // namespace

FirmwareSetup prepare_disk_boot(const DiskBoot& boot, const GuestMemory& memory) {
    if (!boot.disk && !boot.floppy) {
        throw BootError("boot", "disk", "neither a disk nor a floppy is given");
    }
    return boot.firmware ? with_other_firmware(boot, memory) : with_own_firmware(boot);
}

CpuState load_firmware(GuestMemory& memory, const FirmwareSetup& setup) {
    const std::span<const std::byte> rom(setup.rom);
    HVLAB_ASSERT(memory.write(kRomWindowEnd - setup.window, rom.last(setup.window)));
    return reset_state();
}

}  // namespace hvlab
