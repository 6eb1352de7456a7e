// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace hvlab {
namespace {

constexpr std::uint32_t kReversedPolynomial = 0x82F63B78;

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b] is the effect of byte b followed by k zero bytes ("slicing by 8").
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
        }
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

std::uint64_t load64(const std::byte* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

}  // namespace

namespace detail {

std::uint32_t crc32c_table(std::span<const std::byte> bytes, std::uint32_t previous) {
    std::uint32_t crc = ~previous;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        const std::uint64_t word = load64(at) ^ crc;
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> (8 * i) & 0xFF];
    }
    for (; left > 0; ++at, --left) {
        crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xFF];
    }
    return ~crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<const std::byte> bytes,
                                                             std::uint32_t previous) {
    std::uint64_t crc = ~previous;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load64(at));
    auto short_crc = static_cast<std::uint32_t>(crc);
    for (; left > 0; ++at, --left) {
        short_crc = _mm_crc32_u8(short_crc, std::to_integer<std::uint8_t>(*at));
    }
    return ~short_crc;
}

bool has_sse42() {
    return __builtin_cpu_supports("sse4.2") != 0;
}

}  // namespace detail

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t previous) {
    static const auto best = detail::has_sse42() ? &detail::crc32c_sse42 : &detail::crc32c_table;
    return best(bytes, previous);
}

}  // namespace hvlab
