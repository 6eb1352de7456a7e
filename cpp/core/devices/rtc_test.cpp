// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/rtc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

using testing_support::pass;

constexpr unsigned kA = 0x0A, kB = 0x0B, kC = 0x0C, kD = 0x0D;
constexpr std::uint8_t kPeriodic = 0x40, kAlarm = 0x20, kUpdate = 0x10, kBinary = 0x04,
                       k24Hours = 0x02;
constexpr Nanoseconds kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

class RtcTest : public testing::Test {
protected:
    void SetUp() override {
        irq8_.connect([this](bool level) {
            if (level) raised_.push_back(timeline_.now());
        });
    }

    unsigned get(unsigned index) { return get(rtc_, index); }
    void set(unsigned index, unsigned value) { set(rtc_, index, value); }
    static unsigned get(Rtc& rtc, unsigned index) {
        rtc.write(0, 1, index);
        return static_cast<unsigned>(rtc.read(1, 1));
    }
    static void set(Rtc& rtc, unsigned index, unsigned value) {
        rtc.write(0, 1, index);
        rtc.write(1, 1, value);
    }
    // "20200101 000000 4": the raw registers as hexadecimal digits, the last the day of the week.
    std::string shown() { return shown(rtc_); }
    static std::string shown(Rtc& rtc) {
        std::string text;
        for (const unsigned index :
             {0x32u, 0x09u, 0x08u, 0x07u, 0x100u, 0x04u, 0x02u, 0x00u, 0x100u, 0x06u}) {
            char two[3] = " ";
            if (index < 0x80) {
                std::snprintf(two, sizeof two, index == 6 ? "%X" : "%02X", get(rtc, index) & 0xFF);
            }
            text += two;
        }
        return text;
    }

    Timeline timeline_;
    InterruptLine irq8_;
    Rtc rtc_{timeline_, irq8_};
    std::vector<Nanoseconds> raised_;
};

