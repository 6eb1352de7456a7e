// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/bus/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <string>

#include "core/base/random.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

using testing::_;
using testing::HasSubstr;
using testing::InSequence;
using testing::Return;
using testing::StrictMock;

class MockDevice : public Device {
public:
    explicit MockDevice(std::string name) : name_(std::move(name)) {}
    std::string_view name() const override { return name_; }
    MOCK_METHOD(std::uint64_t, read, (std::uint64_t, unsigned), (override));
    MOCK_METHOD(void, write, (std::uint64_t, unsigned, std::uint64_t), (override));
    void reset() override {}
    void save(StateWriter&) const override {}
    void load(StateReader&) override {}

private:
    std::string name_;
};

class MockListener : public AddressMap::UnclaimedListener {
public:
    MOCK_METHOD(void, unclaimed, (std::uint64_t, unsigned, bool, std::uint64_t), (override));
};

class BusTest : public testing::Test {
protected:
    void SetUp() override { map_.set_unclaimed_listener(&listener_); }

    StrictMock<MockDevice> low_{"low"};
    StrictMock<MockDevice> high_{"high"};
    StrictMock<MockListener> listener_;
    AddressMap map_;
};

TEST_F(BusTest, DevicesSeeOffsetsIntoTheirRange) {
    map_.add(0x3F8, 8, low_);
    EXPECT_CALL(low_, read(5, 1)).WillOnce(Return(0x60));
    EXPECT_EQ(map_.read(0x3FD, 1), 0x60u);
    EXPECT_CALL(low_, write(0, 8, 0x1122334455667788));
    map_.write(0x3F8, 8, 0x1122334455667788);
}

TEST_F(BusTest, SeveralRangesOfOneDeviceAreToldApartByTheirFirstOffset) {
    map_.add(0x20, 2, low_, 0);
    map_.add(0xA0, 2, low_, 2);
    map_.add(0x4D0, 2, low_, 4);
    EXPECT_CALL(low_, read(1, 1)).WillOnce(Return(1));
    EXPECT_CALL(low_, read(3, 1)).WillOnce(Return(2));
    EXPECT_CALL(low_, read(4, 2)).WillOnce(Return(3));
    EXPECT_EQ(map_.read(0x21, 1), 1u);
    EXPECT_EQ(map_.read(0xA1, 1), 2u);
    EXPECT_EQ(map_.read(0x4D0, 2), 3u);
}

