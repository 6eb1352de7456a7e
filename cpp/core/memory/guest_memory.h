// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/mapping.h"
#include "core/base/unique_fd.h"
#include "core/base/units.h"
#include "core/memory/page_bitmap.h"

namespace hvlab {

// The legacy video window: on a PC, adapters answer there, and the RAM beneath is not seen. The
// rest of the first MiB is RAM, which firmware may hide behind its ROM.
inline constexpr GuestAddress kVideoWindowStart = 0xA0000;
inline constexpr GuestAddress kVideoWindowEnd = 0xC0000;

// The gap below 4 GiB where devices live on a PC: RAM beyond it continues at 4 GiB.
inline constexpr GuestAddress kPciHoleStart = 3 * kGiB;
inline constexpr GuestAddress kPciHoleEnd = 4 * kGiB;

// The RAM of one machine: a memfd, mapped once. Everybody but the backend goes through the checked
// copies below; an address that a guest chose never becomes a host pointer without a bound check.
//
// Used by one thread at a time (the machine's), except for views(), which only read.
class GuestMemory {
public:
    // A stretch of guest-physical addresses backed by RAM.
    struct Region {
        GuestAddress address = 0;
        std::uint64_t size = 0;
        std::uint64_t offset = 0;  // into the memfd
    };

    // Called after a host-side write: (address, length), within RAM. Translated code must go.
    using WriteListener = std::function<void(GuestAddress, std::uint64_t)>;

    static constexpr std::uint64_t kMinSize = 1 * kMiB;
    static constexpr std::uint64_t kMaxSize = 512 * kGiB;

    // `size` in bytes, a multiple of the page size between kMinSize and kMaxSize; otherwise
    // ConfigError (field "memory"). Memory is not reserved until touched; HostError when the host
    // refuses.
    explicit GuestMemory(std::uint64_t size);

    // What the machine was given; the 128 KiB under the video window are part of it and never seen.
    std::uint64_t size() const { return size_; }
    // In ascending order, none touching the next.
    std::span<const Region> regions() const { return regions_; }
    // One past the highest RAM address below the gap under 4 GiB.
    GuestAddress end_below_4gib() const { return std::min(size_, kPciHoleStart); }
    // One past the highest RAM address.
    GuestAddress end() const;

    // True if all of [address, address + length) is RAM. Length 0 is contained anywhere.
    bool contains(GuestAddress address, std::uint64_t length) const;

    // Copies; false (and nothing copied) if any byte is not RAM.
    [[nodiscard]] bool read(GuestAddress address, std::span<std::byte> into) const;
    [[nodiscard]] bool write(GuestAddress address, std::span<const std::byte> from);
    [[nodiscard]] bool fill(GuestAddress address, std::uint64_t length, std::byte value);

    // All zeros again, and the host's pages given back. Throws HostError.
    void clear();

    // The parts that were ever touched, in ascending order and of whole pages; the rest is zeros,
    // and looking only at these does not make the host provide it. Throws HostError.
    std::vector<Region> populated() const;

    template <typename T>
    [[nodiscard]] std::optional<T> read_value(GuestAddress address) const;
    template <typename T>
    [[nodiscard]] bool write_value(GuestAddress address, const T& value);

    // For the backend and for read-only views: the host bytes of a range inside one region, else
    // empty. The mapping outlives this object as long as somebody holds `mapping()`.
    std::span<std::byte> host_bytes(GuestAddress address, std::uint64_t length);
    std::shared_ptr<const Mapping> mapping() const { return mapping_; }

    // A cell of RAM that has lost its function: it reads the same whatever is written to it, by
    // guest or host. The backend writes past the checks above, so that whoever makes a bit stuck
    // sees to it that guest stores to its page come in by write() (Machine::stick_bit).
    struct StuckBit {
        GuestAddress address = 0;  // of its byte
        std::uint8_t bit = 0;      // 0 to 7
        bool value = false;

        bool operator==(const StuckBit&) const = default;
    };

    static constexpr std::size_t kMaxStuckBits = 4096;

    // At most one for each cell: the last counts. False (and nothing changed) where there is no
    // RAM, for a bit above 7 and for one beyond kMaxStuckBits.
    [[nodiscard]] bool stick(const StuckBit& stuck);
    // The cell works again, and holds the value until something else is written. False if it was
    // not stuck.
    bool unstick(GuestAddress address, std::uint8_t bit);
    // By address and bit.
    std::span<const StuckBit> stuck_bits() const { return stuck_; }
    bool has_stuck_bits(GuestAddress page) const;

    void set_write_listener(WriteListener listener) { listener_ = std::move(listener); }

    // Pages written from the host side while logging is on, indexed by guest page number.
    void set_dirty_logging(bool enabled);
    void fetch_and_clear_dirty(PageBitmap& into);

private:
    std::byte* translate(GuestAddress address, std::uint64_t length) const;
    void wrote(GuestAddress address, std::uint64_t length);
    void force_stuck_bits(GuestAddress address, std::uint64_t length);

    std::uint64_t size_ = 0;
    UniqueFd file_;
    std::shared_ptr<Mapping> mapping_;
    std::vector<Region> regions_;
    std::vector<StuckBit> stuck_;
    WriteListener listener_;
    std::optional<PageBitmap> dirty_;
};

}  // namespace hvlab

#include "core/memory/guest_memory_inl.h"