TEST_F(RtcTest, StartsAtTheFixedDate) {
    EXPECT_EQ(shown(), "20200101 000000 4");  // a Wednesday
    EXPECT_EQ(get(kA), 0x26u);
    EXPECT_EQ(get(kB), 0x02u);
    EXPECT_EQ(get(kC), 0x00u);
    EXPECT_EQ(get(kD), 0x80u);
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(RtcTest, FollowsGuestTimeExactly) {
    pass(timeline_, kSecond - 1);
    EXPECT_EQ(shown(), "20200101 000000 4");
    pass(timeline_, 1);
    EXPECT_EQ(shown(), "20200101 000001 4");
    pass(timeline_, kDay - 2 * kSecond);
    EXPECT_EQ(shown(), "20200101 235959 4");
    pass(timeline_, kSecond);
    EXPECT_EQ(shown(), "20200102 000000 5");
    pass(timeline_, 58 * kDay);
    EXPECT_EQ(shown(), "20200229 000000 7");
    pass(timeline_, 307 * kDay);
    EXPECT_EQ(shown(), "20210101 000000 6");
}

TEST_F(RtcTest, EveryDateAgreesWithTheSystemsCalendar) {
    RandomStream random{Seed{3}};
    for (int i = 0; i < 500; ++i) {
        const auto start = static_cast<std::int64_t>(random.below(253'402'300'800));
        const auto later = static_cast<std::int64_t>(random.below(3'000'000'000));
        Timeline timeline;
        InterruptLine irq8;
        Rtc rtc(timeline, irq8, start);
        timeline.advance_to(later * kSecond + static_cast<Nanoseconds>(random.below(kSecond)));
        const std::time_t expected = start + later;
        std::tm parts{};
        gmtime_r(&expected, &parts);
        if (parts.tm_year >= 8100) continue;  // beyond 9999
        char text[64];
        std::strftime(text, sizeof text, "%Y%m%d %H%M%S ", &parts);
        std::string padded = text + std::to_string(parts.tm_wday + 1);
        padded.insert(0, 17 - padded.size(), '0');
        ASSERT_EQ(shown(rtc), padded) << start << " + " << later;
    }
}

TEST_F(RtcTest, BinaryAndTwelveHours) {
    set(kB, kBinary | k24Hours);
    set(0x04, 23);
    set(0x02, 59);
    set(0x00, 59);
    set(0x09, 99);
    set(0x32, 19);
    set(0x08, 12);
    set(0x07, 31);
    pass(timeline_, kSecond);
    EXPECT_EQ(shown(), "14000101 000000 5");  // 2000-01-01 in hexadecimal

    set(kB, 0);  // BCD, 12 hours
    set(0x04, 0x11);
    set(0x02, 0x59);
    set(0x00, 0x59);
    pass(timeline_, kSecond);
    EXPECT_EQ(get(0x04), 0x92u);  // 12 PM
    pass(timeline_, kHour);
    EXPECT_EQ(get(0x04), 0x81u);
    pass(timeline_, 11 * kHour);
    EXPECT_EQ(get(0x04), 0x12u);  // 12 AM
}

TEST_F(RtcTest, WhatIsNoTimeOfDayIsNormalisedAtTheNextUpdate) {
    for (unsigned i = 0; i <= 9; ++i) set(i, 0xFF);
    EXPECT_EQ(get(0x04), 0xFFu);
    pass(timeline_, kSecond);
    for (const unsigned i : {0u, 2u}) EXPECT_LT(get(i), 0x60u);
    EXPECT_LT(get(4), 0x24u);
    EXPECT_GE(get(8), 0x01u);
    EXPECT_LE(get(8), 0x12u);
}

TEST_F(RtcTest, SetStopsUpdatesAndClearsTheirInterrupt) {
    set(kB, k24Hours | kUpdate);
    set(kB, 0x80 | k24Hours | kUpdate);
    EXPECT_EQ(get(kB), 0x80u | k24Hours);
    set(0x00, 0x30);
    pass(timeline_, 10 * kSecond);
    EXPECT_EQ(shown(), "20200101 000030 4");
    EXPECT_EQ(get(kA) & 0x80, 0u);
    EXPECT_EQ(get(kC), 0x00u | kPeriodic);
    set(kB, k24Hours);
    pass(timeline_, kSecond);
    EXPECT_EQ(shown(), "20200101 000031 4");
}

TEST_F(RtcTest, TheFirstUpdateIsHalfASecondAfterTheDividerStarts) {
    pass(timeline_, 300 * kMillisecond);
    set(kA, 0x76);
    pass(timeline_, 10 * kSecond);
    EXPECT_EQ(shown(), "20200101 000000 4");
    set(kA, 0x26);
    pass(timeline_, kSecond / 2 - 1);
    EXPECT_EQ(shown(), "20200101 000000 4");
    pass(timeline_, 1);
    EXPECT_EQ(shown(), "20200101 000001 4");
}

TEST_F(RtcTest, UpdateInProgressComesBeforeTheUpdate) {
    pass(timeline_, kSecond - 2'228 * kMicrosecond - 1);
    EXPECT_EQ(get(kA), 0x26u);
    pass(timeline_, 1);
    EXPECT_EQ(get(kA), 0xA6u);
    pass(timeline_, 2'228 * kMicrosecond);
    EXPECT_EQ(get(kA), 0x26u);
    EXPECT_EQ(get(0), 0x01u);
}

TEST_F(RtcTest, UpdateEndedInterrupt) {
    set(kB, k24Hours | kUpdate);
    EXPECT_EQ(timeline_.next_deadline(), kSecond);
    pass(timeline_, 3 * kSecond / 2);
    EXPECT_THAT(raised_, testing::ElementsAre(kSecond));
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);  // raised already
    EXPECT_EQ(get(kC) & 0xB0, 0x80u | kUpdate);
    EXPECT_FALSE(irq8_.level());
    EXPECT_EQ(get(kC), 0x00u);
    EXPECT_EQ(timeline_.next_deadline(), 2 * kSecond);
}

TEST_F(RtcTest, FlagsComeWithoutTheirEnablesAndRaiseWhenEnabled) {
    pass(timeline_, kSecond);
    EXPECT_FALSE(irq8_.level());
    set(kB, k24Hours | kUpdate);
    EXPECT_TRUE(irq8_.level());
    EXPECT_EQ(get(kC), 0x80u | kPeriodic | kUpdate);
}

TEST_F(RtcTest, PeriodicInterruptAtEveryRate) {
    constexpr std::array<int, 16> kPerSecond = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                                256, 128, 64,  32,   16,   8,    4,    2};
    for (unsigned rate = 0; rate < kPerSecond.size(); ++rate) {
        Timeline timeline;
        InterruptLine irq8;
        Rtc rtc(timeline, irq8);
        int count = 0;
        irq8.connect([&](bool level) { count += level ? 1 : 0; });
        set(rtc, kA, 0x20 | rate);
        set(rtc, kB, k24Hours | kPeriodic);
        while (timeline.next_deadline() && *timeline.next_deadline() <= 10 * kSecond) {
            pass(timeline, *timeline.next_deadline() - timeline.now());
            ASSERT_EQ(get(rtc, kC) & 0xC0, 0xC0u);
        }
        EXPECT_EQ(count, 10 * kPerSecond[rate]) << rate;
    }
}

TEST_F(RtcTest, AlarmAtATimeOfDay) {
    set(0x05, 0x06);
    set(0x03, 0x30);
    set(0x01, 0x15);
    set(kB, k24Hours | kAlarm);
    const Nanoseconds first = 6 * kHour + 30 * kMinute + 15 * kSecond;
    EXPECT_EQ(timeline_.next_deadline(), first);
    pass(timeline_, 7 * kHour);
    EXPECT_THAT(raised_, testing::ElementsAre(first));
    EXPECT_EQ(get(kC) & 0xA0, 0x80u | kAlarm);
    EXPECT_EQ(timeline_.next_deadline(), first + kDay);
}

TEST_F(RtcTest, AlarmWildcards) {
    set(0x05, 0xC0);
    set(0x03, 0xFF);
    set(0x01, 0x10);
    set(kB, k24Hours | kAlarm);
    EXPECT_EQ(timeline_.next_deadline(), 10 * kSecond);
    set(0x01, 0xC0);
    EXPECT_EQ(timeline_.next_deadline(), kSecond);
    set(0x05, 0x24);  // an hour that never comes... as what it comes to: midnight
    set(0x03, 0x60);  // a minute that never comes
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(RtcTest, AlarmFlagWithoutTheInterrupt) {
    set(0x05, 0x00);
    set(0x03, 0x00);
    set(0x01, 0x05);
    get(kC);
    timeline_.advance_to(4 * kSecond);
    EXPECT_EQ(get(kC) & kAlarm, 0u);
    timeline_.advance_to(20 * kSecond);
    EXPECT_EQ(get(kC) & kAlarm, kAlarm);
    timeline_.advance_to(kDay);
    EXPECT_EQ(get(kC) & kAlarm, 0u);
    timeline_.advance_to(1000 * kDay);
    EXPECT_EQ(get(kC) & kAlarm, kAlarm);
}

// Second by second, what the alarm deadline says in one step.
TEST_F(RtcTest, AlarmDeadlinesAgreeWithASearch) {
    RandomStream random{Seed{11}};
    for (int i = 0; i < 60; ++i) {
        Timeline timeline;
        InterruptLine irq8;
        Rtc rtc(timeline, irq8, static_cast<std::int64_t>(random.below(86'400)));
        const std::uint64_t fixed = i % 20 == 0 ? 3 : 2;  // few with an hour: their search is long
        std::array<unsigned, 3> alarm{};
        for (unsigned field = 0; field < 3; ++field) {
            const auto value = static_cast<unsigned>(random.below(field == 2 ? 24 : 60));
            alarm[field] =
                field >= fixed || random.below(3) == 0 ? 0xC0 : value / 10 << 4 | value % 10;
            set(rtc, field * 2 + 1, alarm[field]);
        }
        set(rtc, kB, k24Hours | kAlarm);
        ASSERT_TRUE(timeline.next_deadline().has_value());
        const Nanoseconds predicted = *timeline.next_deadline();
        const auto matches = [&] {
            for (unsigned field = 0; field < 3; ++field) {
                if (alarm[field] != 0xC0 && get(rtc, field * 2) != alarm[field]) return false;
            }
            return true;
        };
        do timeline.advance_to(timeline.now() + kSecond);
        while (!matches());
        ASSERT_EQ(predicted, timeline.now()) << i;
    }
}

TEST_F(RtcTest, RamMemorySizeAndIndex) {
    set(0x40, 0x5A);
    set(0x7F, 0xA5);
    EXPECT_EQ(get(0x40), 0x5Au);
    EXPECT_EQ(get(0x7F), 0xA5u);
    EXPECT_EQ(rtc_.read(0, 1), 0xFFu);
    set(kC, 0xFF);
    set(kD, 0x00);
    EXPECT_EQ(get(kC), 0x00u);
    EXPECT_EQ(get(kD), 0x80u);

    rtc_.set_memory_size(3 * kGiB, 5 * kGiB);
    EXPECT_EQ(get(0x15) | get(0x16) << 8, 640u);
    EXPECT_EQ(get(0x17) | get(0x18) << 8, 0xFFFFu);
    EXPECT_EQ(get(0x30) | get(0x31) << 8, 0xFFFFu);
    EXPECT_EQ(get(0x34) | get(0x35) << 8, (3 * kGiB - 16 * kMiB) / (64 * kKiB));
    EXPECT_EQ(get(0x5B) | get(0x5C) << 8 | get(0x5D) << 16, 5 * kGiB / (64 * kKiB));
    rtc_.set_memory_size(kMiB, 0);
    EXPECT_EQ(get(0x17) | get(0x34) | get(0x5B), 0u);
}

TEST_F(RtcTest, TheNmiMaskIsKept) {
    EXPECT_FALSE(rtc_.nmi_masked());
    rtc_.write(0, 1, 0x80 | kD);
    EXPECT_TRUE(rtc_.nmi_masked());
    EXPECT_EQ(rtc_.read(1, 1), 0x80u);
    rtc_.write(0, 1, 0x00);
    EXPECT_FALSE(rtc_.nmi_masked());
}

TEST_F(RtcTest, ResetStopsInterruptsAndNothingElse) {
    set(0x40, 0x77);
    set(kB, k24Hours | kUpdate | kAlarm | kPeriodic);
    pass(timeline_, 5 * kSecond);
    EXPECT_TRUE(irq8_.level());
    rtc_.reset();
    EXPECT_FALSE(irq8_.level());
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
    EXPECT_EQ(get(kB), 0u | k24Hours);
    EXPECT_EQ(get(kC), 0u);
    EXPECT_EQ(get(0x40), 0x77u);
    EXPECT_EQ(shown(), "20200101 000005 4");
}

TEST_F(RtcTest, StartDatesOutsideTheCalendarAreRefused) {
    EXPECT_THROW(Rtc(timeline_, irq8_, -1), ConfigError);
    EXPECT_THROW(Rtc(timeline_, irq8_, 253'402'300'800), ConfigError);
    EXPECT_NO_THROW(Rtc(timeline_, irq8_, 253'402'300'799));
}

TEST_F(RtcTest, RefusesBadStates) {
    testing_support::expect_truncations_refused(rtc_);
}

class RtcRig : public testing_support::Rig {
public:
    Device& device() override { return rtc_; }
    std::uint64_t offsets() const override { return 3; }
    // Mostly the registers that do something.
    std::uint64_t special(RandomStream& random) override {
        const unsigned index = random.below(4) == 0 ? static_cast<unsigned>(random.next() & 0xFF)
                                                    : static_cast<unsigned>(random.below(14));
        rtc_.write(0, 1, index);
        if (random.below(2) == 0) return rtc_.read(1, 1);
        std::uint64_t value = random.next();
        if (index == kA && random.below(8) != 0) value = 0x20 | (value & 0x0F);
        if (index < kA) value &= 0x11;
        rtc_.write(1, 1, value);
        return 0;
    }
    std::uint64_t longest_pause() const override { return 500'000'000'000; }
    std::uint64_t visible() const override { return irq8_.level(); }

private:
    InterruptLine irq8_;
    Rtc rtc_{timeline, irq8_};
};

TEST(RtcProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<RtcRig>(); }, 30,
                                                3000);
}

}  // namespace
}  // namespace hvlab
