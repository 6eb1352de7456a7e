// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/tables.h"

#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "sim/cluster/identities.h"
#include "sim/measures/fairness.h"

namespace hvlab::sim {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Fills columns row by row.
class Builder {
public:
    explicit Builder(std::string name) { table_.name = std::move(name); }

    // Begins a row: the next calls fill its columns from the first on.
    void row() { next_ = 0; }
    void integer(const char* name, const char* unit, const char* meaning, std::int64_t value) {
        at<std::vector<std::int64_t>>(name, unit, meaning).push_back(value);
    }
    void number(const char* name, const char* unit, const char* meaning, double value) {
        at<std::vector<double>>(name, unit, meaning).push_back(value);
    }
    void word(const char* name, const char* meaning, const std::string& value) {
        Words& words = at<Words>(name, "", meaning);
        // Rows come sorted, so the word is the last one or a new one.
        if (words.words.empty() || words.words.back() != value) {
            std::size_t known = 0;
            while (known < words.words.size() && words.words[known] != value) ++known;
            if (known == words.words.size()) words.words.push_back(value);
            words.rows.push_back(static_cast<std::int32_t>(known));
            return;
        }
        words.rows.push_back(static_cast<std::int32_t>(words.words.size() - 1));
    }

    Table take() { return std::move(table_); }
    // The columns without the rows.
    Table take_empty() {
        for (Column& column : table_.columns) {
            std::visit([](auto& values) { values = std::remove_reference_t<decltype(values)>{}; },
                       column.values);
        }
        return take();
    }

private:
    template <typename T>
    T& at(const char* name, const char* unit, const char* meaning) {
        if (next_ == table_.columns.size()) table_.columns.push_back({name, unit, meaning, T{}});
        return std::get<T>(table_.columns[next_++].values);
    }

    Table table_;
    std::size_t next_ = 0;
};

double share(Duration part, Duration whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : kNone;
}

void add_times(Builder& row, const VmLedger& ledger) {
    row.integer("run", "ns", "time on a pCPU", ledger.run);
    row.integer("ready", "ns", "wanted a pCPU and had none: steal time", ledger.ready);
    row.integer("costop", "ns", "held back by co-scheduling", ledger.costop);
    row.integer("throttled", "ns", "over the limit", ledger.throttled);
    row.integer("idle", "ns", "wanted no pCPU", ledger.idle);
    row.integer("overhead", "ns", "of the run time: costs of switching and migration",
                ledger.overhead);
    row.integer("lost", "ns", "of the run time: lost to slower pCPUs", ledger.lost);
    row.integer("spun", "ns", "of the run time: busy waiting", ledger.spun);
    row.integer("switches", "1", "times another vCPU was put on a pCPU", ledger.switches);
    row.integer("migrations", "1", "of these: onto another core", ledger.migrations);
}

void add_shares(Builder& row, const VmLedger& ledger) {
    const Duration all = ledger.run + ledger.ready + ledger.costop + ledger.throttled + ledger.idle;
    row.number("ready_share", "1", "ready time as a share of vCPU time", share(ledger.ready, all));
    row.number("costop_share", "1", "co-stop as a share of vCPU time", share(ledger.costop, all));
    row.number("run_share", "1", "run time as a share of vCPU time", share(ledger.run, all));
}

void add_requests(Builder& row, const VmLedger& ledger, Duration elapsed) {
    row.integer("arrivals", "1", "requests that came", ledger.arrivals);
    row.integer("responses", "1", "requests that were answered", ledger.responses);
    row.number("throughput", "1/s", "responses a second",
               static_cast<double>(ledger.responses) * 1e9 / static_cast<double>(elapsed));
    const auto count = static_cast<double>(ledger.responses);
    const double mean = count > 0 ? static_cast<double>(ledger.latency) / count : kNone;
    row.number("latency_mean", "ns", "mean response time", mean);
    const double variance = ledger.latency_squares / count - mean * mean;
    row.number("latency_deviation", "ns", "standard deviation of response times",
               count > 0 ? std::sqrt(std::max(0.0, variance)) : kNone);
    row.number("latency_most", "ns", "longest response time",
               count > 0 ? static_cast<double>(ledger.latency_most) : kNone);
}

void add_percentiles(Builder& row, const auto& latency) {
    row.number("latency_p50", "ns", "median response time", latency.quantile(0.5));
    row.number("latency_p90", "ns", "90th percentile of response times", latency.quantile(0.9));
    row.number("latency_p95", "ns", "95th percentile of response times", latency.quantile(0.95));
    row.number("latency_p99", "ns", "99th percentile of response times", latency.quantile(0.99));
    row.number("latency_p999", "ns", "99.9th percentile of response times",
               latency.quantile(0.999));
}

struct Sums {
    std::vector<VmLedger> groups;
    VmLedger population;
    std::vector<std::vector<Service>> short_of;  // by group: VMs that wanted more than they got
};

// Notes a VM that wanted more than it got.
void note_short(std::vector<Service>& short_of, const VmLedger& ledger, double weight) {
    if (ledger.ready + ledger.costop > 0) short_of.push_back({ledger.run, weight});
}

// In the order of hosts, and of VMs on each: doubles are summed in one order.
Sums sum_up(const Cluster& cluster) {
    const Placement& placement = cluster.placement();
    Sums sums;
    sums.groups.resize(placement.vm_groups().size());
    sums.short_of.resize(sums.groups.size());
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const auto placed = placement.on_host(host);
        for (std::size_t vm = 0; vm < placed.size(); ++vm) {
            const VmLedger ledger = cluster.host(host).vm_ledger(vm, cluster.now());
            const std::uint32_t group = placed[vm].group;
            add(sums.groups[group], ledger);
            note_short(sums.short_of[group], ledger, placement.vm_groups()[group]->weight);
        }
    }
    for (const VmLedger& group : sums.groups) add(sums.population, group);
    return sums;
}

