// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a Python object holds on to: the host with everything it owns, and whether somebody uses it.
// Python may call from any thread and in any order; here such calls become typed errors.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "core/host/host.h"
#include "core/record/record.h"

namespace hvlab::python {

// Any call on a closed machine or host.
class ClosedError : public Error {
public:
    using Error::Error;
};

// A call while another thread runs the machine.
class BusyError : public Error {
public:
    using Error::Error;
};

// A ring whose indices or lengths are nonsense: the guest's doing.
class RingError : public Error {
public:
    using Error::Error;
};

class HostHandle {
public:
    explicit HostHandle(Seed seed) : host_(std::make_unique<Host>(seed)) {}

    // Exclusive use for the lifetime of the object. Throws ClosedError or BusyError.
    class Use {
    public:
        explicit Use(HostHandle& handle);
        ~Use() { handle_.busy_.store(false, std::memory_order_release); }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

        Host* operator->() const { return handle_.host_.get(); }
        Host& operator*() const { return *handle_.host_; }

    private:
        HostHandle& handle_;
    };

    bool closed() const { return host_ == nullptr; }
    // Nothing if it is closed already; BusyError while it runs.
    void close();

    // Any thread that holds the GIL: what keeps the host from being closed meanwhile.
    void interrupt() {
        if (host_) host_->interrupt();
    }

    Machine& create_machine(const MachineConfig& config, std::string_view backend);
    void remove_machine(Machine& machine);
    RecordDigest& record(const Machine& machine) { return *records_.at(&machine); }

private:
    Backend& backend(std::string_view name);

    std::map<std::string, std::unique_ptr<Backend>, std::less<>> backends_;
    std::map<const Machine*, std::unique_ptr<RecordDigest>> records_;
    std::unique_ptr<Host> host_;  // last: its machines use the backends and the records
    std::atomic<bool> busy_{false};
};

// Throws BackendUnavailable where the build or the host lacks it.
std::unique_ptr<Backend> create_backend(std::string_view name);

// The backends of this build, the default first.
std::vector<std::string> backend_names();

}  // namespace hvlab::python
