// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "handles.h"

namespace hvlab::python {

// A machine as Python holds it: a share in its host, and which of the host's machines it is.
class MachineHandle {
public:
    MachineHandle(std::shared_ptr<HostHandle> host, Machine& machine)
        : host_(std::move(host)), machine_(&machine) {}

    // The machine and its host, exclusively, for the lifetime of the object. Throws ClosedError,
    // BusyError.
    class Use {
    public:
        explicit Use(const MachineHandle& handle) : host_(*handle.host_), handle_(handle) {
            if (handle.machine_ == nullptr) throw ClosedError("the machine is closed");
        }
        Machine* operator->() const { return handle_.machine_; }
        Machine& operator*() const { return *handle_.machine_; }
        Host& host() const { return *host_; }
        HostHandle& host_handle() const { return *handle_.host_; }
        RecordDigest& record() const { return handle_.host_->record(*handle_.machine_); }

    private:
        HostHandle::Use host_;
        const MachineHandle& handle_;
    };

    // The machine, of which the caller uses the host. Throws ClosedError; ConfigError if it is one
    // of another host.
    Machine& of(const HostHandle& host) const {
        if (closed()) throw ClosedError("the machine of the event is closed");
        if (host_.get() != &host) {
            throw ConfigError("until", "'" + machine_->name() + "' is a machine of another host");
        }
        return *machine_;
    }

    bool closed() const { return machine_ == nullptr || host_->closed(); }

    // Ends the machine; nothing if that has happened already. Throws BusyError while it runs.
    void close() {
        if (closed()) return;
        const HostHandle::Use use(*host_);
        host_->remove_machine(*std::exchange(machine_, nullptr));
    }

    void interrupt() const { host_->interrupt(); }

private:
    std::shared_ptr<HostHandle> host_;
    Machine* machine_;
};

// The limits of a run as Python gives them: spans from now.
struct RunSpans {
    std::optional<Nanoseconds> guest;
    std::optional<std::uint64_t> instructions;
    std::optional<double> wall;  // seconds
};

// Runs the host's machines until one of the events happens, a limit is reached or one of them
// stops. `machine` is the one that the caller is about, if any. Releases the GIL.
Stop run(Host& host, Machine* machine, std::span<const Awaited> events, const RunSpans& spans);

}  // namespace hvlab::python
