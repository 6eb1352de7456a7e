// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/uart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

using testing::ElementsAre;
using testing_support::pass;

// Registers
constexpr std::uint64_t kData = 0, kIer = 1, kIir = 2, kFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5,
                        kMsr = 6, kScratch = 7;

constexpr Nanoseconds kCharacter = 86'805;  // 10 bits at 115,200 a second, rounded down

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

class UartTest : public testing::Test {
protected:
    void SetUp() override {
        uart_.on_transmit([this](std::uint8_t byte) { sent_ += static_cast<char>(byte); });
        line_.connect([this](bool level) { edges_.push_back(level); });
        out(kLcr, 0x03);  // 8 bits, no parity, 1 stop bit
        out(kMcr, 0x03);  // the driver is there
    }

    void out(std::uint64_t offset, std::uint8_t value) { uart_.write(offset, 1, value); }
    std::uint8_t in(std::uint64_t offset) {
        return static_cast<std::uint8_t>(uart_.read(offset, 1));
    }
    void receive(std::string_view text) { uart_.receive(bytes(text)); }
    void enable_interrupts(std::uint8_t ier) {
        out(kMcr, 0x0B);
        out(kIer, ier);
    }
    std::string drain() {
        std::string text;
        while ((in(kLsr)&1) != 0) text += static_cast<char>(in(kData));
        return text;
    }

    Timeline timeline_;
    InterruptLine line_;
    Uart uart_{"uart0", timeline_, line_};
    std::string sent_;
    std::vector<bool> edges_;
};

TEST_F(UartTest, PowerOnState) {
    uart_.reset();
    EXPECT_EQ(in(kIer), 0x00);
    EXPECT_EQ(in(kIir), 0x01);
    EXPECT_EQ(in(kLcr), 0x00);
    EXPECT_EQ(in(kMcr), 0x00);
    EXPECT_EQ(in(kLsr), 0x60);
    EXPECT_EQ(in(kMsr), 0xB0);
    EXPECT_EQ(uart_.name(), "uart0");
}

// A driver clears the FIFO while it sets the port up; what was sent before must not be lost.
TEST_F(UartTest, InputWaitsUntilTheGuestIsThere) {
    for (const bool by_line_status : {false, true}) {
        uart_.reset();
        receive("hello");
        out(kFcr, 0x07);
        EXPECT_EQ(in(kIir)&0x0F, 0x01);
        if (by_line_status) {
            EXPECT_EQ(in(kLsr)&0x01, 0x01);
        } else {
            out(kMcr, 0x01);
        }
        EXPECT_EQ(drain(), "hello");
    }
}

TEST_F(UartTest, TransmitsAtOnce) {
    for (const char c : std::string("hello")) {
        EXPECT_EQ(in(kLsr)&0x60, 0x60);
        out(kData, static_cast<std::uint8_t>(c));
    }
    EXPECT_EQ(sent_, "hello");
    EXPECT_EQ(timeline_.now(), 0);
}

TEST_F(UartTest, RegistersKeepWhatTheyCan) {
    out(kIer, 0xFF);
    EXPECT_EQ(in(kIer), 0x0F);
    out(kMcr, 0xFF);
    EXPECT_EQ(in(kMcr), 0x1F);
    out(kScratch, 0xA5);
    EXPECT_EQ(in(kScratch), 0xA5);
    out(kLsr, 0xFF);
    EXPECT_EQ(in(kLsr), 0x60);
    out(kLcr, 0x80);
    out(0, 0x34);
    out(1, 0x12);
    EXPECT_EQ(uart_.read(0, 2), 0x1234u);
    out(kLcr, 0x03);
    EXPECT_EQ(in(kIer), 0x0F);
    EXPECT_EQ(sent_, "");
}

