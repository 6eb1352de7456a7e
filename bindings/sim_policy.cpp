// SPDX-License-Identifier: GPL-2.0-or-later
//
// Schedulers written in Python. A host may run in any thread of the engine: the GIL is taken for
// each call. What Python raises leaves a call as a C++ exception; the engine keeps it and throws it
// again in the thread that called run, and pybind11 takes the GIL to drop it.
#include "sim_policy.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/hosts/errors.h"
#include "sim/hosts/quantum_host.h"
#include "sim_errors.h"
#include "sim_policy_host.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

constexpr std::size_t kMostSaved = std::size_t{1} << 30;  // bytes, of one host's policy

std::string_view name_of(sim::Wake why) {
    switch (why) {
        case sim::Wake::kWoke:
            return "woke";
        case sim::Wake::kSliceOver:
            return "slice-over";
        case sim::Wake::kUnthrottled:
            return "unthrottled";
    }
    return "";
}

// What `error` was raised by, told as the failure of a policy. KeyboardInterrupt and its like stay
// what they are, and so do errors that are told already.
[[noreturn]] void throw_as_simulation_error(const py::error_already_set& error,
                                            const std::string& policy, const char* method) {
    const py::module_ errors = py::module_::import("hvlab.errors");
    if (!error.matches(PyExc_Exception) || error.matches(errors.attr("HvlabError"))) throw error;
    const py::object type = errors.attr("SimulationError");
    const py::object& raised = error.value();
    if (error.trace()) PyException_SetTraceback(raised.ptr(), error.trace().ptr());
    const std::string what = py::str(raised);
    const py::object told =
        type(fmt::format("scheduler '{}': {}() raised {}{}{}", policy, method,
                         std::string(py::str(py::type::of(raised).attr("__name__"))),
                         what.empty() ? "" : ": ", what));
    PyException_SetCause(told.ptr(), py::object(raised).release().ptr());
    PyErr_SetObject(type.ptr(), told.ptr());
    throw py::error_already_set();
}

// The trampoline. Methods that a subclass leaves as they are do nothing, and are not called.
class PythonScheduler final : public sim::Scheduler {
public:
    // With the GIL.
    PythonScheduler(const py::object& policy, std::string name)
        : name_(std::move(name)), host_(std::make_shared<PolicyHost>(name_)) {
        const py::object base = py::module_::import("hvlab.sim.policies").attr("Scheduler");
        const auto method = [&](const char* called) {
            const bool defined = !py::type::of(policy).attr(called).is(base.attr(called));
            return defined ? policy.attr(called) : py::object();
        };
        methods_ = {method("start"),  method("ready"),  method("stopped"),
                    method("charge"), method("assign"), method("timer"),
                    method("save"),   method("load"),   py::cast(host_)};
    }
    ~PythonScheduler() override {
        const py::gil_scoped_acquire gil;
        methods_ = {};
    }
    PythonScheduler(const PythonScheduler&) = delete;
    PythonScheduler& operator=(const PythonScheduler&) = delete;

    void start(sim::Pcpus& host) override { call(methods_.start, "start", host); }
    void charge(sim::Pcpus& host, sim::VcpuId vcpu, sim::Duration ran) override {
        call(methods_.charge, "charge", host, vcpu, ran);
    }
    void ready(sim::Pcpus& host, sim::VcpuId vcpu, sim::Wake why) override {
        call(methods_.ready, "ready", host, vcpu, name_of(why));
    }
    void stopped(sim::Pcpus& host, sim::VcpuId vcpu) override {
        call(methods_.stopped, "stopped", host, vcpu);
    }
    void assign(sim::Pcpus& host) override { call(methods_.assign, "assign", host); }
    void timer(sim::Pcpus& host) override { call(methods_.timer, "timer", host); }

    void save(StateWriter& writer) const override {
        require_both();
        const py::gil_scoped_acquire gil;
        try {
            const py::object saved = methods_.save();
            if (!py::isinstance<py::bytes>(saved)) {
                throw sim::PolicyError(name_, "save() gives bytes, and gave something else");
            }
            const auto text = saved.cast<std::string_view>();
            writer.put_bytes(std::as_bytes(std::span(text)));
        } catch (const py::error_already_set& error) {
            throw_as_simulation_error(error, name_, "save");
        }
    }
    void load(StateReader& reader) override {
        require_both();
        const std::vector<std::byte> saved = reader.get_bytes(kMostSaved);
        const py::gil_scoped_acquire gil;
        try {
            methods_.load(py::bytes(reinterpret_cast<const char*>(saved.data()), saved.size()));
        } catch (const py::error_already_set& error) {
            throw_as_simulation_error(error, name_, "load");
        }
    }

private:
    struct Methods {
        py::object start;  // empty: not defined
        py::object ready;
        py::object stopped;
        py::object charge;
        py::object assign;
        py::object timer;
        py::object save;
        py::object load;
        py::object host;
    };

    template <typename... Arguments>
    void call(const py::object& method, const char* called, sim::Pcpus& host,
              const Arguments&... arguments) {
        if (!method) return;
        const py::gil_scoped_acquire gil;
        const PolicyHost::Bound bound(*host_, host);
        try {
            method(methods_.host, arguments...);
        } catch (const py::error_already_set& error) {
            throw_as_simulation_error(error, name_, called);
        }
    }

    void require_both() const {
        if (methods_.save && methods_.load) return;
        throw sim::PolicyError(name_, "a run with it can't be saved: it has no save() and load()");
    }

    const std::string name_;
    std::shared_ptr<PolicyHost> host_;
    Methods methods_;
};

}  // namespace

sim::SchedulerFactory scheduler_factory(const py::dict& makers) {
    const auto drop = [](py::dict* dict) {
        const py::gil_scoped_acquire gil;
        delete dict;
    };
    const std::shared_ptr<py::dict> held(new py::dict(makers), drop);
    return [held](const sim::HostGroup& group) {
        const py::gil_scoped_acquire gil;
        if (!held->contains(group.name.c_str())) {
            throw ConfigError("hosts." + group.name + ".scheduler",
                              "is to be written in Python, and there is none");
        }
        const py::object policy = (*held)[group.name.c_str()]();
        sim::QuantumPolicy made;
        made.name = py::str(py::type::of(policy).attr("__name__"));
        made.work_conserving = policy.attr("work_conserving").cast<bool>();
        made.scheduler = std::make_unique<PythonScheduler>(policy, made.name);
        return made;
    };
}

}  // namespace hvlab::python
