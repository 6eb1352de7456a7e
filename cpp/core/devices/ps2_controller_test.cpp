// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ps2_controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/devices/device_test_support.h"
#include "core/devices/fast_a20.h"

namespace hvlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kData = Ps2Controller::kDataOffset;
constexpr std::uint64_t kCommand = Ps2Controller::kCommandOffset;

class Ps2Test : public testing::Test {
protected:
    void SetUp() override {
        ps2_.on_reset([this] { ++resets_; });
    }

    void out(std::uint64_t offset, unsigned value) { ps2_.write(offset, 1, value); }
    unsigned in(std::uint64_t offset) { return static_cast<unsigned>(ps2_.read(offset, 1)); }
    bool full() { return (in(kCommand)&0x01) != 0; }
    // What a command to the controller, and its parameters, make it say.
    std::vector<unsigned> ask(unsigned command, const std::vector<unsigned>& parameters = {}) {
        out(kCommand, command);
        for (const unsigned parameter : parameters) out(kData, parameter);
        return answers();
    }
    std::vector<unsigned> keyboard(const std::vector<unsigned>& bytes) {
        for (const unsigned byte : bytes) out(kData, byte);
        return answers();
    }
    std::vector<unsigned> answers() {
        std::vector<unsigned> got;
        while (full()) got.push_back(in(kData));
        return got;
    }

    InterruptLine irq1_;
    InterruptLine a20_;
    Ps2Controller ps2_{irq1_, a20_};
    int resets_ = 0;
};

TEST_F(Ps2Test, PowerOnState) {
    EXPECT_TRUE(a20_.level());
    EXPECT_FALSE(irq1_.level());
    EXPECT_EQ(in(kCommand), 0x14u);  // tested, not inhibited, buffers empty
    EXPECT_EQ(in(2), 0xFFu);
}

TEST_F(Ps2Test, SelfTests) {
    EXPECT_THAT(ask(0xAA), ElementsAre(0x55));
    EXPECT_THAT(ask(0xAB), ElementsAre(0x00));
    EXPECT_NE(in(kCommand)&0x08, 0u);  // the last write was a command
    EXPECT_THAT(ask(0xC0), ElementsAre(0x80));
}

TEST_F(Ps2Test, CommandByteAndRam) {
    EXPECT_THAT(ask(0x60, {0x47}), IsEmpty());
    EXPECT_THAT(ask(0x20), ElementsAre(0x47));
    ask(0x7F, {0xAB});
    EXPECT_THAT(ask(0x3F), ElementsAre(0xAB));
    ask(0xAD);
    EXPECT_THAT(ask(0x20), ElementsAre(0x57));
    ask(0xAE);
    EXPECT_THAT(ask(0x20), ElementsAre(0x47));
    ask(0xA7);
    EXPECT_THAT(ask(0x20), ElementsAre(0x67));
    ask(0xA8);
    EXPECT_THAT(ask(0x20), ElementsAre(0x47));
}

TEST_F(Ps2Test, TheSystemFlagIsThatOfTheCommandByte) {
    ask(0x60, {0x00});
    EXPECT_EQ(in(kCommand)&0x04, 0u);
    ask(0xAA);
    EXPECT_EQ(in(kCommand)&0x04, 0x04u);
}

TEST_F(Ps2Test, ThereIsNoAuxiliaryPort) {
    EXPECT_THAT(ask(0xA9), ElementsAre(0x01));
    out(kCommand, 0xD3);
    out(kData, 0x5A);
    EXPECT_EQ(in(kCommand)&0x21, 0x01u);  // a byte, and not the auxiliary device's
    in(kData);
    out(kCommand, 0xD4);
    out(kData, 0xF2);
    EXPECT_EQ(in(kCommand)&0x41, 0x41u);  // timeout
    EXPECT_EQ(in(kData), 0xFEu);
    EXPECT_EQ(in(kCommand)&0x41, 0x00u);
}

TEST_F(Ps2Test, KeyboardAnswers) {
    ask(0x60, {0x04});  // no translation
    EXPECT_THAT(keyboard({0xFF}), ElementsAre(0xFA, 0xAA));
    EXPECT_THAT(keyboard({0xF2}), ElementsAre(0xFA, 0xAB, 0x83));
    EXPECT_THAT(keyboard({0xED}), ElementsAre(0xFA));
    EXPECT_THAT(keyboard({0x07}), ElementsAre(0xFA));
    EXPECT_THAT(keyboard({0xF3, 0x00}), ElementsAre(0xFA, 0xFA));
    EXPECT_THAT(keyboard({0xEE}), ElementsAre(0xEE));
    EXPECT_THAT(keyboard({0xFE}), ElementsAre(0xEE));
    EXPECT_THAT(keyboard({0xF4}), ElementsAre(0xFA));
    EXPECT_THAT(keyboard({0xF5}), ElementsAre(0xFA));
    EXPECT_THAT(keyboard({0xF6}), ElementsAre(0xFA));
    EXPECT_THAT(keyboard({0xF0, 0x00}), ElementsAre(0xFA, 0xFA, 0x02));
    EXPECT_THAT(keyboard({0xF0, 0x01}), ElementsAre(0xFA, 0xFA));
    EXPECT_THAT(keyboard({0xF0, 0x00}), ElementsAre(0xFA, 0xFA, 0x01));
    EXPECT_THAT(keyboard({0x12}), ElementsAre(0xFE));
}

