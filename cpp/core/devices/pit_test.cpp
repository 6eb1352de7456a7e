// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

using testing::ElementsAre;
using testing_support::pass;

constexpr std::uint64_t kControl = 3;

// When pulse n of the 105/88 MHz clock has been, by the definition: the first ns t with t *
// 21/17600 >= n.
Nanoseconds time_of(std::uint64_t pulse) {
    return static_cast<Nanoseconds>((static_cast<unsigned __int128>(pulse) * 17'600 + 20) / 21);
}

class PitTest : public testing::Test {
protected:
    void SetUp() override {
        irq0_.connect([this](bool level) {
            if (level) edges_.push_back(timeline_.now());
        });
    }

    void out(std::uint64_t offset, unsigned value) { pit_.write(offset, 1, value); }
    unsigned in(std::uint64_t offset) { return static_cast<unsigned>(pit_.read(offset, 1)); }
    void program(unsigned counter, unsigned mode, unsigned count) {
        out(kControl, counter << 6 | 0x30 | mode << 1);
        out(counter, count & 0xFF);
        out(counter, count >> 8);
    }
    unsigned count(unsigned counter) {
        out(kControl, counter << 6);
        const unsigned low = in(counter);
        return in(counter) << 8 | low;
    }

    Timeline timeline_;
    InterruptLine irq0_;
    Pit pit_{timeline_, irq0_};
    std::vector<Nanoseconds> edges_;
};

TEST_F(PitTest, NothingHappensBeforeItIsProgrammed) {
    pass(timeline_, 10 * kSecond);
    EXPECT_TRUE(edges_.empty());
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(PitTest, AnHourOfTicksHasNoDrift) {
    constexpr std::uint64_t kReload = 11'932;  // Linux at 100 Hz
    pass(timeline_, 12'345);
    program(0, 2, kReload);
    edges_.clear();
    const std::uint64_t written = 12'345 * 21 / 17'600;
    pass(timeline_, 3'600 * kSecond);
    ASSERT_EQ(edges_.size(), (timeline_.now() * 21 / 17'600 - written - 1) / kReload);
    for (std::uint64_t i = 0; i < edges_.size(); ++i) {
        ASSERT_EQ(edges_[i], time_of(written + 1 + kReload * (i + 1))) << i;
    }
}

TEST_F(PitTest, TheRateOfAPcsFirmware) {
    program(0, 3, 0);  // 65536: 18.2 Hz
    pass(timeline_, 60 * kSecond);
    EXPECT_EQ(edges_.size(), 60u * 1'193'181 / 65'536);
}

TEST_F(PitTest, ATimerEventForRisingEdgesOnly) {
    program(0, 3, 1'000);
    EXPECT_EQ(timeline_.next_deadline(), time_of(1 + 1'000));
    program(0, 0, 100);
    EXPECT_EQ(timeline_.next_deadline(), time_of(1 + 100));
    pass(timeline_, kSecond);
    EXPECT_EQ(edges_.size(), 1u);
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
    program(1, 2, 18);
    program(2, 3, 100);
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(PitTest, AOneShotAsLinuxUsesIt) {
    out(kControl, 0x38);  // mode 4
    out(0, 0xE8);
    out(0, 0x03);
    pass(timeline_, kSecond);
    EXPECT_THAT(edges_, ElementsAre(time_of(1 + 1'000 + 1)));
}

TEST_F(PitTest, MissedTicksAreOneEdge) {
    program(0, 2, 1'000);
    edges_.clear();
    timeline_.advance_to(kSecond);
    timeline_.fire_due();
    EXPECT_THAT(edges_, ElementsAre(kSecond));
    EXPECT_GT(*timeline_.next_deadline(), kSecond);
}

TEST_F(PitTest, ALateTimerIsCaughtUpWithByAnAccess) {
    program(0, 2, 1'000);
    edges_.clear();
    timeline_.advance_to(kMillisecond);
    in(0);
    EXPECT_THAT(edges_, ElementsAre(kMillisecond));
    timeline_.fire_due();
    EXPECT_EQ(edges_.size(), 1u);
}

TEST_F(PitTest, TheCountFollowsGuestTime) {
    program(0, 2, 0);
    for (int i = 0; i < 1'000; ++i) {
        const std::uint64_t pulse = static_cast<std::uint64_t>(timeline_.now()) * 21 / 17'600;
        const std::uint64_t expected = pulse == 0 ? 0 : 65'536 - (pulse - 1) % 65'536;
        ASSERT_EQ(count(0), expected & 0xFFFF) << i;
        pass(timeline_, 97'531);
    }
}

TEST_F(PitTest, ReadBackOfSeveralCounters) {
    program(0, 2, 0x1111);
    program(2, 0, 0x2222);
    pass(timeline_, kMicrosecond);  // one pulse: both are loaded but for GATE 2
    out(kControl, 0xC0 | 0x0A);     // counts and status of counters 0 and 2
    pass(timeline_, kMillisecond);
    EXPECT_EQ(in(0), 0xB4u);
    EXPECT_EQ(in(0), 0x11u);
    EXPECT_EQ(in(0), 0x11u);
    EXPECT_EQ(in(2), 0x30u);
    EXPECT_EQ(in(2), 0x22u);
    EXPECT_EQ(in(2), 0x22u);
    out(kControl, 0xE0 | 0x02);  // status alone
    EXPECT_EQ(in(0) & 0x3F, 0x34u);
    out(kControl, 0xD0 | 0x02);  // count alone
    EXPECT_NE(in(0) | in(0) << 8, 0x1111u);
}

TEST_F(PitTest, Counter2IsGatedAndSeenFromOutside) {
    program(2, 0, 0xFFFF);
    EXPECT_FALSE(pit_.gate2());
    pass(timeline_, kSecond);
    EXPECT_FALSE(pit_.out2());
    pit_.set_gate2(true);
    const Nanoseconds start = timeline_.now();
    while (!pit_.out2() && timeline_.now() < 2 * kSecond) pass(timeline_, kMicrosecond);
    EXPECT_NEAR(static_cast<double>(timeline_.now() - start), 65'535 * 17'600.0 / 21, 2'000.0);
    EXPECT_TRUE(edges_.empty());
}

TEST_F(PitTest, OffsetsBeyondTheControlWord) {
    EXPECT_EQ(in(kControl), 0xFFu);
    EXPECT_EQ(in(17), 0xFFu);
    out(17, 0x34);
    program(0, 2, 0x1234);
    pass(timeline_, kMicrosecond);
    pit_.write(2, 2,
               0x00'FF);  // the low byte to counter 2, the high one to the control word: latch 0
    EXPECT_EQ(pit_.read(0, 1), 0x34u);
}

TEST_F(PitTest, ResetIsPowerOn) {
    program(0, 2, 100);
    pit_.reset();
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
    edges_.clear();
    pass(timeline_, kSecond);
    EXPECT_TRUE(edges_.empty());
}

TEST_F(PitTest, RefusesBadStates) {
    program(0, 3, 100);
    pass(timeline_, kMillisecond);
    testing_support::expect_truncations_refused(pit_);
}

TEST_F(PitTest, AnyStateIsRefusedOrHarmless) {
    RandomStream random{Seed{7}};
    program(0, 3, 100);
    program(1, 2, 7);
    program(2, 5, 9);
    const std::vector<std::byte> good = testing_support::saved(pit_);
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::vector<std::byte> bad = good;
        for (std::uint64_t j = 0; j <= random.below(3); ++j) {
            bad[8 + random.below(bad.size() - 8)] = static_cast<std::byte>(random.below(4));
        }
        StateReader reader(bad);
        try {
            pit_.load(reader);
        } catch (const StateError&) {
            continue;
        }
        ++accepted;
        pass(timeline_, 20 * kMicrosecond);
        for (unsigned counter = 0; counter < 3; ++counter) count(counter);
    }
    EXPECT_GT(accepted, 1'000);
}

class PitRig : public testing_support::Rig {
public:
    Device& device() override { return pit_; }
    std::uint64_t offsets() const override { return 4; }
    std::uint64_t special(RandomStream& random) override {
        pit_.set_gate2(random.below(2) == 0);
        return pit_.out2();
    }
    std::uint64_t longest_pause() const override { return 200'000'000; }
    std::uint64_t visible() const override { return irq0_.level(); }

private:
    InterruptLine irq0_;
    Pit pit_{timeline, irq0_};
};

TEST(PitProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<PitRig>(); }, 12,
                                                2000);
}

}  // namespace
}  // namespace hvlab
