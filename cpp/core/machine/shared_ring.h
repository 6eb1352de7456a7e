// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// The host's end of one ring in guest memory: one producer, one consumer, messages of up to
// kMaxMessage bytes (docs/design/micro-guests.md).
//
//   +64   head, 4 bytes: how many bytes the producer has ever put in, modulo 2^32
//   +128  tail, 4 bytes: how many the consumer has taken out
//   +4096 kCapacity bytes of data: length (4 bytes), message, to a multiple of 8
//
// The guest may write anything anywhere at any time. Both indices are copied out once a call and
// checked, a length is copied out once and checked: nonsense is a status, never a wild access or a
// loop longer than the ring. The ring is not repaired: reset() is the host's to call.
class SharedRing {
public:
    static constexpr std::uint32_t kCapacity = 0x8000;
    static constexpr std::uint32_t kMaxMessage = 0x1000;
    static constexpr GuestAddress kHead = 64;
    static constexpr GuestAddress kTail = 128;
    static constexpr GuestAddress kData = 0x1000;
    static constexpr std::uint64_t kSize = kData + kCapacity;

    enum class Status : std::uint8_t { kOk, kEmpty, kFull, kTooLong, kCorrupt };

    struct Popped {
        Status status = Status::kEmpty;
        std::vector<std::byte> message = {};
        std::string error = {};  // kCorrupt: one sentence
    };

    // [address, address + kSize) has to be RAM.
    SharedRing(GuestMemory& memory, GuestAddress address);

    // kOk, kFull, kTooLong or kCorrupt.
    Status push(std::span<const std::byte> message);
    // kOk, kEmpty or kCorrupt.
    Popped pop();
    // Empty, whatever it was.
    void reset();

private:
    struct Indices {
        std::uint32_t head = 0;
        std::uint32_t tail = 0;
        std::uint32_t used() const { return head - tail; }
        bool sane() const { return used() <= kCapacity && head % 8 == 0 && tail % 8 == 0; }
    };

    Indices indices() const;
    void set_index(GuestAddress which, std::uint32_t value);
    void copy_in(std::uint32_t at, std::span<const std::byte> bytes);
    void copy_out(std::uint32_t at, std::span<std::byte> bytes) const;

    GuestMemory& memory_;
    const GuestAddress address_;
};

}  // namespace hvlab