// 1 if all had what they wanted.
double fairness(std::span<const Service> short_of) {
    return short_of.empty() ? 1.0 : jain(short_of);
}

const char kFairness[] =
    "Jain's index of run time a weight, of the VMs that wanted more than they got";

// What the VMs of a host got.
void add_vms(Builder& row, const Cluster& cluster, std::uint32_t host, Duration elapsed) {
    const Placement& placement = cluster.placement();
    const auto placed = placement.on_host(host);
    VmLedger sums;
    std::vector<Service> short_of;
    for (std::size_t vm = 0; vm < placed.size(); ++vm) {
        const VmLedger ledger = cluster.host(host).vm_ledger(vm, cluster.now());
        add(sums, ledger);
        note_short(short_of, ledger, placement.vm_groups()[placed[vm].group]->weight);
    }
    add_shares(row, sums);
    row.integer("ready", "ns", "its vCPUs wanted a pCPU and had none: steal time", sums.ready);
    row.integer("costop", "ns", "its vCPUs were held back by co-scheduling", sums.costop);
    row.integer("throttled", "ns", "its VMs were over their limit", sums.throttled);
    row.number("fairness", "1", kFairness, fairness(short_of));
    add_requests(row, sums, elapsed);
}

}  // namespace

Table vm_table(const Cluster& cluster) {
    const Placement& placement = cluster.placement();
    const Duration elapsed = cluster.now() - cluster.measured_from();
    // In the order of VM numbers, which is not that of hosts.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> where(placement.vms());
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const auto placed = placement.on_host(host);
        for (std::uint32_t vm = 0; vm < placed.size(); ++vm) {
            where[placement.vm_number(placed[vm])] = {host, vm};
        }
    }
    Builder rows("vms");
    for (const auto& [host, vm] : where) {
        const PlacedVm placed = placement.on_host(host)[vm];
        const VmGroup& group = *placement.vm_groups()[placed.group];
        const VmLedger ledger = cluster.host(host).vm_ledger(vm, cluster.now());
        rows.row();
        rows.word("group", "the VM's group", group.name);
        rows.integer("number", "1", "its number in the group, from 0", placed.number);
        rows.word("host_group", "the group of its host", placement.host_group(host).name);
        rows.integer("host_number", "1", "its host's number in that group",
                     placement.host_number(host));
        rows.integer("vcpus", "1", "vCPUs", group.vcpus);
        add_shares(rows, ledger);
        add_times(rows, ledger);
        add_requests(rows, ledger, elapsed);
        const CompactHistogram* latency = cluster.host(host).response_times().vm(vm);
        if (latency != nullptr) add_percentiles(rows, *latency);
    }
    return rows.take();
}

