// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/testing/quantum_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace hvlab::sim::testing {

namespace {

// What Restless keeps of a VM: the open requests, oldest last.
struct Open {
    std::int64_t count;
    Time arrived[8];
};

}  // namespace

Value preset(const Parameter& parameter) {
    double number = 0;
    const std::string_view text = parameter.preset;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    switch (parameter.type) {
        case Parameter::Type::kDuration: {
            EXPECT_EQ(error, std::errc{}) << parameter.name;
            double scale = 1;
            if (unit == "us") scale = kMicrosecond;
            if (unit == "ms") scale = kMillisecond;
            if (unit == "s") scale = kSecond;
            if (unit == "min") scale = 60 * kSecond;
            if (unit == "h") scale = 3600 * kSecond;
            return static_cast<std::int64_t>(std::llround(number * scale));
        }
        case Parameter::Type::kInteger:
            return static_cast<std::int64_t>(std::llround(number));
        case Parameter::Type::kNumber:
            return number;
        case Parameter::Type::kFlag:
            return text == "true";
        default:
            return std::string(text);
    }
}

void Busy::start(Guest& guest) const {
    begin(guest, 0);
    for (int vcpu = 1; vcpu < guest.vcpus(); ++vcpu) guest.set_timer(vcpu, later_);
}

void Busy::done(Guest& guest, int vcpu) const {
    guest.respond(begun(guest, vcpu));
    begin(guest, vcpu);
}

void Busy::open_requests(Guest& guest, const std::function<void(Time)>& visit) const {
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
        if (vcpu == 0 || guest.now() >= later_) visit(begun(guest, vcpu));
    }
}

Time& Busy::begun(Guest& guest, int vcpu) {
    return (&guest.state<Time>())[vcpu];
}

void Busy::begin(Guest& guest, int vcpu) const {
    guest.arrive();
    begun(guest, vcpu) = guest.now();
    guest.compute(vcpu, work_);
}

std::size_t Restless::state_size(int /*vcpus*/) const {
    return sizeof(Open);
}

void Restless::start(Guest& guest) const {
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) act(guest, vcpu);
    guest.set_timer(Guest::kVm, guest.now() + draw(guest));
}

void Restless::done(Guest& guest, int vcpu) const {
    auto& open = guest.state<Open>();
    if (open.count > 0) guest.respond(open.arrived[--open.count]);
    act(guest, vcpu);
}

void Restless::timer(Guest& guest, int vcpu) const {
    if (vcpu != Guest::kVm) {
        act(guest, vcpu);
        return;
    }
    auto& open = guest.state<Open>();
    if (open.count < 8) {
        guest.arrive();
        open.arrived[open.count++] = guest.now();
    }
    act(guest, static_cast<int>(guest.stream().bits() % static_cast<std::uint64_t>(guest.vcpus())));
    guest.set_timer(Guest::kVm, guest.now() + draw(guest));
}

void Restless::open_requests(Guest& guest, const std::function<void(Time)>& visit) const {
    const auto& open = guest.state<Open>();
    for (std::int64_t i = 0; i < open.count; ++i) visit(open.arrived[i]);
}

Duration Restless::draw(Guest& guest) const {
    return 1 + static_cast<Duration>(mean_ * guest.stream().exponential());
}

void Restless::act(Guest& guest, int vcpu) const {
    guest.set_timer(vcpu, kNever);
    switch (guest.stream().bits() % 8) {
        case 0:
            guest.idle(vcpu);
            guest.set_timer(vcpu, guest.now() + draw(guest));
            break;
        case 1:
            guest.spin(vcpu);
            guest.set_timer(vcpu, guest.now() + draw(guest));
            break;
        case 2:  // for a shorter time than its work may last
            guest.compute(vcpu, draw(guest));
            guest.set_timer(vcpu, guest.now() + draw(guest));
            break;
        case 3:
            guest.idle(vcpu);
            guest.compute(vcpu, draw(guest));
            break;
        default:
            guest.compute(vcpu, draw(guest));
            break;
    }
}

QuantumPolicy policy(std::string_view name,
                     const std::vector<std::pair<std::string, Value>>& changed) {
    const SchedulerKind* kind = find_scheduler(name);
    HVLAB_ASSERT(kind != nullptr);
    Values values;
    for (const Parameter& parameter : kind->parameters) {
        if (parameter.preset != "-") values.set(std::string(parameter.name), preset(parameter));
    }
    for (const auto& [parameter, value] : changed) values.set(parameter, value);
    return {.name = std::string(name),
            .scheduler = kind->make(values),
            .work_conserving = promises(*kind, values).work_conserving};
}

VmId QuantumFixture::add(const Workload& workload, VmGroup vm) {
    const auto id = static_cast<std::uint32_t>(vms_.size());
    if (vm.name.empty()) vm.name = "vm" + std::to_string(id);
    groups_.push_back(std::make_unique<VmGroup>(std::move(vm)));
    vms_.push_back({.group = groups_.back().get(),
                    .workload = &workload,
                    .group_number = id,
                    .number = id,
                    .stream_key = (seed << 32) + id});
    return static_cast<VmId>(id);
}

std::unique_ptr<QuantumHost> QuantumFixture::make(QuantumPolicy policy) const {
    return std::make_unique<QuantumHost>(group, vms_, std::move(policy), seed << 40, options);
}

void QuantumFixture::run(QuantumPolicy policy, Time end) {
    host_ = make(std::move(policy));
    run(end);
}

void QuantumFixture::run(Time end) {
    NoOutbox outbox;
    while (host_->advance(end, outbox).starved) {
        const auto starving = host_->starving();
        for (const std::uint32_t vm : std::vector(starving.begin(), starving.end())) {
            const std::size_t pairs = host_->wanted(vm);
            host_->feed(vm, std::vector<Duration>(pairs, 300 * kMicrosecond),
                        std::vector<Duration>(pairs, 70 * kMicrosecond));
        }
    }
    now_ = end;
}

VmLedger QuantumFixture::all() const {
    VmLedger sums;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) sim::add(sums, host_->vm_ledger(vm, now_));
    return sums;
}

void QuantumFixture::expect_conservation() const {
    const Duration elapsed = now_ - (options.warmup <= now_ ? options.warmup : 0);
    Duration run = 0;
    for (std::size_t id = 0; id < vms_.size(); ++id) {
        const VmLedger vm = host_->vm_ledger(id, now_);
        EXPECT_EQ(vm.run + vm.ready + vm.costop + vm.throttled + vm.idle,
                  vms_[id].group->vcpus * elapsed)
            << "VM " << id;
        for (const Duration part : {vm.overhead, vm.lost, vm.spun, vm.ready, vm.costop,
                                    vm.throttled, vm.idle, vm.run - vm.overhead - vm.spun}) {
            EXPECT_GE(part, 0) << "VM " << id;
        }
        run += vm.run;

        Duration open = 0;
        host_->open_requests(
            id, [&](Time arrived) { open += now_ - std::max(arrived, now_ - elapsed); });
        EXPECT_EQ(vm.presence, vm.sojourns + open) << "VM " << id;
    }
    const HostLedger host = host_->host_ledger(now_);
    EXPECT_EQ(host.busy, run);
    EXPECT_EQ(host.busy + host.idle, group.pcpus() * elapsed);
}

}  // namespace hvlab::sim::testing
