// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/fluid_host.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/status.h"
#include "sim/hosts/errors.h"

namespace hvlab::sim {
namespace {

// Work is done when less than this is left of it, ns: `served` is a double and its sums are
// rounded.
constexpr double kRounding = 1e-3;
// A VM whose work would take longer than any run is as good as stopped.
constexpr double kForEver = 9e18;

std::size_t words(std::size_t bytes) {
    return (bytes + 7) / 8;
}

}  // namespace

Agenda::Slot FluidHost::slots(std::span<const HostedVm> vms) {
    std::size_t count = kFirstVm + vms.size();
    for (const HostedVm& vm : vms) count += static_cast<std::size_t>(vm.group->vcpus);
    return static_cast<Agenda::Slot>(count);
}

FluidHost::FluidHost(const HostGroup& group, std::span<const HostedVm> vms,
                     const HostOptions& options)
    : group_(group),
      options_(options),
      speeds_(speeds_by_busy(group)),
      agenda_(slots(vms)),
      response_times_(options.percentiles, vms.size()),
      shares_(vms.size()) {
    std::size_t vcpus = 0;
    std::size_t state = 0;
    for (const HostedVm& hosted : vms) {
        const VmGroup& of = *hosted.group;
        vms_.push_back({.workload = hosted.workload,
                        .group_number = hosted.group_number,
                        .first_vcpu = static_cast<std::uint32_t>(vcpus),
                        .state = static_cast<std::uint32_t>(state),
                        .vcpus = of.vcpus,
                        .weight = of.weight,
                        .least = of.reservation,
                        .most = of.limit.value_or(of.vcpus)});
        live_.emplace_back().stream = Stream(hosted.stream_key);
        vcpus += static_cast<std::size_t>(of.vcpus);
        state += words(hosted.workload->state_size(of.vcpus));
        uniform_ = uniform_ && of.vcpus == 1 && !of.limit && of.reservation == 0 &&
                   of.weight == vms.front().group->weight;
        if (groups_.empty() || groups_.back() != hosted.group_number) {
            groups_.push_back(hosted.group_number);
        }
        group_index_.push_back(static_cast<std::uint32_t>(groups_.size() - 1));
    }
    doing_.resize(vcpus, Doing::kNothing);
    finish_.resize(vcpus);
    states_.resize(state);
    active_.reserve(vms.size());
    completes_.reserve(vms.size());
    dirty_.reserve(vms.size());
    due_.reserve(vms.size());
    starving_.reserve(vms.size());
    if (!uniform_) {
        claims_.resize(vms.size());
        divided_.resize(vms.size());
    }
    if (options_.resolution > 0) {
        sampled_.resize(groups_.size());
        sums_.resize(groups_.size());
    }
    if (options_.resolution > 0) agenda_.set(kSample, options_.resolution);
    if (options_.warmup > 0) agenda_.set(kWarmup, options_.warmup);
}

// --- time ---

Advanced FluidHost::advance(Time end, Outbox& outbox) {
    thread_ = outbox.thread();
    const std::uint64_t before = events_;
    if (!started_) start();
    if (!dirty_.empty()) settle();  // what it was fed
    while (next_ < end && starving_.empty()) {
        now_ = next_;
        handle_instant();
    }
    return {events_ - before, !starving_.empty()};
}

void FluidHost::start() {
    started_ = true;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        enter(vm);
        vms_[vm].workload->start(*this);
    }
    settle();
}

void FluidHost::handle_instant() {
    bool more = true;
    while (more) {
        more = finish_due();
        more = fire_due() || more;
    }
    settle();
}

// Completions in the order of VMs.
bool FluidHost::finish_due() {
    if (first_completes_ > now_) return false;
    due_.clear();
    for (std::size_t i = 0; i < active_.size(); ++i) {
        if (completes_[i] <= now_) due_.push_back(active_[i]);
    }
    first_completes_ = kNever;  // until settle() finds the next
    std::sort(due_.begin(), due_.end());
    for (const std::uint32_t vm : due_) finish_vcpus(vm);
    return true;
}

