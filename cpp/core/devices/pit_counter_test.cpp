// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pit_counter.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"

namespace hvlab {
namespace {

// The counter of the data sheet, one CLK pulse at a time, with a counting element of four digits.
class ReferenceCounter {
public:
    explicit ReferenceCounter(bool gate) : gate_(gate) {}

    void control(std::uint8_t value) {
        const bool gate = gate_;
        const std::uint16_t element = element_;
        const bool known = element_known_ && bcd_ == ((value & 1) != 0);
        *this = ReferenceCounter(gate);
        programmed_ = value & 0x3F;
        access_ = value >> 4 & 3;
        mode_ = value >> 1 & 7;
        if (mode_ > 5) mode_ -= 4;
        bcd_ = (value & 1) != 0;
        out_ = mode_ != 0;
        element_ = element;
        element_known_ = known;
    }

    void write(std::uint8_t value) {
        if (access_ == 1) return count(value);
        if (access_ == 2) return count(static_cast<std::uint16_t>(value << 8));
        if (!second_) {
            second_ = true;
            low_ = value;
            if (mode_ == 0) {
                counting_ = pending_ = false;
                out_ = false;
            }
            return;
        }
        second_ = false;
        count(static_cast<std::uint16_t>(value << 8 | low_));
    }

    void gate(bool level) {
        if (level && !gate_ && written_) {
            if (mode_ == 1 || mode_ == 5) trigger_ = true;
            if ((mode_ == 2 || mode_ == 3) && counting_) trigger_ = true;
        }
        if (!level && (mode_ == 2 || mode_ == 3)) out_ = true;
        gate_ = level;
    }

    void pulse() {
        if (strobe_) {
            strobe_ = false;
            out_ = true;
        }
        if (pending_ || trigger_) {
            if (mode_ == 1) out_ = false;
            if (mode_ == 2 || mode_ == 3) out_ = true;
            pending_ = trigger_ = false;
            reload();
            return;
        }
        if (!counting_) return;
        if (!gate_ && mode_ != 1 && mode_ != 5) return;
        switch (mode_) {
            case 0:
            case 1:
                decrement();
                if (element_ == 0) out_ = true;
                break;
            case 2:
                if (out_ && element_ != 1) {
                    decrement();
                    if (element_ == 1) out_ = false;
                } else {
                    out_ = true;
                    reload();
                }
                break;
            case 3:
                square_wave();
                break;
            default:
                decrement();
                if (element_ == 0 && !expired_) {
                    expired_ = strobe_ = true;
                    out_ = false;
                }
                break;
        }
    }

    bool out() const { return out_; }
    // False if what the next read gives is open: no count was loaded since BCD was switched on or
    // off.
    bool next_read_known() const {
        return status_latched_ || (latched_.empty() ? element_known_ : latched_known_);
    }
    void latch() {
        if (latched_.empty()) {
            latched_known_ = element_known_;
            if (access_ != 2) latched_.push_back(static_cast<std::uint8_t>(element_));
            if (access_ != 1) latched_.push_back(static_cast<std::uint8_t>(element_ >> 8));
            if (access_ == 3 && high_next_) latched_.erase(latched_.begin());
        }
    }
    void latch_status() {
        if (status_latched_) return;
        status_latched_ = true;
        status_ = static_cast<std::uint8_t>((out_ ? 0x80 : 0) | (null_ ? 0x40 : 0) | programmed_);
    }
    std::uint8_t read() {
        if (status_latched_) {
            status_latched_ = false;
            return status_;
        }
        const bool high = access_ == 2 || (access_ == 3 && high_next_);
        if (access_ == 3) high_next_ = !high_next_;
        if (!latched_.empty()) {
            const std::uint8_t value = latched_.front();
            latched_.erase(latched_.begin());
            return value;
        }
        return static_cast<std::uint8_t>(high ? element_ >> 8 : element_);
    }

private:
    void count(std::uint16_t digits) {
        register_ = digits;
        written_ = true;
        null_ = true;
        if (mode_ == 0) out_ = false;
        if (mode_ == 0 || mode_ == 4) pending_ = true;
        if ((mode_ == 2 || mode_ == 3) && !counting_) pending_ = true;
    }

