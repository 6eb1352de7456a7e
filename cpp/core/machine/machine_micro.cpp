// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the shim of a micro-guest tells: exceptions that nobody handles, and calls to the host.
#include <fmt/format.h>

#include <string>

#include "core/boot/micro_layout.h"
#include "core/devices/micro_ports.h"
#include "core/machine/machine.h"

namespace hvlab {

static_assert(MicroPorts::kPort + MicroPorts::kReport == micro::kReportPort);
static_assert(MicroPorts::kPort + MicroPorts::kDoorbell == micro::kDoorbellPort);

namespace {

constexpr std::uint32_t kFault = 1;
constexpr std::uint32_t kCall = 2;

std::string describe(const GuestFault& fault) {
    constexpr unsigned kPageFault = 14;
    std::string text = fmt::format("exception {} (error code {:#x}) at {:#x}", fault.vector,
                                   fault.error_code, fault.rip);
    if (fault.vector == kPageFault) text += fmt::format(", accessing {:#x}", fault.cr2);
    return text + (fault.in_shim ? ", in the kernel of the micro-guest"
                                 : ", for which the guest has no handler");
}

}  // namespace

// The report was written by the shim, whose page user mode cannot write; but a guest's kernel is a
// guest, too: a copy, taken once, of which only numbers are used.
void Machine::take_report(std::uint32_t kind) {
    const auto report = memory_.read_value<micro::Report>(micro::kReport);
    HVLAB_ASSERT(report);  // the loader has put it into RAM
    if (kind == kFault) {
        const GuestFault fault{.vector = static_cast<std::uint8_t>(report->vector),
                               .error_code = report->error_code,
                               .rip = report->rip,
                               .cr2 = report->cr2,
                               .in_shim = (report->cs & 3) == 0};
        Stop& stop = request(StopReason::kGuestFault, describe(fault));
        stop.fault = fault;
    } else if (kind == kCall) {
        Stop& stop = request(StopReason::kGuestCall,
                             fmt::format("the guest calls the host with {:#x}", report->rdi));
        stop.code = report->rdi;
        stop.arguments = {report->rdi, report->rsi, report->rdx};
    }
}

}  // namespace hvlab