void FluidHost::finish_vcpus(std::size_t vm) {
    enter(vm);
    accrue(vms_[vm], live_[vm], now_);
    const double served = live_[vm].served + kRounding;
    for (int vcpu = 0; vcpu < vms_[vm].vcpus; ++vcpu) {
        const std::size_t index = vcpu_index(vcpu);
        if (doing_[index] != Doing::kComputing || finish_[index] > served) continue;
        ++events_;
        change(vcpu, Doing::kNothing, 0);
        vms_[vm].workload->done(*this, vcpu);
    }
    // Its rate was rounded up to a whole nanosecond, or its work is not done yet: settle() says
    // when.
    mark_dirty(vm);
}

bool FluidHost::fire_due() {
    bool any = false;
    for (auto top = agenda_.top(); top.time <= now_; top = agenda_.top()) {
        any = true;
        agenda_.set(top.slot, kNever);
        fire(top.slot);
    }
    return any;
}

void FluidHost::fire(Agenda::Slot slot) {
    if (slot == kSample) {
        sample();
        return;
    }
    if (slot == kWarmup) {
        reset_accounts();
        return;
    }
    ++events_;
    const std::size_t timer = slot - kFirstVm;
    if (timer < vms_.size()) {
        enter(timer);
        vms_[timer].workload->timer(*this, kVm);
        return;
    }
    const auto vcpu = static_cast<std::uint32_t>(timer - vms_.size());
    const auto after =
        std::upper_bound(vms_.begin(), vms_.end(), vcpu,
                         [](std::uint32_t v, const Vm& vm) { return v < vm.first_vcpu; });
    const auto vm = static_cast<std::size_t>(after - vms_.begin()) - 1;
    enter(vm);
    vms_[vm].workload->timer(*this, static_cast<int>(vcpu - vms_[vm].first_vcpu));
}

void FluidHost::receive(const Message& /*message*/) {
    HVLAB_ASSERT(false);  // nobody sends anything to a host yet
}

// --- what workloads do ---

void FluidHost::enter(std::size_t vm) {
    current_ = vm;
    const std::size_t end = vm + 1 < vms_.size() ? vms_[vm + 1].state : states_.size();
    bytes_ =
        std::as_writable_bytes(std::span(states_).subspan(vms_[vm].state, end - vms_[vm].state));
}

std::size_t FluidHost::vcpu_index(int vcpu) const {
    HVLAB_ASSERT(vcpu >= 0 && vcpu < vms_[current_].vcpus);
    return vms_[current_].first_vcpu + static_cast<std::size_t>(vcpu);
}

void FluidHost::compute(int vcpu, Duration work) {
    HVLAB_ASSERT(work >= 1);
    // Up to now first: the work is counted from here.
    accrue(vms_[current_], live_[current_], now_);
    change(vcpu, Doing::kComputing, live_[current_].served + static_cast<double>(work));
}

void FluidHost::spin(int vcpu) {
    change(vcpu, Doing::kSpinning, 0);
}

void FluidHost::idle(int vcpu) {
    change(vcpu, Doing::kNothing, 0);
}

void FluidHost::change(int vcpu, Doing doing, double finish) {
    Live& live = live_[current_];
    accrue(vms_[current_], live, now_);
    const std::size_t index = vcpu_index(vcpu);
    const int wanting = (doing != Doing::kNothing) - (doing_[index] != Doing::kNothing);
    live.wanting += wanting;
    wanting_ += wanting;
    live.computing += (doing == Doing::kComputing) - (doing_[index] == Doing::kComputing);
    doing_[index] = doing;
    finish_[index] = finish;
    mark_dirty(current_);
}

void FluidHost::mark_dirty(std::size_t vm) {
    if (live_[vm].dirty != 0) return;
    live_[vm].dirty = 1;
    dirty_.push_back(static_cast<std::uint32_t>(vm));
}

void FluidHost::set_timer(int vcpu, Time at) {
    if (at < now_) refuse("set_timer() to a time that is past");
    const std::size_t timer = vcpu == kVm ? current_ : vms_.size() + vcpu_index(vcpu);
    agenda_.set(kFirstVm + static_cast<Agenda::Slot>(timer), at);
}

void FluidHost::arrive() {
    Live& live = live_[current_];
    live.requests.arrive(live.account, now_);
}

