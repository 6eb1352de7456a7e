// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bits of RAM that are stuck: whatever writes to them, and however they are read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/unicorn/unicorn_backend.h"
#include "core/machine/machine.h"
#include "core/machine/test_guest.h"

namespace hvlab {
namespace {

using testing::HasSubstr;
using StuckBit = GuestMemory::StuckBit;
using Code = std::vector<std::uint8_t>;

constexpr GuestAddress kPage = 0x20000;

// Runs with DS = ES = 2000h, then leaves with the byte at 2000h:0 as code.
TestImage guest(const Code& middle) {
    Code code = {0xB8, 0x00, 0x20, 0x8E, 0xD8, 0x8E, 0xC0};  // mov ax,2000h; mov ds,ax; mov es,ax
    code.insert(code.end(), middle.begin(), middle.end());
    const Code leave = {0xA0, 0x00, 0x00, 0xE6, 0xF4};  // mov al,[0]; out F4h,al
    code.insert(code.end(), leave.begin(), leave.end());
    return TestImage(code);
}

class StuckBits : public testing::Test {
protected:
    std::unique_ptr<Machine> make(const TestImage& image) {
        return std::make_unique<Machine>(test_machine(image), backend_);
    }
    std::uint8_t at(Machine& machine, GuestAddress address) {
        return machine.memory().read_value<std::uint8_t>(address).value();
    }

