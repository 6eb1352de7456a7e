// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kMasterCommand = PicPair::kMasterOffset;
constexpr std::uint64_t kMasterData = PicPair::kMasterOffset + 1;
constexpr std::uint64_t kSlaveCommand = PicPair::kSlaveOffset;
constexpr std::uint64_t kSlaveData = PicPair::kSlaveOffset + 1;
constexpr std::uint64_t kMasterEdgeLevel = PicPair::kEdgeLevelOffset;
constexpr std::uint64_t kSlaveEdgeLevel = PicPair::kEdgeLevelOffset + 1;

constexpr std::uint8_t kEoi = 0x20;
constexpr std::uint8_t kReadIrr = 0x0A;
constexpr std::uint8_t kReadIsr = 0x0B;
constexpr std::uint8_t kPoll = 0x0C;

class PicTest : public testing::Test {
protected:
    void out(std::uint64_t offset, std::uint8_t value) { pic_.write(offset, 1, value); }
    std::uint8_t in(std::uint64_t offset) {
        return static_cast<std::uint8_t>(pic_.read(offset, 1));
    }
    std::uint8_t in_service(std::uint64_t command) {
        out(command, kReadIsr);
        return in(command);
    }
    std::uint8_t requested(std::uint64_t command) {
        out(command, kReadIrr);
        return in(command);
    }

    // As a PC's firmware does: vectors 0x20 and 0x28.
    void initialise(std::uint8_t master_icw4 = 0x01, std::uint8_t slave_icw4 = 0x01,
                    std::uint8_t icw1 = 0x11) {
        out(kMasterCommand, icw1);
        out(kMasterData, 0x20);
        out(kMasterData, 0x04);
        out(kMasterData, master_icw4);
        out(kSlaveCommand, icw1);
        out(kSlaveData, 0x28);
        out(kSlaveData, 0x02);
        out(kSlaveData, slave_icw4);
    }

    InterruptLine intr_;
    PicPair pic_{intr_};
};

TEST_F(PicTest, DeliversNothingBeforeTheInitialisationIsComplete) {
    pic_.input(1).raise();
    EXPECT_FALSE(intr_.level());
    out(kMasterCommand, 0x11);
    pic_.input(3).raise();
    out(kMasterData, 0x20);
    out(kMasterData, 0x04);
    EXPECT_FALSE(intr_.level());
    out(kMasterData, 0x01);
    EXPECT_TRUE(intr_.level());  // the edge since ICW1; the one before is forgotten
    EXPECT_EQ(pic_.acknowledge(), 0x23);
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, TheMaskIsReadableBeforeTheInitialisation) {
    out(kMasterData, 0xFB);  // Linux: probe_8259A
    EXPECT_EQ(in(kMasterData), 0xFB);
}

TEST_F(PicTest, Icw1ResetsWhatTheDataSheetLists) {
    initialise();
    out(kMasterData, 0xFF);
    out(kMasterCommand, 0x6B);  // special mask mode, read ISR
    out(kMasterCommand, 0xC3);  // lowest priority: 3
    pic_.input(5).raise();
    initialise();
    EXPECT_EQ(in(kMasterData), 0x00);
    EXPECT_EQ(in(kMasterCommand), 0x00);  // IRR: a wire that is high needs a new edge
    EXPECT_FALSE(intr_.level());
    pic_.input(5).lower();
    pic_.input(5).raise();
    EXPECT_EQ(in(kMasterCommand), 0x20);
    pic_.input(0).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x20);  // 0 has the highest priority again
}

TEST_F(PicTest, FewerInitialisationWordsWhereIcw1SaysSo) {
    out(kMasterCommand, 0x12);  // single, no ICW4
    out(kMasterData, 0x40);
    pic_.input(1).raise();
    EXPECT_TRUE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0x41);
}

TEST_F(PicTest, LowerNumbersComeFirstAndInterruptHigherOnes) {
    initialise();
    pic_.input(4).raise();
    pic_.input(3).raise();
    EXPECT_EQ(requested(kMasterCommand), 0x18);
    EXPECT_EQ(pic_.acknowledge(), 0x23);
    EXPECT_FALSE(intr_.level());
    pic_.input(1).raise();
    EXPECT_TRUE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0x21);
    EXPECT_EQ(in_service(kMasterCommand), 0x0A);
    out(kMasterCommand, kEoi);  // ends the highest
    EXPECT_EQ(in_service(kMasterCommand), 0x08);
    EXPECT_FALSE(intr_.level());
    out(kMasterCommand, 0x63);  // specific
    EXPECT_EQ(in_service(kMasterCommand), 0x00);
    EXPECT_EQ(pic_.acknowledge(), 0x24);
}

