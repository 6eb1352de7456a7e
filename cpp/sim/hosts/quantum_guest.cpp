// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/quantum_guest.h"

#include <algorithm>

#include "sim/hosts/errors.h"
#include "sim/hosts/pods.h"

namespace hvlab::sim {

QuantumGuest::QuantumGuest(std::span<const HostedVm> vms, const HostOptions& options,
                           Dispatcher& dispatcher, QuantumAgenda& agenda, const QuantumSlots& slots)
    : hosted_(vms),
      recorder_(options.recorder),
      dispatcher_(dispatcher),
      agenda_(agenda),
      slots_(slots),
      warm_(options.warmup == 0),
      response_times_(options.percentiles, vms.size()) {
    const auto words = [](const HostedVm& vm) {
        return (vm.workload->state_size(vm.group->vcpus) + 7) / 8;
    };
    std::size_t size = 0;
    for (const HostedVm& vm : vms) size += words(vm);
    memory_.resize(size);
    vms_.reserve(vms.size());
    starving_.reserve(vms.size());
    std::size_t begin = 0;
    for (const HostedVm& vm : vms) {
        const auto bytes = std::as_writable_bytes(std::span(memory_).subspan(begin, words(vm)));
        vms_.push_back({.stream = Stream(vm.stream_key),
                        .requests = {},
                        .state = bytes.first(vm.workload->state_size(vm.group->vcpus))});
        begin += words(vm);
    }
}

void QuantumGuest::select(VmId vm) {
    vm_ = static_cast<std::size_t>(vm);
    bytes_ = vms_[vm_].state;
}

void QuantumGuest::start(VmId vm) {
    select(vm);
    hosted_[vm_].workload->start(*this);
}

void QuantumGuest::done(VcpuId vcpu) {
    const VmId vm = dispatcher_.vcpus()[static_cast<std::size_t>(vcpu)].vm;
    select(vm);
    hosted_[vm_].workload->done(*this, vcpu - dispatcher_.vms()[vm_].first);
}

void QuantumGuest::vcpu_timer(VcpuId vcpu) {
    const VmId vm = dispatcher_.vcpus()[static_cast<std::size_t>(vcpu)].vm;
    select(vm);
    hosted_[vm_].workload->timer(*this, vcpu - dispatcher_.vms()[vm_].first);
}

void QuantumGuest::vm_timer(VmId vm) {
    select(vm);
    hosted_[vm_].workload->timer(*this, kVm);
}

void QuantumGuest::open_requests(VmId vm, const std::function<void(Time)>& visit) {
    select(vm);
    hosted_[vm_].workload->open_requests(*this, visit);
}

void QuantumGuest::compute(int vcpu, Duration work) {
    const VcpuId id = vcpu_id(vcpu, "compute");
    if (work < 1 || work > kMostWork) {
        refuse("compute() of " + std::to_string(work) + " ns; it must be 1 ns to " +
               std::to_string(kMostWork / kSecond) + " s");
    }
    dispatcher_.set_activity(id, Dispatcher::Activity::kCompute, work);
}

void QuantumGuest::spin(int vcpu) {
    dispatcher_.set_activity(vcpu_id(vcpu, "spin"), Dispatcher::Activity::kSpin, 0);
}

void QuantumGuest::idle(int vcpu) {
    dispatcher_.set_activity(vcpu_id(vcpu, "idle"), Dispatcher::Activity::kIdle, 0);
}

void QuantumGuest::set_timer(int vcpu, Time at) {
    if (at < now()) {
        refuse("set_timer() to " + std::to_string(at) + " ns, which is past: it is " +
               std::to_string(now()) + " ns");
    }
    agenda_.set(vcpu == kVm
                    ? slots_.vm_timers + static_cast<Agenda::Slot>(vm_)
                    : slots_.vcpu_timers + static_cast<Agenda::Slot>(vcpu_id(vcpu, "set_timer")),
                at);
}

void QuantumGuest::arrive() {
    vms_[vm_].requests.arrive(dispatcher_.requests_ledger(static_cast<VmId>(vm_)), now());
}

void QuantumGuest::respond(Time arrived) {
    Requests& requests = vms_[vm_].requests;
    if (requests.open() == 0) refuse("respond() although no request is in the VM");
    if (arrived < 0 || arrived > now()) {
        refuse("respond() to a request of " + std::to_string(arrived) + " ns; it is " +
               std::to_string(now()) + " ns");
    }
    const Duration latency = requests.respond(dispatcher_.requests_ledger(static_cast<VmId>(vm_)),
                                              now(), arrived, began_);
    if (!warm_) return;
    response_times_.record(vm_, latency);
    if (recorder_ != nullptr) {
        recorder_->response(thread_, hosted_[vm_].group_number, latency);
    }
}

void QuantumGuest::add_presence(VmId vm, Time now, VmLedger& ledger) const {
    ledger.presence += vms_[static_cast<std::size_t>(vm)].requests.presence(now);
}

void QuantumGuest::reset_ledgers() {
    VmLedger before;
    for (Vm& vm : vms_) vm.requests.settle(before, now());
    began_ = now();
    warm_ = true;
}

std::string QuantumGuest::name(VmId vm) const {
    const HostedVm& hosted = hosted_[static_cast<std::size_t>(vm)];
    return "'" + hosted.group->name + "' (number " + std::to_string(hosted.number) +
           " of the cluster)";
}

void QuantumGuest::starve() {
    const auto vm = static_cast<std::uint32_t>(vm_);
    const auto place = std::ranges::lower_bound(starving_, vm);
    HVLAB_ASSERT(place == starving_.end() || *place != vm);
    starving_.insert(place, vm);
}

std::size_t QuantumGuest::wanted(VmId vm) {
    select(vm);
    return hosted_[vm_].workload->wanted(*this);
}

std::uint64_t QuantumGuest::given(VmId vm) {
    select(vm);
    return hosted_[vm_].workload->given(*this);
}

void QuantumGuest::feed(VmId vm, std::span<const Duration> think, std::span<const Duration> work) {
    select(vm);
    std::erase(starving_, static_cast<std::uint32_t>(vm));
    hosted_[vm_].workload->feed(*this, think, work);
}

VcpuId QuantumGuest::vcpu_id(int vcpu, const char* call) const {
    const VmFacts& facts = dispatcher_.vms()[vm_];
    if (vcpu < 0 || vcpu >= facts.vcpus) {
        refuse(std::string(call) + "() of vCPU " + std::to_string(vcpu) + "; the VM has " +
               std::to_string(facts.vcpus));
    }
    return facts.first + vcpu;
}

void QuantumGuest::refuse(const std::string& message) const {
    throw WorkloadError(name(static_cast<VmId>(vm_)), message);
}

void QuantumGuest::save(StateWriter& writer) const {
    writer.begin("guests", 2);
    writer.put(began_);
    writer.put(warm_);
    put_pods(writer, starving_);
    for (const Vm& vm : vms_) {
        writer.put(vm.stream.drawn());
        vm.requests.save(writer);
        writer.put_bytes(vm.state);
    }
    response_times_.save(writer);
}

void QuantumGuest::load(StateReader& reader, bool started) {
    reader.begin("guests", 2);
    began_ = reader.get_in<Time>(0, now(), "begin of the ledgers");
    warm_ = reader.get_bool();
    // A host is saved when it has been fed.
    get_pods(reader, starving_, 0);
    for (Vm& vm : vms_) {
        vm.stream = Stream(vm.stream.key(), reader.get<std::uint64_t>());
        vm.requests.load(reader, now());
        const auto state = reader.get_bytes(vm.state.size());
        if (state.size() != vm.state.size()) {
            throw StateError("the state of a workload has another size");
        }
        std::ranges::copy(state, vm.state.begin());
    }
    response_times_.load(reader);
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        const Agenda::Slot timer = slots_.vm_timers + static_cast<Agenda::Slot>(vm);
        require_state(hosted_[vm].workload->has_vm_timer() || agenda_.time(timer) == kNever);
    }
    if (!started) return require_untouched(memory_);
    for (VmId vm = 0; vm < static_cast<VmId>(vms_.size()); ++vm) {
        select(vm);
        hosted_[vm_].workload->check(*this);
    }
}

}  // namespace hvlab::sim
