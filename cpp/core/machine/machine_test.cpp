// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "backends/unicorn/unicorn_backend.h"
#include "core/machine/test_guest.h"
#include "core/record/record.h"

namespace hvlab {
namespace {

using testing::HasSubstr;

const TestImage kSpin({0xEB, 0xFE});                  // jmp .
const TestImage kHaltForEver({0xFA, 0xF4});           // cli; hlt
const TestImage kHaltIdle({0xFB, 0xF4, 0xEB, 0xFD});  // sti; 1: hlt; jmp 1b

class MachineTest : public testing::Test {
protected:
    std::unique_ptr<Machine> make(const TestImage& image,
                                  UnhandledPolicy unhandled = UnhandledPolicy::kIgnore) {
        MachineConfig config = test_machine(image);
        config.unhandled = unhandled;
        return std::make_unique<Machine>(config, backend_);
    }

    UnicornBackend backend_;
};

TEST_F(MachineTest, BudgetIsExact) {
    const auto machine = make(kSpin);
    for (const std::uint64_t count : {1u, 2u, 999u, 2'500'000u}) {
        const std::uint64_t end = *machine->instructions() + count;
        const Stop stop = machine->run({.instructions = end});
        EXPECT_EQ(stop.reason, StopReason::kBudget);
        EXPECT_EQ(stop.instructions, end);
        EXPECT_EQ(stop.rip, 0x7C00u);
    }
}

TEST_F(MachineTest, DeadlineIsExactAndInGuestTime) {
    const auto machine = make(kSpin);
    const Stop stop = machine->run({.deadline = 12'345});
    EXPECT_EQ(stop.reason, StopReason::kDeadline);
    EXPECT_EQ(stop.time, 12'345);
    EXPECT_EQ(stop.instructions, 12'345u);
}

TEST_F(MachineTest, DebugExitHasItsCodeAndTheMachineGoesOn) {
    const TestImage image(
        {0xB0, 0x07, 0xE6, 0xF4, 0xEB, 0xFC});  // mov al,7; 1: out 0xF4,al; jmp 1b
    const auto machine = make(image);
    for (std::uint64_t end : {2u, 4u, 6u}) {
        const Stop stop = machine->run({});
        EXPECT_EQ(stop.reason, StopReason::kDebugExit);
        EXPECT_EQ(stop.code, 7u);
        EXPECT_EQ(stop.instructions, end);
        EXPECT_EQ(stop.rip, 0x7C04u) << "the instruction has completed";
    }
}

// al = 5Ah to the first byte of a segment, and back from there into debug-exit.
TestImage store_and_load(std::uint8_t segment_high) {
    return TestImage({0xB8, 0x00, segment_high, 0x8E, 0xD8,  // mov ax,XX00h; mov ds,ax
                      0xB0, 0x5A, 0xA2, 0x00, 0x00,          // mov al,5Ah; mov [0],al
                      0xA0, 0x00, 0x00, 0xE6, 0xF4});        // mov al,[0]; out F4h,al
}

TEST_F(MachineTest, VideoWindowIsNotRam) {
    const TestImage window = store_and_load(0xA0);
    const Stop stop = make(window, UnhandledPolicy::kStop)->run({});
    ASSERT_EQ(stop.reason, StopReason::kUnhandledAccess);
    EXPECT_EQ(stop.access->address, 0xA0000u);
    EXPECT_EQ(make(window)->run({}).code, 0xFFu);
    for (const std::uint8_t ram : {std::uint8_t{0x9F}, std::uint8_t{0xC0}, std::uint8_t{0xF0}}) {
        const TestImage image = store_and_load(ram);
        EXPECT_EQ(make(image, UnhandledPolicy::kStop)->run({}).code, 0x5Au);
    }
}

TEST_F(MachineTest, HaltedForEver) {
    const auto machine = make(kHaltForEver);
    for (int i = 0; i < 2; ++i) {
        const Stop stop = machine->run({.deadline = kSecond});
        EXPECT_EQ(stop.reason, StopReason::kHalted);
        EXPECT_THAT(stop.message, HasSubstr("interrupts off"));
        EXPECT_EQ(stop.instructions, 2u);
        EXPECT_EQ(stop.rip, 0x7C02u);
    }
}

TEST_F(MachineTest, AnNmiWakesWhatIsHaltedForEver) {
    // mov word [2 * 4],0x7C0F; mov word [2 * 4 + 2],0; hlt; jmp $; 0x7C0F: mov al,7; out 0xF4,al
    const TestImage image({0xC7, 0x06, 0x08, 0x00, 0x0F, 0x7C, 0xC7, 0x06, 0x0A, 0x00, 0x00, 0x00,
                           0xF4, 0xEB, 0xFE, 0xB0, 0x07, 0xE6, 0xF4});
    const auto machine = make(image);
    EXPECT_EQ(machine->run({.deadline = kSecond}).reason, StopReason::kHalted);
    machine->raise_nmi();
    const Stop stop = machine->run({.deadline = kSecond});
    EXPECT_EQ(stop.reason, StopReason::kDebugExit) << stop.message;
    EXPECT_EQ(stop.code, 7u);
}

TEST_F(MachineTest, IdleMachineSkipsToItsDeadline) {
    const auto machine = make(kHaltIdle);
    Stop stop = machine->run({.deadline = kSecond});
    EXPECT_EQ(stop.reason, StopReason::kDeadline);
    EXPECT_EQ(stop.time, kSecond);
    EXPECT_EQ(stop.instructions, 2u);
    stop = machine->run({});
    EXPECT_EQ(stop.reason, StopReason::kHalted);
    EXPECT_THAT(stop.message, HasSubstr("no timer"));
}

TEST_F(MachineTest, ResetAndTripleFaultAreFinal) {
    const TestImage reset({0xB0, 0xFE, 0xE6, 0x64, 0xEB, 0xFE});  // out 0x64, 0xFE
    const TestImage fault({0x0F, 0x01, 0x1E, 0x06, 0x7C, 0xCC, 0, 0, 0, 0, 0, 0});  // lidt; int3
    for (const auto& [image, reason] :
         {std::pair{&reset, StopReason::kReset}, std::pair{&fault, StopReason::kTripleFault}}) {
        const auto machine = make(*image);
        const Stop first = machine->run({.deadline = kSecond});
        EXPECT_EQ(first.reason, reason) << first.message;
        const Stop second = machine->run({.deadline = kSecond});
        EXPECT_EQ(second.reason, reason);
        EXPECT_EQ(second.time, first.time);
    }
}

// Each delivery of #UD runs into an invalid instruction: nothing ever retires, so no budget ends
// it.
TEST_F(MachineTest, HandlerThatFaultsForEverEndsTheRun) {
    // mov ax,0x2000; mov ss,ax (away from the code); mov word [6 * 4],0x7C0B; 0x7C0B: ud2
    const TestImage image(
        {0xB8, 0x00, 0x20, 0x8E, 0xD0, 0xC7, 0x06, 0x18, 0x00, 0x0B, 0x7C, 0x0F, 0x0B});
    const auto machine = make(image);
    const Stop stop = machine->run({.deadline = kSecond});
    EXPECT_EQ(stop.reason, StopReason::kError);
    EXPECT_THAT(stop.message, HasSubstr("exceptions in a row"));
    EXPECT_EQ(stop.instructions, 3u);
}

TEST_F(MachineTest, UnhandledPortIsOnesOrAStop) {
    const TestImage image(
        {0xBA, 0x34, 0x12, 0xEC, 0xE6, 0xF4});  // mov dx,0x1234; in al,dx; out 0xF4,al
    const auto lenient = make(image);
    EXPECT_EQ(lenient->run({}).code, 0xFFu);
    EXPECT_EQ(lenient->unhandled_accesses(), 1u);

    const auto strict = make(image, UnhandledPolicy::kStop);
    const Stop stop = strict->run({});
    EXPECT_EQ(stop.reason, StopReason::kUnhandledAccess);
    ASSERT_TRUE(stop.access);
    EXPECT_EQ(stop.access->kind, UnhandledAccess::Kind::kPort);
    EXPECT_EQ(stop.access->address, 0x1234u);
    EXPECT_EQ(stop.access->size, 1u);
    EXPECT_FALSE(stop.access->write);
    EXPECT_EQ(stop.instructions, 2u);
}

TEST_F(MachineTest, FetchFromNowhereStops) {
    // jmp 0xF000:0xFFFF -> 0xFFFFF is RAM here; beyond 1 MiB there is none: ljmp 0xFFFF:0x0010 =
    // 0x100000
    const TestImage image({0xEA, 0x10, 0x00, 0xFF, 0xFF});
    const Stop stop = make(image)->run({.deadline = kSecond});
    EXPECT_EQ(stop.reason, StopReason::kUnhandledAccess) << stop.message;
    ASSERT_TRUE(stop.access);
    EXPECT_EQ(stop.access->kind, UnhandledAccess::Kind::kFetch);
    EXPECT_EQ(stop.access->address, 0x100000u);
}

TEST_F(MachineTest, InterruptFromAnotherThreadIsNotLost) {
    const auto machine = make(kSpin);
    for (int i = 0; i < 200; ++i) {
        std::thread other([&] { machine->interrupt(); });
        const Stop stop = machine->run({});
        other.join();
        EXPECT_EQ(stop.reason, StopReason::kInterrupted);
    }
    machine->interrupt();
    EXPECT_EQ(machine->run({}).reason, StopReason::kInterrupted);
}

TEST_F(MachineTest, WallDeadlineAndPoll) {
    const auto machine = make(kSpin);
    int polls = 0;
    const Stop stop = machine->run(
        {.wall_deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30),
         .poll = [&] { ++polls; }});
    EXPECT_EQ(stop.reason, StopReason::kWallDeadline);
    EXPECT_GE(polls, 2);
}

TEST_F(MachineTest, PollMayThrowAndTheMachineGoesOn) {
    const auto machine = make(kSpin);
    EXPECT_THROW(machine->run({.poll = [] { throw std::runtime_error("signal"); }}),
                 std::runtime_error);
    const std::uint64_t end = *machine->instructions() + 10;
    EXPECT_EQ(machine->run({.instructions = end}).reason, StopReason::kBudget);
}

TEST_F(MachineTest, ConsoleMatchStopsAfterTheInstructionOfTheByte) {
    // mov dx,0x3F8; mov al,'a'; 1: out dx,al; inc al; jmp 1b
    const TestImage image({0xBA, 0xF8, 0x03, 0xB0, 'a', 0xEE, 0xFE, 0xC0, 0xEB, 0xFB});
    const auto machine = make(image);
    const ConsolePattern pattern = ConsolePattern::text("cd");
    machine->search().await({.machine = machine.get(), .pattern = &pattern}, 0);
    ASSERT_FALSE(machine->search().begin(machine->now()));
    const Stop stop = machine->run({.deadline = kSecond});
    EXPECT_EQ(stop.reason, StopReason::kMatch);
    EXPECT_EQ(machine->console().text(), "abcd");
    EXPECT_EQ(stop.instructions, 2u + 3 * 3 + 1);
    const auto happened = machine->search().happened(false);
    ASSERT_TRUE(happened);
    EXPECT_EQ(happened->time, stop.time - 1) << "the time of the OUT itself";
}

// A machine moved into another one in the middle goes on as the first would have.
TEST_F(MachineTest, SavedStateGoesOnAlike) {
    // Programs the PIT (mode 2, divisor 100), then counts in memory and reads the counter back.
    const TestImage image({0xB0, 0x34, 0xE6, 0x43, 0xB0, 0x64, 0xE6, 0x40, 0xB0, 0x00, 0xE6, 0x40,
                           0xFF, 0x06, 0x00, 0x05, 0xE4, 0x40, 0x00, 0x06, 0x02, 0x05, 0xEB, 0xF4});
    const auto whole = make(image);
    RecordDigest record;
    whole->set_observer(&record);
    whole->run({.instructions = 5'000});
    for (const std::uint64_t cut : {1u, 7u, 1'234u, 4'999u}) {
        const auto first = make(image);
        first->run({.instructions = cut});
        const std::vector<std::byte> state = first->save();
        const auto second = make(image);
        second->run({.instructions = 777});  // whatever it did before is overwritten
        second->load(state);
        EXPECT_EQ(second->state_hash(), first->state_hash());
        second->run({.instructions = 5'000});
        EXPECT_EQ(second->state_hash(), whole->state_hash()) << "cut at " << cut;
    }
}

// Closes the A20 gate, then reads the same byte of the first and the second MiB for ever: an access
// to the video window in the second MiB is one to the window.
TEST_F(MachineTest, SavedStateHasTheA20Gate) {
    const TestImage image({
        0xB8, 0xFF, 0xFF, 0x8E, 0xC0,        // mov ax,0FFFFh; mov es,ax
        0x30, 0xC0, 0xE6, 0x92,              // xor al,al; out 92h,al
        0x26, 0xFF, 0x06, 0x10, 0x06,        // 1: inc word es:[610h]
        0xA1, 0x00, 0x06, 0xE6, 0xE9, 0xE6,  // mov ax,[600h]; out 0E9h,al; out 80h,al
        0x80, 0xEB, 0xF2,                    // jmp 1b
    });
    const auto first = make(image);
    RecordDigest record;
    first->set_observer(&record);
    first->run({.instructions = 100});
    EXPECT_EQ(first->memory().read_value<std::uint16_t>(0x600), 20);
    const std::vector<std::byte> state = first->save();
    const auto second = make(image);
    second->load(state);
    second->run({.instructions = 200});
    first->run({.instructions = 200});
    EXPECT_EQ(second->memory().read_value<std::uint16_t>(0x600), 40);
    EXPECT_EQ(second->state_hash(), first->state_hash());
    // And a state with the gate open opens it.
    const auto third = make(image);
    third->run({.instructions = 100});
    third->load(make(image)->save());
    EXPECT_EQ(third->run({.instructions = 3}).rip, 0x7C09u - 2);
    EXPECT_TRUE(third->platform().a20());
}

TEST_F(MachineTest, AClosedA20GateHoldsForDevicesToo) {
    MachineConfig config;
    const TestImage image({
        0x0F, 0x01, 0x16, 0x2A, 0x7C,              // lgdt [7C2Ah]
        0x0F, 0x20, 0xC0, 0x40, 0x0F, 0x22, 0xC0,  // mov eax,cr0; inc ax; mov cr0,eax
        0xB8, 0x08, 0x00, 0x8E, 0xD8,              // mov ax,8; mov ds,ax
        0x30, 0xC0, 0xE6, 0x92,                    // xor al,al; out 92h,al
        0x67, 0xA0, 0x34, 0x12, 0x1A, 0x00,        // mov al,[1A1234h]
        0xF4,                                      // hlt
    });
    config = test_machine(image);
    config.unhandled = UnhandledPolicy::kStop;
    Machine machine(config, backend_);
    ASSERT_TRUE(machine.memory().write_value(0x7C2A, std::uint16_t{15}));
    ASSERT_TRUE(machine.memory().write_value(0x7C2C, std::uint32_t{0x7C30}));
    ASSERT_TRUE(machine.memory().write_value(0x7C38, std::uint64_t{0x00CF92000000FFFF}));
    const Stop stop = machine.run({});
    ASSERT_EQ(stop.reason, StopReason::kUnhandledAccess);
    EXPECT_EQ(stop.access->address, 0xA1234u);
}

TEST_F(MachineTest, LoadRefusesWhatIsNotAState) {
    const auto machine = make(kSpin);
    const std::vector<std::byte> state = machine->save();
    for (std::size_t size = 0; size < state.size(); size += 97) {
        EXPECT_THROW(make(kSpin)->load(std::span(state).first(size)), StateError) << size;
    }
    MachineConfig larger = test_machine(kSpin);
    larger.memory_size = 2 * kMiB;
    EXPECT_THROW(Machine(larger, backend_).load(state), StateError);
}

TEST_F(MachineTest, BadConfigurationsAreRefusedByName) {
    MachineConfig config = test_machine(kSpin);
    config.cpu_model = "pentium";
    EXPECT_THROW(Machine(config, backend_), ConfigError);
    config = test_machine(kSpin);
    config.memory_size = 0;
    EXPECT_THROW(Machine(config, backend_), ConfigError);
    config = test_machine(kSpin);
    config.boot = FlatImage{.path = "/nonexistent"};
    EXPECT_THROW(Machine(config, backend_), BootError);
}

}  // namespace
}  // namespace hvlab
