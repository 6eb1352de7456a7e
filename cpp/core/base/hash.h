// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace hvlab {

// A running 128-bit XXH3 over whatever it is fed: the record's and the memory's fingerprint. Not
// cryptographic. Cutting the input into pieces differently does not change the digest.
class RecordHasher {
public:
    RecordHasher();
    RecordHasher(const RecordHasher& other);
    RecordHasher(RecordHasher&&) noexcept;
    RecordHasher& operator=(const RecordHasher& other);
    RecordHasher& operator=(RecordHasher&&) noexcept;
    ~RecordHasher();

    void update(std::span<const std::byte> bytes);

    // Of everything fed so far, 32 lower-case hexadecimal digits in XXH3's canonical order; more
    // may follow.
    std::string digest_hex() const;

    void reset();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace hvlab
