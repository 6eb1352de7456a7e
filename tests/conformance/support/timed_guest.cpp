// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/timed_guest.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/hash.h"
#include "core/cpu/cpu_state_io.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kInterruptFlag = 0x200;

CpuState through_bytes(const CpuState& state) {
    StateWriter writer;
    save_cpu_state(writer, state);
    StateReader reader(writer.bytes());
    return load_cpu_state(reader);
}

}  // namespace

TimedGuest::TimedGuest(const TestedBackend& backend) : Guest(backend) {
    handler.answer = [this](const Access& access) {
        return counter->retired() * 0x9E3779B97F4A7C15u ^ access.address;
    };
    handler.on_access = [this](const Access& access) {
        if (access.kind == Access::kPortWrite && access.address == kTimerPort) {
            arm_from_guest(counter->retired() + 5 + access.value % 50);
        }
        if (access.kind == Access::kMemoryWrite && (access.value & 64) != 0) {
            handler.request_interrupt(kTimerVector);
        }
    };
}

void TimedGuest::set_timer(std::uint64_t count, std::uint64_t period) {
    timer_ = count;
    period_ = period;
}

void TimedGuest::set_observed(GuestAddress begin, GuestAddress end) {
    observed_begin_ = begin;
    observed_end_ = end;
}

void TimedGuest::restart() {
    counter->set_retired(0);
    handler.reset();
    timer_ = kNever;
    target_ = kNever;
    ended_ = false;
}

void TimedGuest::arm_from_guest(std::uint64_t count) {
    timer_ = count;
    counter->set_budget_end(std::min(timer_, target_));
}

std::string TimedGuest::run_to(std::uint64_t count) {
    target_ = count;
    while (counter->retired() < count && !ended_) {
        const std::uint64_t end = std::min(timer_, target_);
        const Exit exit = vcpu->run({.instructions = end - counter->retired()});
        if (exit.kind == ExitKind::kHalted) {
            if ((vcpu->state().rflags & kInterruptFlag) != 0) {
                handler.request_interrupt(kTimerVector);
            } else {
                vcpu->raise_nmi();
            }
            continue;
        }
        if (exit.kind == ExitKind::kStopped) {
            ended_ = true;
        } else if (exit.kind != ExitKind::kBudget) {
            return fmt::format("{} {} at {} instructions, RIP {:#x}", to_string(exit.kind),
                               exit.detail, counter->retired(), rip());
        }
        if (counter->retired() >= timer_) {
            timer_ = period_ != 0 ? timer_ + period_ : kNever;
            handler.request_interrupt(kTimerVector);
        }
    }
    if (ended_ || counter->retired() == count) return {};
    return fmt::format("came back at {} instructions instead of {}", counter->retired(), count);
}

TimedGuest::Snapshot TimedGuest::snapshot() const {
    RecordHasher hasher;
    hasher.update(ram.bytes().subspan(observed_begin_, observed_end_ - observed_begin_));
    hasher.update(high.bytes());
    return {vcpu->state(), hasher.digest_hex(), handler.fingerprint, handler.calls};
}

void TimedGuest::take_over(const TimedGuest& other) {
    ram.copy_from(other.ram);
    high.copy_from(other.high);
    vm->host_wrote(0, kRamSize);
    vm->host_wrote(kHighRam, kHighRamSize);
    vcpu->set_state(through_bytes(other.vcpu->state()));
    counter->set_retired(other.counter->retired());
    handler.take_over(other.handler);
    timer_ = other.timer_;
    period_ = other.period_;
    ended_ = other.ended_;
    observed_begin_ = other.observed_begin_;
    observed_end_ = other.observed_end_;
    vcpu->set_interrupt_line(handler.requested.has_value());
}

std::string differences(const TimedGuest::Snapshot& expected, const TimedGuest::Snapshot& found) {
    std::string text;
    const auto number = [&](std::string_view name, std::uint64_t wanted, std::uint64_t got) {
        if (wanted != got) text += fmt::format("  {}: {:#x} instead of {:#x}\n", name, got, wanted);
    };
    constexpr std::string_view kNames[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                           "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    const CpuState& a = expected.state;
    const CpuState& b = found.state;
    for (unsigned i = 0; i < kGprCount; ++i) number(kNames[i], a.gpr[i], b.gpr[i]);
    number("RIP", a.rip, b.rip);
    number("RFLAGS", a.rflags, b.rflags);
    number("CR2", a.cr2, b.cr2);
    for (unsigned i = 0; i < a.fpu.xmm.size(); ++i) {
        number(fmt::format("XMM{} low", i), a.fpu.xmm[i][0], b.fpu.xmm[i][0]);
        number(fmt::format("XMM{} high", i), a.fpu.xmm[i][1], b.fpu.xmm[i][1]);
    }
    number("FSW", a.fpu.fsw, b.fpu.fsw);
    number("FCW", a.fpu.fcw, b.fpu.fcw);
    number("MXCSR", a.fpu.mxcsr, b.fpu.mxcsr);
    if (a.fpu.st != b.fpu.st) text += "  x87 registers\n";
    number("calls of the handler", expected.calls, found.calls);
    number("log of the handler", expected.fingerprint, found.fingerprint);
    if (expected.memory != found.memory) text += "  memory\n";
    if (text.empty() && a != b) text = "  another field of the state\n";
    return text;
}

}  // namespace hvlab::conformance