Table host_table(const Cluster& cluster) {
    const Placement& placement = cluster.placement();
    const Duration elapsed = cluster.now() - cluster.measured_from();
    Builder rows("hosts");
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const HostGroup& group = placement.host_group(host);
        const HostLedger ledger = cluster.host(host).host_ledger(cluster.now());
        rows.row();
        rows.word("group", "the host's group", group.name);
        rows.integer("number", "1", "its number in the group, from 0", placement.host_number(host));
        rows.integer("pcpus", "1", "pCPUs", group.pcpus());
        rows.integer("vms", "1", "VMs", static_cast<std::int64_t>(placement.on_host(host).size()));
        rows.number("utilisation", "1", "share of pCPU time with a vCPU on it",
                    share(ledger.busy, ledger.busy + ledger.idle));
        rows.integer("busy", "ns", "pCPU time with a vCPU on it", ledger.busy);
        rows.integer("idle", "ns", "pCPU time without", ledger.idle);
        rows.integer("switches", "1", "times another vCPU was put on a pCPU", ledger.switches);
        rows.integer("migrations", "1", "of these: onto another core", ledger.migrations);
        rows.integer("events", "1", "events simulated", ledger.events);
        add_vms(rows, cluster, host, elapsed);
        const auto latency = cluster.host(host).response_times().host();
        if (latency) add_percentiles(rows, *latency);
    }
    return rows.take();
}

Table group_table(const Cluster& cluster) {
    const Sums sums = sum_up(cluster);
    const Duration elapsed = cluster.now() - cluster.measured_from();
    Builder rows("groups");
    for (std::size_t i = 0; i < sums.groups.size(); ++i) {
        const VmGroup& group = *cluster.placement().vm_groups()[i];
        rows.row();
        rows.word("group", "the group's name", group.name);
        rows.integer("vms", "1", "VMs", group.count);
        rows.integer("vcpus", "1", "vCPUs of each", group.vcpus);
        add_shares(rows, sums.groups[i]);
        rows.number("fairness", "1", kFairness, fairness(sums.short_of[i]));
        add_requests(rows, sums.groups[i], elapsed);
        add_percentiles(rows, cluster.recording().latency(i));
        add_times(rows, sums.groups[i]);
    }
    return rows.take();
}

Table population_table(const Cluster& cluster) {
    const Sums sums = sum_up(cluster);
    const Placement& placement = cluster.placement();
    const Duration elapsed = cluster.now() - cluster.measured_from();
    HostLedger hosts;
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const HostLedger ledger = cluster.host(host).host_ledger(cluster.now());
        hosts.busy += ledger.busy;
        hosts.idle += ledger.idle;
    }
    std::vector<Service> all;
    Histogram latency;
    for (std::size_t i = 0; i < sums.groups.size(); ++i) {
        all.insert(all.end(), sums.short_of[i].begin(), sums.short_of[i].end());
        latency.merge(cluster.recording().latency(i));
    }
    Builder rows("population");
    rows.row();
    rows.integer("hosts", "1", "hosts", placement.hosts());
    rows.integer("vms", "1", "VMs", placement.vms());
    rows.integer("measured", "ns", "simulated time that was measured", elapsed);
    rows.integer("events", "1", "events simulated, the warm-up's included",
                 static_cast<std::int64_t>(cluster.events()));
    rows.number("utilisation", "1", "share of pCPU time with a vCPU on it",
                share(hosts.busy, hosts.busy + hosts.idle));
    add_shares(rows, sums.population);
    rows.number("fairness", "1", kFairness, fairness(all));
    add_requests(rows, sums.population, elapsed);
    add_percentiles(rows, latency);
    add_times(rows, sums.population);
    return rows.take();
}

