// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bindings.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/tables.h"
#include "sim/workloads/fed.h"
#include "sim_description.h"
#include "sim_errors.h"
#include "sim_policy.h"
#include "sim_table.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

// Think times and work as the user's function gives them: two arrays, a row for each VM, in ns.
using Batch = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Feed = std::function<std::pair<Batch, Batch>(const std::string&, py::array_t<std::uint32_t>,
                                                   py::array_t<std::uint64_t>, std::size_t)>;

void fill(std::span<sim::Duration> wanted, const Batch& given) {
    if (given.size() != static_cast<py::ssize_t>(wanted.size())) {
        raise_simulation_error("a workload gave another number of times than it was asked for", "");
    }
    const auto whole = sim::whole_nanoseconds({given.data(), wanted.size()});
    std::copy(whole.begin(), whole.end(), wanted.begin());
}

// One simulation. Its methods are for one thread at a time; a second gets SimulationError.
class SimCluster {
public:
    SimCluster(const py::dict& plain, std::uint64_t seed, sim::Time until, sim::Time warmup,
               sim::Duration resolution, sim::Duration window, unsigned threads,
               std::uint64_t memory, const std::string& percentiles, const py::dict& schedulers) {
        sim::Description description =
            as_simulation_errors([&] { return description_from(plain, seed); });
        const auto kept = sim::percentiles_of(percentiles);
        if (!kept) {
            raise_simulation_error(fmt::format("there are no percentiles of '{}'", percentiles),
                                   "percentiles");
        }
        const sim::RunOptions options{until, warmup, resolution, threads, window, memory, *kept};
        const sim::SchedulerFactory factory = scheduler_factory(schedulers);
        cluster_ = as_simulation_errors([&] {
            const py::gil_scoped_release released;
            return std::make_unique<sim::Cluster>(std::move(description), options, factory);
        });
    }

    // "complete", "stopped" by the callback, or "interrupted" by a signal.
    std::string run(const std::optional<std::function<bool(sim::Time, std::uint64_t)>>& progress,
                    const std::optional<Feed>& feed) {
        const Busy busy(*this);
        if (feed) {
            cluster_->set_feeder([&](const sim::Feed& wanted) { ask(*feed, wanted); });
        }
        interrupted_ = false;
        const auto between = [&](sim::Time now, std::uint64_t events) {
            const py::gil_scoped_acquire gil;
            return go_on(progress, now, events);
        };
        const bool complete = as_simulation_errors([&] {
            const py::gil_scoped_release released;
            return cluster_->run(between);
        });
        return complete ? "complete" : interrupted_ ? "interrupted" : "stopped";
    }

    void save(const std::string& path, const std::string& description) {
        const Busy busy(*this);
        as_simulation_errors([&] {
            const py::gil_scoped_release released;
            cluster_->save(path, description);
        });
    }
    void restore(const std::string& path) {
        const Busy busy(*this);
        as_simulation_errors([&] {
            const py::gil_scoped_release released;
            cluster_->restore(path);
        });
    }
    static std::string saved_description(const std::string& path) {
        return as_simulation_errors([&] { return sim::Cluster::saved_description(path); });
    }

    SimTable table(const std::string& name) {
        const Busy busy(*this);
        static const std::map<std::string, sim::Table (*)(const sim::Cluster&), std::less<>>
            kTables{{"vms", sim::vm_table},
                    {"vcpus", sim::vcpu_table},
                    {"hosts", sim::host_table},
                    {"groups", sim::group_table},
                    {"population", sim::population_table},
                    {"series", sim::series_table},
                    {"latency", sim::latency_table},
                    {"identities", sim::identity_table}};
        const auto found = kTables.find(name);
        if (found == kTables.end()) {
            raise_simulation_error(fmt::format("there is no table '{}'", name), "");
        }
        const py::gil_scoped_release released;
        return SimTable{freeze(found->second(*cluster_))};
    }

    sim::Time now() const { return cluster_->now(); }
    std::uint64_t events() const { return cluster_->events(); }
    bool complete() const { return cluster_->complete(); }

private:
    bool go_on(const std::optional<std::function<bool(sim::Time, std::uint64_t)>>& progress,
               sim::Time now, std::uint64_t events) {
        try {
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            if (interrupted_) return false;
            if (!progress) return true;
            const AtRest rest(*this);
            return (*progress)(now, events);
        } catch (py::error_already_set& error) {
            if (!error.matches(PyExc_KeyboardInterrupt)) throw;
            interrupted_ = true;
            return false;
        }
    }

