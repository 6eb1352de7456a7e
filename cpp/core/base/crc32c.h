// SPDX-License-Identifier: GPL-2.0-or-later
//
// CRC-32C (Castagnoli polynomial 0x1EDC6F41, RFC 3720 appendix B.4), the checksum of snapshot pages
// and records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hvlab {

// The checksum of `bytes`. To go on over several pieces, pass the previous result as `previous`.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t previous = 0);

namespace detail {

// The two ways to compute it, for tests and benchmarks. The second needs a CPU with SSE4.2.
std::uint32_t crc32c_table(std::span<const std::byte> bytes, std::uint32_t previous);
std::uint32_t crc32c_sse42(std::span<const std::byte> bytes, std::uint32_t previous);
bool has_sse42();

}  // namespace detail
}  // namespace hvlab
