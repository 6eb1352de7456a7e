// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the Unicorn backend promises beyond the contract that tests/conformance checks.
#include <gmock/gmock.h>

#include <stdexcept>

#include "backends/unicorn/unicorn_backend.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using conformance::Guest;

TEST(UnicornBackend, ReportsItself) {
    const UnicornBackend backend;
    EXPECT_EQ(backend.name(), "unicorn");
    EXPECT_TRUE(backend.capabilities().deterministic);
    EXPECT_TRUE(backend.capabilities().instruction_count);
}

TEST(UnicornVcpu, FaultsWithoutAnInstructionBetweenThemAreAnExit) {
    // The page-fault handler's own page is not present and its stack is switched each time: no
    // instruction ever retires, so that no budget ends it.
    Guest guest(conformance::unicorn_backend());
    guest.boot(CODE64("mov eax, [0x183000]"));
    guest.set_gate({.vector = 14, .handler = 0x184000, .ist = 1});
    const CpuState before = guest.state();
    const Exit exit = guest.vcpu->run({});
    EXPECT_EQ(exit.kind, ExitKind::kInternal);
    EXPECT_THAT(exit.detail, testing::HasSubstr("exceptions in a row"));
    EXPECT_EQ(guest.counter->retired(), 0u);
    EXPECT_EQ(guest.vcpu->run({}).kind, ExitKind::kInternal);
    guest.load(CODE64("1: jmp 1b"));
    guest.vcpu->set_state(before);
    guest.step(3);
}

// Handlers promise not to throw; should one, nothing is lost.
TEST(UnicornVcpu, AnExceptionOfTheHandlerComesOutOfRun) {
    Guest guest(conformance::unicorn_backend());
    guest.boot(CODE64("nop; in al, 0x60; 1: jmp 1b"));
    guest.handler.on_access = [](const conformance::Access&) {
        throw std::runtime_error("device");
    };
    EXPECT_THROW(guest.vcpu->run({}), std::runtime_error);
    EXPECT_EQ(guest.rip(), conformance::kEntry + 3);
    guest.step(5);
}

}  // namespace
}  // namespace hvlab