    UnicornBackend backend_;
};

TEST_F(StuckBits, EveryKindOfStoreLeavesThemStuck) {
    struct Case {
        const char* what;
        Code code;
        std::uint8_t expected;
    };
    const Case cases[] = {
        {"nothing at all", {0x90}, 0x08},
        {"mov word [0],0", {0xC7, 0x06, 0x00, 0x00, 0x00, 0x00}, 0x08},
        {"mov byte [0],FFh", {0xC6, 0x06, 0x00, 0x00, 0xFF}, 0xBF},
        {"lock or byte [0],F0h", {0xF0, 0x80, 0x0E, 0x00, 0x00, 0xF0}, 0xB8},
        {"lock xadd [0],al", {0xB0, 0x11, 0xF0, 0x0F, 0xC0, 0x06, 0x00, 0x00}, 0x19},
        {"mov al,0; xchg [0],al", {0xB0, 0x00, 0x86, 0x06, 0x00, 0x00}, 0x08},
        {"rep stosb from the page before",
         {0xB8, 0x00, 0x1F, 0x8E, 0xC0, 0xB8, 0xFF, 0x00, 0xBF, 0xFE, 0x0F, 0xB9, 0x04, 0x00, 0xF3,
          0xAA},
         0xBF},
        {"a word over the page's edge",
         {0xB8, 0x00, 0x1F, 0x8E, 0xC0, 0x26, 0xC7, 0x06, 0xFF, 0x0F, 0xFF, 0xFF},
         0xBF},
        {"fnstcw over the page's edge",  // 037Fh or 0040h after FNINIT: its high byte is at [0]
         {0xB8, 0x00, 0x1F, 0x8E, 0xC0, 0xDB, 0xE3, 0x26, 0xD9, 0x3E, 0xFF, 0x0F},
         0x0B},
    };
    for (const Case& c : cases) {
        const TestImage image = guest(c.code);
        const auto machine = make(image);
        machine->stick_bit({.address = kPage, .bit = 3, .value = true});
        machine->stick_bit({.address = kPage, .bit = 6, .value = false});
        const Stop stop = machine->run({});
        EXPECT_EQ(stop.reason, StopReason::kDebugExit) << c.what;
        EXPECT_EQ(stop.code, c.expected) << c.what;
        EXPECT_EQ(at(*machine, kPage), c.expected) << c.what;
    }
}

TEST_F(StuckBits, CodeIsFetchedWithThem) {
    // `mov al,0; retf` at 2000h:10h, called; the 0 made a 1 and called again; the two results added
    const TestImage image = guest({0xC7, 0x06, 0x10, 0x00, 0xB0, 0x00,  // mov word [10h],00B0h
                                   0xC6, 0x06, 0x12, 0x00, 0xCB,        // mov byte [12h],CBh
                                   0x9A, 0x10, 0x00, 0x00, 0x20,        // call 2000h:10h
                                   0x88, 0xC3,                          // mov bl,al
                                   0xC6, 0x06, 0x11, 0x00, 0x01,        // mov byte [11h],1
                                   0x9A, 0x10, 0x00, 0x00, 0x20,        // call 2000h:10h
                                   0x00, 0xD8, 0xE6, 0xF4});            // add al,bl; out F4h,al
    const auto machine = make(image);
    machine->stick_bit({.address = kPage + 0x11, .bit = 4, .value = true});
    EXPECT_EQ(machine->run({}).code, 0x10u + 0x11u);
}

TEST_F(StuckBits, HostWritesSeeThemToo) {
    const TestImage image = guest({0x90});
    const auto machine = make(image);
    machine->stick_bit({.address = kPage + 5, .bit = 0, .value = true});
    ASSERT_TRUE(machine->memory().fill(kPage, 0x1000, std::byte{0}));
    EXPECT_EQ(at(*machine, kPage + 5), 1);
    machine->memory().clear();
    EXPECT_EQ(at(*machine, kPage + 5), 1);
    machine->stick_bit({.address = kPage + 5, .bit = 0, .value = false});
    EXPECT_EQ(at(*machine, kPage + 5), 0);
    EXPECT_EQ(machine->memory().stuck_bits().size(), 1u) << "the last one counts";
    EXPECT_TRUE(machine->unstick_bit(kPage + 5, 0));
    EXPECT_FALSE(machine->unstick_bit(kPage + 5, 0));
    ASSERT_TRUE(machine->memory().write_value(kPage + 5, std::uint8_t{0xFF}));
    EXPECT_EQ(at(*machine, kPage + 5), 0xFF);
}

TEST_F(StuckBits, AHealedPageIsRamAgain) {
    const TestImage image = guest({0xC6, 0x06, 0x00, 0x00, 0xFF});  // mov byte [0],FFh
    const auto machine = make(image);
    machine->stick_bit({.address = kPage, .bit = 6, .value = false});
    machine->stick_bit({.address = kPage + 9, .bit = 1, .value = true});
    EXPECT_TRUE(machine->unstick_bit(kPage, 6));
    EXPECT_EQ(machine->run({}).code, 0xFFu);
    EXPECT_TRUE(machine->unstick_bit(kPage + 9, 1));
    EXPECT_TRUE(machine->memory().stuck_bits().empty());
}

TEST_F(StuckBits, WhatCannotBeStuck) {
    const TestImage image = guest({0x90});
    const auto machine = make(image);
    const auto refusal = [&](const StuckBit& stuck) -> std::string {
        try {
            machine->stick_bit(stuck);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal({.address = 1 * kMiB}), HasSubstr("address: 0x100000 is not RAM"));
    EXPECT_THAT(refusal({.address = 0xB8000}), HasSubstr("not RAM"));
    EXPECT_THAT(refusal({.address = 0, .bit = 8}), HasSubstr("bit: 8 is not 0 to 7"));
    for (std::size_t i = 0; i < GuestMemory::kMaxStuckBits; ++i) {
        ASSERT_EQ(refusal({.address = kPage + i}), "accepted");
    }
    EXPECT_THAT(refusal({.address = 0}), HasSubstr("4096 bits are stuck already"));
    EXPECT_EQ(refusal({.address = kPage, .bit = 0, .value = true}), "accepted");
}

TEST_F(StuckBits, TheyAreStateAndMoveWithIt) {
    const TestImage image = guest({0xC6, 0x06, 0x00, 0x00, 0xFF});
    const auto machine = make(image);
    const std::string before = machine->state_hash();
    machine->stick_bit({.address = kPage, .bit = 0, .value = false});  // as it is: RAM is the same
    EXPECT_NE(machine->state_hash(), before);

    const auto other = make(image);
    other->stick_bit({.address = 0x30000, .bit = 7, .value = true});
    other->load(machine->save());
    EXPECT_EQ(other->state_hash(), machine->state_hash());
    EXPECT_EQ(other->run({}).code, 0xFEu);
    EXPECT_EQ(machine->run({}).code, 0xFEu);
    EXPECT_EQ(other->state_hash(), machine->state_hash());
    EXPECT_EQ(other->memory().stuck_bits().size(), 1u);
}

// A vCPU's store there is no access that nothing answers.
TEST_F(StuckBits, StoresAreAnswered) {
    const TestImage image = guest({0xC6, 0x06, 0x00, 0x00, 0xFF});
    const auto machine = make(image);
    machine->stick_bit({.address = kPage, .bit = 0, .value = false});
    machine->run({});
    EXPECT_EQ(machine->unhandled_accesses(), 0u);
}

}  // namespace
}  // namespace hvlab
