// SPDX-License-Identifier: GPL-2.0-or-later
#include "micro_access.h"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <variant>

#include "core/boot/micro_layout.h"
#include "core/machine/shared_ring.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

using Use = MachineHandle::Use;

SharedRing ring(Machine& machine, bool to_host) {
    if (!std::holds_alternative<MicroImage>(machine.config().boot)) {
        throw Error("only a micro-guest (boot: micro) has rings");
    }
    return {machine.memory(), to_host ? micro::kRingToHost : micro::kRingToGuest};
}

py::object receive(const MachineHandle& handle) {
    const Use machine(handle);
    const SharedRing::Popped popped = ring(*machine, true).pop();
    if (popped.status == SharedRing::Status::kEmpty) return py::none();
    if (popped.status == SharedRing::Status::kCorrupt) throw RingError(popped.error);
    return py::bytes(reinterpret_cast<const char*>(popped.message.data()), popped.message.size());
}

bool transmit(const MachineHandle& handle, const py::bytes& data) {
    const Use machine(handle);
    const std::string_view bytes(data);
    switch (ring(*machine, false).push(std::as_bytes(std::span(bytes)))) {
        case SharedRing::Status::kOk:
            return true;
        case SharedRing::Status::kTooLong:
            throw Error(fmt::format("a message of {} bytes; at most {} are possible", bytes.size(),
                                    SharedRing::kMaxMessage));
        case SharedRing::Status::kCorrupt:
            throw RingError("head and tail of the ring to the guest cannot be");
        default:
            return false;
    }
}

void reset_rings(const MachineHandle& handle) {
    const Use machine(handle);
    ring(*machine, true).reset();
    ring(*machine, false).reset();
}

void answer_call(const MachineHandle& handle, std::uint64_t result) {
    const Use machine(handle);
    static_cast<void>(ring(*machine, true));  // a micro-guest
    HVLAB_ASSERT(machine->memory().write_value(micro::kReportResult, result));
}

}  // namespace

void bind_micro_access(py::class_<MachineHandle>& machine) {
    machine
        .def("ring_receive", &receive,
             "The next message from a micro-guest; None if there is none.")
        .def("ring_send", &transmit, py::arg("data"),
             "A message to a micro-guest; False if the ring is full.")
        .def("reset_rings", &reset_rings, "Empties both rings.")
        .def("answer_call", &answer_call, py::arg("result"),
             "What the call returns that stopped the last run with \"guest-call\".");
}

}  // namespace hvlab::python