TEST_F(PicTest, TheMaskHoldsBackWithoutForgetting) {
    initialise();
    out(kMasterData, 0x10);
    pic_.input(4).raise();
    EXPECT_FALSE(intr_.level());
    EXPECT_EQ(requested(kMasterCommand), 0x10);
    out(kMasterData, 0x00);
    EXPECT_TRUE(intr_.level());
}

TEST_F(PicTest, APulseIsLatched) {
    initialise();
    pic_.input(5).pulse();
    EXPECT_TRUE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0x25);
    out(kMasterCommand, kEoi);
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, AHighWireIsOneEdgeOnly) {
    initialise();
    pic_.input(4).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x24);
    out(kMasterCommand, kEoi);
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, LevelTriggeredInputsAskAsLongAsTheyAreHigh) {
    initialise();
    out(kMasterEdgeLevel, 0xFF);
    out(kSlaveEdgeLevel, 0xFF);
    EXPECT_EQ(in(kMasterEdgeLevel), 0xF8);
    EXPECT_EQ(in(kSlaveEdgeLevel), 0xDE);
    EXPECT_EQ(pic_.read(kMasterEdgeLevel, 2), 0xDEF8u);
    pic_.input(5).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x25);
    out(kMasterCommand, kEoi);
    EXPECT_TRUE(intr_.level());
    pic_.input(5).lower();
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, ChangingTheTriggerForgetsOldEdges) {
    initialise();
    pic_.input(6).pulse();
    EXPECT_TRUE(intr_.level());
    out(kMasterEdgeLevel, 0x40);
    EXPECT_FALSE(intr_.level());
    pic_.input(6).raise();
    EXPECT_TRUE(intr_.level());
    out(kMasterEdgeLevel, 0x00);
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, SlaveInterruptsComeThroughTheCascade) {
    initialise();
    pic_.input(8).raise();
    EXPECT_EQ(requested(kMasterCommand), 0x04);
    EXPECT_EQ(pic_.acknowledge(), 0x28);
    EXPECT_EQ(in_service(kMasterCommand), 0x04);
    EXPECT_EQ(in_service(kSlaveCommand), 0x01);
    out(kSlaveCommand, kEoi);
    out(kMasterCommand, kEoi);
    EXPECT_FALSE(intr_.level());
}

TEST_F(PicTest, ASecondSlaveInterruptIsAnEdgeOnTheCascade) {
    initialise();
    pic_.input(12).raise();
    pic_.input(14).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x2C);
    EXPECT_FALSE(intr_.level());
    for (const bool slave_first : {true, false}) {
        out(slave_first ? kSlaveCommand : kMasterCommand, kEoi);
        EXPECT_FALSE(intr_.level());
        out(slave_first ? kMasterCommand : kSlaveCommand, kEoi);
        if (slave_first) {
            EXPECT_TRUE(intr_.level());
            EXPECT_EQ(pic_.acknowledge(), 0x2E);
        }
    }
}

TEST_F(PicTest, ASlaveThatHasNothingMoreTakesItsRequestBack) {
    initialise();
    pic_.input(10).raise();
    EXPECT_TRUE(intr_.level());
    out(kSlaveData, 0xFF);
    EXPECT_FALSE(intr_.level());
    EXPECT_EQ(requested(kMasterCommand), 0x00);
}

TEST_F(PicTest, SpuriousInterruptsAreIrq7AndIrq15) {
    initialise();
    EXPECT_EQ(pic_.acknowledge(), 0x27);
    EXPECT_EQ(in_service(kMasterCommand), 0x00);

    // A slave that has been polled takes its request back.
    initialise();
    pic_.input(9).raise();
    out(kSlaveCommand, kPoll);
    EXPECT_EQ(in(kSlaveCommand), 0x81);
    EXPECT_FALSE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0x27);
}

TEST_F(PicTest, SlavesThatDoNotAnswerLeaveTheBusFloating) {
    initialise();
    out(kSlaveCommand, 0x11);
    out(kSlaveData, 0x28);
    out(kSlaveData, 0x05);  // an address that the master does not call
    out(kSlaveData, 0x01);
    pic_.input(8).raise();
    EXPECT_TRUE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0xFF);
}

