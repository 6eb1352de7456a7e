// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/testing/fake_host.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace hvlab::sim::testing {

namespace {

std::size_t index(int id) {
    return static_cast<std::size_t>(id);
}

bool wants(VcpuState state) {
    return state == VcpuState::kReady || state == VcpuState::kRunning;
}

}  // namespace

FakeHost::FakeHost(const HostGroup& shape, std::vector<FakeVm> vms,
                   std::unique_ptr<Scheduler> scheduler)
    : topology_(shape),
      period_(shape.accounting_period),
      described_(std::move(vms)),
      pcpus_of_vm_(described_.size()),
      used_(described_.size()),
      throttled_(described_.size()),
      running_(index(topology_.pcpus()), kNone),
      slice_end_(index(topology_.pcpus()), kNever),
      last_on_(index(topology_.pcpus()), kNone),
      scheduler_(std::move(scheduler)),
      period_end_(period_) {
    for (std::size_t vm = 0; vm < described_.size(); ++vm) {
        const FakeVm& is = described_[vm];
        pcpus_of_vm_[vm] = is.pcpus;
        if (is.pcpus.empty()) {
            pcpus_of_vm_[vm].resize(index(topology_.pcpus()));
            std::iota(pcpus_of_vm_[vm].begin(), pcpus_of_vm_[vm].end(), 0);
        }
        vms_.push_back({.first = static_cast<VcpuId>(facts_.size()),
                        .vcpus = is.vcpus,
                        .weight = is.weight,
                        .reservation = is.reservation,
                        .limit = is.limit,
                        .pcpus = pcpus_of_vm_[vm],
                        .home = is.home});
        facts_.resize(facts_.size() + index(is.vcpus), VcpuFacts{.vm = static_cast<VmId>(vm)});
    }
    vcpus_.resize(facts_.size());
    giving_ = true;
    scheduler_->start(*this);
    giving_ = false;
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) begin_burst(vcpu);
}

void FakeHost::begin_burst(VcpuId vcpu) {
    const VmId vm = facts(vcpu).vm;
    Vcpu& it = vcpus_[index(vcpu)];
    const Script& script = described_[index(vm)].script;
    const Burst burst = script ? script(vcpu - vms_[index(vm)].first, it.bursts) : Burst{};
    ++it.bursts;
    it.need = burst.busy;
    it.wakes = burst.idle == kNever ? kNever : now_ + burst.idle;
}

Time FakeHost::next_stop(PcpuId pcpu) const {
    const VcpuId vcpu = running_[index(pcpu)];
    if (vcpu == kNone) return kNever;
    const Duration need = of(vcpu).need;
    return std::min(slice_end_[index(pcpu)], need == kNever ? kNever : of(vcpu).charged + need);
}

Time FakeHost::next_throttle(VmId vm) const {
    const VmFacts& is = vms_[index(vm)];
    if (std::isinf(is.limit) || throttled_[index(vm)]) return kNever;
    Duration left = std::llround(is.limit * static_cast<double>(period_)) - used_[index(vm)];
    Duration running = 0;
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        if (facts_[index(vcpu)].state != VcpuState::kRunning) continue;
        ++running;
        left -= now_ - of(vcpu).charged;
    }
    return running == 0 ? kNever : now_ + std::max<Duration>(left + running - 1, 0) / running;
}

Time FakeHost::next_event() const {
    Time next = std::min(period_end_, timer_);
    for (PcpuId pcpu = 0; pcpu < topology_.pcpus(); ++pcpu) next = std::min(next, next_stop(pcpu));
    for (const Vcpu& vcpu : vcpus_) next = std::min(next, vcpu.wakes);
    for (VmId vm = 0; vm < static_cast<VmId>(vms_.size()); ++vm) {
        next = std::min(next, next_throttle(vm));
    }
    return std::max(next, now_);
}

void FakeHost::run_until(Time end) {
    for (Time next = next_event(); next < end; next = next_event()) {
        now_ = next;
        handle_instant();
    }
    now_ = end;
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        settle(vcpu);
        if (facts(vcpu).state == VcpuState::kRunning) charge(vcpu);
    }
}

void FakeHost::handle_instant() {
    ++instants_;
    stop_pcpus();
    wake_vcpus();
    throttle_vms();
    if (now_ == period_end_) begin_period();
    giving_ = true;
    if (now_ == timer_) {
        timer_ = kNever;
        scheduler_->timer(*this);
    }
    scheduler_->assign(*this);
    giving_ = false;
    if (check_) check_(*this);
}