TEST_F(Ps2Test, TranslationOfWhatTheKeyboardSays) {
    EXPECT_THAT(keyboard({0xF2}), ElementsAre(0xFA, 0xAB, 0x41));
    EXPECT_THAT(keyboard({0xF0, 0x00}), ElementsAre(0xFA, 0xFA, 0x41));
    EXPECT_THAT(ask(0xD2, {0x83}), ElementsAre(0x83));  // the controller's own bytes are not
}

TEST_F(Ps2Test, EachByteIsAnInterrupt) {
    std::vector<bool> levels;
    ask(0x60, {0x45});
    irq1_.connect([&](bool level) { levels.push_back(level); });
    out(kData, 0xF2);
    EXPECT_TRUE(irq1_.level());
    EXPECT_THAT(answers(), ElementsAre(0xFA, 0xAB, 0x41));
    EXPECT_THAT(levels, ElementsAre(true, false, true, false, true, false));
}

TEST_F(Ps2Test, ADisabledKeyboardKeepsItsBytes) {
    out(kData, 0xF2);
    EXPECT_EQ(in(kData), 0xFAu);
    EXPECT_TRUE(full());
    out(kCommand, 0xAD);
    EXPECT_EQ(in(kData), 0xABu);
    EXPECT_FALSE(full());
    out(kCommand, 0xAE);
    EXPECT_EQ(in(kData), 0x41u);
}

TEST_F(Ps2Test, AnswersBeyondTheKeyboardsBufferAreLost) {
    for (int i = 0; i < 100; ++i) out(kData, 0xEE);
    EXPECT_EQ(answers().size(), 17u);
}

TEST_F(Ps2Test, ResetByPulseAndByOutputPort) {
    ask(0xFE);
    EXPECT_EQ(resets_, 1);
    ask(0xFF);
    ask(0xF1);
    EXPECT_EQ(resets_, 1);
    ask(0xF0);
    EXPECT_EQ(resets_, 2);
    ask(0xD1, {0x03});
    EXPECT_EQ(resets_, 2);
    ask(0xD1, {0x02});
    EXPECT_EQ(resets_, 3);
}

TEST_F(Ps2Test, TheOutputPortDrivesA20) {
    EXPECT_THAT(ask(0xD0), ElementsAre(0xC3));
    ask(0xD1, {0xDD});
    EXPECT_FALSE(a20_.level());
    EXPECT_THAT(ask(0xD0), ElementsAre(0xCD));
    ask(0xD1, {0xDF});
    EXPECT_TRUE(a20_.level());
    ask(0xDD);
    EXPECT_FALSE(a20_.level());
    ask(0xDF);
    EXPECT_TRUE(a20_.level());
}

TEST_F(Ps2Test, ANewCommandDropsTheParameterThatOneWaitedFor) {
    out(kCommand, 0xD1);
    out(kCommand, 0xAE);
    out(kData, 0x00);  // goes to the keyboard: no reset, and it says "resend"
    EXPECT_EQ(resets_, 0);
    EXPECT_EQ(in(kData), 0xFEu);
}

TEST_F(Ps2Test, RefusesBadStates) {
    keyboard({0xF2});
    testing_support::expect_truncations_refused(ps2_);
}

class FastA20Test : public testing::Test {
protected:
    InterruptLine a20_;
    FastA20 port_{a20_};
};

TEST_F(FastA20Test, DrivesTheGate) {
    EXPECT_EQ(port_.read(0, 1), 0x02u);
    port_.write(0, 1, 0x00);
    EXPECT_FALSE(a20_.level());
    EXPECT_EQ(port_.read(0, 1), 0x00u);
    port_.write(0, 1, 0xFE);
    EXPECT_TRUE(a20_.level());
    EXPECT_EQ(port_.read(0, 1), 0xFEu);
    port_.write(0, 1, 0x00);
    port_.reset();
    EXPECT_EQ(port_.read(0, 2), 0xFF02u);
    EXPECT_TRUE(a20_.level());
}

TEST_F(FastA20Test, ResetsOnTheRisingEdge) {
    int resets = 0;
    port_.on_reset([&] { ++resets; });
    port_.write(0, 1, 0x03);
    port_.write(0, 1, 0x03);
    EXPECT_EQ(resets, 1);
    port_.write(0, 1, 0x02);
    port_.write(0, 1, 0x03);
    EXPECT_EQ(resets, 2);
}

TEST_F(FastA20Test, SharesTheGateWithTheKeyboardController) {
    InterruptLine irq1;
    Ps2Controller ps2(irq1, a20_);
    ps2.write(kCommand, 1, 0xDD);
    EXPECT_EQ(port_.read(0, 1), 0x00u);
    port_.write(0, 1, 0x02);
    ps2.write(kCommand, 1, 0xD0);
    EXPECT_EQ(ps2.read(kData, 1) & 0x02, 0x02u);
}

