// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_state_io.h"

#include <type_traits>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 2;

// One description of the layout serves both directions: `io(field)` writes or reads it.
template <typename Io>
struct Layout {
    Io io;

    template <typename T, std::size_t N>
    void each(std::array<T, N>& values) {
        for (T& value : values) {
            if constexpr (std::is_arithmetic_v<T>) {
                io(value);
            } else {
                each(value);
            }
        }
    }

    void segment(Segment& s) {
        io(s.base);
        io(s.limit);
        io(s.selector);
        io.nibble(s.type);
        io(s.s);
        io.ring(s.dpl);
        io(s.present);
        io(s.avl);
        io(s.l);
        io(s.db);
        io(s.g);
    }

    void table(DescriptorTable& t) {
        io(t.base);
        io(t.limit);
    }

    void msrs(Msrs& m) {
        for (std::uint64_t* value :
             {&m.efer, &m.star, &m.lstar, &m.cstar, &m.fmask, &m.kernel_gs_base, &m.sysenter_cs,
              &m.sysenter_esp, &m.sysenter_eip, &m.pat, &m.tsc_aux, &m.tsc_offset, &m.misc_enable,
              &m.mtrr_def_type}) {
            io(*value);
        }
        each(m.mtrr_fixed);
        each(m.mtrr_phys_base);
        each(m.mtrr_phys_mask);
    }

    void fpu(FpuState& f) {
        io(f.fcw);
        io(f.fsw);
        io(f.ftw);
        io(f.fop);
        io(f.fip);
        io(f.fdp);
        each(f.st);
        each(f.xmm);
        io(f.mxcsr);
    }

    void state(CpuState& c) {
        each(c.gpr);
        io(c.rip);
        io(c.rflags);
        for (Segment* s : {&c.cs, &c.ds, &c.es, &c.fs, &c.gs, &c.ss, &c.ldtr, &c.tr}) segment(*s);
        table(c.gdtr);
        table(c.idtr);
        for (std::uint64_t* value : {&c.cr0, &c.cr2, &c.cr3, &c.cr4, &c.cr8}) io(*value);
        each(c.dr);
        io(c.dr6);
        io(c.dr7);
        msrs(c.msrs);
        fpu(c.fpu);
        io(c.exception.pending);
        io(c.exception.vector);
        io(c.exception.has_error_code);
        io(c.exception.error_code);
        io(c.interrupt.pending);
        io(c.interrupt.vector);
        io(c.nmi_pending);
        io(c.nmi_blocked);
        io(c.shadow_sti);
        io(c.shadow_mov_ss);
        io(c.halted);
    }
};

struct Save {
    StateWriter& writer;

    template <typename T>
    void operator()(T& value) {
        writer.put(value);
    }
    void nibble(std::uint8_t& value) { writer.put(value); }
    void ring(std::uint8_t& value) { writer.put(value); }
};

struct Load {
    StateReader& reader;

    template <typename T>
    void operator()(T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            value = reader.get_bool();
        } else {
            value = reader.get<T>();
        }
    }
    void nibble(std::uint8_t& value) { value = reader.get_in<std::uint8_t>(0, 15, "segment type"); }
    void ring(std::uint8_t& value) { value = reader.get_in<std::uint8_t>(0, 3, "segment DPL"); }
};

}  // namespace

void save_cpu_state(StateWriter& writer, const CpuState& state) {
    writer.begin("cpu", kVersion);
    CpuState copy = state;  // the layout names fields by reference; saving changes none of them
    Layout<Save>{Save{writer}}.state(copy);
}

CpuState load_cpu_state(StateReader& reader) {
    reader.begin("cpu", kVersion);
    CpuState state;
    Layout<Load>{Load{reader}}.state(state);
    return state;
}

}  // namespace hvlab
