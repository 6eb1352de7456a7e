// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/host/host.h"

#include <gtest/gtest.h>

#include <array>

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

    Stop run_until(const Awaited& event) { return host_.run({.events = {&event, 1}}); }

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
    const Stop stop = run_until({.machine = &a, .pattern = &pattern});
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
    EXPECT_EQ(run_until({.machine = &a, .pattern = &pattern}).reason, StopReason::kMatch);
    EXPECT_EQ(a.now(), before);
}

// The guest prints what matches, without anything behind it, and leaves: both are told, one after
// the other.
TEST_F(HostTest, StopBehindAMatchIsNotLost) {
    Machine& a = add("a", kPrintAndLeave);
    const ConsolePattern pattern = ConsolePattern::regex("[0-9]+");
    Stop stop = run_until({.machine = &a, .pattern = &pattern});
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

TEST_F(HostTest, AMachineThatHaltsEndsARunOfOthersWhereThatIsWanted) {
    add("a", kSpin);
    add("b", kHaltForEver);
    EXPECT_EQ(host_.run({.limits = {.deadline = kMicrosecond}}).reason, StopReason::kDeadline);
    host_.set_halts_end_runs(true);
    add("c", kHaltForEver);
    const Stop stop = host_.run({.limits = {.deadline = kMillisecond}});
    EXPECT_EQ(stop.reason, StopReason::kHalted);
    EXPECT_EQ(stop.machine, "c");
    EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}}).reason, StopReason::kDeadline);
}

TEST_F(HostTest, TimeGoesOnWhereTheLastMachineWasRemoved) {
    Machine& a = add("a", kSpin);
    host_.run({.limits = {.deadline = kMillisecond}});
    const Nanoseconds reached = a.now();
    host_.remove(a);
    EXPECT_EQ(host_.now(), reached);
    EXPECT_EQ(add("b", kSpin).now(), reached);
}

TEST_F(HostTest, ScreenSearchStopsRightAfterTheWrite) {
    Machine& machine = add("a", kPrintsOnTheScreen);
    const ConsolePattern pattern = ConsolePattern::text("OK");
    const Awaited event{.machine = &machine, .place = Awaited::Place::kScreen, .pattern = &pattern};
    const Stop stop = run_until(event);
    EXPECT_EQ(stop.reason, StopReason::kMatch);
    EXPECT_EQ(stop.instructions, 4u);
    EXPECT_EQ(stop.rip, 0x7C11u);
    ASSERT_TRUE(stop.match);
    EXPECT_EQ(stop.match->groups[0], "OK");
    EXPECT_EQ(stop.match->time, 3) << "the instruction's own time";
    EXPECT_EQ(machine.screen().cell(0, 1).attribute, 0x1E);
    // It is still there: no further instruction runs.
    EXPECT_EQ(run_until(event).instructions, 4u);

    const ConsolePattern other = ConsolePattern::text("KO");
    const Awaited never{.machine = &machine, .place = Awaited::Place::kScreen, .pattern = &other};
    const Stop late = host_.run({.limits = {.deadline = kMicrosecond}, .events = {&never, 1}});
    EXPECT_EQ(late.reason, StopReason::kDeadline);
    EXPECT_FALSE(late.match);
}

TEST_F(HostTest, FirstOfSeveralEventsOfSeveralMachines) {
    Machine& b = add("b", kPrintsOnTheScreen);
    Machine& a = add("a", kAlphabet);
    const ConsolePattern late = ConsolePattern::text("xyz");
    const ConsolePattern soon = ConsolePattern::text("OK");
    const std::array<Awaited, 3> events{
        Awaited{.machine = &a, .pattern = &late},
        Awaited{.machine = &b, .place = Awaited::Place::kScreen, .pattern = &soon},
        Awaited{
            .machine = &a, .place = Awaited::Place::kPort, .port = {.port = 0x3F8, .value = 'y'}}};
    const Stop shown = host_.run({.events = events});
    EXPECT_EQ(shown.reason, StopReason::kMatch);
    EXPECT_EQ(shown.event, 1u);
    EXPECT_EQ(shown.machine, "b");
    EXPECT_EQ(a.now(), 0) << "the window ended there";
    const std::array<Awaited, 2> of_a{events[0], events[2]};
    const Stop written = host_.run({.events = of_a});
    EXPECT_EQ(written.event, 1u);
    ASSERT_TRUE(written.port_write);
    EXPECT_EQ(written.port_write->value, std::uint32_t{'y'});
    EXPECT_EQ(written.machine, "a");
    EXPECT_EQ(host_.run({.events = of_a}).event, 0u);
    EXPECT_EQ(a.console().text(), "abcdefghijklmnopqrstuvwxyz");
}

