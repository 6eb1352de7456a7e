// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/base/random.h"

namespace hvlab {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hash_of(std::string_view text) {
    RecordHasher hasher;
    hasher.update(bytes_of(text));
    return hasher.digest_hex();
}

// `xxhsum -H2` says the same.
TEST(RecordHasher, KnownValues) {
    EXPECT_EQ(hash_of(""), "99aa06d3014798d86001c324468d497f");
    EXPECT_EQ(hash_of("hello\n"), "6bba86c7e069f56d5a10b435f1c8e49c");
}

TEST(RecordHasher, PiecesDoNotMatter) {
    RandomStream random(Seed(3));
    std::vector<std::byte> data(10000);
    for (auto& byte : data) byte = static_cast<std::byte>(random.next());
    RecordHasher whole;
    whole.update(data);
    RecordHasher pieces;
    for (std::size_t at = 0; at < data.size();) {
        const std::size_t size = std::min<std::size_t>(random.below(700), data.size() - at);
        pieces.update(std::span(data).subspan(at, size));
        at += size;
    }
    EXPECT_EQ(whole.digest_hex(), pieces.digest_hex());
    data[5000] ^= std::byte{1};
    RecordHasher changed;
    changed.update(data);
    EXPECT_NE(whole.digest_hex(), changed.digest_hex());
}

TEST(RecordHasher, DigestDoesNotEndItAndCopiesGoTheirOwnWay) {
    RecordHasher hasher;
    hasher.update(bytes_of("ab"));
    EXPECT_EQ(hasher.digest_hex(), hash_of("ab"));
    RecordHasher copy = hasher;
    hasher.update(bytes_of("c"));
    copy.update(bytes_of("d"));
    EXPECT_EQ(hasher.digest_hex(), hash_of("abc"));
    EXPECT_EQ(copy.digest_hex(), hash_of("abd"));
    copy = hasher;
    EXPECT_EQ(copy.digest_hex(), hash_of("abc"));
    hasher.reset();
    EXPECT_EQ(hasher.digest_hex(), hash_of(""));
}

}  // namespace
}  // namespace hvlab
