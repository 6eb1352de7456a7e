// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/status.h"
#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/boot/placement.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// What a boot loader tells a kernel: structures and texts that point at each other, in one stretch
// of memory. They are added first; only then is it known how large the stretch is and where it
// fits, and the pointers are filled in.
class BootBlock {
public:
    using Offset = std::size_t;  // in the block

    // `size` zero bytes, aligned to 8.
    Offset reserve(std::size_t size);
    // With a terminating zero.
    Offset add_text(const std::string& text);

    template <typename T>
    void put(Offset offset, const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        HVLAB_ASSERT(offset + sizeof value <= bytes_.size());
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
    }

    // Finds the block its place. BootError in the name of `kernel` where there is none.
    void place(FreeMemory& free, const ImageBytes& kernel);
    // After place().
    GuestAddress address(Offset offset) const { return address_ + offset; }
    void write(GuestMemory& memory) const;

private:
    std::vector<std::byte> bytes_;
    GuestAddress address_ = 0;
};

}  // namespace hvlab
