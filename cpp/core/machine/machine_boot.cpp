// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine before its first instruction: what is mapped where, what is loaded, where it begins.
#include <algorithm>

#include "core/base/io.h"
#include "core/machine/machine.h"

namespace hvlab {

namespace {

// Puts what a machine boots into its memory, and gives the state in which it starts.
struct Loader {
    GuestMemory& memory;
    const FirmwareSetup* firmware;

    CpuState operator()(std::monostate /*nothing*/) const { return reset_state(); }
    CpuState operator()(const FlatImage& image) const { return load_flat(memory, image); }
    CpuState operator()(const ElfImage& image) const { return load_elf(memory, image); }
    CpuState operator()(const LinuxBoot& boot) const { return load_linux(memory, boot); }
    CpuState operator()(const MultibootKernel& kernel) const {
        return load_multiboot(memory, kernel);
    }
    CpuState operator()(const PvhKernel& kernel) const { return load_pvh(memory, kernel); }
    CpuState operator()(const MicroImage& image) const { return load_micro(memory, image); }
    CpuState operator()(const DiskBoot& /*prepared already*/) const {
        return load_firmware(memory, *firmware);
    }
};

}  // namespace

void Machine::map_rom(const FirmwareSetup& firmware) {
    const std::size_t size = firmware.rom.size();
    rom_ = Mapping::shared(create_memory_file("hvlab-rom", size).get(), size);
    std::copy(firmware.rom.begin(), firmware.rom.end(), rom_->bytes().begin());
    ram_map_->cover(kPciHoleEnd - size, rom_->bytes());
    if (firmware.window_writable) return;
    // RAM that holds the same, and that the guest may only read.
    const GuestAddress window = kRomWindowEnd - firmware.window;
    ram_map_->cover(window, memory_.host_bytes(window, firmware.window));
}

CpuState Machine::load_boot(const FirmwareSetup* firmware) {
    return std::visit(Loader{memory_, firmware}, config_.boot);
}

void Machine::reset() {
    std::optional<FirmwareSetup> firmware;
    if (const auto* disk = std::get_if<DiskBoot>(&config_.boot)) {
        firmware = prepare_disk_boot(*disk, memory_);
    }
    const CpuState state = load_boot(firmware ? &*firmware : nullptr);
    platform_->reset();
    vcpu_->set_state(state);
    requested_.reset();
    ended_.reset();
    halted_ = false;
    note(RecentEvent::Kind::kReset);
    if (observer_ != nullptr) observer_->machine_reset(now());
}

}  // namespace hvlab
