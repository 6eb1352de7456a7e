// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fmt/format.h>

namespace hvlab {

struct RecordHasher::State {
    XXH3_state_t xxh3;  // 64-byte aligned: operator new honours it
};

RecordHasher::RecordHasher() : state_(std::make_unique<State>()) {
    reset();
}

RecordHasher::RecordHasher(const RecordHasher& other)
    : state_(std::make_unique<State>(*other.state_)) {}

RecordHasher::RecordHasher(RecordHasher&&) noexcept = default;

RecordHasher& RecordHasher::operator=(const RecordHasher& other) {
    return *this = RecordHasher(other);
}

RecordHasher& RecordHasher::operator=(RecordHasher&&) noexcept = default;

RecordHasher::~RecordHasher() = default;

void RecordHasher::reset() {
    XXH3_128bits_reset(&state_->xxh3);
}

void RecordHasher::update(std::span<const std::byte> bytes) {
    if (!bytes.empty()) XXH3_128bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

std::string RecordHasher::digest_hex() const {
    const XXH128_hash_t digest = XXH3_128bits_digest(&state_->xxh3);
    return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

}  // namespace hvlab
