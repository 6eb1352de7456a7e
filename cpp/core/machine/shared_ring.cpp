// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/shared_ring.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/status.h"

namespace hvlab {
namespace {

constexpr std::uint32_t kHeader = 4;

// What a message takes, in bytes.
constexpr std::uint32_t slot(std::uint32_t length) {
    return static_cast<std::uint32_t>(align_up(kHeader + length, 8));
}

}  // namespace

SharedRing::SharedRing(GuestMemory& memory, GuestAddress address)
    : memory_(memory), address_(address) {
    HVLAB_ASSERT(memory.contains(address, kSize));
}

SharedRing::Indices SharedRing::indices() const {
    return {.head = memory_.read_value<std::uint32_t>(address_ + kHead).value(),
            .tail = memory_.read_value<std::uint32_t>(address_ + kTail).value()};
}

void SharedRing::set_index(GuestAddress which, std::uint32_t value) {
    HVLAB_ASSERT(memory_.write_value(address_ + which, value));
}

void SharedRing::copy_in(std::uint32_t at, std::span<const std::byte> bytes) {
    const std::uint32_t offset = at % kCapacity;
    const std::size_t first = std::min<std::size_t>(bytes.size(), kCapacity - offset);
    HVLAB_ASSERT(memory_.write(address_ + kData + offset, bytes.first(first)));
    HVLAB_ASSERT(memory_.write(address_ + kData, bytes.subspan(first)));
}

void SharedRing::copy_out(std::uint32_t at, std::span<std::byte> bytes) const {
    const std::uint32_t offset = at % kCapacity;
    const std::size_t first = std::min<std::size_t>(bytes.size(), kCapacity - offset);
    HVLAB_ASSERT(memory_.read(address_ + kData + offset, bytes.first(first)));
    HVLAB_ASSERT(memory_.read(address_ + kData, bytes.subspan(first)));
}

SharedRing::Status SharedRing::push(std::span<const std::byte> message) {
    if (message.size() > kMaxMessage) return Status::kTooLong;
    const Indices now = indices();
    if (!now.sane()) return Status::kCorrupt;
    const auto length = static_cast<std::uint32_t>(message.size());
    if (kCapacity - now.used() < slot(length)) return Status::kFull;
    copy_in(now.head, std::as_bytes(std::span(&length, 1)));
    copy_in(now.head + kHeader, message);
    set_index(kHead, now.head + slot(length));
    return Status::kOk;
}

SharedRing::Popped SharedRing::pop() {
    const Indices now = indices();
    if (!now.sane()) {
        return {.status = Status::kCorrupt,
                .error = fmt::format("head {:#x} and tail {:#x} cannot be of a ring of {:#x} bytes",
                                     now.head, now.tail, kCapacity)};
    }
    if (now.used() == 0) return {};
    std::uint32_t length = 0;
    copy_out(now.tail, std::as_writable_bytes(std::span(&length, 1)));
    if (length > kMaxMessage || slot(length) > now.used()) {
        return {.status = Status::kCorrupt,
                .error = fmt::format("a message of {:#x} bytes where {:#x} bytes are in the ring",
                                     length, now.used())};
    }
    Popped popped{.status = Status::kOk, .message = std::vector<std::byte>(length)};
    copy_out(now.tail + kHeader, popped.message);
    set_index(kTail, now.tail + slot(length));
    return popped;
}

void SharedRing::reset() {
    set_index(kHead, 0);
    set_index(kTail, 0);
}

}  // namespace hvlab