TEST_F(PicTest, AutomaticEndOfInterrupt) {
    initialise(0x03);
    pic_.input(3).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x23);
    EXPECT_EQ(in_service(kMasterCommand), 0x00);
    out(kMasterCommand, 0x80);  // rotate in automatic EOI mode
    pic_.input(4).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x24);
    pic_.input(4).lower();
    pic_.input(4).raise();
    pic_.input(6).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x26);  // 4 has the lowest priority now
}

TEST_F(PicTest, RotationOnEndOfInterrupt) {
    initialise();
    pic_.input(2 + 1).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x23);
    out(kMasterCommand, 0xA0);  // rotate on non-specific EOI
    pic_.input(1).raise();
    pic_.input(5).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x25);  // 4, 5, 6, 7, 0, 1, ...
    out(kMasterCommand, 0xE5);            // rotate on specific EOI
    EXPECT_EQ(pic_.acknowledge(), 0x21);
    out(kMasterCommand, kEoi);
    out(kMasterCommand, 0xC0);  // 0 lowest
    pic_.input(0).raise();
    pic_.input(7).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x27);
}

TEST_F(PicTest, SpecialMaskModeLetsLowerPrioritiesIn) {
    initialise();
    pic_.input(3).raise();
    EXPECT_EQ(pic_.acknowledge(), 0x23);
    pic_.input(6).raise();
    EXPECT_FALSE(intr_.level());
    out(kMasterCommand, 0x68);
    out(kMasterData, 0x08);
    EXPECT_TRUE(intr_.level());
    EXPECT_EQ(pic_.acknowledge(), 0x26);
    out(kMasterCommand, kEoi);  // ends 6: 3 is masked
    EXPECT_EQ(in_service(kMasterCommand), 0x08);
    out(kMasterCommand, kEoi);
    EXPECT_EQ(in_service(kMasterCommand), 0x08);
    out(kMasterCommand, 0x48);  // off
    out(kMasterCommand, kEoi);
    EXPECT_EQ(in_service(kMasterCommand), 0x00);
}

TEST_F(PicTest, SpecialFullyNestedModeLetsASlaveInterruptItself) {
    for (const bool special : {false, true}) {
        initialise(special ? 0x11 : 0x01);
        pic_.input(12).pulse();
        EXPECT_EQ(pic_.acknowledge(), 0x2C);
        pic_.input(9).pulse();
        EXPECT_EQ(intr_.level(), special);
        if (special) {
            EXPECT_EQ(pic_.acknowledge(), 0x29);
        }
    }
}

TEST_F(PicTest, PollingAcknowledges) {
    initialise();
    pic_.input(5).raise();
    out(kMasterCommand, kPoll);
    EXPECT_EQ(in(kMasterCommand), 0x85);
    EXPECT_FALSE(intr_.level());
    EXPECT_EQ(in_service(kMasterCommand), 0x20);
    out(kMasterCommand, kPoll);
    EXPECT_EQ(in(kMasterCommand), 0x00);
    EXPECT_EQ(in(kMasterData), 0x00);
}

TEST_F(PicTest, TheWireOfIrq2IsConnectedToNothing) {
    initialise();
    pic_.input(2).raise();
    EXPECT_FALSE(intr_.level());
    EXPECT_EQ(requested(kMasterCommand), 0x00);
    EXPECT_DEATH(pic_.input(16), "irq < kInputs");
}

TEST_F(PicTest, ResetKeepsTheLevelsOfTheWires) {
    initialise();
    pic_.input(5).raise();
    pic_.reset();
    EXPECT_FALSE(intr_.level());
    initialise();
    out(kMasterEdgeLevel, 0x20);
    EXPECT_TRUE(intr_.level());
}

TEST_F(PicTest, LoadingRestoresWiresSilently) {
    initialise();
    pic_.input(1).raise();
    pic_.input(11).raise();
    InterruptLine other_intr;
    int told = 0;
    other_intr.connect([&](bool) { ++told; });
    PicPair other(other_intr);
    testing_support::load(other, testing_support::saved(pic_));
    EXPECT_TRUE(other_intr.level());
    EXPECT_EQ(told, 0);
    EXPECT_TRUE(other.input(1).level());
    EXPECT_TRUE(other.input(11).level());
    EXPECT_EQ(other.acknowledge(), 0x21);
}

TEST_F(PicTest, RefusesTruncatedStates) {
    testing_support::expect_truncations_refused(pic_);
}

}  // namespace
}  // namespace hvlab