void FluidHost::respond(Time arrived) {
    if (arrived > now_) refuse("respond() to a request that is to come");
    Live& live = live_[current_];
    const Duration latency = live.requests.respond(live.account, now_, arrived, accounts_from_);
    if (accounts_from_ != options_.warmup) return;
    response_times_.record(current_, latency);
    if (options_.recorder != nullptr) {
        options_.recorder->response(thread_, vms_[current_].group_number, latency);
    }
}

// Its timers and what it goes by are in a checkpoint apart from each other, so one that was made by
// hand comes to this.
void FluidHost::refuse(const char* what) const {
    throw WorkloadError(std::to_string(current_) + " of host group '" + group_.name + "'", what);
}

void FluidHost::starve() {
    const auto vm = static_cast<std::uint32_t>(current_);
    starving_.insert(std::upper_bound(starving_.begin(), starving_.end(), vm), vm);
}

std::size_t FluidHost::wanted(std::size_t vm) {
    enter(vm);
    return vms_[vm].workload->wanted(*this);
}

std::uint64_t FluidHost::given(std::size_t vm) {
    enter(vm);
    return vms_[vm].workload->given(*this);
}

void FluidHost::feed(std::size_t vm, std::span<const Duration> think,
                     std::span<const Duration> work) {
    std::erase(starving_, static_cast<std::uint32_t>(vm));
    enter(vm);
    vms_[vm].workload->feed(*this, think, work);
    next_ = std::min(next_, agenda_.top().time);  // a think time began: no rate changes
}

// --- rates ---

void FluidHost::accrue(const Vm& vm, Live& live, Time now) {
    if (now == live.since) return;
    const auto elapsed = static_cast<double>(now - live.since);
    if (live.wanting > 0) {
        live.wanted += live.wanting * (now - live.since);
        live.run += live.rate * elapsed;
        live.served += live.pace * elapsed;
        const double working = live.pace * live.wanting;
        live.lost += (live.rate - working) * elapsed;
        if (live.computing < live.wanting) {
            live.spun += live.rate * (live.wanting - live.computing) / live.wanting * elapsed;
        }
        if (vm.most < live.wanting) live.throttled += (live.wanting - vm.most) * elapsed;
    }
    live.since = now;
}

void FluidHost::settle() {
    if (!dirty_.empty()) {
        settle_active();
        settle_rates();
        for (const std::uint32_t vm : dirty_) live_[vm].dirty = 0;
        dirty_.clear();
    }
    update_next();
}

// Which VMs are active at all.
void FluidHost::settle_active() {
    for (const std::uint32_t vm : dirty_) {
        Live& live = live_[vm];
        if (live.wanting > 0 && live.active == kNotActive) {
            live.active = static_cast<std::uint32_t>(active_.size());
            active_.push_back(vm);
            completes_.push_back(kNever);
        } else if (live.wanting == 0 && live.active != kNotActive) {
            const std::uint32_t last = active_.back();
            active_[live.active] = last;
            completes_[live.active] = completes_.back();
            live_[last].active = live.active;
            active_.pop_back();
            completes_.pop_back();
            live.active = kNotActive;
            live.rate = live.pace = live.served = 0;
        }
    }
}

void FluidHost::settle_rates() {
    const double capacity = group_.pcpus();
    const auto busy = std::min<std::int64_t>(wanting_, group_.pcpus());
    const double speed = speeds_[static_cast<std::size_t>(busy)];
    if (uniform_) {
        const double rate =
            active_.empty() ? 1.0 : std::min(1.0, capacity / static_cast<double>(active_.size()));
        if (rate == uniform_rate_ && speed == uniform_speed_) {
            for (const std::uint32_t vm : dirty_) {
                if (live_[vm].active != kNotActive) set_rate(vm, rate, speed);
            }
            return;
        }
        uniform_rate_ = rate;
        uniform_speed_ = speed;
        for (const std::uint32_t vm : active_) set_rate(vm, rate, speed);
        return;
    }
    for (std::size_t i = 0; i < active_.size(); ++i) {
        const Vm& vm = vms_[active_[i]];
        const double most = std::min<double>(vm.most, live_[active_[i]].wanting);
        claims_[i] = {vm.weight, std::min(vm.least, most), most};
    }
    shares_.divide(std::span(claims_).first(active_.size()), capacity, divided_);
    for (std::size_t i = 0; i < active_.size(); ++i) set_rate(active_[i], divided_[i], speed);
}

