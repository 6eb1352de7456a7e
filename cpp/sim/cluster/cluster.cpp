// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/random.h"
#include "core/base/status.h"
#include "sim/cluster/footprint.h"
#include "sim/hosts/fluid_host.h"
#include "sim/hosts/quantum_host.h"
#include "sim/model/check.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {
namespace {

Description checked(Description description, const RunOptions& options) {
    check(description);
    if (options.until <= 0) throw ConfigError("duration", "must be more than 0");
    if (options.warmup < 0 || options.warmup >= options.until) {
        throw ConfigError("warmup", "must be at least 0 and less than the duration");
    }
    if (options.resolution < 0) throw ConfigError("resolution", "must be more than 0");
    if (options.threads < 1 || options.threads > 1024) {
        throw ConfigError("threads", "must lie between 1 and 1024");
    }
    require_memory(Cluster::footprint(description, options), options.memory);
    return description;
}

}  // namespace

std::unique_ptr<Workload> make_workload(const VmGroup& group) {
    const std::string where = "vms." + group.name + ".workload";
    const WorkloadKind* kind = find_workload(group.workload.name);
    if (kind == nullptr) {
        throw ConfigError(where, fmt::format("there is no workload '{}'", group.workload.name));
    }
    try {
        return kind->make(group.workload.values, group.vcpus);
    } catch (const ConfigError& error) {
        // What it says begins with the field.
        const std::string message = error.what();
        throw ConfigError(fmt::format("{}.{}", where, error.field()),
                          message.substr(error.field().size() + 2));
    }
}

Cluster::Cluster(Description description, const RunOptions& options,
                 const SchedulerFactory& own_scheduler)
    : description_(checked(std::move(description), options)),
      options_(options),
      placement_(description_),
      recording_(placement_.vm_groups().size(), options.until, options.resolution, options.threads),
      workloads_(make_workloads()),
      hosts_(make_hosts(own_scheduler)),
      feeding_(placement_, hosts_),
      engine_(make_engine()) {}

Cluster::~Cluster() = default;

std::vector<std::unique_ptr<Workload>> Cluster::make_workloads() const {
    std::vector<std::unique_ptr<Workload>> result;
    for (const VmGroup* group : placement_.vm_groups()) result.push_back(make_workload(*group));
    return result;
}

std::vector<std::unique_ptr<Host>> Cluster::make_hosts(const SchedulerFactory& own_scheduler) {
    // Streams are keyed by names, so that a group more shifts nobody's numbers.
    std::vector<Seed> seeds;
    for (const VmGroup* group : placement_.vm_groups()) {
        seeds.push_back(Seed(description_.seed).child("vm").child(group->name));
    }
    std::vector<std::unique_ptr<Host>> result;
    result.reserve(placement_.hosts());
    for (std::uint32_t number = 0; number < placement_.hosts(); ++number) {
        std::vector<HostedVm> vms;
        for (const PlacedVm& placed : placement_.on_host(number)) {
            vms.push_back({.group = placement_.vm_groups()[placed.group],
                           .workload = workloads_[placed.group].get(),
                           .group_number = placed.group,
                           .number = placement_.vm_number(placed),
                           .stream_key = seeds[placed.group].child(placed.number).value()});
        }
        result.push_back(make_host(number, std::move(vms), own_scheduler));
    }
    return result;
}

std::unique_ptr<Host> Cluster::make_host(std::uint32_t number, std::vector<HostedVm> vms,
                                         const SchedulerFactory& own_scheduler) {
    const HostGroup& group = placement_.host_group(number);
    const HostOptions options{options_.warmup, options_.resolution, &recording_,
                              options_.percentiles};
    if (description_.fidelity == Fidelity::kFluid) {
        return std::make_unique<FluidHost>(group, vms, options);
    }
    const Seed seed = Seed(description_.seed).child("host").child(group.name);
    return std::make_unique<QuantumHost>(group, std::move(vms), make_policy(group, own_scheduler),
                                         seed.child(placement_.host_number(number)).value(),
                                         options);
}

QuantumPolicy Cluster::make_policy(const HostGroup& group, const SchedulerFactory& own_scheduler) {
    const Choice& choice = group.scheduler;
    if (choice.name == kOwnScheduler && own_scheduler) return own_scheduler(group);
    const SchedulerKind* kind = find_scheduler(choice.name);
    if (kind == nullptr) {
        throw ConfigError("hosts." + group.name + ".scheduler",
                          fmt::format("there is no scheduler '{}'", choice.name));
    }
    return {.name = choice.name,
            .scheduler = kind->make(choice.values),
            .work_conserving = promises(*kind, choice.values).work_conserving};
}

}  // namespace hvlab::sim