void FakeHost::stop_pcpus() {
    for (PcpuId pcpu = 0; pcpu < topology_.pcpus(); ++pcpu) {
        if (next_stop(pcpu) != now_) continue;
        const VcpuId vcpu = running_[index(pcpu)];
        charge(vcpu);
        if (of(vcpu).need == 0) {
            take_off(pcpu, VcpuState::kIdle);
            scheduler_->stopped(*this, vcpu);
            begin_burst(vcpu);
        } else {
            take_off(pcpu, VcpuState::kReady);
            scheduler_->ready(*this, vcpu, Wake::kSliceOver);
        }
    }
}

void FakeHost::wake_vcpus() {
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        if (vcpus_[index(vcpu)].wakes != now_) continue;
        vcpus_[index(vcpu)].wakes = kNever;
        const bool throttled = throttled_[index(facts(vcpu).vm)];
        enter(vcpu, throttled ? VcpuState::kThrottled : VcpuState::kReady);
        if (!throttled) scheduler_->ready(*this, vcpu, Wake::kWoke);
    }
}

void FakeHost::throttle_vms() {
    for (VmId vm = 0; vm < static_cast<VmId>(vms_.size()); ++vm) {
        if (next_throttle(vm) != now_) continue;
        throttled_[index(vm)] = true;
        const VmFacts& is = vms_[index(vm)];
        for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
            const VcpuState state = facts(vcpu).state;
            if (state == VcpuState::kRunning) {
                charge(vcpu);
                take_off(facts(vcpu).pcpu, VcpuState::kThrottled);
            } else if (state == VcpuState::kReady) {
                enter(vcpu, VcpuState::kThrottled);
            }
            if (wants(state)) scheduler_->stopped(*this, vcpu);
        }
    }
}

void FakeHost::begin_period() {
    period_end_ += period_;
    for (const VcpuId vcpu : running_) {
        if (vcpu != kNone) charge(vcpu);
    }
    std::ranges::fill(used_, 0);
    std::fill(throttled_.begin(), throttled_.end(), false);
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        if (facts(vcpu).state != VcpuState::kThrottled) continue;
        enter(vcpu, VcpuState::kReady);
        scheduler_->ready(*this, vcpu, Wake::kUnthrottled);
    }
}

void FakeHost::settle(VcpuId vcpu) {
    Vcpu& it = vcpus_[index(vcpu)];
    const Duration passed = now_ - it.settled;
    it.settled = now_;
    switch (facts(vcpu).state) {
        case VcpuState::kIdle:
            it.ledger.idle += passed;
            break;
        case VcpuState::kReady:
            (it.held ? it.ledger.costop : it.ledger.ready) += passed;
            break;
        case VcpuState::kRunning:
            it.ledger.run += passed;
            break;
        case VcpuState::kThrottled:
            it.ledger.throttled += passed;
            break;
    }
}

void FakeHost::charge(VcpuId vcpu) {
    const VcpuFacts& is = facts(vcpu);
    const Duration ran = now_ - std::exchange(vcpus_[index(vcpu)].charged, now_);
    used_[index(is.vm)] += ran;
    if (of(vcpu).need != kNever) vcpus_[index(vcpu)].need -= ran;
    scheduler_->charge(*this, vcpu, ran);
}

void FakeHost::enter(VcpuId vcpu, VcpuState state) {
    settle(vcpu);
    VcpuFacts& is = facts(vcpu);
    const Duration passed = now_ - is.since;
    if (is.state == VcpuState::kRunning) is.ran += passed;
    if (is.state == VcpuState::kRunning || is.state == VcpuState::kIdle) is.progress += passed;
    is.state = state;
    is.since = now_;
}

void FakeHost::take_off(PcpuId pcpu, VcpuState state) {
    enter(running_[index(pcpu)], state);
    running_[index(pcpu)] = kNone;
    slice_end_[index(pcpu)] = kNever;
}

void FakeHost::replace_scheduler(std::unique_ptr<Scheduler> scheduler) {
    StateWriter writer;
    scheduler_->save(writer);
    const Time timer = timer_;
    std::vector<bool> held(vcpus_.size());
    for (std::size_t i = 0; i < held.size(); ++i) held[i] = vcpus_[i].held;
    scheduler->start(*this);
    StateReader reader(writer.bytes());
    scheduler->load(reader);
    scheduler->check(*this);
    HVLAB_ASSERT(reader.at_end());
    timer_ = timer;
    for (std::size_t i = 0; i < held.size(); ++i) vcpus_[i].held = held[i];
    scheduler_ = std::move(scheduler);
}

FakeLedger FakeHost::ledger(VmId vm) const {
    FakeLedger sum;
    const VmFacts& is = vms_[index(vm)];
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        const FakeLedger& one = of(vcpu).ledger;
        sum.run += one.run;
        sum.ready += one.ready;
        sum.costop += one.costop;
        sum.throttled += one.throttled;
        sum.idle += one.idle;
    }
    return sum;
}