TEST_F(BusTest, ValuesAreCutToTheAccess) {
    map_.add(0, 16, low_);
    EXPECT_CALL(low_, read(0, 2)).WillOnce(Return(0xFFFF'FFFF'FFFF'1234));
    EXPECT_EQ(map_.read(0, 2), 0x1234u);
    EXPECT_CALL(low_, write(0, 4, 0x89ABCDEF));
    map_.write(0, 4, 0x0123'4567'89AB'CDEF);
}

TEST_F(BusTest, NobodyAnswersOutsideTheRanges) {
    map_.add(0x100, 0x10, low_);
    EXPECT_CALL(listener_, unclaimed(0xFF, 1, false, 0xFF));
    EXPECT_EQ(map_.read(0xFF, 1), 0xFFu);
    EXPECT_CALL(listener_, unclaimed(0x110, 4, false, 0xFFFF'FFFF));
    EXPECT_EQ(map_.read(0x110, 4), 0xFFFF'FFFFu);
    EXPECT_CALL(listener_, unclaimed(0x5000, 8, false, ~0ull));
    EXPECT_EQ(map_.read(0x5000, 8), ~0ull);
    EXPECT_CALL(listener_, unclaimed(0x110, 2, true, 0xBEEF));
    map_.write(0x110, 2, 0xDEAD'BEEF);
}

TEST_F(BusTest, WithoutAListenerTheSameValuesAreRead) {
    map_.set_unclaimed_listener(nullptr);
    EXPECT_EQ(map_.read(0xFF, 2), 0xFFFFu);
    map_.write(0xFF, 2, 1);
}

TEST_F(BusTest, StraddlingAccessesAreSplitIntoBytesLowestFirst) {
    map_.add(0x10, 2, low_);
    map_.add(0x12, 2, high_);
    InSequence sequence;
    EXPECT_CALL(listener_, unclaimed(0x0F, 1, false, 0xFF));
    EXPECT_CALL(low_, read(0, 1)).WillOnce(Return(0x11));
    EXPECT_CALL(low_, read(1, 1)).WillOnce(Return(0x22));
    EXPECT_CALL(high_, read(0, 1)).WillOnce(Return(0x33));
    EXPECT_EQ(map_.read(0x0F, 4), 0x332211FFu);

    EXPECT_CALL(high_, write(0, 1, 0x0D));
    EXPECT_CALL(high_, write(1, 1, 0x0C));
    EXPECT_CALL(listener_, unclaimed(0x14, 1, true, 0x0B));
    EXPECT_CALL(listener_, unclaimed(0x15, 1, true, 0x0A));
    map_.write(0x12, 4, 0x0A0B0C0D);
}

TEST_F(BusTest, AccessesOfOddSizesComeAsBytes) {
    map_.add(0x10, 8, low_);
    EXPECT_CALL(low_, read(_, 1)).Times(3).WillRepeatedly(Return(0xAB));
    EXPECT_EQ(map_.read(0x10, 3), 0xABABABu);
}

TEST_F(BusTest, TheVeryEndOfTheSpaceWrapsAround) {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    map_.add(kLast, 1, high_);
    map_.add(0, 1, low_);
    EXPECT_CALL(high_, read(0, 1)).WillOnce(Return(0x01));
    EXPECT_CALL(low_, read(0, 1)).WillOnce(Return(0x02));
    EXPECT_EQ(map_.read(kLast, 2), 0x0201u);
}

TEST_F(BusTest, OverlapsAndEmptyRangesAreRefusedByName) {
    map_.add(0x10, 0x10, low_);
    const auto refused = [&](std::uint64_t start, std::uint64_t size) {
        try {
            map_.add(start, size, high_);
        } catch (const ConfigError& error) {
            EXPECT_EQ(error.field(), "high");
            return std::string(error.what());
        }
        ADD_FAILURE() << "no error for " << start << " + " << size;
        return std::string();
    };
    EXPECT_THAT(refused(0x1F, 1), HasSubstr("low"));
    EXPECT_THAT(refused(0x0F, 2), HasSubstr("low"));
    EXPECT_THAT(refused(0x00, 0x100), HasSubstr("low"));
    EXPECT_THAT(refused(0x14, 2), HasSubstr("low"));
    EXPECT_THAT(refused(0x40, 0), HasSubstr("empty"));
    EXPECT_THAT(refused(0x40, ~0ull), HasSubstr("no end"));
    map_.add(0x20, 1, high_);
    map_.add(0x0F, 1, high_);
    ASSERT_EQ(map_.ranges().size(), 3u);
    EXPECT_EQ(map_.ranges()[0].start, 0x0Fu);
    EXPECT_EQ(map_.ranges()[2].start, 0x20u);
}

// A device that remembers bytes, for comparison with a flat array.
class ByteStore : public Device {
public:
    std::string_view name() const override { return "store"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{bytes[offset + i]} << (8 * i);
        return value;
    }
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override {
        for (unsigned i = 0; i < size; ++i) {
            bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
        }
    }
    void reset() override {}
    void save(StateWriter&) const override {}
    void load(StateReader&) override {}

    std::map<std::uint64_t, std::uint8_t> bytes;
};

TEST(BusProperty, RandomRangesAndAccessesBehaveLikeAFlatArray) {
    constexpr std::uint64_t kSpace = 256;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        RandomStream random{Seed{seed}};
        AddressMap map;
        std::vector<std::unique_ptr<ByteStore>> stores;
        std::vector<int> expected(kSpace + 8, -1);  // -1: nobody answers
        for (std::uint64_t start = random.below(8); start < kSpace;) {
            const std::uint64_t size = std::min(1 + random.below(12), kSpace - start);
            stores.push_back(std::make_unique<ByteStore>());
            map.add(start, size, *stores.back(), random.below(1000));
            for (std::uint64_t i = 0; i < size; ++i) expected[start + i] = 0;
            start += size + random.below(2) * random.below(10);
        }
        for (int round = 0; round < 2000; ++round) {
            const std::uint64_t address = random.below(kSpace);
            const auto size = static_cast<unsigned>(1 + random.below(8));
            if (random.below(2) == 0) {
                const std::uint64_t value = random.next();
                map.write(address, size, value);
                for (unsigned i = 0; i < size; ++i) {
                    if (expected[address + i] >= 0) {
                        expected[address + i] = static_cast<std::uint8_t>(value >> (8 * i));
                    }
                }
                continue;
            }
            std::uint64_t value = 0;
            for (unsigned i = 0; i < size; ++i) {
                value |= std::uint64_t{static_cast<std::uint8_t>(expected[address + i])} << (8 * i);
            }
            ASSERT_EQ(map.read(address, size), value) << "seed " << seed << " round " << round;
        }
    }
}

}  // namespace
}  // namespace hvlab
