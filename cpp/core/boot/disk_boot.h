// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/base/units.h"
#include "core/cpu/cpu_state.h"
#include "core/devices/ata_channel.h"
#include "core/devices/fw_cfg.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// To boot as a PC does: firmware starts at the reset vector and loads a boot sector from a disk.
// The images are raw, and only read.
struct DiskBoot {
    std::optional<std::filesystem::path> disk = std::nullopt;    // drive 80h
    std::optional<std::filesystem::path> floppy = std::nullopt;  // drive 00h, tried first
    // A PC BIOS image; nothing for the one of our own (docs/design/firmware.md).
    std::optional<std::filesystem::path> firmware = std::nullopt;
    // A VGA BIOS for a firmware image, which brings none; ours needs none.
    std::optional<std::filesystem::path> video = std::nullopt;
    // Text of INT 10h goes to the serial console too, and its input is keys for INT 16h.
    bool mirror = true;
};

// Where ROM is seen, besides below 4 GiB: the end of the first MiB.
inline constexpr GuestAddress kRomWindowEnd = 1 * kMiB;

// What a machine with a firmware is made of.
struct FirmwareSetup {
    std::vector<std::byte> rom;  // ends at 4 GiB
    std::uint64_t window = 0;  // so much of its end is also seen below 1 MiB, copied into RAM there
    bool window_writable = false;  // as RAM that shadows the ROM; else it is read-only
    AtaChannel::Drives drives;
    // What a firmware of others is told by fw_cfg; nothing for our own, which asks the devices.
    std::optional<std::vector<FwCfg::File>> files;
};

// Reads and checks what is booted. Throws BootError naming the file and the field ("disk",
// "floppy", "firmware", "video"): missing, not a regular file, not of whole sectors, too large, no
// boot signature.
FirmwareSetup prepare_disk_boot(const DiskBoot& boot, const GuestMemory& memory);

// Puts the window into memory and returns the state at power-on.
CpuState load_firmware(GuestMemory& memory, const FirmwareSetup& setup);

}  // namespace hvlab
