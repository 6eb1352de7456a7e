// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/host/host.h"

#include <gtest/gtest.h>

#include "backends/unicorn/unicorn_backend.h"
#include "core/machine/test_guest.h"

namespace hvlab {
namespace {

const TestImage kSpin({0xEB, 0xFE});
const TestImage kHaltForEver({0xFA, 0xF4});
// mov dx,0x3F8; mov al,'a'; 1: out dx,al; inc al; jmp 1b
const TestImage kAlphabet({0xBA, 0xF8, 0x03, 0xB0, 'a', 0xEE, 0xFE, 0xC0, 0xEB, 0xFB});
// mov dx,0x3F8; mov al,'7'; out dx,al; out 0xF4,al; jmp .
const TestImage kPrintAndLeave({0xBA, 0xF8, 0x03, 0xB0, '7', 0xEE, 0xE6, 0xF4, 0xEB, 0xFE});

// mov ax,B800h; mov ds,ax; mov word [0],1E4Fh ('O'); mov word [2],1E4Bh ('K'); jmp .
const TestImage kPrintsOnTheScreen({0xB8, 0x00, 0xB8, 0x8E, 0xD8, 0xC7, 0x06, 0x00, 0x00, 0x4F,
                                    0x1E, 0xC7, 0x06, 0x02, 0x00, 0x4B, 0x1E, 0xEB, 0xFE});

class HostTest : public testing::Test {
protected:
    Machine& add(const char* name, const TestImage& image) {
        return host_.create_machine(test_machine(image, name), backend_);
    }

    UnicornBackend backend_;
    Host host_{Seed(1)};
};

TEST_F(HostTest, WithoutMachinesThereIsNothingToRun) {
    EXPECT_THROW(host_.run({}), ConfigError);
}

TEST_F(HostTest, NamesAreUnique) {
    add("a", kSpin);
    EXPECT_THROW(add("a", kSpin), ConfigError);
    EXPECT_EQ(host_.find("b"), nullptr);
}

TEST_F(HostTest, MachinesStayWithinAWindow) {
    Machine& a = add("a", kSpin);
    Machine& b = add("b", kSpin);
    const Stop stop = host_.run({.limits = {.deadline = 50 * kMicrosecond + 1}});
    EXPECT_EQ(stop.reason, StopReason::kDeadline);
    EXPECT_EQ(a.now(), 50 * kMicrosecond + 1);
    EXPECT_EQ(b.now(), a.now());
}

TEST_F(HostTest, StopNamesItsMachineAndTheOthersCatchUp) {
    Machine& a = add("a", kSpin);
    Machine& b = add("b", kPrintAndLeave);
    const Stop stop = host_.run({.limits = {.deadline = kMillisecond}});
    EXPECT_EQ(stop.reason, StopReason::kDebugExit);
    EXPECT_EQ(stop.machine, "b");
    EXPECT_LE(std::abs(a.now() - b.now()), Host::kWindow);
    host_.run({.limits = {.deadline = kMillisecond}});
    EXPECT_EQ(a.now(), kMillisecond);
    EXPECT_EQ(b.now(), kMillisecond);
}

TEST_F(HostTest, HaltedMachineDoesNotEndTheRunOfOthers) {
    add("a", kHaltForEver);
    Machine& b = add("b", kSpin);
    EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}}).reason, StopReason::kDeadline);
    EXPECT_EQ(b.now(), kMillisecond);
}

TEST_F(HostTest, AllMachinesHaltedEndTheRun) {
    add("a", kHaltForEver);
    add("b", kHaltForEver);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}}).reason, StopReason::kHalted);
    }
}

TEST_F(HostTest, WaitsForOutputOfOneMachine) {
    Machine& a = add("a", kAlphabet);
    add("b", kAlphabet);
    const ConsolePattern pattern = ConsolePattern::text("xyz");
    const Stop stop = host_.run({.machine = &a, .pattern = &pattern});
    EXPECT_EQ(stop.reason, StopReason::kMatch);
    EXPECT_EQ(stop.machine, "a");
    ASSERT_TRUE(stop.match);
    EXPECT_EQ(stop.match->groups[0], "xyz");
}

TEST_F(HostTest, OutputThatIsThereAlreadyNeedsNoRun) {
    Machine& a = add("a", kAlphabet);
    host_.run({.limits = {.deadline = kMicrosecond}});
    const Nanoseconds before = a.now();
    const ConsolePattern pattern = ConsolePattern::text("abc");
    EXPECT_EQ(host_.run({.machine = &a, .pattern = &pattern}).reason, StopReason::kMatch);
    EXPECT_EQ(a.now(), before);
}

// The guest prints what matches, without anything behind it, and leaves: both are told, one after
// the other.
TEST_F(HostTest, StopBehindAMatchIsNotLost) {
    Machine& a = add("a", kPrintAndLeave);
    const ConsolePattern pattern = ConsolePattern::regex("[0-9]+");
    Stop stop = host_.run({.machine = &a, .pattern = &pattern});
    EXPECT_EQ(stop.reason, StopReason::kMatch);
    EXPECT_FALSE(stop.code);
    stop = host_.run({.limits = {.deadline = kSecond}});
    EXPECT_EQ(stop.reason, StopReason::kDebugExit);
    EXPECT_EQ(stop.code, '7');
}

TEST_F(HostTest, InterruptEndsARunOfSeveral) {
    add("a", kSpin);
    add("b", kSpin);
    host_.interrupt();
    EXPECT_EQ(host_.run({}).reason, StopReason::kInterrupted);
}

TEST_F(HostTest, LateMachineIsPoweredOnAtTheHostsTime) {
    add("a", kSpin);
    host_.run({.limits = {.deadline = kMillisecond}});
    Machine& b = add("b", kSpin);
    EXPECT_EQ(b.now(), kMillisecond);
    EXPECT_EQ(b.instructions(), 0u);
}

TEST_F(HostTest, RemovedMachineIsGone) {
    add("a", kSpin);
    host_.remove(add("b", kSpin));
    EXPECT_EQ(host_.find("b"), nullptr);
    EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}}).machine, "a");
}

TEST_F(HostTest, ScreenSearchStopsRightAfterTheWrite) {
    Machine& machine = add("a", kPrintsOnTheScreen);
    const ConsolePattern pattern = ConsolePattern::text("OK");
    const Host::Goal goal{.machine = &machine, .pattern = &pattern, .on_screen = true};
    const Stop stop = host_.run(goal);
    EXPECT_EQ(stop.reason, StopReason::kMatch);
    EXPECT_EQ(stop.instructions, 4u);
    EXPECT_EQ(stop.rip, 0x7C11u);
    ASSERT_TRUE(stop.match);
    EXPECT_EQ(stop.match->groups[0], "OK");
    EXPECT_EQ(stop.match->time, 3) << "the instruction's own time";
    EXPECT_EQ(machine.screen().cell(0, 1).attribute, 0x1E);
    // It is still there: no further instruction runs.
    EXPECT_EQ(host_.run(goal).instructions, 4u);

    const ConsolePattern other = ConsolePattern::text("KO");
    const Stop late = host_.run({.limits = {.deadline = kMicrosecond},
                                 .machine = &machine,
                                 .pattern = &other,
                                 .on_screen = true});
    EXPECT_EQ(late.reason, StopReason::kDeadline);
    EXPECT_FALSE(late.match);
}

}  // namespace
}  // namespace hvlab
