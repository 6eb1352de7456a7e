// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "core/base/random.h"

namespace hvlab {
namespace {

using Crc = std::uint32_t (*)(std::span<const std::byte>, std::uint32_t);

std::vector<Crc> implementations() {
    std::vector<Crc> all{&crc32c, &detail::crc32c_table};
    if (detail::has_sse42()) all.push_back(&detail::crc32c_sse42);
    return all;
}

// RFC 3720 appendix B.4.
TEST(Crc32c, KnownVectors) {
    std::vector<std::byte> ascending(32);
    for (std::size_t i = 0; i < 32; ++i) ascending[i] = static_cast<std::byte>(i);
    const std::vector<std::byte> descending(ascending.rbegin(), ascending.rend());
    const std::string_view digits = "123456789";
    for (const Crc crc : implementations()) {
        EXPECT_EQ(crc({}, 0), 0u);
        EXPECT_EQ(crc(std::as_bytes(std::span(digits.data(), digits.size())), 0), 0xE3069283u);
        EXPECT_EQ(crc(std::vector<std::byte>(32, std::byte{0}), 0), 0x8A9136AAu);
        EXPECT_EQ(crc(std::vector<std::byte>(32, std::byte{0xFF}), 0), 0x62A8AB43u);
        EXPECT_EQ(crc(ascending, 0), 0x46DD794Eu);
        EXPECT_EQ(crc(descending, 0), 0x113FDB5Cu);
    }
}

TEST(Crc32c, TableAndInstructionAgreeInAnyPieces) {
    RandomStream random(Seed(11));
    std::vector<std::byte> data(5000);
    for (auto& byte : data) byte = static_cast<std::byte>(random.next());
    for (int round = 0; round < 500; ++round) {
        const std::size_t start = random.below(data.size());
        const auto piece = std::span(data).subspan(start, random.below(data.size() - start + 1));
        const std::size_t cut = random.below(piece.size() + 1);
        const std::uint32_t expected = detail::crc32c_table(piece, 0);
        for (const Crc crc : implementations()) {
            EXPECT_EQ(crc(piece, 0), expected);
            EXPECT_EQ(crc(piece.subspan(cut), crc(piece.first(cut), 0)), expected);
        }
    }
}

}  // namespace
}  // namespace hvlab
