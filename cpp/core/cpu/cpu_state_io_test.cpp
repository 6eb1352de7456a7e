// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_state_io.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/base/random.h"

namespace hvlab {
namespace {

// A state with something different in every field.
CpuState arbitrary_state(std::uint64_t seed) {
    RandomStream random{Seed(seed)};
    CpuState state = reset_state();
    for (std::uint64_t& value : state.gpr) value = random.next();
    state.rip = random.next();
    state.rflags = random.next();
    for (Segment* s : {&state.cs, &state.ds, &state.es, &state.fs, &state.gs, &state.ss,
                       &state.ldtr, &state.tr}) {
        *s = {.base = random.next(),
              .limit = static_cast<std::uint32_t>(random.next()),
              .selector = static_cast<std::uint16_t>(random.next()),
              .type = static_cast<std::uint8_t>(random.below(16)),
              .s = random.below(2) == 0,
              .dpl = static_cast<std::uint8_t>(random.below(4)),
              .present = random.below(2) == 0,
              .avl = random.below(2) == 0,
              .l = random.below(2) == 0,
              .db = random.below(2) == 0,
              .g = random.below(2) == 0};
    }
    state.gdtr = {random.next(), static_cast<std::uint16_t>(random.next())};
    state.idtr = {random.next(), static_cast<std::uint16_t>(random.next())};
    for (std::uint64_t* value :
         {&state.cr0, &state.cr2, &state.cr3, &state.cr4, &state.cr8, &state.dr6, &state.dr7,
          &state.msrs.efer, &state.msrs.star, &state.msrs.lstar, &state.msrs.tsc_offset,
          &state.msrs.mtrr_def_type, &state.fpu.fip, &state.fpu.fdp}) {
        *value = random.next();
    }
    for (auto& value : state.msrs.mtrr_phys_mask) value = random.next();
    for (auto& xmm : state.fpu.xmm) xmm = {random.next(), random.next()};
    for (auto& st : state.fpu.st) {
        for (auto& byte : st) byte = static_cast<std::uint8_t>(random.next());
    }
    state.exception = {true, 14, true, static_cast<std::uint32_t>(random.next())};
    state.interrupt = {true, static_cast<std::uint8_t>(random.next())};
    state.nmi_pending = state.nmi_blocked = state.shadow_mov_ss = true;
    return state;
}

TEST(CpuStateIo, RoundTrip) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const CpuState state = arbitrary_state(seed);
        StateWriter writer;
        save_cpu_state(writer, state);
        StateReader reader(writer.bytes());
        EXPECT_EQ(load_cpu_state(reader), state);
        EXPECT_TRUE(reader.at_end());
    }
}

TEST(CpuStateIo, TruncatedStateIsRefused) {
    StateWriter writer;
    save_cpu_state(writer, reset_state());
    for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
        StateReader reader(std::span(writer.bytes()).first(size));
        EXPECT_THROW(load_cpu_state(reader), StateError) << size;
    }
}

}  // namespace
}  // namespace hvlab