// Shift down, A down, A up, shift up; the right arrow down and up.
constexpr std::array kTyped = {std::byte{0x12}, std::byte{0x1C}, std::byte{0xF0}, std::byte{0x1C},
                               std::byte{0xF0}, std::byte{0x12}, std::byte{0xE0}, std::byte{0x74},
                               std::byte{0xE0}, std::byte{0xF0}, std::byte{0x74}};

TEST_F(Ps2Test, TypedKeysAreTranslatedToSet1) {
    ps2_.type(kTyped);
    EXPECT_THAT(answers(), ElementsAre(0x2A, 0x1E, 0x9E, 0xAA, 0xE0, 0x4D, 0xE0, 0xCD));
}

TEST_F(Ps2Test, WithoutTranslationTheyComeAsSet2OrSet1) {
    ps2_.write(kCommand, 1, 0x60);
    ps2_.write(kData, 1, 0x00);
    ps2_.type(kTyped);
    EXPECT_THAT(answers(),
                ElementsAre(0x12, 0x1C, 0xF0, 0x1C, 0xF0, 0x12, 0xE0, 0x74, 0xE0, 0xF0, 0x74));
    ps2_.write(kData, 1, 0xF0);
    ps2_.write(kData, 1, 0x01);
    EXPECT_THAT(answers(), ElementsAre(0xFA, 0xFA));
    ps2_.type(kTyped);
    EXPECT_THAT(answers(), ElementsAre(0x2A, 0x1E, 0x9E, 0xAA, 0xE0, 0x4D, 0xE0, 0xCD));
}

TEST_F(Ps2Test, KeysWaitWhileTheGuestKeepsTheKeyboardQuiet) {
    ps2_.write(kCommand, 1, 0xAD);
    ps2_.type(std::span(kTyped).first(2));
    EXPECT_THAT(answers(), IsEmpty());
    ps2_.write(kCommand, 1, 0xAE);
    EXPECT_THAT(answers(), ElementsAre(0x2A, 0x1E));
    ps2_.write(kData, 1, 0xF5);
    ps2_.type(std::span(kTyped).first(2));
    EXPECT_THAT(answers(), ElementsAre(0xFA));
    ps2_.write(kData, 1, 0xF4);
    EXPECT_THAT(answers(), ElementsAre(0xFA, 0x2A, 0x1E));
}

TEST_F(Ps2Test, AnswersComeBeforeKeysAndAResetForgetsThem) {
    ps2_.type(kTyped);  // the first is in the output buffer
    ps2_.write(kData, 1, 0xEE);
    EXPECT_EQ(ps2_.read(kData, 1), 0x2Au);
    EXPECT_EQ(ps2_.read(kData, 1), 0xEEu);
    EXPECT_EQ(ps2_.read(kData, 1), 0x1Eu);
    ps2_.write(kData, 1, 0xFF);
    EXPECT_THAT(answers(), ElementsAre(0x9E, 0xFA, 0xAA));
}

TEST_F(Ps2Test, TooManyKeysAreRefusedWhole) {
    const std::vector<std::byte> most(Ps2Controller::kMaxTyped, std::byte{0x1C});
    ps2_.type(most);
    ps2_.type(std::span(most).first(1));  // one is in the output buffer
    EXPECT_THROW(ps2_.type(std::span(most).first(1)), DeviceError);
    EXPECT_EQ(answers().size(), most.size() + 1);
}

class Ps2Rig : public testing_support::Rig {
public:
    Device& device() override { return ps2_; }
    std::uint64_t offsets() const override { return 6; }
    std::uint64_t special(RandomStream& random) override {
        constexpr std::array<std::uint8_t, 12> kCommands = {0x20, 0x60, 0xA9, 0xAA, 0xAD, 0xAE,
                                                            0xD0, 0xD1, 0xD2, 0xD4, 0xDD, 0xDF};
        ps2_.write(kCommand, 1, kCommands[random.below(kCommands.size())]);
        if (random.below(4) == 0) ps2_.type(std::span(kTyped).first(random.below(kTyped.size())));
        ps2_.write(kData, 1, 0xED + random.below(0x13));
        return a20_.level();
    }
    std::uint64_t visible() const override { return irq1_.level() * 2u + a20_.level(); }

private:
    InterruptLine irq1_;
    InterruptLine a20_;
    Ps2Controller ps2_{irq1_, a20_};
};

class FastA20Rig : public testing_support::Rig {
public:
    Device& device() override { return port_; }
    std::uint64_t offsets() const override { return 2; }
    std::uint64_t visible() const override { return a20_.level(); }

private:
    InterruptLine a20_;
    FastA20 port_{a20_};
};

TEST(Ps2Property, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<Ps2Rig>(); }, 20,
                                                3000);
    testing_support::expect_loading_is_going_on([] { return std::make_unique<FastA20Rig>(); }, 5,
                                                500);
}

}  // namespace
}  // namespace hvlab
