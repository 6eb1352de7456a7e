// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/identities.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hvlab::sim {
namespace {

class Checks {
public:
    explicit Checks(const Cluster& cluster)
        : cluster_(cluster), from_(cluster.measured_from()), elapsed_(cluster.now() - from_) {}

    std::vector<Identity> run() {
        for (std::uint32_t host = 0; host < cluster_.placement().hosts(); ++host) {
            check_host(host);
            // The fluid fidelity rounds each VM's run time to a whole nanosecond.
            if (cluster_.description().fidelity == Fidelity::kFluid) {
                const auto vms = static_cast<double>(cluster_.host(host).vms());
                capacity_.bound = std::max(capacity_.bound, vms);
            }
        }
        return {std::move(time_), std::move(capacity_), std::move(service_), std::move(little_),
                std::move(limit_)};
    }

private:
    static void note(Identity& identity, double missed, const auto& where) {
        if (!(missed > identity.worst)) return;
        identity.worst = missed;
        identity.where = where();
    }

    void check_host(std::uint32_t number) {
        Host& host = cluster_.host(number);
        const Placement& placement = cluster_.placement();
        const auto where = [&] {
            return fmt::format("{}-{}", placement.host_group(number).name,
                               placement.host_number(number));
        };
        Duration run = 0;
        for (std::size_t vm = 0; vm < host.vms(); ++vm) run += check_vm(host, number, vm);
        const HostLedger ledger = host.host_ledger(cluster_.now());
        const Duration all = placement.host_group(number).pcpus() * elapsed_;
        note(capacity_, std::abs(static_cast<double>(all - ledger.busy - ledger.idle)), where);
        note(capacity_, static_cast<double>(-ledger.idle), where);
        note(service_, std::abs(static_cast<double>(run - ledger.busy)), where);
    }

    Duration check_vm(Host& host, std::uint32_t host_number, std::size_t vm) {
        const Placement& placement = cluster_.placement();
        const PlacedVm placed = placement.on_host(host_number)[vm];
        const VmGroup& group = *placement.vm_groups()[placed.group];
        const auto where = [&] { return fmt::format("{}-{}", group.name, placed.number); };
        const VmLedger ledger = host.vm_ledger(vm, cluster_.now());
        const Duration sum =
            ledger.run + ledger.ready + ledger.costop + ledger.throttled + ledger.idle;
        note(time_, std::abs(static_cast<double>(group.vcpus * elapsed_ - sum)), where);
        for (const Duration part :
             {ledger.run, ledger.ready, ledger.costop, ledger.throttled, ledger.idle}) {
            note(time_, static_cast<double>(-part), where);
        }
        Duration sojourns = ledger.sojourns;
        host.open_requests(
            vm, [&](Time arrived) { sojourns += cluster_.now() - std::max(arrived, from_); });
        note(little_, std::abs(static_cast<double>(ledger.presence - sojourns)), where);
        if (group.limit) {
            // The period that was under way when the accounts began, and the one that is now, may
            // be used up in whatever part of them counts.
            const auto most = *group.limit * static_cast<double>(elapsed_);
            const auto period =
                static_cast<double>(placement.host_group(host_number).accounting_period);
            const bool quantum = cluster_.description().fidelity == Fidelity::kQuantum;
            note(limit_,
                 static_cast<double>(ledger.run) - most -
                     (quantum ? 2 * *group.limit * period + group.vcpus : 1.0),
                 where);
        }
        return ledger.run;
    }

    const Cluster& cluster_;
    Time from_;
    Duration elapsed_;
    Identity time_{"time", "run + ready + costop + throttled + idle = vCPUs x time", 0, 0, {}};
    Identity capacity_{"capacity", "busy + idle = pCPUs x time", 0, 0, {}};
    Identity service_{"service", "run time of its VMs = busy time of a host", 0, 0, {}};
    Identity little_{"little", "integral of requests in a VM = sum of their sojourns", 0, 0, {}};
    Identity limit_{"limit", "run time is at most limit x time", 0, 0, {}};
};

}  // namespace

std::vector<Identity> identities(const Cluster& cluster) {
    return Checks(cluster).run();
}

}  // namespace hvlab::sim