    void reload() {
        odd_ = (register_ & 1) != 0;
        one_ = register_ == 1;
        element_ = register_;
        if (mode_ == 3 && odd_) element_ &= 0xFFFE;
        null_ = expired_ = false;
        counting_ = element_known_ = true;
    }

    void decrement() {
        if (!bcd_) {
            --element_;
            return;
        }
        for (int shift = 0; shift < 16; shift += 4) {
            const auto digit = static_cast<unsigned>(element_ >> shift & 15);
            element_ = static_cast<std::uint16_t>(element_ & ~(15u << shift));
            element_ |= static_cast<std::uint16_t>((digit == 0 ? 9 : digit - 1) << shift);
            if (digit != 0) return;
        }
    }

    void square_wave() {
        if (one_) {
            reload();
            if (!one_) out_ = !out_;
            return;
        }
        if (!expired_) {
            decrement();
            decrement();
            expired_ = element_ == 0;
            if (!expired_ || (odd_ && out_)) return;
        }
        reload();
        out_ = one_ || !out_;
    }

    bool gate_;
    std::uint8_t programmed_ = 0x30;
    int access_ = 3;
    int mode_ = 0;
    bool bcd_ = false;
    bool out_ = true;
    std::uint16_t register_ = 0;
    std::uint16_t element_ = 0;
    bool element_known_ = true;
    bool second_ = false;
    std::uint8_t low_ = 0;
    bool written_ = false;
    bool pending_ = false;
    bool trigger_ = false;
    bool counting_ = false;
    bool expired_ = false;
    bool strobe_ = false;
    bool odd_ = false;
    bool one_ = false;
    bool null_ = true;
    bool high_next_ = false;
    bool status_latched_ = false;
    std::uint8_t status_ = 0;
    std::vector<std::uint8_t> latched_;
    bool latched_known_ = true;
};

std::uint8_t control(unsigned access, unsigned mode, bool bcd = false) {
    return static_cast<std::uint8_t>(access << 4 | mode << 1 | (bcd ? 1 : 0));
}

void write_word(PitCounter& counter, unsigned count) {
    counter.write(static_cast<std::uint8_t>(count));
    counter.write(static_cast<std::uint8_t>(count >> 8));
}

unsigned read_word(PitCounter& counter) {
    const unsigned low = counter.read();
    return counter.read() * 256u + low;
}

// OUT after each of the next pulses, "-" high and "_" low.
std::string wave(PitCounter& counter, int pulses) {
    std::string drawn;
    for (int i = 0; i < pulses; ++i) {
        counter.advance(1);
        drawn += counter.out() ? '-' : '_';
    }
    return drawn;
}

PitCounter programmed(unsigned mode, unsigned count, bool gate = true) {
    PitCounter counter(gate);
    counter.write_control(control(3, mode));
    write_word(counter, count);
    return counter;
}

TEST(PitCounterTest, Mode0GoesHighAfterNPlus1Pulses) {
    PitCounter counter = programmed(0, 4);
    EXPECT_FALSE(counter.out());
    EXPECT_EQ(counter.pulses_to_rise(), 5u);
    EXPECT_EQ(wave(counter, 7), "____---");
    EXPECT_EQ(read_word(counter), 0xFFFEu);  // counts on
    EXPECT_EQ(counter.pulses_to_rise(), std::nullopt);
}

TEST(PitCounterTest, Mode0FirstByteStopsAndASecondCountStartsAnew) {
    PitCounter counter = programmed(0, 4);
    counter.advance(3);
    counter.write(6);
    counter.advance(100);
    EXPECT_FALSE(counter.out());
    EXPECT_EQ(counter.pulses_to_rise(), std::nullopt);
    counter.write(0);
    EXPECT_EQ(wave(counter, 7), "______-");
}

TEST(PitCounterTest, Mode0GateLowHoldsTheCount) {
    PitCounter counter = programmed(0, 3, false);
    EXPECT_EQ(wave(counter, 5), "_____");
    EXPECT_EQ(read_word(counter), 3u);  // loaded all the same
    counter.set_gate(true);
    EXPECT_EQ(wave(counter, 4), "__--");
}

TEST(PitCounterTest, Mode1IsARetriggerableOneShot) {
    PitCounter counter = programmed(1, 3, false);
    EXPECT_EQ(wave(counter, 3), "---");
    counter.set_gate(true);
    EXPECT_EQ(wave(counter, 3), "___");
    counter.set_gate(false);
    counter.set_gate(true);
    EXPECT_EQ(wave(counter, 5), "___--");
}

TEST(PitCounterTest, Mode2IsLowForOnePulseInN) {
    PitCounter counter = programmed(2, 3);
    EXPECT_EQ(counter.pulses_to_rise(), 4u);
    EXPECT_EQ(wave(counter, 10), "--_--_--_-");
}

TEST(PitCounterTest, Mode2TakesANewCountAtTheEndOfThePeriod) {
    PitCounter counter = programmed(2, 4);
    counter.advance(2);
    write_word(counter, 2);
    EXPECT_EQ(wave(counter, 7), "-_-_-_-");
}

TEST(PitCounterTest, Mode2GateLowForcesOutHighAndRisingReloads) {
    PitCounter counter = programmed(2, 3);
    EXPECT_EQ(wave(counter, 3), "--_");
    counter.set_gate(false);
    EXPECT_TRUE(counter.out());
    EXPECT_EQ(wave(counter, 4), "----");
    counter.set_gate(true);
    EXPECT_EQ(wave(counter, 5), "--_--");
}

TEST(PitCounterTest, Mode3IsASquareWaveWithTheLongerHalfHigh) {
    PitCounter even = programmed(3, 4);
    EXPECT_EQ(wave(even, 9), "--__--__-");
    PitCounter odd = programmed(3, 5);
    EXPECT_EQ(wave(odd, 11), "---__---__-");
}

TEST(PitCounterTest, Mode3CountsDownByTwo) {
    PitCounter counter = programmed(3, 0);
    counter.advance(1);
    EXPECT_EQ(read_word(counter), 0u);
    counter.advance(1);
    EXPECT_EQ(read_word(counter), 0xFFFEu);
    counter.advance(32'766);
    EXPECT_TRUE(counter.out());
    counter.advance(1);
    EXPECT_FALSE(counter.out());
}

TEST(PitCounterTest, Mode4StrobesOnce) {
    PitCounter counter = programmed(4, 3);
    EXPECT_EQ(counter.pulses_to_rise(), 5u);
    EXPECT_EQ(wave(counter, 6), "---_--");
    EXPECT_FALSE(counter.advance(200'000));
}

TEST(PitCounterTest, Mode5StrobesAfterATrigger) {
    PitCounter counter = programmed(5, 3, false);
    EXPECT_EQ(wave(counter, 6), "------");
    counter.set_gate(true);
    EXPECT_EQ(wave(counter, 6), "---_--");
}

TEST(PitCounterTest, BcdCountsDecimally) {
    PitCounter counter(true);
    counter.write_control(control(3, 2, true));
    write_word(counter, 0x1000);
    counter.advance(2);
    EXPECT_EQ(read_word(counter), 0x0999u);
    write_word(counter, 0x0000);  // ten thousand
    counter.advance(999);
    counter.advance(1);
    EXPECT_EQ(read_word(counter), 0x9999u);
}

TEST(PitCounterTest, ALatchedCountStaysUntilItIsReadWhole) {
    PitCounter counter = programmed(2, 0x1234);
    counter.advance(1);
    counter.latch_count();
    counter.advance(0x100);
    counter.latch_count();  // ignored: the first is not read yet
    EXPECT_EQ(counter.read(), 0x34);
    EXPECT_EQ(counter.read(), 0x12);
    EXPECT_EQ(read_word(counter), 0x1134u);
}

TEST(PitCounterTest, StatusShowsOutNullCountAndTheControlWord) {
    PitCounter counter(true);
    counter.write_control(control(3, 6));
    counter.latch_status();
    EXPECT_EQ(counter.read(), 0xC0 | control(3, 6));
    write_word(counter, 4);
    counter.advance(1);
    counter.latch_status();
    counter.latch_count();
    counter.advance(2);
    EXPECT_EQ(counter.read(), 0x80 | control(3, 6));  // as it was, and before the count
    EXPECT_EQ(counter.read(), 4);
}

TEST(PitCounterTest, ACountOfOneInTheRateModesNeverRises) {
    for (const unsigned mode : {2u, 3u}) {
        PitCounter counter = programmed(mode, 1);
        EXPECT_FALSE(counter.advance(1'000'000)) << mode;
        EXPECT_TRUE(counter.out()) << mode;
        EXPECT_EQ(counter.pulses_to_rise(), std::nullopt) << mode;
    }
}

TEST(PitCounterTest, LongSpansTakeNoLongerThanShortOnes) {
    for (unsigned mode = 0; mode < 6; ++mode) {
        PitCounter counter = programmed(mode, 3);
        PitCounter small = programmed(mode, 3);
        counter.advance(1'000'000'000'000'000'000);
        small.advance(100);  // the same in periods of three, after the load
        EXPECT_EQ(counter.out(), small.out()) << mode;
    }
}

class PitCounterProperty : public testing::TestWithParam<bool> {};

// Both get the same random programming; after every operation everything readable must agree.
TEST_P(PitCounterProperty, AgreesWithTheDataSheetPulseByPulse) {
    const bool large = GetParam();
    for (std::uint64_t seed = 0; seed < (large ? 15u : 150u); ++seed) {
        RandomStream random{Seed{seed}};
        const bool gate = random.below(2) == 0;
        PitCounter counter(gate);
        ReferenceCounter reference(gate);
        unsigned word_low = 0;
        for (int i = 0; i < 600; ++i) {
            const std::string where =
                "seed " + std::to_string(seed) + " operation " + std::to_string(i);
            switch (random.below(9)) {
                case 0: {
                    if (random.below(3) != 0) break;
                    const std::uint8_t value =
                        control(static_cast<unsigned>(1 + random.below(3)),
                                static_cast<unsigned>(random.below(8)), random.below(3) == 0);
                    counter.write_control(value);
                    reference.control(value);
                    break;
                }
                case 1:
                case 2: {  // digits that are valid in BCD too
                    word_low = static_cast<unsigned>(random.below(large ? 10 : 3)) * 16 +
                               static_cast<unsigned>(random.below(10));
                    const bool zero = !large && random.below(4) != 0;
                    counter.write(static_cast<std::uint8_t>(zero ? 0 : word_low));
                    reference.write(static_cast<std::uint8_t>(zero ? 0 : word_low));
                    break;
                }
                case 3: {
                    const bool level = random.below(3) != 0;
                    counter.set_gate(level);
                    reference.gate(level);
                    break;
                }
                case 4:
                    counter.latch_count();
                    reference.latch();
                    break;
                case 5:
                    counter.latch_status();
                    reference.latch_status();
                    break;
                case 6: {
                    const bool known = reference.next_read_known();
                    const unsigned mine = counter.read();
                    const unsigned theirs = reference.read();
                    if (known) {
                        ASSERT_EQ(mine, theirs) << where;
                    }
                    break;
                }
                default: {
                    const std::uint64_t pulses =
                        random.below(large ? 150'000 : 60) >> random.below(large ? 12 : 5);
                    bool rose = false;
                    for (std::uint64_t pulse = 0; pulse < pulses; ++pulse) {
                        const bool before = reference.out();
                        reference.pulse();
                        rose |= !before && reference.out();
                    }
                    ASSERT_EQ(counter.advance(pulses), rose) << where;
                    break;
                }
            }
            ASSERT_EQ(counter.out(), reference.out()) << where;
            if (random.below(10) == 0) {
                StateWriter writer;
                counter.save(writer);
                StateReader reader(writer.bytes());
                PitCounter loaded(false);
                loaded.load(reader);
                counter = loaded;
            }
            if (large && random.below(20) != 0) continue;
            // The prediction, against letting the reference run ahead.
            const std::uint64_t horizon = large ? 140'000 : 250;
            ReferenceCounter ahead = reference;
            std::optional<std::uint64_t> expected;
            for (std::uint64_t pulse = 1; pulse <= horizon && !expected; ++pulse) {
                const bool before = ahead.out();
                ahead.pulse();
                if (!before && ahead.out()) expected = pulse;
            }
            const std::optional<std::uint64_t> predicted = counter.pulses_to_rise();
            if (predicted && *predicted > horizon) {
                ASSERT_EQ(expected, std::nullopt) << where;
            } else {
                ASSERT_EQ(predicted, expected) << where;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, PitCounterProperty, testing::Bool(),
                         [](const auto& which) { return which.param ? "Large" : "Small"; });

}  // namespace
}  // namespace hvlab
