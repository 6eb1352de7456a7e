// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <variant>
#include <vector>

#include "machine_handle.h"

namespace hvlab::python {

// Something that a run can wait for, as Python holds it.
class Event {
public:
    using What = std::variant<PortPattern, ConsolePattern>;

    Event(pybind11::object machine, What what, bool on_screen);

    // As the core takes it; refers to this object. Throws ClosedError; ConfigError if the machine
    // is not one of that host.
    Awaited awaited(const HostHandle& host) const;

private:
    pybind11::object owner_;  // keeps *machine_ alive
    MachineHandle* machine_;
    What what_;
    bool on_screen_;
};

// The events that Python gave to a run: None, an Event, or a sequence of them.
class Until {
public:
    // Throws ConfigError for an empty sequence, and for what is no event.
    Until(pybind11::handle until, const HostHandle& host);

    std::span<const Awaited> events() const {
        return one_ ? std::span(&*one_, 1) : std::span<const Awaited>(several_);
    }

private:
    std::optional<Awaited> one_;
    std::vector<Awaited> several_;
};

}  // namespace hvlab::python