TEST_F(UartTest, AWideAccessIsOneOfConsecutiveBytes) {
    uart_.write(kMcr, 4, 0x5A00'0003);
    EXPECT_EQ(in(kMcr), 0x03);
    EXPECT_EQ(in(kScratch), 0x5A);
    EXPECT_EQ(uart_.read(0, 8) >> 56, 0x5Au);
}

TEST_F(UartTest, TheSameSequenceThatLinuxDetectsA16550AWith) {
    // IER keeps four bits.
    out(kIer, 0x00);
    EXPECT_EQ(in(kIer)&0x0F, 0x00);
    out(kIer, 0x0F);
    EXPECT_EQ(in(kIer)&0x0F, 0x0F);
    out(kIer, 0x00);
    // Loopback of RTS and OUT2.
    out(kMcr, 0x10 | 0x0A);
    EXPECT_EQ(in(kMsr)&0xF0, 0x90);
    out(kMcr, 0x00);
    // FIFOs: not a 16450, 16550, 16650, 16750.
    out(kLcr, 0xBF);
    out(kFcr, 0x01);
    EXPECT_EQ(in(kIir) >> 6, 3);
    out(kLcr, 0x80);
    EXPECT_NE(in(2), 0x00);
    out(kLcr, 0x00);
    out(kFcr, 0x01 | 0x20);
    EXPECT_EQ(in(kIir) >> 5, 6);
    // UART_BUG_THRE and UART_BUG_TXEN.
    out(kFcr, 0x01);
    out(kIer, 0x02);
    EXPECT_EQ(in(kIir)&0x0F, 0x02);
    out(kIer, 0x00);
    out(kIer, 0x02);
    EXPECT_EQ(in(kIir)&0x0F, 0x02);
    EXPECT_EQ(in(kIir)&0x0F, 0x01);
}

TEST_F(UartTest, ReadingDrainsTheQueueInOrderWithFifosOnAndOff) {
    const std::string text = "The quick brown fox jumps over the lazy dog";
    for (const bool fifos : {false, true}) {
        out(kFcr, fifos ? 1 : 0);
        receive(text);
        EXPECT_EQ(uart_.pending_input(), text.size());
        EXPECT_EQ(drain(), text);
        EXPECT_EQ(in(kLsr), 0x60);  // no overrun either
        EXPECT_EQ(uart_.pending_input(), 0u);
    }
}

TEST_F(UartTest, ReadingAnEmptyReceiverGivesTheLastByteAgain) {
    receive("x");
    EXPECT_EQ(in(kData), 'x');
    EXPECT_EQ(in(kData), 'x');
}

TEST_F(UartTest, InterruptsNeedOut2AndAreOffInLoopback) {
    out(kIer, 0x01);
    receive("x");
    EXPECT_EQ(in(kIir), 0x04);
    EXPECT_FALSE(line_.level());
    out(kMcr, 0x08);
    EXPECT_TRUE(line_.level());
    out(kMcr, 0x18);
    EXPECT_FALSE(line_.level());
}

TEST_F(UartTest, ReceivedDataInterruptWithoutFifos) {
    enable_interrupts(0x01);
    receive("ab");
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(in(kIir), 0x04);
    EXPECT_EQ(in(kData), 'a');
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(in(kData), 'b');
    EXPECT_FALSE(line_.level());
    EXPECT_EQ(in(kIir), 0x01);
}

TEST_F(UartTest, TriggerLevels) {
    constexpr std::array<std::size_t, 4> kLevels = {1, 4, 8, 14};
    for (unsigned i = 0; i < kLevels.size(); ++i) {
        out(kFcr, static_cast<std::uint8_t>(0x03 | i << 6));
        enable_interrupts(0x01);
        for (std::size_t count = 1; count <= kLevels[i]; ++count) {
            EXPECT_FALSE(line_.level()) << kLevels[i] << " " << count;
            receive("x");
        }
        EXPECT_TRUE(line_.level()) << kLevels[i];
        EXPECT_EQ(in(kIir), 0xC4);
        in(kData);
        EXPECT_FALSE(line_.level());
        drain();
    }
}

TEST_F(UartTest, CharacterTimeoutAfterFourCharacterTimes) {
    out(kFcr, 0xC1);
    enable_interrupts(0x01);
    receive("ab");
    pass(timeline_, 4 * kCharacter - 100);
    EXPECT_FALSE(line_.level());
    EXPECT_EQ(in(kIir), 0xC1);
    pass(timeline_, 200);
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(in(kIir), 0xCC);
    receive("c");  // does not take it back
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(in(kData), 'a');  // a read does, and the time begins anew
    EXPECT_FALSE(line_.level());
    pass(timeline_, 4 * kCharacter + 100);
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(drain(), "bc");
    EXPECT_FALSE(line_.level());
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(UartTest, NewCharactersPutTheTimeoutOff) {
    out(kFcr, 0xC1);
    enable_interrupts(0x01);
    receive("a");
    pass(timeline_, 3 * kCharacter);
    receive("b");
    pass(timeline_, 3 * kCharacter);
    EXPECT_FALSE(line_.level());
    pass(timeline_, kCharacter + 100);
    EXPECT_TRUE(line_.level());
}

TEST_F(UartTest, TheTimeoutFollowsDivisorAndFrame) {
    out(kLcr, 0x80 | 0x0C);  // 5 bits, parity, 1.5 stop bits: 8.5 bits
    out(0, 12);              // 9600 a second
    out(kLcr, 0x0C);
    out(kFcr, 0xC1);
    enable_interrupts(0x01);
    receive("a");
    // 17 half bits of 8 clocks times the divisor at 1.8432 MHz
    EXPECT_EQ(timeline_.next_deadline(), 4 * (17 * 8 * 12 * kSecond / 1'843'200));
}

TEST_F(UartTest, TransmitterInterrupt) {
    enable_interrupts(0x02);
    EXPECT_TRUE(line_.level());  // enabling raises it: the transmitter is empty
    EXPECT_EQ(in(kIir), 0x02);   // reading takes it back
    EXPECT_FALSE(line_.level());
    out(kIer, 0x02);  // enabled already
    EXPECT_FALSE(line_.level());
    edges_.clear();
    out(kData, 'x');
    EXPECT_TRUE(line_.level());
    out(kData, 'y');  // each byte is an edge of its own
    EXPECT_THAT(edges_, ElementsAre(true, false, true));
    out(kIer, 0x00);
    EXPECT_FALSE(line_.level());
    out(kIer, 0x02);
    EXPECT_TRUE(line_.level());
    EXPECT_EQ(sent_, "xy");
}

TEST_F(UartTest, ReadingTheIdOfAnotherInterruptKeepsTheTransmitters) {
    enable_interrupts(0x03);
    receive("x");
    EXPECT_EQ(in(kIir), 0x04);
    EXPECT_EQ(in(kData), 'x');
    EXPECT_EQ(in(kIir), 0x02);
    EXPECT_EQ(in(kIir), 0x01);
}

TEST_F(UartTest, PrioritiesFromLineStatusToModemStatus) {
    out(kFcr, 0x01);
    out(kMcr, 0x10);  // loopback
    for (int i = 0; i < 17; ++i) out(kData, static_cast<std::uint8_t>(i));
    out(kMcr, 0x12);  // RTS: CTS changes
    out(kIer, 0x0F);
    EXPECT_EQ(in(kIir), 0xC6);
    EXPECT_EQ(in(kLsr), 0x63);
    EXPECT_EQ(in(kLsr), 0x61);
    EXPECT_EQ(in(kIir), 0xC4);
    EXPECT_EQ(drain().size(), 16u);
    EXPECT_EQ(in(kIir), 0xC2);
    EXPECT_EQ(in(kIir), 0xC0);
    EXPECT_NE(in(kMsr)&0x01, 0);
    EXPECT_EQ(in(kIir), 0xC1);
}

TEST_F(UartTest, AnOverrunLosesTheNewCharacterWithFifosAndTheOldOneWithout) {
    out(kMcr, 0x10);
    out(kData, 'a');
    out(kData, 'b');
    EXPECT_EQ(in(kLsr), 0x63);
    EXPECT_EQ(in(kData), 'b');
    out(kFcr, 0x01);
    std::string expected;
    for (char c = 'a'; c < 'a' + 16; ++c) {
        out(kData, static_cast<std::uint8_t>(c));
        expected += c;
    }
    out(kData, 'Z');
    EXPECT_EQ(in(kLsr), 0x63);
    EXPECT_EQ(drain(), expected);
    EXPECT_EQ(sent_, "");
}

TEST_F(UartTest, LoopbackHoldsInputBack) {
    out(kMcr, 0x10);
    receive("later");
    EXPECT_EQ(in(kLsr), 0x60);
    out(kData, 'L');
    EXPECT_EQ(drain(), "L");
    out(kMcr, 0x00);
    EXPECT_EQ(drain(), "later");
}

TEST_F(UartTest, LoopbackOfModemControl) {
    in(kMsr);
    const auto looped = [&](std::uint8_t mcr) {
        out(kMcr, static_cast<std::uint8_t>(0x10 | mcr));
        return in(kMsr)&0xF0;
    };
    EXPECT_EQ(looped(0x01), 0x20);  // DTR - DSR
    EXPECT_EQ(looped(0x02), 0x10);  // RTS - CTS
    EXPECT_EQ(looped(0x04), 0x40);  // OUT1 - RI
    EXPECT_EQ(looped(0x08), 0x80);  // OUT2 - DCD
}

TEST_F(UartTest, ModemChangesAreKeptUntilRead) {
    out(kMcr, 0x10);
    EXPECT_EQ(in(kMsr), 0x0B);  // CTS, DSR and DCD went away
    EXPECT_EQ(in(kMsr), 0x00);
    out(kMcr, 0x14);
    EXPECT_EQ(in(kMsr), 0x40);  // RI rising is not reported
    out(kMcr, 0x10);
    EXPECT_EQ(in(kMsr), 0x04);  // its trailing edge is
}

TEST_F(UartTest, FifoControl) {
    out(kFcr, 0x01);
    receive("abc");
    out(kFcr, 0x03);  // clear
    EXPECT_EQ(drain(), "");
    receive("abc");
    out(kFcr, 0xC0);  // without bit 0 nothing but "FIFOs off" counts
    EXPECT_EQ(in(kIir), 0x01);
    EXPECT_EQ(drain(), "");
    out(kFcr, 0x02);  // no FIFO to clear, and no change
    receive("d");
    out(kFcr, 0x02);
    EXPECT_EQ(drain(), "d");
}

TEST_F(UartTest, ClearingTheFifoTakesNoMoreThanIsInIt) {
    out(kFcr, 0x01);
    receive("0123456789abcdefREST");
    out(kFcr, 0x03);
    EXPECT_EQ(drain(), "REST");
}

TEST_F(UartTest, InputBeyondTheLimitIsRefusedWhole) {
    receive(std::string(Uart::kMaxPendingInput - 2, 'x'));
    try {
        receive("abc");
        FAIL() << "no error";
    } catch (const DeviceError& error) {
        EXPECT_EQ(error.device(), "uart0");
        EXPECT_EQ(error.offset(), -1);
    }
    EXPECT_EQ(uart_.pending_input(), Uart::kMaxPendingInput - 2);
    receive("ab");
    EXPECT_THROW(receive("c"), DeviceError);
    in(kData);
    receive("c");
}

TEST_F(UartTest, LongInputComesInOneGoAndThenAtTheLineRate) {
    out(kFcr, 0x01);
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += static_cast<char>('a' + i % 26);
    receive(text);
    std::string got = drain();
    EXPECT_GE(got.size(), static_cast<std::size_t>(Uart::kInstantInput));
    EXPECT_LE(got.size(), static_cast<std::size_t>(Uart::kInstantInput) + 1);
    const std::size_t at_once = got.size();
    const Nanoseconds start = timeline_.now();
    while (got.size() < text.size()) {
        ASSERT_TRUE(timeline_.next_deadline().has_value());
        pass(timeline_, *timeline_.next_deadline() - timeline_.now());
        got += drain();
    }
    EXPECT_EQ(got, text);
    const Nanoseconds expected = static_cast<Nanoseconds>(text.size() - at_once) * kCharacter;
    EXPECT_NEAR(static_cast<double>(timeline_.now() - start), static_cast<double>(expected),
                300.0 * kCharacter);
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
}

TEST_F(UartTest, HeldBackInputRaisesTheInterruptAgain) {
    out(kFcr, 0x01);
    enable_interrupts(0x01);
    receive(std::string(Uart::kInstantInput + 1000, 'x'));
    drain();
    EXPECT_FALSE(line_.level());
    pass(timeline_, 300 * kCharacter);
    EXPECT_TRUE(line_.level());
}

TEST_F(UartTest, ResetIsPowerOn) {
    out(kFcr, 0xC1);
    enable_interrupts(0x0F);
    receive("abc");
    uart_.reset();
    EXPECT_FALSE(line_.level());
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
    EXPECT_EQ(uart_.pending_input(), 0u);
    EXPECT_EQ(in(kIir), 0x01);
}

TEST_F(UartTest, RefusesBadStates) {
    out(kFcr, 0xC1);
    receive("some input");
    testing_support::expect_truncations_refused(uart_);
    std::vector<std::byte> state = testing_support::saved(uart_);
    const std::size_t fifo_fill = 1 + 5 + 4 + 6 + 2 + 1 + 1 + 1 + 1 + 1;  // behind tag and version
    ASSERT_EQ(std::to_integer<int>(state[fifo_fill]), 10);
    state[fifo_fill] = std::byte{17};
    StateReader reader(state);
    EXPECT_THROW(uart_.load(reader), StateError);
    EXPECT_EQ(drain(), "some input");
}

class UartRig : public testing_support::Rig {
public:
    Device& device() override { return uart_; }
    std::uint64_t offsets() const override { return 10; }
    std::uint64_t special(RandomStream& random) override {
        std::vector<std::byte> input(random.below(60));
        for (std::byte& byte : input) byte = static_cast<std::byte>(random.next());
        if (random.below(50) == 0) input.resize(40'000);
        try {
            uart_.receive(input);
        } catch (const DeviceError&) {
            return 1;
        }
        return uart_.pending_input();
    }
    std::uint64_t longest_pause() const override { return 1'000'000'000; }
    std::uint64_t visible() const override { return line_.level() ? 1 : 0; }

private:
    InterruptLine line_;
    Uart uart_{"uart0", timeline, line_};
};

TEST(UartProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<UartRig>(); }, 20,
                                                2000);
}

}  // namespace
}  // namespace hvlab
