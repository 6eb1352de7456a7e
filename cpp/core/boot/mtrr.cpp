// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/mtrr.h"

#include "core/memory/guest_memory.h"

namespace hvlab {

// Fixed ranges in the order of their MSRs: 250h, 258h, 259h, 268h-26Fh.
void set_firmware_mtrrs(Msrs& msrs) {
    constexpr std::uint64_t kEnabled = 1 << 11;
    constexpr std::uint64_t kFixedEnabled = 1 << 10;
    constexpr std::uint64_t kWriteBack = 6;
    constexpr std::uint64_t kValid = 1 << 11;
    constexpr std::uint64_t kAllWriteBack = 0x0606060606060606;
    constexpr std::uint64_t kAllWriteProtected = 0x0505050505050505;
    msrs.mtrr_def_type = kEnabled | kFixedEnabled | kWriteBack;
    msrs.mtrr_fixed.fill(kAllWriteProtected);  // C0000h-FFFFFh: ROMs
    msrs.mtrr_fixed[0] = kAllWriteBack;        // 00000h-7FFFFh
    msrs.mtrr_fixed[1] = kAllWriteBack;        // 80000h-9FFFFh
    msrs.mtrr_fixed[2] = 0;                    // A0000h-BFFFFh: video memory, uncached
    const std::uint64_t address_mask = (std::uint64_t{1} << kPhysicalAddressBits) - 1;
    msrs.mtrr_phys_base[0] = kPciHoleStart;  // type 0, uncached
    msrs.mtrr_phys_mask[0] = (~(kPciHoleEnd - kPciHoleStart - 1) & address_mask) | kValid;
}

}  // namespace hvlab