Table series_table(const Cluster& cluster) {
    Builder rows("series");
    const Placement& placement = cluster.placement();
    const std::optional<Series> series = cluster.recording().series();
    const auto add_row = [&](std::size_t group, Time begin, const Sample& sample) {
        rows.row();
        rows.word("group", "the group of VMs", placement.vm_groups()[group]->name);
        rows.integer("time", "ns", "when the interval began", begin);
        rows.integer("run", "ns", "time on a pCPU", sample.run);
        rows.integer("ready", "ns", "wanted a pCPU and had none", sample.ready);
        rows.integer("costop", "ns", "held back by co-scheduling", sample.costop);
        rows.integer("throttled", "ns", "over the limit", sample.throttled);
        rows.integer("idle", "ns", "wanted no pCPU", sample.idle);
        rows.integer("responses", "1", "requests that were answered", sample.responses);
        const auto responses = static_cast<double>(sample.responses);
        rows.number("latency_mean", "ns", "mean response time",
                    responses > 0 ? static_cast<double>(sample.latency) / responses : kNone);
    };
    for (std::size_t i = 0; series && i < series->intervals(); ++i) {
        if (series->begin_of(i) >= cluster.now()) break;
        const bool told = series->end_of(i) < cluster.now();
        for (std::uint32_t group = 0; group < series->groups(); ++group) {
            if (told) {
                add_row(group, series->begin_of(i), series->at(i, group));
                continue;
            }
            // Hosts tell of an interval when the next one begins.
            VmLedger sums;
            for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
                add(sums, cluster.host(host).open_sample(group, cluster.now()));
            }
            add_row(group, series->begin_of(i), sample_of(sums));
        }
    }
    if (series && cluster.now() > 0) return rows.take();
    add_row(0, 0, {});
    return rows.take_empty();
}

Table vcpu_table(const Cluster& cluster) {
    Builder rows("vcpus");
    const Placement& placement = cluster.placement();
    const auto add_row = [&](const PlacedVm& vm, int vcpu, const VcpuAccount& account) {
        rows.row();
        rows.word("group", "the VM's group", placement.vm_groups()[vm.group]->name);
        rows.integer("number", "1", "its number in the group, from 0", vm.number);
        rows.integer("vcpu", "1", "the vCPU's number in the VM, from 0", vcpu);
        rows.integer("run", "ns", "time on a pCPU since the start", account.run);
        rows.integer("progress", "ns", "run and idle time since the start", account.progress);
        rows.integer("idle", "1", "1 if it wants no pCPU now", account.idle ? 1 : 0);
    };
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const auto placed = placement.on_host(host);
        for (std::size_t vm = 0; vm < placed.size(); ++vm) {
            const int vcpus = placement.vm_groups()[placed[vm].group]->vcpus;
            for (int vcpu = 0; vcpu < vcpus; ++vcpu) {
                const auto account = cluster.host(host).vcpu_account(vm, vcpu, cluster.now());
                if (account) add_row(placed[vm], vcpu, *account);
            }
        }
    }
    if (cluster.description().fidelity == Fidelity::kQuantum) return rows.take();
    add_row({}, 0, {});
    return rows.take_empty();
}

Table latency_table(const Cluster& cluster) {
    Builder rows("latency");
    bool any = false;
    const auto add_row = [&](std::size_t group, Duration low, Duration high, std::uint64_t count) {
        rows.row();
        rows.word("group", "the group of VMs", cluster.placement().vm_groups()[group]->name);
        rows.integer("low", "ns", "least response time of the cell", low);
        rows.integer("high", "ns", "greatest response time of the cell", high);
        rows.integer("count", "1", "responses", static_cast<std::int64_t>(count));
    };
    for (std::size_t group = 0; group < cluster.recording().groups(); ++group) {
        cluster.recording().latency(group).for_each(
            [&](Duration low, Duration high, std::uint64_t count) {
                any = true;
                add_row(group, low, high, count);
            });
    }
    if (any) return rows.take();
    add_row(0, 0, 0, 0);
    return rows.take_empty();
}

Table identity_table(const Cluster& cluster) {
    Builder rows("identities");
    for (const Identity& identity : identities(cluster)) {
        rows.row();
        rows.word("identity", "what is true of every run", identity.name);
        rows.word("meaning", "in words", identity.meaning);
        rows.number("worst", "ns", "by how much it is missed at worst", identity.worst);
        rows.number("bound", "ns", "by how much it may be", identity.bound);
        rows.integer("holds", "1", "1 if it holds", identity.holds() ? 1 : 0);
        rows.word("where", "who misses it most", identity.where);
    }
    return rows.take();
}

}  // namespace hvlab::sim
