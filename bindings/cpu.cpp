// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_state.h"

#include <fmt/format.h>
#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include "bindings.h"
#include "core/cpu/cpu_model.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

constexpr const char* kGprNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

void bind_segment(py::module_& module) {
    py::class_<Segment>(module, "Segment",
                        "A segment register with its hidden part (Intel SDM vol. 3 s. 3.4.3).")
        .def(py::init<>())
        .def_readwrite("selector", &Segment::selector)
        .def_readwrite("base", &Segment::base)
        .def_readwrite("limit", &Segment::limit, "In bytes, scaled by G.")
        .def_readwrite("type", &Segment::type, "The four type bits of the descriptor.")
        .def_readwrite("s", &Segment::s, "True: code or data; False: system.")
        .def_readwrite("dpl", &Segment::dpl)
        .def_readwrite("present", &Segment::present)
        .def_readwrite("avl", &Segment::avl)
        .def_readwrite("l", &Segment::l)
        .def_readwrite("db", &Segment::db)
        .def_readwrite("g", &Segment::g)
        .def(py::self == py::self)
        .def("__repr__", [](const Segment& s) {
            return fmt::format("<Segment {:#06x} base={:#x} limit={:#x} dpl={}>", s.selector,
                               s.base, s.limit, s.dpl);
        });
    py::class_<DescriptorTable>(module, "DescriptorTable", "GDTR or IDTR.")
        .def(py::init<>())
        .def_readwrite("base", &DescriptorTable::base)
        .def_readwrite("limit", &DescriptorTable::limit)
        .def(py::self == py::self);
}

void bind_msrs(py::module_& module) {
    py::class_<Msrs>(module, "Msrs", "Model-specific registers (Intel SDM vol. 4).")
        .def(py::init<>())
        .def_readwrite("efer", &Msrs::efer)
        .def_readwrite("star", &Msrs::star)
        .def_readwrite("lstar", &Msrs::lstar)
        .def_readwrite("cstar", &Msrs::cstar)
        .def_readwrite("fmask", &Msrs::fmask)
        .def_readwrite("kernel_gs_base", &Msrs::kernel_gs_base)
        .def_readwrite("sysenter_cs", &Msrs::sysenter_cs)
        .def_readwrite("sysenter_esp", &Msrs::sysenter_esp)
        .def_readwrite("sysenter_eip", &Msrs::sysenter_eip)
        .def_readwrite("pat", &Msrs::pat)
        .def_readwrite("tsc_aux", &Msrs::tsc_aux)
        .def_readwrite("tsc_offset", &Msrs::tsc_offset, "Guest TSC minus guest time, in ticks.")
        .def_readwrite("misc_enable", &Msrs::misc_enable)
        .def_readwrite("mtrr_def_type", &Msrs::mtrr_def_type)
        .def_readwrite("mtrr_fixed", &Msrs::mtrr_fixed)
        .def_readwrite("mtrr_phys_base", &Msrs::mtrr_phys_base)
        .def_readwrite("mtrr_phys_mask", &Msrs::mtrr_phys_mask)
        .def(py::self == py::self);
}

void bind_fpu(py::module_& module) {
    py::class_<FpuState>(module, "FpuState", "x87 and SSE state (Intel SDM vol. 1 s. 10.5.1).")
        .def(py::init<>())
        .def_readwrite("fcw", &FpuState::fcw)
        .def_readwrite("fsw", &FpuState::fsw)
        .def_readwrite("ftw", &FpuState::ftw, "Abridged: bit i set means register i is not empty.")
        .def_readwrite("fop", &FpuState::fop)
        .def_readwrite("fip", &FpuState::fip)
        .def_readwrite("fdp", &FpuState::fdp)
        .def_readwrite("st", &FpuState::st, "Eight registers of ten bytes, ST(0) first.")
        .def_readwrite("xmm", &FpuState::xmm, "Sixteen pairs of 64-bit values, low first.")
        .def_readwrite("mxcsr", &FpuState::mxcsr)
        .def(py::self == py::self);
}

}  // namespace

void bind_cpu(py::module_& module) {
    bind_segment(module);
    bind_msrs(module);
    bind_fpu(module);

    py::class_<CpuState> state(
        module, "CpuState",
        "The architectural state of a vCPU, as a copy: assign it back to change the "
        "vCPU (Intel SDM vol. 3 ch. 2).");
    state.def(py::init(&reset_state), "The state after RESET.");
    for (std::size_t i = 0; i < kGprCount; ++i) {
        state.def_property(
            kGprNames[i], [i](const CpuState& s) { return s.gpr[i]; },
            [i](CpuState& s, std::uint64_t value) { s.gpr[i] = value; });
    }
    state.def_readwrite("rip", &CpuState::rip)
        .def_readwrite("rflags", &CpuState::rflags)
        .def_readwrite("cs", &CpuState::cs)
        .def_readwrite("ds", &CpuState::ds)
        .def_readwrite("es", &CpuState::es)
        .def_readwrite("fs", &CpuState::fs)
        .def_readwrite("gs", &CpuState::gs)
        .def_readwrite("ss", &CpuState::ss)
        .def_readwrite("ldtr", &CpuState::ldtr)
        .def_readwrite("tr", &CpuState::tr)
        .def_readwrite("gdtr", &CpuState::gdtr)
        .def_readwrite("idtr", &CpuState::idtr)
        .def_readwrite("cr0", &CpuState::cr0)
        .def_readwrite("cr2", &CpuState::cr2)
        .def_readwrite("cr3", &CpuState::cr3)
        .def_readwrite("cr4", &CpuState::cr4)
        .def_readwrite("cr8", &CpuState::cr8)
        .def_readwrite("dr", &CpuState::dr, "DR0 to DR3.")
        .def_readwrite("dr6", &CpuState::dr6)
        .def_readwrite("dr7", &CpuState::dr7)
        .def_readwrite("msrs", &CpuState::msrs)
        .def_readwrite("fpu", &CpuState::fpu)
        .def_readwrite("nmi_pending", &CpuState::nmi_pending)
        .def_readwrite("nmi_blocked", &CpuState::nmi_blocked)
        .def_readwrite("shadow_sti", &CpuState::shadow_sti)
        .def_readwrite("shadow_mov_ss", &CpuState::shadow_mov_ss)
        .def_readwrite("halted", &CpuState::halted)
        .def(py::self == py::self)
        .def("__repr__", [](const CpuState& s) {
            return fmt::format("<CpuState rip={:#x} rflags={:#x} cr0={:#x} cr3={:#x}>", s.rip,
                               s.rflags, s.cr0, s.cr3);
        });
    module.def("cpu_models", &CpuModel::names, "The names of the CPU models.");
}

}  // namespace hvlab::python
