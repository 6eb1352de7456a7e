// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/memory/guest_memory.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "core/base/random.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::string config_error(std::uint64_t size) {
    try {
        GuestMemory memory(size);
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.field(), "memory");
        return error.what();
    }
    return "accepted";
}

TEST(GuestMemory, RefusesSizesThatMakeNoSense) {
    EXPECT_EQ(config_error(0), "memory: 0 bytes is not between 1 MiB and 512 GiB");
    EXPECT_EQ(config_error(1 * kTiB),
              "memory: 1099511627776 bytes is not between 1 MiB and 512 GiB");
    EXPECT_EQ(config_error(kMiB + 1), "memory: 1048577 bytes is not a multiple of 4096");
    EXPECT_NE(config_error(kMiB - kPageSize), "accepted");
    EXPECT_NE(config_error(512 * kGiB + kPageSize), "accepted");
    EXPECT_NE(config_error(kMax), "accepted");
    EXPECT_EQ(config_error(kMiB), "accepted");
}

// 512 GiB on a small machine: nothing may be reserved before it is touched.
TEST(GuestMemory, LargestSizeCostsNothingUntilTouched) {
    GuestMemory memory(512 * kGiB);
    EXPECT_EQ(memory.end(), 513 * kGiB);
    EXPECT_TRUE(memory.write_value(memory.end() - 8, std::uint64_t{0x1122334455667788}));
    EXPECT_EQ(memory.read_value<std::uint64_t>(513 * kGiB - 8), 0x1122334455667788u);
    EXPECT_EQ(memory.read_value<std::uint64_t>(513 * kGiB - 7), std::nullopt);
}

TEST(GuestMemory, HoleBelow4GiB) {
    GuestMemory small(3 * kGiB);
    ASSERT_EQ(small.regions().size(), 2u);
    EXPECT_EQ(small.end(), 3 * kGiB);
    EXPECT_EQ(small.end_below_4gib(), 3 * kGiB);

    GuestMemory memory(3 * kGiB + 2 * kPageSize);
    ASSERT_EQ(memory.regions().size(), 3u);
    EXPECT_EQ(memory.end(), 4 * kGiB + 2 * kPageSize);
    EXPECT_EQ(memory.end_below_4gib(), 3 * kGiB);
    EXPECT_FALSE(memory.contains(3 * kGiB, 1));
    EXPECT_FALSE(memory.contains(4 * kGiB - 1, 1));
    EXPECT_FALSE(memory.contains(3 * kGiB - 1, 2));
    EXPECT_FALSE(memory.contains(4 * kGiB - 1, 2));
    EXPECT_FALSE(memory.contains(3 * kGiB - 1, kGiB + 2));  // both ends are RAM, the middle is not
    EXPECT_TRUE(memory.contains(4 * kGiB, 2 * kPageSize));
    // The two regions are neighbours in the file, but not each other's overflow.
    ASSERT_TRUE(memory.write_value(3 * kGiB - 1, std::uint8_t{1}));
    ASSERT_TRUE(memory.write_value(4 * kGiB, std::uint8_t{2}));
    EXPECT_EQ(memory.read_value<std::uint8_t>(3 * kGiB - 1), 1);
    EXPECT_EQ(memory.read_value<std::uint8_t>(4 * kGiB), 2);
    EXPECT_EQ(memory.read_value<std::uint16_t>(3 * kGiB - 1), std::nullopt);
}

TEST(GuestMemory, VideoWindowIsNotRam) {
    GuestMemory memory(kMiB);
    EXPECT_TRUE(memory.contains(0, 0xA0000));
    EXPECT_FALSE(memory.contains(0x9FFFF, 2));
    EXPECT_FALSE(memory.contains(0xA0000, 1));
    EXPECT_FALSE(memory.contains(0xBFFFF, 1));
    EXPECT_FALSE(memory.contains(0xBFFFF, 2));
    EXPECT_TRUE(memory.contains(0xC0000, 0x40000));
    EXPECT_FALSE(memory.contains(0x9F000, 0x22000));  // both ends are RAM, the middle is not
    ASSERT_TRUE(memory.write_value(0x9FFFF, std::uint8_t{1}));
    ASSERT_TRUE(memory.write_value(0xC0000, std::uint8_t{2}));
    EXPECT_EQ(memory.read_value<std::uint8_t>(0x9FFFF), 1);
    EXPECT_EQ(memory.read_value<std::uint8_t>(0xC0000), 2);
}

