// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/units.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// Linux's "zero page" (Documentation/arch/x86/zero-page.rst), what the kernel is told about the
// machine.
class BootParams {
public:
    // `setup_header` is copied to 1F1h, as boot.rst demands; it may reach up to 290h. Empty: a
    // vmlinux brought none, and the few fields that the kernel looks at are made up.
    explicit BootParams(std::span<const std::byte> setup_header);

    void set_cmdline(GuestAddress address);
    void set_initrd(GuestAddress address, std::uint64_t size);
    // The e820 table: memory_map().
    void set_memory_map(const GuestMemory& memory);

    std::span<const std::byte> bytes() const { return bytes_; }

private:
    template <typename T>
    void put(std::size_t offset, T value);

    std::array<std::byte, kPageSize> bytes_{};
};

}  // namespace hvlab
