// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/base/units.h"
#include "core/boot/disk_boot.h"
#include "core/boot/elf_image.h"
#include "core/boot/flat.h"
#include "core/boot/linux.h"
#include "core/boot/micro.h"
#include "core/boot/multiboot.h"
#include "core/boot/pvh.h"
#include "core/machine/external_device.h"

namespace hvlab {

// What to do about an access that nothing answers: go on as a PC would (reads give all ones, writes
// are dropped), or stop with StopReason::kUnhandledAccess. Fetching instructions from nowhere
// always stops.
enum class UnhandledPolicy : std::uint8_t { kIgnore, kStop };

// What is in memory when a machine starts, and the state in which it starts.
using BootSource = std::variant<std::monostate, FlatImage, ElfImage, LinuxBoot, MultibootKernel,
                                PvhKernel, DiskBoot, MicroImage>;

// The description of a machine; checked when the machine is made.
struct MachineConfig {
    std::string name = "machine";
    std::uint64_t memory_size = 64 * kMiB;  // bytes
    std::string cpu_model = "x86-64-v2";
    Seed seed{0};
    UnhandledPolicy unhandled = UnhandledPolicy::kIgnore;
    BootSource boot = {};                            // nothing: memory empty, reset state
    std::vector<ExternalDeviceConfig> devices = {};  // besides the platform's own
};

}  // namespace hvlab