TEST(GuestMemory, BoundsDoNotWrapAround) {
    GuestMemory memory(kMiB);
    EXPECT_FALSE(memory.contains(kMax, 1));
    EXPECT_FALSE(memory.contains(kMax, kMax));
    EXPECT_FALSE(memory.contains(1, kMax));
    EXPECT_FALSE(memory.contains(kMiB - 1, kMax - kMiB + 3));
    EXPECT_FALSE(memory.contains(kMiB, 1));
    EXPECT_TRUE(memory.contains(kMiB - 1, 1));
    EXPECT_TRUE(memory.contains(kMax, 0));
    EXPECT_TRUE(memory.read(kMax, {}));
    EXPECT_TRUE(memory.write(kMax, {}));
    EXPECT_TRUE(memory.fill(kMax, 0, std::byte{1}));
    EXPECT_FALSE(memory.fill(kMiB - 1, 2, std::byte{1}));
    EXPECT_TRUE(memory.host_bytes(kMiB - 1, 2).empty());
    EXPECT_TRUE(memory.host_bytes(0, 0).empty());
    EXPECT_EQ(memory.host_bytes(kMiB - 2, 2).size(), 2u);
    EXPECT_EQ(memory.read_value<std::uint64_t>(kMax - 3), std::nullopt);
}

// Random operations against a plain vector: same answers, same bytes, and nothing beyond.
TEST(GuestMemory, AgreesWithAModel) {
    GuestMemory memory(kMiB);
    std::vector<std::byte> model(kMiB);
    RandomStream random(Seed(77));
    const auto somewhere = [&]() -> std::uint64_t {
        switch (random.below(6)) {
            case 0:
                return kMiB - 20 + random.below(40);
            case 2:
                return kVideoWindowStart - 20 + random.below(40);
            case 3:
                return kVideoWindowEnd - 20 + random.below(40);
            case 1:
                return kMax - random.below(40);
            default:
                return random.below(kMiB);
        }
    };
    for (int round = 0; round < 20000; ++round) {
        const std::uint64_t address = somewhere();
        const std::uint64_t length = random.below(2) == 0 ? random.below(40) : random.below(5000);
        const bool fits =
            length == 0 || (address < kVideoWindowStart && length <= kVideoWindowStart - address) ||
            (address >= kVideoWindowEnd && address < kMiB && length <= kMiB - address);
        std::vector<std::byte> data(length, static_cast<std::byte>(random.next()));
        ASSERT_EQ(memory.contains(address, length), fits);
        switch (random.below(4)) {
            case 0:
                ASSERT_EQ(memory.write(address, data), fits);
                break;
            case 1:
                ASSERT_EQ(memory.fill(address, length, length ? data[0] : std::byte{}), fits);
                break;
            case 2: {
                const auto bytes = memory.host_bytes(address, length);
                ASSERT_EQ(bytes.size(), fits ? length : 0);
                std::ranges::copy(std::span(data).first(bytes.size()), bytes.begin());
                break;
            }
            default: {
                const auto before = data;
                ASSERT_EQ(memory.read(address, data), fits);
                const auto expected =
                    fits && length > 0 ? std::span<const std::byte>(model).subspan(address, length)
                                       : std::span<const std::byte>(before);
                ASSERT_TRUE(std::ranges::equal(data, expected));
                continue;
            }
        }
        if (fits && length > 0) {
            std::ranges::copy(data, model.begin() + static_cast<std::ptrdiff_t>(address));
        }
    }
    for (const GuestMemory::Region& region : memory.regions()) {
        std::vector<std::byte> all(region.size);
        ASSERT_TRUE(memory.read(region.address, all));
        EXPECT_TRUE(std::ranges::equal(all, std::span(model).subspan(region.address, region.size)));
    }
}

