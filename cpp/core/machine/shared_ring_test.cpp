// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/shared_ring.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/random.h"

namespace hvlab {
namespace {

using Status = SharedRing::Status;
constexpr GuestAddress kRing = 0x20000;

class SharedRingTest : public ::testing::Test {
protected:
    static std::vector<std::byte> message(std::size_t size, unsigned seed) {
        std::vector<std::byte> bytes(size);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i * 7);
        return bytes;
    }
    void poke(GuestAddress offset, std::uint32_t value) {
        ASSERT_TRUE(memory_.write_value(kRing + offset, value));
    }
    std::uint32_t peek(GuestAddress offset) const {
        return memory_.read_value<std::uint32_t>(kRing + offset).value();
    }

    GuestMemory memory_{1 * kMiB};
    SharedRing ring_{memory_, kRing};
};

TEST_F(SharedRingTest, MessagesComeOutAsTheyWentIn) {
    EXPECT_EQ(ring_.pop().status, Status::kEmpty);
    for (unsigned round = 0; round < 3000; ++round) {
        const std::size_t size = round * 13 % (SharedRing::kMaxMessage + 1);
        ASSERT_EQ(ring_.push(message(size, round)), Status::kOk);
        const SharedRing::Popped popped = ring_.pop();
        ASSERT_EQ(popped.status, Status::kOk);
        ASSERT_EQ(popped.message, message(size, round));
    }
    EXPECT_EQ(ring_.pop().status, Status::kEmpty);
}

TEST_F(SharedRingTest, IndicesWrapAtFourGigabytes) {
    poke(SharedRing::kHead, 0xFFFFFFF8);
    poke(SharedRing::kTail, 0xFFFFFFF8);
    ASSERT_EQ(ring_.push(message(100, 1)), Status::kOk);
    EXPECT_EQ(peek(SharedRing::kHead), 96u);
    EXPECT_EQ(ring_.pop().message, message(100, 1));
    EXPECT_EQ(peek(SharedRing::kTail), 96u);
}

TEST_F(SharedRingTest, FullIsFullAndTooLongIsRefused) {
    EXPECT_EQ(ring_.push(message(SharedRing::kMaxMessage + 1, 0)), Status::kTooLong);
    unsigned count = 0;
    while (ring_.push(message(SharedRing::kMaxMessage - 4, count)) == Status::kOk) ++count;
    EXPECT_EQ(count, SharedRing::kCapacity / SharedRing::kMaxMessage);
    EXPECT_EQ(ring_.push({}), Status::kFull);
    EXPECT_EQ(ring_.pop().message, message(SharedRing::kMaxMessage - 4, 0));
    EXPECT_EQ(ring_.push({}), Status::kOk);
}

TEST_F(SharedRingTest, NonsenseIsAStatus) {
    poke(SharedRing::kHead, SharedRing::kCapacity + 8);
    EXPECT_EQ(ring_.pop().status, Status::kCorrupt);
    EXPECT_EQ(ring_.pop().error, "head 0x8008 and tail 0x0 cannot be of a ring of 0x8000 bytes");
    EXPECT_EQ(ring_.push(message(1, 0)), Status::kCorrupt);
    poke(SharedRing::kHead, 4);
    EXPECT_EQ(ring_.pop().status, Status::kCorrupt);
    poke(SharedRing::kHead, 8);
    poke(SharedRing::kData, 5);
    EXPECT_EQ(ring_.pop().error, "a message of 0x5 bytes where 0x8 bytes are in the ring");
    poke(SharedRing::kData, std::numeric_limits<std::uint32_t>::max());
    EXPECT_EQ(ring_.pop().status, Status::kCorrupt);
    // It stays so until somebody says otherwise.
    EXPECT_EQ(ring_.pop().status, Status::kCorrupt);
    ring_.reset();
    EXPECT_EQ(ring_.pop().status, Status::kEmpty);
}

// Any indices, any data: a call ends, and touches nothing outside the ring.
TEST_F(SharedRingTest, RandomIndicesAndLengths) {
    RandomStream random(Seed{7});
    ASSERT_TRUE(memory_.fill(kRing - 64, 64, std::byte{0xEE}));
    ASSERT_TRUE(memory_.fill(kRing + SharedRing::kSize, 64, std::byte{0xEE}));
    for (unsigned round = 0; round < 20000; ++round) {
        const std::uint64_t draw = random.next();
        poke(SharedRing::kHead, static_cast<std::uint32_t>(draw) & (draw >> 63 ? ~7U : ~0U));
        poke(SharedRing::kTail, static_cast<std::uint32_t>(draw >> 32) & 0x1FFF8);
        poke(SharedRing::kData + (draw >> 20 & 0x7FF8), static_cast<std::uint32_t>(draw >> 17));
        EXPECT_LE(ring_.pop().message.size(), SharedRing::kMaxMessage);
        ring_.push(message(draw >> 50 & 0xFFF, round));
    }
    for (const GuestAddress address : {kRing - 64, kRing + SharedRing::kSize}) {
        for (GuestAddress i = 0; i < 64; ++i) {
            ASSERT_EQ(memory_.read_value<std::uint8_t>(address + i), 0xEE);
        }
    }
}

}  // namespace
}  // namespace hvlab
