// SPDX-License-Identifier: GPL-2.0-or-later
//
// The devices of one port each: 0x61, 0x80, 0xE9, 0xF4, 0xCF9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/bus/bus.h"
#include "core/devices/debug_console.h"
#include "core/devices/debug_exit.h"
#include "core/devices/device_test_support.h"
#include "core/devices/post_port.h"
#include "core/devices/reset_port.h"
#include "core/devices/system_control_port.h"

namespace hvlab {
namespace {

using testing::ElementsAre;
using testing_support::pass;

class SystemControlPortTest : public testing::Test {
protected:
    Timeline timeline_;
    InterruptLine irq0_;
    Pit pit_{timeline_, irq0_};
    SystemControlPort port_{timeline_, pit_};
};

TEST_F(SystemControlPortTest, GatesCounter2) {
    port_.write(0, 1, 0xFF);
    EXPECT_TRUE(pit_.gate2());
    EXPECT_EQ(port_.read(0, 1) & 0xCF, 0x0Fu);  // no NMI
    port_.write(0, 1, 0x02);
    EXPECT_FALSE(pit_.gate2());
    port_.write(0, 1, 0x01);
    port_.reset();
    EXPECT_FALSE(pit_.gate2());
    EXPECT_EQ(port_.read(0, 1) & 0x0F, 0x00u);
    EXPECT_EQ(port_.read(1, 1), 0xFFu);
}

// Linux: pit_calibrate_tsc, and quick_pit_calibrate
TEST_F(SystemControlPortTest, MeasuringTimeByOut2) {
    port_.write(0, 1, 0x01);
    pit_.write(3, 1, 0xB0);
    pit_.write(2, 1, 0x9B);
    pit_.write(2, 1, 0x2E);  // 11931 pulses: 10 ms
    int loops = 0;
    while ((port_.read(0, 1) & 0x20) == 0 && loops < 20'000) {
        pass(timeline_, kMicrosecond);
        ++loops;
    }
    EXPECT_NEAR(loops, 10'000, 2);
}

TEST_F(SystemControlPortTest, TheRefreshBitToggles) {
    int toggles = 0;
    std::uint64_t before = port_.read(0, 1) & 0x10;
    for (int i = 0; i < 10'000; ++i) {
        pass(timeline_, kMicrosecond);
        const std::uint64_t now = port_.read(0, 1) & 0x10;
        toggles += now != before ? 1 : 0;
        before = now;
    }
    EXPECT_NEAR(toggles, 663, 1);
}

TEST_F(SystemControlPortTest, RefusesBadStates) {
    testing_support::expect_truncations_refused(port_);
}

TEST(PostPortTest, KeepsTheLastValues) {
    PostPort port;
    std::vector<int> told;
    port.on_write([&](std::uint8_t value) { told.push_back(value); });
    EXPECT_TRUE(port.history().empty());
    EXPECT_EQ(port.read(0, 1), 0u);
    for (unsigned i = 1; i <= 20; ++i) port.write(0, 1, i);
    EXPECT_EQ(port.last(), 20);
    EXPECT_EQ(port.read(0, 1), 20u);
    ASSERT_EQ(port.history().size(), PostPort::kHistory);
    EXPECT_EQ(port.history().front(), 5);
    EXPECT_EQ(port.history().back(), 20);
    EXPECT_EQ(told.size(), 20u);
    PostPort other;
    testing_support::load(other, testing_support::saved(port));
    EXPECT_EQ(other.history(), port.history());
    EXPECT_EQ(other.last(), 20);
    port.reset();
    EXPECT_TRUE(port.history().empty());
    EXPECT_EQ(port.last(), 0);
    testing_support::expect_truncations_refused(other);
}

TEST(DebugConsoleTest, BytesGoToTheCallbackAndReadsIdentify) {
    DebugConsole console;
    console.write(0, 1, 'x');  // nobody listens
    std::string text;
    console.on_write([&](std::uint8_t byte) { text += static_cast<char>(byte); });
    console.write(0, 1, 'h');
    console.write(0, 2, 'i' | '!' << 8);
    EXPECT_EQ(text, "hi!");
    EXPECT_EQ(console.read(0, 1), 0xE9u);
    testing_support::expect_truncations_refused(console);
}

TEST(DebugExitTest, TheValueIsTheWholeAccess) {
    DebugExit port;
    port.write(0, 1, 1);  // nobody listens
    std::vector<std::uint32_t> codes;
    port.on_exit([&](std::uint32_t code) { codes.push_back(code); });
    port.write(0, 1, 0x10);
    port.write(0, 2, 0x1234);
    port.write(0, 4, 0x89AB'CDEF);
    port.write(2, 1, 7);
    EXPECT_THAT(codes, ElementsAre(0x10u, 0x1234u, 0x89AB'CDEFu, 7u));
    EXPECT_EQ(port.read(0, 4), 0u);
    testing_support::expect_truncations_refused(port);
}

class ResetPortTest : public testing::Test {
protected:
    void SetUp() override {
        ports_.add(ResetPort::kPort, ResetPort::kSize, port_);
        port_.on_reset([this](bool hard) { resets_ += hard ? 'h' : 's'; });
    }

    ResetPort port_;
    AddressMap ports_;
    std::string resets_;
};

TEST_F(ResetPortTest, Bit2RisingResets) {
    ports_.write(0xCF9, 1, 0x02);
    EXPECT_EQ(resets_, "");
    EXPECT_EQ(ports_.read(0xCF9, 1), 0x02u);
    ports_.write(0xCF9, 1, 0x06);
    EXPECT_EQ(resets_, "h");
    ports_.write(0xCF9, 1, 0x06);
    EXPECT_EQ(resets_, "h");
    ports_.write(0xCF9, 1, 0x00);
    ports_.write(0xCF9, 1, 0x04);
    EXPECT_EQ(resets_, "hs");
}

TEST_F(ResetPortTest, PciConfigurationAddressesDoNotReset) {
    ports_.write(0xCF8, 4, 0x8000'0400);  // bus 0, device 0, function 4
    ports_.write(0xCF8, 2, 0x0600);
    ports_.write(0xCF9, 2, 0x0006);
    EXPECT_EQ(resets_, "");
    EXPECT_EQ(ports_.read(0xCF8, 4), 0xFFFF'FFFFu);  // and there is no such register
    EXPECT_EQ(ports_.read(0xCFB, 1), 0xFFu);
}

TEST_F(ResetPortTest, ResetAndStates) {
    ports_.write(0xCF9, 1, 0x06);
    ResetPort other;
    testing_support::load(other, testing_support::saved(port_));
    EXPECT_EQ(other.read(1, 1), 0x06u);
    port_.reset();
    EXPECT_EQ(port_.read(1, 1), 0x00u);
    testing_support::expect_truncations_refused(port_);
}

}  // namespace
}  // namespace hvlab
