// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/state_io.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>

namespace hvlab {
namespace {

enum class Colour : std::uint16_t { kRed = 0x1234 };

std::string message_of(auto&& call) {
    try {
        call();
    } catch (const StateError& error) {
        return error.what();
    }
    return "no StateError";
}

std::vector<std::byte> sample() {
    StateWriter writer;
    writer.begin("uart", 2);
    writer.put(std::uint8_t{0x5A});
    writer.put(std::int32_t{-3});
    writer.put(Colour::kRed);
    writer.put(true);
    writer.put(2.5);
    writer.put_bytes(std::as_bytes(std::span("abc", 3)));
    writer.begin("pic", 1);
    return writer.take();
}

void read_sample(std::span<const std::byte> bytes) {
    StateReader reader(bytes);
    EXPECT_EQ(reader.begin("uart", 3), 2u);
    EXPECT_EQ(reader.get<std::uint8_t>(), 0x5A);
    EXPECT_EQ(reader.get<std::int32_t>(), -3);
    EXPECT_EQ(reader.get<std::uint16_t>(), 0x1234);
    EXPECT_TRUE(reader.get_bool());
    EXPECT_EQ(reader.get<double>(), 2.5);
    EXPECT_EQ(reader.get_bytes(3).size(), 3u);
    EXPECT_EQ(reader.begin("pic", 1), 1u);
    EXPECT_TRUE(reader.at_end());
}

TEST(StateIo, RoundTrip) {
    read_sample(sample());
}

TEST(StateIo, AtEnd) {
    const auto bytes = sample();
    StateReader reader(bytes);
    EXPECT_FALSE(reader.at_end());
    reader.begin("uart", 2);
    EXPECT_FALSE(reader.at_end());
    EXPECT_TRUE(StateReader({}).at_end());
}

TEST(StateIo, EveryTruncationIsRefused) {
    const auto bytes = sample();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THROW(read_sample(std::span(bytes).first(size)), StateError) << size;
    }
}

TEST(StateIo, LayoutIsPinned) {
    StateWriter writer;
    writer.begin("ab", 0x01020304);
    writer.put(std::uint16_t{0xBEEF});
    writer.put_bytes(std::as_bytes(std::span("z", 1)));
    const std::array<std::uint8_t, 18> expected{2, 'a', 'b', 4, 3, 2, 1, 0xEF, 0xBE,
                                                1, 0,   0,   0, 0, 0, 0, 0,    'z'};
    EXPECT_TRUE(std::ranges::equal(writer.bytes(), std::as_bytes(std::span(expected))));
}

TEST(StateIo, FieldsOfAByteEachAtOnce) {
    const std::array<std::uint8_t, 3> fields{7, 8, 9};
    StateWriter one;
    for (const std::uint8_t field : fields) one.put(field);
    StateWriter all(std::vector<std::byte>(100, std::byte{0x55}));  // a buffer that was used before
    all.put_all(fields);
    EXPECT_EQ(all.bytes(), one.bytes());
    StateReader reader(all.bytes());
    std::array<std::uint8_t, 3> read{};
    reader.get_all(read);
    EXPECT_EQ(read, fields);
    std::array<std::uint8_t, 4> more{};
    StateReader again(all.bytes());
    EXPECT_THROW(again.get_all(more), StateError);
}

TEST(StateIo, TagVersionAndRanges) {
    const auto bytes = sample();
    EXPECT_EQ(message_of([&] { StateReader(bytes).begin("pit", 9); }),
              "saved state of 'pit' expected, found \"uart\"");
    EXPECT_EQ(message_of([&] { StateReader(bytes).begin("uart", 1); }),
              "saved state of 'uart' has version 2; known are 1 to 1");
    StateReader reader(bytes);
    reader.begin("uart", 2);
    EXPECT_EQ(message_of([&] { reader.get_in<std::uint8_t>(0, 0x59, "divisor"); }),
              "saved state: divisor out of range before byte 10");
    StateReader low(bytes);
    low.begin("uart", 2);
    EXPECT_THROW(low.get_in<std::uint8_t>(0x5B, 0xFF, "x"), StateError);
    StateReader exact(bytes);
    exact.begin("uart", 2);
    EXPECT_EQ((exact.get_in<std::uint8_t>(0x5A, 0x5A, "x")), 0x5A);
    StateReader flag(bytes);
    flag.begin("uart", 2);
    EXPECT_THROW(flag.get_bool(), StateError);  // 0x5A is no boolean
}

TEST(StateIo, LyingBlockLengthCostsNoMemory) {
    StateWriter writer;
    writer.put(std::numeric_limits<std::uint64_t>::max());
    EXPECT_THROW(StateReader(writer.bytes()).get_bytes(std::numeric_limits<std::size_t>::max()),
                 StateError);
    EXPECT_EQ(message_of([&] { StateReader(writer.bytes()).get_bytes(16); }),
              "saved state has a block of 18446744073709551615 bytes; at most 16 fit");
}

}  // namespace
}  // namespace hvlab