    // Ctrl-C while the user's function runs ends the run at the end of the window, for which its
    // numbers are needed: it is called once more.
    auto call(const Feed& feed, const std::string& group, const py::array_t<std::uint32_t>& vms,
              const py::array_t<std::uint64_t>& first, std::size_t pairs) {
        try {
            return feed(group, vms, first, pairs);
        } catch (py::error_already_set& error) {
            if (interrupted_ || !error.matches(PyExc_KeyboardInterrupt)) throw;
            interrupted_ = true;
        }
        return feed(group, vms, first, pairs);
    }

    void ask(const Feed& feed, const sim::Feed& wanted) {
        const py::gil_scoped_acquire gil;
        const std::string& group = cluster_->placement().vm_groups()[wanted.group]->name;
        const py::array_t<std::uint32_t> vms(static_cast<py::ssize_t>(wanted.vms.size()),
                                             wanted.vms.data());
        const py::array_t<std::uint64_t> first(static_cast<py::ssize_t>(wanted.first.size()),
                                               wanted.first.data());
        const auto [think, work] = call(feed, group, vms, first, wanted.pairs);
        fill(wanted.think, think);
        fill(wanted.work, work);
    }

    class Busy {
    public:
        explicit Busy(SimCluster& of) : of_(of) {
            if (of_.busy_.exchange(true)) {
                raise_simulation_error("the cluster is used by another thread", "");
            }
        }
        ~Busy() { of_.busy_ = false; }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

    private:
        SimCluster& of_;
    };

    // While `progress` is called no host moves, and it may ask for tables.
    class AtRest {
    public:
        explicit AtRest(SimCluster& of) : of_(of) { of_.busy_ = false; }
        // Waits for another thread that reads a table just now.
        ~AtRest() {
            while (of_.busy_.exchange(true)) {
                const py::gil_scoped_release released;
                std::this_thread::yield();
            }
        }
        AtRest(const AtRest&) = delete;
        AtRest& operator=(const AtRest&) = delete;

    private:
        SimCluster& of_;
    };

    std::unique_ptr<sim::Cluster> cluster_;
    std::atomic<bool> busy_{false};
    bool interrupted_ = false;
};

}  // namespace

void bind_sim_cluster(py::module_& module) {
    py::class_<SimCluster>(module, "SimCluster", "One simulation of a cluster: hvlab.sim.Cluster.")
        .def(
            py::init<const py::dict&, std::uint64_t, sim::Time, sim::Time, sim::Duration,
                     sim::Duration, unsigned, std::uint64_t, const std::string&, const py::dict&>(),
            py::arg("description"), py::kw_only(), py::arg("seed"), py::arg("until"),
            py::arg("warmup") = 0, py::arg("resolution") = 0, py::arg("window") = 0,
            py::arg("threads") = 1, py::arg("memory") = 0, py::arg("percentiles") = "groups",
            py::arg("schedulers") = py::dict(),
            "`description`: what ClusterSpec.plain gives. Times in ns; `window`: the most "
            "simulated "
            "time between two calls of `progress`, 0: some; `memory` in bytes, 0: what is free; "
            "`percentiles`: 'groups', 'hosts' or 'vms', what has percentiles of response times; "
            "`schedulers`: by group of hosts whose scheduler is 'python', what makes one. "
            "Raises SimulationError for what is wrong with it, or if it would not fit in "
            "memory.")
        .def("run", &SimCluster::run, py::arg("progress") = py::none(),
             py::arg("feed") = py::none(),
             "Goes on to the end: 'complete'; or until `progress(now, events)` returns False: "
             "'stopped'; or until Ctrl-C: 'interrupted'. Raises SimulationError if a policy or a "
             "workload fails, and what `progress` and `feed` raise. `feed(group, vms, first, "
             "pairs)` gives the VMs whose workload is 'fed' their think times and work: two arrays "
             "of len(vms) x pairs, ns; `first`: of each VM, how many pairs it had before.")
        .def("save", &SimCluster::save, py::arg("path"), py::arg("description"),
             "Writes it as it stands into a file that takes an old one's place whole or not at "
             "all, with a text that says what it is. Between runs, or in `progress`. Raises "
             "HostError, and SimulationError where a scheduler in Python has no save and load.")
        .def("restore", &SimCluster::restore, py::arg("path"),
             "Goes on from a file, in a cluster of the same description and options that has not "
             "run. Raises HostError, and SimulationError for what is no such file.")
        .def_static("saved_description", &SimCluster::saved_description, py::arg("path"),
                    "The text that `save` was given.")
        .def("table", &SimCluster::table, py::arg("name"),
             "'vms', 'vcpus', 'hosts', 'groups', 'population', 'series', 'latency' or "
             "'identities', as "
             "far as the run came.")
        .def_property_readonly("now", &SimCluster::now, "Simulated time, ns.")
        .def_property_readonly("events", &SimCluster::events)
        .def_property_readonly("complete", &SimCluster::complete);
}

}  // namespace hvlab::python
