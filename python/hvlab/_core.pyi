# SPDX-License-Identifier: GPL-2.0-or-later
# Generated from the extension by `make stubs`.
# mypy: implicit-optional, disable-error-code="assignment,override,type-arg"
"""
The core of hvlab. Use it through the hvlab package: names and units are checked there.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import pathlib
import typing
import typing_extensions

__all__: list[str] = [
    "BootModule",
    "ConsolePattern",
    "CpuState",
    "DescriptorTable",
    "Device",
    "DiskBoot",
    "ElfImage",
    "Event",
    "Figure",
    "FlatImage",
    "FpuState",
    "GuestFault",
    "Host",
    "KvmCapability",
    "KvmStatus",
    "LinuxBoot",
    "Machine",
    "Match",
    "MemoryView",
    "MicroImage",
    "Msrs",
    "MultibootKernel",
    "PortPattern",
    "PortWrite",
    "ProbeFigures",
    "PvhKernel",
    "RecentEvent",
    "ScenarioNode",
    "SchedulerHost",
    "SchedulerVcpu",
    "SchedulerVm",
    "Segment",
    "SimCluster",
    "SimColumn",
    "SimKind",
    "SimParameter",
    "SimTable",
    "Stop",
    "UnhandledAccess",
    "backend_names",
    "cpu_models",
    "engine_version",
    "kvm_status",
    "parse_scenario",
    "probe",
    "sim_schedulers",
    "sim_workloads",
]

class Segment:
    """
    A segment register with its hidden part (Intel SDM vol. 3 s. 3.4.3).
    """

    __hash__: typing.ClassVar[None] = None
    avl: bool
    db: bool
    g: bool
    l: bool
    present: bool
    def __eq__(self, arg0: Segment) -> bool: ...
    def __init__(self) -> None: ...
    def __repr__(self) -> str: ...
    @property
    def base(self) -> int: ...
    @base.setter
    def base(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def dpl(self) -> int: ...
    @dpl.setter
    def dpl(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def limit(self) -> int:
        """
        In bytes, scaled by G.
        """
    @limit.setter
    def limit(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def s(self) -> bool:
        """
        True: code or data; False: system.
        """
    @s.setter
    def s(self, arg0: bool) -> None: ...
    @property
    def selector(self) -> int: ...
    @selector.setter
    def selector(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def type(self) -> int:
        """
        The four type bits of the descriptor.
        """
    @type.setter
    def type(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class DescriptorTable:
    """
    GDTR or IDTR.
    """

    __hash__: typing.ClassVar[None] = None
    def __eq__(self, arg0: DescriptorTable) -> bool: ...
    def __init__(self) -> None: ...
    @property
    def base(self) -> int: ...
    @base.setter
    def base(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def limit(self) -> int: ...
    @limit.setter
    def limit(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class Msrs:
    """
    Model-specific registers (Intel SDM vol. 4).
    """

    __hash__: typing.ClassVar[None] = None
    def __eq__(self, arg0: Msrs) -> bool: ...
    def __init__(self) -> None: ...
    @property
    def cstar(self) -> int: ...
    @cstar.setter
    def cstar(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def efer(self) -> int: ...
    @efer.setter
    def efer(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def fmask(self) -> int: ...
    @fmask.setter
    def fmask(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def kernel_gs_base(self) -> int: ...
    @kernel_gs_base.setter
    def kernel_gs_base(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def lstar(self) -> int: ...
    @lstar.setter
    def lstar(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def misc_enable(self) -> int: ...
    @misc_enable.setter
    def misc_enable(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def mtrr_def_type(self) -> int: ...
    @mtrr_def_type.setter
    def mtrr_def_type(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def mtrr_fixed(self) -> typing.Annotated[list[int], "FixedSize(11)"]: ...
    @mtrr_fixed.setter
    def mtrr_fixed(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(11)"
        ],
    ) -> None: ...
    @property
    def mtrr_phys_base(self) -> typing.Annotated[list[int], "FixedSize(8)"]: ...
    @mtrr_phys_base.setter
    def mtrr_phys_base(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(8)"
        ],
    ) -> None: ...
    @property
    def mtrr_phys_mask(self) -> typing.Annotated[list[int], "FixedSize(8)"]: ...
    @mtrr_phys_mask.setter
    def mtrr_phys_mask(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(8)"
        ],
    ) -> None: ...
    @property
    def pat(self) -> int: ...
    @pat.setter
    def pat(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def star(self) -> int: ...
    @star.setter
    def star(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def sysenter_cs(self) -> int: ...
    @sysenter_cs.setter
    def sysenter_cs(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def sysenter_eip(self) -> int: ...
    @sysenter_eip.setter
    def sysenter_eip(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def sysenter_esp(self) -> int: ...
    @sysenter_esp.setter
    def sysenter_esp(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def tsc_aux(self) -> int: ...
    @tsc_aux.setter
    def tsc_aux(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def tsc_offset(self) -> int:
        """
        Guest TSC minus guest time, in ticks.
        """
    @tsc_offset.setter
    def tsc_offset(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class FpuState:
    """
    x87 and SSE state (Intel SDM vol. 1 s. 10.5.1).
    """

    __hash__: typing.ClassVar[None] = None
    def __eq__(self, arg0: FpuState) -> bool: ...
    def __init__(self) -> None: ...
    @property
    def fcw(self) -> int: ...
    @fcw.setter
    def fcw(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def fdp(self) -> int: ...
    @fdp.setter
    def fdp(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def fip(self) -> int: ...
    @fip.setter
    def fip(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def fop(self) -> int: ...
    @fop.setter
    def fop(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def fsw(self) -> int: ...
    @fsw.setter
    def fsw(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def ftw(self) -> int:
        """
        Abridged: bit i set means register i is not empty.
        """
    @ftw.setter
    def ftw(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def mxcsr(self) -> int: ...
    @mxcsr.setter
    def mxcsr(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def st(
        self,
    ) -> typing.Annotated[list[typing.Annotated[list[int], "FixedSize(10)"]], "FixedSize(8)"]:
        """
        Eight registers of ten bytes, ST(0) first.
        """
    @st.setter
    def st(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[
                typing.Annotated[
                    collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
                    "FixedSize(10)",
                ]
            ],
            "FixedSize(8)",
        ],
    ) -> None: ...
    @property
    def xmm(
        self,
    ) -> typing.Annotated[list[typing.Annotated[list[int], "FixedSize(2)"]], "FixedSize(16)"]:
        """
        Sixteen pairs of 64-bit values, low first.
        """
    @xmm.setter
    def xmm(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[
                typing.Annotated[
                    collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
                    "FixedSize(2)",
                ]
            ],
            "FixedSize(16)",
        ],
    ) -> None: ...

class CpuState:
    """
    The architectural state of a vCPU, as a copy: assign it back to change the vCPU (Intel SDM vol. 3 ch. 2).
    """

    __hash__: typing.ClassVar[None] = None
    cs: Segment
    ds: Segment
    es: Segment
    fpu: FpuState
    fs: Segment
    gdtr: DescriptorTable
    gs: Segment
    halted: bool
    idtr: DescriptorTable
    ldtr: Segment
    msrs: Msrs
    nmi_blocked: bool
    nmi_pending: bool
    shadow_mov_ss: bool
    shadow_sti: bool
    ss: Segment
    tr: Segment
    def __eq__(self, arg0: CpuState) -> bool: ...
    def __init__(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        The state after RESET.
        """
    def __repr__(self) -> str: ...
    @property
    def cr0(self) -> int: ...
    @cr0.setter
    def cr0(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def cr2(self) -> int: ...
    @cr2.setter
    def cr2(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def cr3(self) -> int: ...
    @cr3.setter
    def cr3(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def cr4(self) -> int: ...
    @cr4.setter
    def cr4(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def cr8(self) -> int: ...
    @cr8.setter
    def cr8(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def dr(self) -> typing.Annotated[list[int], "FixedSize(4)"]:
        """
        DR0 to DR3.
        """
    @dr.setter
    def dr(
        self,
        arg0: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(4)"
        ],
    ) -> None: ...
    @property
    def dr6(self) -> int: ...
    @dr6.setter
    def dr6(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def dr7(self) -> int: ...
    @dr7.setter
    def dr7(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r10(self) -> int: ...
    @r10.setter
    def r10(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r11(self) -> int: ...
    @r11.setter
    def r11(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r12(self) -> int: ...
    @r12.setter
    def r12(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r13(self) -> int: ...
    @r13.setter
    def r13(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r14(self) -> int: ...
    @r14.setter
    def r14(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r15(self) -> int: ...
    @r15.setter
    def r15(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r8(self) -> int: ...
    @r8.setter
    def r8(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def r9(self) -> int: ...
    @r9.setter
    def r9(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rax(self) -> int: ...
    @rax.setter
    def rax(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rbp(self) -> int: ...
    @rbp.setter
    def rbp(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rbx(self) -> int: ...
    @rbx.setter
    def rbx(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rcx(self) -> int: ...
    @rcx.setter
    def rcx(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rdi(self) -> int: ...
    @rdi.setter
    def rdi(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rdx(self) -> int: ...
    @rdx.setter
    def rdx(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rflags(self) -> int: ...
    @rflags.setter
    def rflags(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rip(self) -> int: ...
    @rip.setter
    def rip(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rsi(self) -> int: ...
    @rsi.setter
    def rsi(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def rsp(self) -> int: ...
    @rsp.setter
    def rsp(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class ConsolePattern:
    """
    What a console or a screen may be searched for; compiled once, immutable.
    """
    @staticmethod
    def regex(expression: str) -> ConsolePattern:
        """
        A regular expression in RE2's syntax, matched within a line. Raises PatternError.
        """
    @staticmethod
    def text(literal: str) -> ConsolePattern:
        """
        A literal text, which may span lines. Raises PatternError if it is empty.
        """
    def __str__(self) -> str: ...
    @property
    def group_names(self) -> list[str]: ...
    @property
    def is_regex(self) -> bool: ...
    @property
    def source(self) -> str: ...

class Match:
    """
    What the guest printed or showed that was waited for.
    """
    @typing.overload
    def __getitem__(self, index: typing.SupportsInt | typing.SupportsIndex) -> typing.Any: ...
    @typing.overload
    def __getitem__(self, name: str) -> typing.Any: ...
    def __repr__(self) -> str: ...
    def groupdict(self) -> dict:
        """
        The named groups.
        """
    def groups(self) -> tuple:
        """
        The groups of the expression, from the first; None where not taken.
        """
    @property
    def column(self) -> int | None:
        """
        Of its first character, for a match on the screen, else None.
        """
    @property
    def row(self) -> int | None:
        """
        Of its first character, for a match on the screen, else None.
        """
    @property
    def text(self) -> typing.Any:
        """
        The whole match.
        """
    @property
    def time(self) -> int:
        """
        Guest time in nanoseconds of the byte or write that completed the match.
        """

class Device:
    """
    A device of a machine, written in Python.
    """
    def __init__(self, name: str) -> None: ...
    def random(self) -> int:
        """
        64 random bits of the device's own stream, which comes of the machine's seed.
        """
    def set_irq(self, level: bool) -> None:
        """
        The level of its interrupt line, where it was given one.
        """
    @property
    def name(self) -> str: ...
    @property
    def time(self) -> int:
        """
        Guest time in nanoseconds, of the instruction that makes the access.
        """

class PortPattern:
    """
    A write to a port that a run may wait for.
    """
    def __init__(
        self,
        port: typing.SupportsInt | typing.SupportsIndex,
        value: typing.SupportsInt | typing.SupportsIndex | None = None,
        width: typing.SupportsInt | typing.SupportsIndex | None = None,
    ) -> None:
        """
        Raises MachineConfigError for what cannot be written.
        """
    def __str__(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def value(self) -> int | None:
        """
        None: any.
        """
    @property
    def width(self) -> int | None:
        """
        In bytes; None: any.
        """

class PortWrite:
    """
    A write to a port that was waited for.
    """
    def __repr__(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def time(self) -> int:
        """
        Guest time of the instruction in nanoseconds.
        """
    @property
    def value(self) -> int: ...
    @property
    def width(self) -> int:
        """
        In bytes.
        """

class Event:
    """
    Something that a run can wait for.
    """
    def __init__(
        self, machine: typing.Any, what: PortPattern | ConsolePattern, on_screen: bool = False
    ) -> None: ...

class UnhandledAccess:
    """
    An access that nothing answered.
    """
    @property
    def address(self) -> int:
        """
        Port number or guest-physical address.
        """
    @property
    def kind(self) -> str:
        """
        "port", "memory" or "fetch" (of an instruction).
        """
    @property
    def size(self) -> int:
        """
        In bytes; 0 for a fetch.
        """
    @property
    def value(self) -> int:
        """
        What was written; 0 for a read.
        """
    @property
    def write(self) -> bool: ...

class GuestFault:
    """
    An exception that nothing in a micro-guest handled.
    """
    @property
    def cr2(self) -> int:
        """
        The address of the last page fault.
        """
    @property
    def error_code(self) -> int:
        """
        0 where the exception has none.
        """
    @property
    def in_shim(self) -> bool:
        """
        The exception is the kernel's own.
        """
    @property
    def rip(self) -> int:
        """
        Of the instruction, or behind it for a trap.
        """
    @property
    def vector(self) -> int: ...

class Stop:
    """
    Why a run returned, and where the machine stood.
    """
    def __repr__(self) -> str: ...
    @property
    def access(self) -> UnhandledAccess | None:
        """
        The access, for "unhandled-access", else None.
        """
    @property
    def arguments(self) -> typing.Annotated[list[int], "FixedSize(3)"] | None:
        """
        RDI, RSI and RDX, for "guest-call", else None.
        """
    @property
    def code(self) -> int | None:
        """
        The value written to the debug-exit port or the doorbell, a call's first argument, else None.
        """
    @property
    def event(self) -> int | None:
        """
        For "match": which of the events that were given to `run`, from 0, else None.
        """
    @property
    def fault(self) -> GuestFault | None:
        """
        The exception, for "guest-fault", else None.
        """
    @property
    def instructions(self) -> int | None:
        """
        Retired instructions since power-on; None where the backend cannot count.
        """
    @property
    def machine(self) -> str:
        """
        Name of the machine that ended the run.
        """
    @property
    def match(self) -> Match | None:
        """
        What was printed or shown, for an event of a console or a screen, else None.
        """
    @property
    def message(self) -> str:
        """
        One sentence for a person.
        """
    @property
    def port_write(self) -> PortWrite | None:
        """
        What was written, for an event of a port, else None.
        """
    @property
    def reason(self) -> str:
        """
        "match", "debug-exit", "halted", "reset", "triple-fault", "budget", "deadline", "wall-deadline", "unhandled-access", "guest-fault", "guest-call", "doorbell", "interrupted" or "error".
        """
    @property
    def rip(self) -> int:
        """
        Instruction pointer of vCPU 0.
        """
    @property
    def time(self) -> int:
        """
        Guest time in nanoseconds.
        """

class MemoryView:
    """
    A window on guest memory that only reads, for memoryview().
    """

class FlatImage:
    """
    A raw binary, loaded as it is and entered in real mode, DL = 80h.
    """
    def __init__(
        self,
        path: os.PathLike | str | bytes,
        load_address: typing.SupportsInt | typing.SupportsIndex = 31744,
        entry: typing.SupportsInt | typing.SupportsIndex | None = None,
    ) -> None: ...
    @property
    def entry(self) -> int | None: ...
    @property
    def load_address(self) -> int: ...
    @property
    def path(self) -> pathlib.Path: ...

class ElfImage:
    """
    An ELF executable, loaded at its physical addresses: entered in 32-bit protected mode (i386) or in 64-bit mode (x86-64).
    """
    def __init__(self, path: os.PathLike | str | bytes) -> None: ...
    @property
    def path(self) -> pathlib.Path: ...

class LinuxBoot:
    """
    A Linux kernel (bzImage or vmlinux), entered in 64-bit mode by the boot protocol (Documentation/arch/x86/boot.rst), with an initrd and a command line; or any other bzImage, entered in 32-bit mode.
    """
    def __init__(
        self,
        kernel: os.PathLike | str | bytes,
        initrd: os.PathLike | str | bytes | None = None,
        cmdline: str = "",
    ) -> None: ...
    @property
    def cmdline(self) -> str: ...
    @property
    def initrd(self) -> pathlib.Path | None: ...
    @property
    def kernel(self) -> pathlib.Path: ...

class DiskBoot:
    """
    Raw disk images, booted by firmware as a PC does: from the floppy (drive 00h), or else from the disk (80h). The images are only read. `firmware` is a BIOS image, None the one of hvlab's own; `video` a VGA BIOS for it. `mirror`: text that it prints goes to the serial console too, and what comes from there is keys.
    """
    def __init__(
        self,
        disk: os.PathLike | str | bytes | None = None,
        *,
        floppy: os.PathLike | str | bytes | None = None,
        firmware: os.PathLike | str | bytes | None = None,
        video: os.PathLike | str | bytes | None = None,
        mirror: bool = True,
    ) -> None: ...
    @property
    def disk(self) -> pathlib.Path | None: ...
    @property
    def firmware(self) -> pathlib.Path | None: ...
    @property
    def floppy(self) -> pathlib.Path | None: ...
    @property
    def mirror(self) -> bool: ...
    @property
    def video(self) -> pathlib.Path | None: ...

class MicroImage:
    """
    A program that runs in 64-bit user mode from its first instruction on, under a kernel of a few stubs: a static ELF executable, or a flat binary for 1 MiB. `ports`: what it may access, as (first, last); None: all.
    """
    def __init__(
        self,
        path: os.PathLike | str | bytes,
        cmdline: str = "",
        ports: collections.abc.Sequence[
            tuple[
                typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex
            ]
        ]
        | None = None,
    ) -> None: ...
    @property
    def cmdline(self) -> str: ...
    @property
    def path(self) -> pathlib.Path: ...
    @property
    def ports(self) -> list[tuple[int, int]] | None: ...

class BootModule:
    """
    A file that is put into memory beside a kernel, with a text for it.
    """
    def __init__(self, path: os.PathLike | str | bytes, cmdline: str = "") -> None: ...
    @property
    def cmdline(self) -> str: ...
    @property
    def path(self) -> pathlib.Path: ...

class MultibootKernel:
    """
    A kernel by the Multiboot Specification 0.6.96 (ELF, or a file whose header gives addresses), with a command line and modules, entered as by GRUB.
    """
    def __init__(
        self,
        path: os.PathLike | str | bytes,
        cmdline: str = "",
        modules: collections.abc.Sequence[BootModule] = (),
    ) -> None: ...
    @property
    def cmdline(self) -> str: ...
    @property
    def modules(self) -> list[BootModule]: ...
    @property
    def path(self) -> pathlib.Path: ...

class PvhKernel:
    """
    A kernel with a PVH entry point (the note XEN_ELFNOTE_PHYS32_ENTRY; ELF, or a bzImage that holds one), with a command line and modules; Linux takes the first for its initrd.
    """
    def __init__(
        self,
        path: os.PathLike | str | bytes,
        cmdline: str = "",
        modules: collections.abc.Sequence[BootModule] = (),
    ) -> None: ...
    @property
    def cmdline(self) -> str: ...
    @property
    def modules(self) -> list[BootModule]: ...
    @property
    def path(self) -> pathlib.Path: ...

class RecentEvent:
    """
    One of the things that happened to a machine last.
    """
    def __repr__(self) -> str: ...
    @property
    def address(self) -> int | None:
        """
        Of an access: the port or the guest-physical address; of a stop: RIP; else None.
        """
    @property
    def kind(self) -> str:
        """
        "port-read", "port-write", "memory-read" or "memory-write" (where no RAM is), "interrupt", "nmi", "halt", "wake", "reset", "input" or "stop".
        """
    @property
    def size(self) -> int | None:
        """
        Of an access, in bytes; else None.
        """
    @property
    def text(self) -> str:
        """
        What it was, without time and kind.
        """
    @property
    def time(self) -> int:
        """
        Guest time in nanoseconds.
        """
    @property
    def unclaimed(self) -> bool:
        """
        Of an access: nothing answered.
        """
    @property
    def value(self) -> int | None:
        """
        What was read or written, the vector, or how many bytes of input; else None.
        """

class Machine:
    """
    One virtual computer of a Host.
    """

    cpu_state: CpuState
    def answer_call(self, result: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        What the call returns that stopped the last run with "guest-call".
        """
    def close(self) -> None:
        """
        Ends the machine; every later call raises MachineClosed.
        """
    def console_tail(self, lines: typing.SupportsInt | typing.SupportsIndex) -> str: ...
    def flush_translations(self) -> None:
        """
        Throws away translated code, where the backend has any. Changes no result.
        """
    def interrupt(self) -> None:
        """
        Ends the run in progress, from any thread.
        """
    def raise_nmi(self) -> None:
        """
        A pulse on the vCPU's NMI pin, now.
        """
    def read_memory(
        self,
        address: typing.SupportsInt | typing.SupportsIndex,
        length: typing.SupportsInt | typing.SupportsIndex,
    ) -> bytes: ...
    def recent_events(self) -> list[RecentEvent]: ...
    def reset(self) -> None: ...
    def reset_rings(self) -> None:
        """
        Empties both rings.
        """
    def ring_receive(self) -> typing.Any:
        """
        The next message from a micro-guest; None if there is none.
        """
    def ring_send(self, data: bytes) -> bool:
        """
        A message to a micro-guest; False if the ring is full.
        """
    def run(
        self,
        until: typing.Any = None,
        timeout: typing.SupportsInt | typing.SupportsIndex | None = None,
        instructions: typing.SupportsInt | typing.SupportsIndex | None = None,
        wall: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> Stop:
        """
        Runs until an Event happens, or the first of a sequence of them, a limit is reached or the guest stops. `timeout` is guest time from now in nanoseconds, `instructions` counts from now, `wall` is in host seconds.
        """
    def screen_cell(
        self,
        row: typing.SupportsInt | typing.SupportsIndex,
        column: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple:
        """
        (character, its code, its attribute byte). Raises IndexError.
        """
    def send(self, data: bytes) -> None: ...
    def set_max_slice(self, instructions: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        The vCPU comes back after so many instructions at the latest. Changes no result.
        """
    def state_hash(self) -> str: ...
    def stick_bit(
        self,
        address: typing.SupportsInt | typing.SupportsIndex,
        bit: typing.SupportsInt | typing.SupportsIndex,
        value: bool,
    ) -> None: ...
    def type(self, scan_codes: bytes) -> None:
        """
        Keys, as a keyboard sends them in set 2.
        """
    def unstick_bit(
        self,
        address: typing.SupportsInt | typing.SupportsIndex,
        bit: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool:
        """
        False if it was not stuck.
        """
    def view_memory(
        self,
        address: typing.SupportsInt | typing.SupportsIndex,
        length: typing.SupportsInt | typing.SupportsIndex,
    ) -> memoryview: ...
    def write_memory(
        self, address: typing.SupportsInt | typing.SupportsIndex, data: bytes
    ) -> None: ...
    @property
    def backend(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def console_data(self) -> bytes: ...
    @property
    def console_dropped(self) -> int: ...
    @property
    def console_log(self) -> list: ...
    @property
    def console_text(self) -> str: ...
    @property
    def ended(self) -> Stop | None:
        """
        The stop after which the machine runs no more; None while it can go on.
        """
    @property
    def instructions(self) -> int | None: ...
    @property
    def memory_size(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def record_entries(self) -> int: ...
    @property
    def record_hash(self) -> str: ...
    @property
    def screen_blinking(self) -> bool: ...
    @property
    def screen_columns(self) -> int: ...
    @property
    def screen_cursor(self) -> tuple:
        """
        (row, column, visible, first and last scan line).
        """
    @property
    def screen_palette(self) -> typing.Annotated[list[int], "FixedSize(16)"]:
        """
        The sixteen colours of attributes as 0xRRGGBB.
        """
    @property
    def screen_rows(self) -> list:
        """
        The text of each row, spaces at its end left out.
        """
    @property
    def seed(self) -> int: ...
    @property
    def stuck_bits(self) -> list:
        """
        (address, bit, value) of each.
        """
    @property
    def time(self) -> int: ...
    @property
    def unhandled_accesses(self) -> int: ...

class Host:
    """
    Owns machines, and takes them through guest time together.
    """
    def __init__(self, seed: typing.SupportsInt | typing.SupportsIndex = 0) -> None: ...
    def close(self) -> None:
        """
        Ends all machines; every later call raises MachineClosed.
        """
    def interrupt(self) -> None:
        """
        Ends the run in progress, from any thread.
        """
    def machine(
        self,
        *,
        name: str,
        backend: str,
        memory: typing.SupportsInt | typing.SupportsIndex,
        cpu: str,
        seed: typing.SupportsInt | typing.SupportsIndex | None,
        unhandled: str,
        boot: None
        | FlatImage
        | ElfImage
        | LinuxBoot
        | MultibootKernel
        | PvhKernel
        | DiskBoot
        | MicroImage,
        devices: collections.abc.Sequence = (),
    ) -> Machine:
        """
        Adds a machine, powered on at the host's current time. `memory` is in bytes; `seed` None derives one from the host's.
        """
    def run(
        self,
        until: typing.Any = None,
        timeout: typing.SupportsInt | typing.SupportsIndex | None = None,
        wall: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> Stop:
        """
        Runs all machines until an Event happens, or the first of a sequence of them, a limit is reached or one of them stops. `timeout` is guest time from now in nanoseconds, `wall` host seconds.
        """
    @property
    def closed(self) -> bool: ...
    @property
    def halts_end_runs(self) -> bool:
        """
        Whether a machine that halts for ever ends a run also while others run on.
        """
    @halts_end_runs.setter
    def halts_end_runs(self, arg1: bool) -> None: ...
    @property
    def time(self) -> int: ...

class ScenarioNode:
    """
    A value in a scenario file that knows where it stood. Lines and columns count from 1, columns in
    characters. An alias is the very node that its anchor names.
    """
    @property
    def column(self) -> int: ...
    @property
    def entries(self) -> list:
        """
        Of a mapping, in order: (key, key's line, key's column, node); else empty.
        """
    @property
    def items(self) -> list[ScenarioNode]:
        """
        Of a sequence, in order; else empty.
        """
    @property
    def kind(self) -> str:
        """
        'null', 'scalar', 'sequence' or 'mapping'.
        """
    @property
    def line(self) -> int: ...
    @property
    def quoted(self) -> bool:
        """
        A string by its writing: quotes, a block (| or >) or the tag !!str.
        """
    @property
    def text(self) -> str:
        """
        A scalar as it was written, escapes resolved.
        """
    @property
    def value(self) -> typing.Any:
        """
        Of a scalar: bool, int (64 bits), float or str by YAML 1.2's core schema; None for the rest.
        """

class KvmCapability:
    """
    A KVM_CAP that hvlab uses.
    """
    @property
    def name(self) -> str: ...
    @property
    def required(self) -> bool:
        """
        The backend is not available without it.
        """
    @property
    def value(self) -> int:
        """
        As the kernel gives it; 0 is absent.
        """

class KvmStatus:
    """
    What the host's KVM is.
    """
    @property
    def available(self) -> bool: ...
    @property
    def capabilities(self) -> list[KvmCapability]: ...
    @property
    def flavour(self) -> str:
        """
        "VT-x", "SVM" or "software"; empty where it is not available.
        """
    @property
    def nested(self) -> bool:
        """
        This host is a guest itself.
        """
    @property
    def reason(self) -> str:
        """
        Why it is not available, and who can help; else empty.
        """

class Figure:
    """
    A measured figure, or why there is none.
    """
    @property
    def reason(self) -> str:
        """
        Empty if there is a value.
        """
    @property
    def value(self) -> float | None: ...

class ProbeFigures:
    """
    How fast a backend is: medians. Rates are instructions a second, all else is in seconds.
    """
    @property
    def create(self) -> Figure:
        """
        Memory, VM, vCPU and state, up to the first exit.
        """
    @property
    def destroy(self) -> Figure: ...
    @property
    def first_touch(self) -> Figure:
        """
        A store to a page that nobody has used before, in user mode.
        """
    @property
    def halt_exit(self) -> Figure:
        """
        HLT, and the interrupt that ends it.
        """
    @property
    def kernel_rate(self) -> Figure:
        """
        64-bit code at CPL 0.
        """
    @property
    def memory_exit(self) -> Figure:
        """
        A store to where no RAM is, in kernel mode.
        """
    @property
    def port_exit(self) -> Figure:
        """
        OUT, in kernel mode.
        """
    @property
    def user_rate(self) -> Figure:
        """
        64-bit code at CPL 3.
        """

class SimColumn:
    """
    The values of a column, where the table has them; they only read.
    """
    def __len__(self) -> int: ...

class SimTable:
    """
    Columns of one length: int64, float64, or strings of which each row has the number.

    Arrow's PyCapsule interface (numbers without a copy), and numpy through `values`. Use it
    through hvlab.sim.Frame.
    """
    @staticmethod
    def latencies(values: typing_extensions.Buffer) -> SimTable:
        """
        The histogram of response times in ns (int64), as a cluster's table `latency`
        has it: low, high, count. Raises ValueError, TypeError.
        """
    def __arrow_c_array__(self, requested_schema: typing.Any = None) -> tuple:
        """
        As one array of structs.
        """
    def __arrow_c_schema__(self) -> typing_extensions.CapsuleType: ...
    def __arrow_c_stream__(
        self, requested_schema: typing.Any = None
    ) -> typing_extensions.CapsuleType:
        """
        As a stream of one array of structs.
        """
    def __init__(
        self, name: str, columns: collections.abc.Sequence[tuple[str, str, str, typing.Any]]
    ) -> None:
        """
        columns: (name, unit, meaning, values); values are a list of str, or a buffer of
        int64 or float64 in one dimension, which is copied. Raises ValueError, TypeError.
        """
    def __len__(self) -> int: ...
    def values(self, index: typing.SupportsInt | typing.SupportsIndex) -> SimColumn:
        """
        The numbers of a column; of strings, int32: each row's place in `words`.
        """
    def words(self, index: typing.SupportsInt | typing.SupportsIndex) -> list[str] | None:
        """
        The different strings of a column; None if it is one of numbers.
        """
    @property
    def columns(self) -> tuple:
        """
        (name, unit, meaning) of each.
        """
    @property
    def name(self) -> str: ...

class SimParameter:
    """
    A parameter of a scheduler or a workload of the simulator.
    """
    @property
    def choices(self) -> list[str]:
        """
        Of a choice.
        """
    @property
    def least(self) -> float:
        """
        Of numbers, and of durations in ns.
        """
    @property
    def meaning(self) -> str:
        """
        With its unit.
        """
    @property
    def most(self) -> float: ...
    @property
    def name(self) -> str: ...
    @property
    def preset(self) -> str:
        """
        As it would be written; '' if it has to be given, '-' if it may be left out.
        """
    @property
    def type(self) -> str:
        """
        'duration', 'distribution', 'integer', 'number', 'flag', 'choice' or 'numbers'.
        """

class SimKind:
    """
    A scheduler or a workload of the simulator.
    """
    @property
    def meaning(self) -> str:
        """
        One sentence.
        """
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> list[SimParameter]: ...
    @property
    def promises(self) -> list[str]:
        """
        Of a scheduler: what it keeps of 'work_conserving', 'weights', 'reservations' and 'coscheduling'.
        """
    @property
    def source(self) -> str:
        """
        Where it is described; '' if nowhere in particular.
        """

class SchedulerVcpu:
    """
    A vCPU, as it was when its host was asked for it.
    """
    @property
    def pcpu(self) -> int | None:
        """
        Where it runs, or ran last; None if it never ran.
        """
    @property
    def progress(self) -> int:
        """
        Time on pCPUs and idle time, ns; to `since`: what co-scheduling compares.
        """
    @property
    def ran(self) -> int:
        """
        All its time on pCPUs, ns; to `since` if it is running.
        """
    @property
    def since(self) -> int:
        """
        When it came into this state, ns.
        """
    @property
    def state(self) -> str:
        """
        'idle', 'ready', 'running' or 'throttled'.
        """
    @property
    def vm(self) -> int:
        """
        The number of its VM on the host.
        """

class SchedulerVm:
    """
    A VM of a host.
    """
    @property
    def first(self) -> int:
        """
        Its first vCPU; the others follow.
        """
    @property
    def home(self) -> int:
        """
        The NUMA node that its memory is on.
        """
    @property
    def limit(self) -> float:
        """
        pCPUs, infinite if there is none. The host enforces it.
        """
    @property
    def pcpus(self) -> list[int]:
        """
        Where its vCPUs may run, in order.
        """
    @property
    def reservation(self) -> float:
        """
        pCPUs.
        """
    @property
    def vcpus(self) -> int:
        """
        How many it has.
        """
    @property
    def weight(self) -> float: ...

class SchedulerHost:
    """
    A simulated host as its scheduler sees it; only while it calls that, otherwise SimulationError. pCPUs, vCPUs and VMs are numbers from 0, of this host.
    """
    def allowed(
        self,
        vcpu: typing.SupportsInt | typing.SupportsIndex,
        pcpu: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool:
        """
        Whether its VM may run there.
        """
    def best_free(self, vcpu: typing.SupportsInt | typing.SupportsIndex) -> int | None:
        """
        The free pCPU where it gets on best, None if there is none: an idle core, its VM's NUMA node, where it ran last, the lowest number.
        """
    def core(self, pcpu: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        The core that it is a thread of.
        """
    def extend(
        self,
        pcpu: typing.SupportsInt | typing.SupportsIndex,
        slice: typing.SupportsInt | typing.SupportsIndex | None = None,
    ) -> None:
        """
        Gives the vCPU that runs there a new slice from now on, ns.
        """
    def hold(self, vcpu: typing.SupportsInt | typing.SupportsIndex, held: bool) -> None:
        """
        While held, its waiting counts as co-stop instead of ready time.
        """
    def node(self, pcpu: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        Its NUMA node.
        """
    def preempt(self, pcpu: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Takes off the vCPU that runs there: it is ready. Calls `charge`, not `ready`.
        """
    def random(self, bound: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        Uniform in [0, bound), of the run's seed.
        """
    def run(
        self,
        pcpu: typing.SupportsInt | typing.SupportsIndex,
        vcpu: typing.SupportsInt | typing.SupportsIndex,
        slice: typing.SupportsInt | typing.SupportsIndex | None = None,
    ) -> None:
        """
        Puts a ready vCPU on a free pCPU for at most `slice` ns (at least 1000), or until it stops by itself. In `assign` and `timer` alone, as `extend` and `preempt`.
        """
    def set_timer(self, at: typing.SupportsInt | typing.SupportsIndex | None) -> None:
        """
        Calls `timer` at that time, ns. There is one timer, moved by setting it again; None: not at all.
        """
    def vcpu(self, vcpu: typing.SupportsInt | typing.SupportsIndex) -> SchedulerVcpu:
        """
        One of `vcpus`.
        """
    def vm(self, vm: typing.SupportsInt | typing.SupportsIndex) -> SchedulerVm:
        """
        One of `vms`.
        """
    @property
    def accounting_period(self) -> int:
        """
        Over which limits hold, ns.
        """
    @property
    def free(self) -> list[int]:
        """
        pCPUs without a vCPU, in order.
        """
    @property
    def now(self) -> int:
        """
        Simulated time, ns.
        """
    @property
    def pcpus(self) -> int:
        """
        How many it has.
        """
    @property
    def ready(self) -> list[int]:
        """
        vCPUs that wait for a pCPU, in order.
        """
    @property
    def running(self) -> list[int | None]:
        """
        The vCPU on each pCPU, or None.
        """
    @property
    def vcpus(self) -> list[SchedulerVcpu]:
        """
        All of them: a copy each time.
        """
    @property
    def vms(self) -> list[SchedulerVm]:
        """
        All of them: a copy each time.
        """

class SimCluster:
    """
    One simulation of a cluster: hvlab.sim.Cluster.
    """
    @staticmethod
    def saved_description(path: str) -> str:
        """
        The text that `save` was given.
        """
    def __init__(
        self,
        description: dict,
        *,
        seed: typing.SupportsInt | typing.SupportsIndex,
        until: typing.SupportsInt | typing.SupportsIndex,
        warmup: typing.SupportsInt | typing.SupportsIndex = 0,
        resolution: typing.SupportsInt | typing.SupportsIndex = 0,
        window: typing.SupportsInt | typing.SupportsIndex = 0,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        memory: typing.SupportsInt | typing.SupportsIndex = 0,
        percentiles: str = "groups",
        schedulers: dict = {},
    ) -> None:
        """
        `description`: what ClusterSpec.plain gives. Times in ns; `window`: the most simulated time between two calls of `progress`, 0: some; `memory` in bytes, 0: what is free; `percentiles`: 'groups', 'hosts' or 'vms', what has percentiles of response times; `schedulers`: by group of hosts whose scheduler is 'python', what makes one. Raises SimulationError for what is wrong with it, or if it would not fit in memory.
        """
    def restore(self, path: str) -> None:
        """
        Goes on from a file, in a cluster of the same description and options that has not run. Raises HostError, and SimulationError for what is no such file.
        """
    def run(
        self,
        progress: collections.abc.Callable[[int, int], bool] | None = None,
        feed: collections.abc.Callable[
            [str, numpy.typing.NDArray[numpy.uint32], numpy.typing.NDArray[numpy.uint64], int],
            tuple[
                typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
                typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
            ],
        ]
        | None = None,
    ) -> str:
        """
        Goes on to the end: 'complete'; or until `progress(now, events)` returns False: 'stopped'; or until Ctrl-C: 'interrupted'. Raises SimulationError if a policy or a workload fails, and what `progress` and `feed` raise. `feed(group, vms, first, pairs)` gives the VMs whose workload is 'fed' their think times and work: two arrays of len(vms) x pairs, ns; `first`: of each VM, how many pairs it had before.
        """
    def save(self, path: str, description: str) -> None:
        """
        Writes it as it stands into a file that takes an old one's place whole or not at all, with a text that says what it is. Between runs, or in `progress`. Raises HostError, and SimulationError where a scheduler in Python has no save and load.
        """
    def table(self, name: str) -> SimTable:
        """
        'vms', 'vcpus', 'hosts', 'groups', 'population', 'series', 'latency' or 'identities', as far as the run came.
        """
    @property
    def complete(self) -> bool: ...
    @property
    def events(self) -> int: ...
    @property
    def now(self) -> int:
        """
        Simulated time, ns.
        """

def backend_names() -> list[str]:
    """
    The backends of this build, the default first.
    """

def cpu_models() -> list[str]:
    """
    The names of the CPU models.
    """

def engine_version() -> str:
    """
    Unicorn's version, and a hash of our changes to it: with the same one a guest retires the same instructions.
    """

def kvm_status() -> KvmStatus:
    """
    Asks the host's KVM, anew with each call (hvlab.backends keeps the answer).
    """

def parse_scenario(text: str, file: str) -> ScenarioNode:
    """
    The root node of the one YAML document in `text`; kind 'null' if there is none. `file` is the name
    for messages. Raises ScenarioError with line and column.
    """

def probe(backend: str) -> ProbeFigures:
    """
    Measures a backend for about a second. Raises BackendUnavailable.
    """

def sim_schedulers() -> list[SimKind]:
    """
    Those there are, by name.
    """

def sim_workloads() -> list[SimKind]:
    """
    Those there are, by name.
    """