void FluidHost::set_rate(std::size_t vm, double rate, double speed) {
    Live& live = live_[vm];
    const double pace = rate * speed / live.wanting;
    if (live.dirty == 0 && rate == live.rate && pace == live.pace) return;
    accrue(vms_[vm], live, now_);
    live.rate = rate;
    live.pace = pace;
    double finish = std::numeric_limits<double>::infinity();
    const std::size_t first = vms_[vm].first_vcpu;
    for (std::size_t i = first; i < first + static_cast<std::size_t>(vms_[vm].vcpus); ++i) {
        if (doing_[i] == Doing::kComputing) finish = std::min(finish, finish_[i]);
    }
    const double wait = std::ceil(std::max(0.0, finish - live.served - kRounding) / pace);
    const bool ends = wait < kForEver - static_cast<double>(now_);  // false for NaN too
    completes_[live.active] = ends ? now_ + std::max<Time>(1, static_cast<Time>(wait)) : kNever;
}

void FluidHost::update_next() {
    first_completes_ = kNever;
    for (const Time at : completes_) first_completes_ = std::min(first_completes_, at);
    next_ = std::min(first_completes_, agenda_.top().time);
}

// --- accounts ---

void FluidHost::reset_accounts() {
    if (options_.resolution > 0) {
        for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
            // The series go on: what was told so far is counted from here.
            VmLedger& told = sampled_[group_index_[vm]];
            told = difference(told, vm_ledger(vm, now_));
        }
    }
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        Live& live = live_[vm];
        accrue(vms_[vm], live, now_);
        live.wanted = 0;
        live.run = live.lost = live.spun = live.throttled = 0;
        live.requests.settle(live.account, now_);
        live.account = {};
    }
    accounts_from_ = now_;
}

void FluidHost::sample() {
    std::fill(sums_.begin(), sums_.end(), VmLedger{});
    for (std::size_t vm = 0; vm < vms_.size(); ++vm)
        add(sums_[group_index_[vm]], vm_ledger(vm, now_));
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        options_.recorder->sample(thread_, groups_[i], samples_, difference(sums_[i], sampled_[i]));
        sampled_[i] = sums_[i];
    }
    ++samples_;
    agenda_.set(kSample, now_ + options_.resolution);
}

VmLedger FluidHost::open_sample(std::uint32_t group, Time now) const {
    VmLedger sums;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        if (vms_[vm].group_number == group) add(sums, vm_ledger(vm, now));
    }
    const auto known = std::lower_bound(groups_.begin(), groups_.end(), group);
    if (known == groups_.end() || *known != group || sampled_.empty()) return sums;
    return difference(sums, sampled_[static_cast<std::size_t>(known - groups_.begin())]);
}

VmLedger FluidHost::vm_ledger(std::size_t vm, Time now) const {
    Live live = live_[vm];
    accrue(vms_[vm], live, now);
    VmLedger ledger;
    ledger.idle = vms_[vm].vcpus * (now - accounts_from_) - live.wanted;
    ledger.run = std::min(live.wanted, static_cast<Duration>(std::llround(live.run)));
    ledger.throttled =
        std::min(live.wanted - ledger.run, static_cast<Duration>(std::llround(live.throttled)));
    ledger.ready = live.wanted - ledger.run - ledger.throttled;
    ledger.lost = std::llround(live.lost);
    ledger.spun = std::llround(live.spun);
    static_cast<RequestLedger&>(ledger) = live.account;
    ledger.presence += live.requests.presence(now);
    return ledger;
}

HostLedger FluidHost::host_ledger(Time now) const {
    HostLedger ledger;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) ledger.busy += vm_ledger(vm, now).run;
    ledger.idle = group_.pcpus() * (now - accounts_from_) - ledger.busy;
    ledger.events = static_cast<std::int64_t>(events_);
    return ledger;
}

void FluidHost::open_requests(std::size_t vm, const std::function<void(Time)>& visit) {
    enter(vm);
    vms_[vm].workload->open_requests(*this, visit);
}

}  // namespace hvlab::sim