TEST(GuestMemory, TellsOfHostWrites) {
    GuestMemory memory(kMiB);
    std::vector<std::pair<GuestAddress, std::uint64_t>> told;
    memory.set_write_listener([&](GuestAddress a, std::uint64_t n) { told.emplace_back(a, n); });
    ASSERT_TRUE(memory.write_value(0x1000, std::uint32_t{5}));
    ASSERT_TRUE(memory.fill(0x2FFF, 2, std::byte{1}));
    EXPECT_FALSE(memory.write_value(kMiB, std::uint32_t{5}));
    EXPECT_TRUE(memory.write(0, {}));
    std::ignore = memory.read_value<std::uint32_t>(0x1000);
    EXPECT_THAT(told, ElementsAre(Pair(0x1000, 4), Pair(0x2FFF, 2)));
}

TEST(GuestMemory, DirtyLogHoldsWhatTheHostWrote) {
    GuestMemory memory(kMiB);
    const auto fetch = [&] {
        PageBitmap pages(page_index(memory.end()));
        memory.fetch_and_clear_dirty(pages);
        std::vector<std::uint64_t> list;
        pages.for_each([&](std::uint64_t page) { list.push_back(page); });
        return list;
    };
    ASSERT_TRUE(memory.write_value(0, std::uint8_t{1}));
    EXPECT_THAT(fetch(), ElementsAre());  // off
    memory.set_dirty_logging(true);
    ASSERT_TRUE(memory.write_value(0x1FFF, std::uint8_t{1}));
    ASSERT_TRUE(memory.write_value(0x3FFF, std::uint16_t{1}));
    ASSERT_TRUE(memory.fill(0xFF000, 0x1000, std::byte{0}));
    memory.set_dirty_logging(true);  // already on: nothing is lost
    EXPECT_THAT(fetch(), ElementsAre(1, 3, 4, 0xFF));
    EXPECT_THAT(fetch(), ElementsAre());
    ASSERT_TRUE(memory.write_value(0, std::uint8_t{1}));
    memory.set_dirty_logging(false);
    memory.set_dirty_logging(true);
    EXPECT_THAT(fetch(), ElementsAre());
}

TEST(GuestMemory, MappingOutlivesTheMemory) {
    auto memory = std::make_unique<GuestMemory>(kMiB);
    ASSERT_TRUE(memory->write_value(5, std::uint8_t{9}));
    const auto mapping = memory->mapping();
    memory.reset();
    EXPECT_EQ(mapping->bytes()[5], std::byte{9});
    EXPECT_EQ(mapping->bytes().size(), kMiB);
}

// In a child process: 0 if memory beyond the limit is a HostError with `expected`.
[[noreturn]] void create_under_limit(__rlimit_resource resource, int expected) {
    const rlimit limit{512 * kMiB, 512 * kMiB};
    ::setrlimit(resource, &limit);
    try {
        GuestMemory memory(kGiB);
    } catch (const HostError& error) {
        ::_exit(error.error_number() == expected ? 0 : 2);
    }
    ::_exit(1);
}

TEST(GuestMemory, HostLimitsAreHostErrors) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // Sanitizers reserve terabytes of addresses for themselves.
    EXPECT_EXIT(create_under_limit(RLIMIT_AS, ENOMEM), ::testing::ExitedWithCode(0), "");
#endif
    EXPECT_EXIT(create_under_limit(RLIMIT_FSIZE, EFBIG), ::testing::ExitedWithCode(0), "");
}

[[noreturn]] void create_without_descriptors() {
    const rlimit limit{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
        GuestMemory memory(kMiB);
    } catch (const HostError& error) {
        ::_exit(error.error_number() == EMFILE ? 0 : 2);
    }
    ::_exit(1);
}

TEST(GuestMemory, NoDescriptorLeftIsAHostError) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer needs descriptors itself";
#endif
    EXPECT_EXIT(create_without_descriptors(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hvlab