// The debug-exit port is written: that was waited for, and it is a stop. Both are told.
TEST_F(HostTest, PortEventAndTheStopOfTheSameInstruction) {
    Machine& a = add("a", kPrintAndLeave);
    const Awaited event{.machine = &a, .place = Awaited::Place::kPort, .port = {.port = 0xF4}};
    EXPECT_EQ(run_until(event).port_write->value, std::uint32_t{'7'});
    EXPECT_EQ(host_.run({}).reason, StopReason::kDebugExit);
}

TEST_F(HostTest, OthersGoOnWhenOneHasEnded) {
    const TestImage reset({0xB0, 0xFE, 0xE6, 0x64, 0xEB, 0xFE});  // out 0x64, 0xFE
    const TestImage nowhere({0xEA, 0x00, 0x00, 0x00, 0xA0});      // jmp A000h:0
    Machine& a = add("a", reset);
    Machine& b = add("b", nowhere);
    Machine& c = add("c", kAlphabet);
    for (const auto& [reason, name] :
         {std::pair{StopReason::kReset, "a"}, std::pair{StopReason::kUnhandledAccess, "b"},
          std::pair{StopReason::kDeadline, "a"}}) {
        const Stop stop = host_.run({.limits = {.deadline = kMillisecond}});
        EXPECT_EQ(stop.reason, reason);
        EXPECT_EQ(stop.machine, name);
    }
    EXPECT_EQ(c.now(), kMillisecond);
    EXPECT_LT(b.now(), kMillisecond);
    // Nothing of those that are waited for can happen any more: told at once. One can: go on.
    const ConsolePattern pattern = ConsolePattern::text("x");
    const std::array<Awaited, 3> events{Awaited{.machine = &b, .pattern = &pattern},
                                        Awaited{.machine = &a, .pattern = &pattern},
                                        Awaited{.machine = &c, .pattern = &pattern}};
    EXPECT_EQ(host_.run({.events = std::span(events).first(2)}).machine, "b");
    EXPECT_EQ(host_.run({.events = events}).event, 2u);
}

TEST_F(HostTest, HaltedMachineThatIsWaitedForIsTold) {
    add("spin", kSpin);
    Machine& a = add("a", kHaltForEver);
    const ConsolePattern pattern = ConsolePattern::text("x");
    const Stop stop = run_until({.machine = &a, .pattern = &pattern});
    EXPECT_EQ(stop.reason, StopReason::kHalted);
    EXPECT_EQ(stop.machine, "a");
    a.raise_nmi();  // it goes on, into what the vector table of a machine without firmware holds
    EXPECT_FALSE(a.ended());
}

// Another machine's stop does not make the output of this one complete.
TEST_F(HostTest, StopOfAnotherMachineEndsNoMatch) {
    add("b", kPrintAndLeave);
    // mov dx,0x3F8; mov al,'1'; out dx,al; mov cx,8000; loop $; out dx,al; jmp .
    const TestImage slow(
        {0xBA, 0xF8, 0x03, 0xB0, '1', 0xEE, 0xB9, 0x40, 0x1F, 0xE2, 0xFE, 0xEE, 0xEB, 0xFE});
    Machine& a = add("a", slow);
    const ConsolePattern pattern = ConsolePattern::regex("[0-9]+");
    const Awaited event{.machine = &a, .pattern = &pattern};
    host_.run({.limits = {.deadline = 3}});  // "1" of a; b has not left yet
    EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}, .events = {&event, 1}}).reason,
              StopReason::kDebugExit);
    const Stop stop = host_.run({.limits = {.deadline = kMillisecond}, .events = {&event, 1}});
    EXPECT_EQ(stop.match->groups[0], "11");
}

// A stop that waits to be told ends the run; the search that was begun for it leaves nothing
// behind.
TEST_F(HostTest, NoSearchIsLeftWhenAStopWasWaiting) {
    Machine& a = add("a", kPrintAndLeave);
    const ConsolePattern pattern = ConsolePattern::regex("[0-9]+");
    EXPECT_EQ(run_until({.machine = &a, .pattern = &pattern}).reason, StopReason::kMatch);
    {
        const ConsolePattern other = ConsolePattern::text("x");
        EXPECT_EQ(run_until({.machine = &a, .pattern = &other}).reason, StopReason::kDebugExit);
    }
    EXPECT_FALSE(a.search().happened(true));
    EXPECT_EQ(host_.run({.limits = {.deadline = kMillisecond}}).reason, StopReason::kDeadline);
}

}  // namespace
}  // namespace hvlab