Duration FakeHost::progress(VcpuId vcpu) const {
    const VcpuFacts& is = facts_[index(vcpu)];
    const bool goes = is.state == VcpuState::kRunning || is.state == VcpuState::kIdle;
    return is.progress + (goes ? now_ - is.since : 0);
}

bool FakeHost::wastes_pcpu() const {
    for (PcpuId pcpu = free_from(0); pcpu != kNone; pcpu = free_from(pcpu + 1)) {
        for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
            if (facts_[index(vcpu)].state == VcpuState::kReady && !held(vcpu) &&
                allowed(vcpu, pcpu)) {
                return true;
            }
        }
    }
    return false;
}

PcpuId FakeHost::free_from(PcpuId from) const {
    for (PcpuId pcpu = from; pcpu < topology_.pcpus(); ++pcpu) {
        if (running_[index(pcpu)] == kNone) return pcpu;
    }
    return kNone;
}

bool FakeHost::allowed(VcpuId vcpu, PcpuId pcpu) const {
    return std::ranges::binary_search(vms_[index(facts_[index(vcpu)].vm)].pcpus, pcpu);
}

std::uint64_t FakeHost::random(std::uint64_t bound) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return (random_ >> 33) % bound;
}

void FakeHost::run(PcpuId pcpu, VcpuId vcpu, Duration slice) {
    HVLAB_ASSERT(giving_ && slice >= kMicrosecond && allowed(vcpu, pcpu));
    HVLAB_ASSERT(running_[index(pcpu)] == kNone && facts(vcpu).state == VcpuState::kReady);
    HVLAB_ASSERT(!held(vcpu));
    enter(vcpu, VcpuState::kRunning);
    if (last_on_[index(pcpu)] != vcpu) ++switches_;
    if (facts(vcpu).pcpu != kNone && facts(vcpu).pcpu != pcpu) ++migrations_;
    last_on_[index(pcpu)] = vcpu;
    facts(vcpu).pcpu = pcpu;
    vcpus_[index(vcpu)].charged = now_;
    running_[index(pcpu)] = vcpu;
    slice_end_[index(pcpu)] = slice == kNever ? kNever : now_ + slice;
}

void FakeHost::extend(PcpuId pcpu, Duration slice) {
    HVLAB_ASSERT(giving_ && slice >= kMicrosecond && running_[index(pcpu)] != kNone);
    slice_end_[index(pcpu)] = slice == kNever ? kNever : now_ + slice;
}

void FakeHost::preempt(PcpuId pcpu) {
    HVLAB_ASSERT(giving_ && running_[index(pcpu)] != kNone);
    charge(running_[index(pcpu)]);
    take_off(pcpu, VcpuState::kReady);
}

void FakeHost::hold(VcpuId vcpu, bool held) {
    settle(vcpu);
    vcpus_[index(vcpu)].held = held;
}

namespace {

Duration parse_duration(std::string_view text) {
    const std::string whole(text);
    std::size_t digits = 0;
    const double number = std::stod(whole, &digits);
    const std::string unit = whole.substr(digits);
    const Duration scale = unit == "us"   ? kMicrosecond
                           : unit == "ms" ? kMillisecond
                           : unit == "s"  ? kSecond
                                          : Duration{0};
    HVLAB_ASSERT(scale != 0);
    return std::llround(number * static_cast<double>(scale));
}

Value parse(const Parameter& parameter, std::string_view text) {
    switch (parameter.type) {
        case Parameter::Type::kDuration:
            return parse_duration(text);
        case Parameter::Type::kInteger:
            return std::int64_t{std::stoll(std::string(text))};
        case Parameter::Type::kNumber:
            return std::stod(std::string(text));
        case Parameter::Type::kFlag:
            return text == "true";
        case Parameter::Type::kChoice:
            return std::string(text);
        default:
            HVLAB_ASSERT(false);
    }
    return {};
}

}  // namespace

std::unique_ptr<Scheduler> make_scheduler(
    const SchedulerKind& kind,
    const std::vector<std::pair<std::string_view, std::string_view>>& given) {
    Values values;
    for (const Parameter& parameter : kind.parameters) {
        std::string_view text = parameter.preset;
        for (const auto& [name, value] : given) {
            if (name == parameter.name) text = value;
        }
        values.set(std::string(parameter.name), parse(parameter, text));
    }
    for (const auto& [name, value] : given) HVLAB_ASSERT(values.has(name));
    return kind.make(values);
}

HostGroup host_shape(int cores, int threads, int sockets, int numa_nodes) {
    HostGroup shape;
    shape.sockets = sockets;
    shape.cores = cores;
    shape.threads = threads;
    shape.numa_nodes = numa_nodes;
    return shape;
}

}  // namespace hvlab::sim::testing
