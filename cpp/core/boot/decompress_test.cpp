// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/decompress.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/base/status.h"
#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using ::testing::HasSubstr;

std::string refusal(Compression compression, std::span<const std::byte> packed,
                    std::uint64_t max_size) {
    try {
        decompress(compression, packed, max_size, "vmlinuz");
    } catch (const BootError& error) {
        EXPECT_EQ(error.path(), "vmlinuz");
        EXPECT_EQ(error.field(), "payload");
        return error.what();
    }
    return "accepted";
}

class EveryCompression : public ::testing::TestWithParam<Compression> {
protected:
    const Bytes plain_ = test_images::sample_bytes(100'000, 9);
    const Bytes packed_ = test_images::compress(GetParam(), plain_);
    const std::string name_{to_string(GetParam())};
};

INSTANTIATE_TEST_SUITE_P(Formats, EveryCompression,
                         ::testing::Values(Compression::kGzip, Compression::kXz, Compression::kLzma,
                                           Compression::kZstd, Compression::kLz4),
                         [](const auto& format) { return std::string(to_string(format.param)); });

TEST_P(EveryCompression, IsDetectedAndUnpacked) {
    EXPECT_EQ(detect_compression(packed_, "x"), GetParam());
    EXPECT_LT(packed_.size(), plain_.size());
    const Unpacked result = decompress(GetParam(), packed_, 1 * kMiB, "x");
    EXPECT_TRUE(std::ranges::equal(result.bytes(), plain_));
    // Exactly as large as allowed is allowed.
    EXPECT_EQ(decompress(GetParam(), packed_, plain_.size(), "x").bytes().size(), plain_.size());
}

TEST_P(EveryCompression, SizeLimitHolds) {
    EXPECT_THAT(refusal(GetParam(), packed_, plain_.size() - 1),
                HasSubstr("unpack to more than 99999 bytes"));
    EXPECT_THAT(refusal(GetParam(), packed_, 0), HasSubstr("unpack to more than 0 bytes"));
}

TEST_P(EveryCompression, AppendedSizeIsChecked) {
    const auto right = test_images::with_size(packed_, plain_.size());
    EXPECT_EQ(decompress(GetParam(), right, kMiB, "x").bytes().size(), plain_.size());
    const auto wrong = test_images::with_size(packed_, plain_.size() + 1);
    EXPECT_EQ(refusal(GetParam(), wrong, kMiB),
              "vmlinuz: payload: the " + name_ +
                  " data unpack to 100000 bytes, but 100001 are announced");
}

// Every length but the whole is refused. LZ4's legacy frame has no end mark, so a cut between two
// blocks goes unnoticed here; this one has a single block.
TEST_P(EveryCompression, EveryTruncationIsRefused) {
    std::size_t start = GetParam() == Compression::kLz4 ? 9 : 0;
    for (std::size_t size = start; size < packed_.size(); size += size < 100 ? 1 : 97) {
        EXPECT_NE(refusal(GetParam(), std::span(packed_).first(size), kMiB), "accepted") << size;
    }
    EXPECT_NE(refusal(GetParam(), std::span(packed_).first(packed_.size() - 1), kMiB), "accepted");
}

// Whatever the damage, it ends in a BootError or in some output within the limit.
TEST_P(EveryCompression, DamageIsHarmless) {
    Bytes broken = packed_;
    for (std::size_t at = 0; at < broken.size(); at += at < 64 ? 1 : 131) {
        const std::byte before = broken[at];
        for (const unsigned flip : {0x01u, 0x80u, 0xFFu}) {
            broken[at] = before ^ static_cast<std::byte>(flip);
            try {
                EXPECT_LE(decompress(GetParam(), broken, kMiB, "x").bytes().size(), kMiB);
            } catch (const BootError& error) {
                EXPECT_EQ(error.field(), "payload");
            }
        }
        broken[at] = before;
    }
}

TEST(Decompress, ChecksumsAreChecked) {
    const Bytes plain = test_images::sample_bytes(10'000, 4);
    Bytes gzip = test_images::compress(Compression::kGzip, plain);
    gzip[gzip.size() - 6] ^= std::byte{1};
    EXPECT_EQ(refusal(Compression::kGzip, gzip, kMiB),
              "vmlinuz: payload: the gzip data are broken: incorrect data check");
    Bytes xz = test_images::compress(Compression::kXz, plain);
    xz[xz.size() / 2] ^= std::byte{1};
    EXPECT_THAT(refusal(Compression::kXz, xz, kMiB), HasSubstr("the xz data are broken"));
}

TEST(Decompress, XzWithTheX86Filter) {
    Bytes code = test_images::sample_bytes(50'000, 3);
    for (std::size_t at = 0; at + 5 < code.size(); at += 40) {
        code[at] = std::byte{0xE8};  // CALL rel32, which the filter rewrites
        test_images::poke(code, at + 1, static_cast<std::uint32_t>(20'000 - at));
    }
    const Bytes packed = test_images::compress_xz_x86(code);
    EXPECT_TRUE(std::ranges::equal(decompress(Compression::kXz, packed, kMiB, "x").bytes(), code));
}

TEST(Decompress, Lz4InSeveralBlocks) {
    const Bytes plain = test_images::sample_bytes(17 * kMiB, 6);
    const Bytes packed =
        test_images::with_size(test_images::compress(Compression::kLz4, plain), plain.size());
    EXPECT_TRUE(
        std::ranges::equal(decompress(Compression::kLz4, packed, 17 * kMiB, "x").bytes(), plain));
    EXPECT_THAT(refusal(Compression::kLz4, packed, 16 * kMiB), HasSubstr("unpack to more than"));
    // A second magic number, as concatenated files have.
    Bytes twice = test_images::compress(Compression::kLz4, Bytes(10, std::byte{7}));
    const Bytes once = twice;
    twice.insert(twice.end(), once.begin(), once.end());
    EXPECT_EQ(decompress(Compression::kLz4, twice, kMiB, "x").bytes().size(), 20u);
}

TEST(Decompress, Lz4BlockSizesAreChecked) {
    Bytes packed = test_images::compress(Compression::kLz4, test_images::sample_bytes(5000, 6));
    const auto size = static_cast<std::uint32_t>(packed.size() - 8);
    test_images::poke(packed, 4, size + 123);
    EXPECT_EQ(
        refusal(Compression::kLz4, packed, kMiB),
        "vmlinuz: payload: the lz4 data have a last block that ends 123 bytes after the end of "
        "the payload");
    test_images::poke(packed, 4, size + 1);
    EXPECT_THAT(refusal(Compression::kLz4, packed, kMiB), HasSubstr("ends 1 bytes after the end"));
    test_images::poke(packed, 4, std::uint32_t{0});
    EXPECT_THAT(refusal(Compression::kLz4, packed, kMiB), HasSubstr("block of 0 bytes at 0x4"));
    test_images::poke(packed, 4, std::uint32_t{0xFFFFFFFF});
    EXPECT_THAT(refusal(Compression::kLz4, packed, kMiB), HasSubstr("block of 4294967295 bytes"));
}

// Zeros by the megabyte in a few hundred bytes must cost no more than the limit.
TEST(Decompress, BombsAreCappedByTheLimit) {
    const Bytes zeros(16 * kMiB);
    for (const Compression format :
         {Compression::kGzip, Compression::kXz, Compression::kZstd, Compression::kLz4}) {
        const Bytes packed = test_images::compress(format, zeros);
        EXPECT_THAT(refusal(format, packed, 1 * kMiB), HasSubstr("unpack to more than 1048576"));
    }
}

TEST(Decompress, UnknownFormatsAreNamedByTheirBytes) {
    const auto detect = [](const Bytes& bytes) -> std::string {
        try {
            detect_compression(bytes, "k");
        } catch (const BootError& error) {
            return error.what();
        }
        return "known";
    };
    EXPECT_EQ(
        detect({std::byte{'B'}, std::byte{'Z'}, std::byte{'h'}, std::byte{'9'}, std::byte{1}}),
        "k: payload: starts with 42 5a 68 39: not ELF, gzip, xz, lzma, zstd or lz4");
    EXPECT_EQ(detect({}), "k: payload: starts with nothing: not ELF, gzip, xz, lzma, zstd or lz4");
    EXPECT_EQ(detect({std::byte{0x1F}}),
              "k: payload: starts with 1f: not ELF, gzip, xz, lzma, zstd or lz4");
}

}  // namespace
}  // namespace hvlab
