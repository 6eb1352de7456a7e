// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/boot_block.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvlab {

BootBlock::Offset BootBlock::reserve(std::size_t size) {
    const Offset offset = align_up(bytes_.size(), 8);
    bytes_.resize(offset + size);
    return offset;
}

BootBlock::Offset BootBlock::add_text(const std::string& text) {
    const Offset offset = reserve(text.size() + 1);
    std::ranges::copy(std::as_bytes(std::span(text)),
                      bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return offset;
}

void BootBlock::place(FreeMemory& free, const ImageBytes& kernel) {
    const auto address = free.place(bytes_.size());
    if (!address) {
        kernel.refuse(
            "boot information",
            fmt::format("no room for {} bytes between 1 MiB and the end of memory", bytes_.size()));
    }
    address_ = *address;
}

void BootBlock::write(GuestMemory& memory) const {
    HVLAB_ASSERT(memory.write(address_, bytes_));
}

}  // namespace hvlab
