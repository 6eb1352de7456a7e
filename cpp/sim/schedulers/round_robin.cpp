// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <memory>

#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"
#include "sim/schedulers/vcpu_queue.h"

namespace hvlab::sim {

namespace {

class RoundRobin final : public Scheduler {
public:
    explicit RoundRobin(Duration slice) : slice_(slice) {}

    void start(Pcpus& host) override { queue_ = VcpuQueue(host.vcpus().size()); }
    void charge(Pcpus& /*host*/, VcpuId /*vcpu*/, Duration /*ran*/) override {}
    void ready(Pcpus& /*host*/, VcpuId vcpu, Wake /*why*/) override { queue_.push_back(vcpu); }
    void stopped(Pcpus& /*host*/, VcpuId vcpu) override {
        if (queue_.has(vcpu)) queue_.remove(vcpu);
    }

    void assign(Pcpus& host) override {
        VcpuId vcpu = queue_.front();
        while (vcpu != kNone && host.free_from(0) != kNone) {
            const VcpuId next = queue_.next(vcpu);
            if (const PcpuId pcpu = best_free_pcpu(host, vcpu); pcpu != kNone) {
                queue_.remove(vcpu);
                host.run(pcpu, vcpu, slice_);
            }
            vcpu = next;
        }
    }

    void save(StateWriter& writer) const override {
        writer.begin("round-robin", 1);
        queue_.save(writer);
    }
    void load(StateReader& reader) override {
        reader.begin("round-robin", 1);
        queue_.load(reader);
    }
    void check(const Pcpus& host) const override {
        for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(host.vcpus().size()); ++vcpu) {
            const VcpuState state = host.vcpus()[static_cast<std::size_t>(vcpu)].state;
            if (queue_.has(vcpu) == (state == VcpuState::kReady)) continue;
            throw StateError("round-robin: those in line are not those that are ready");
        }
    }

private:
    Duration slice_;
    VcpuQueue queue_;  // those that are ready
};

constexpr std::array kParameters = {
    Parameter{.name = "slice",
              .type = Parameter::Type::kDuration,
              .meaning = "how long a vCPU runs before it goes to the end of the line",
              .preset = "10ms",
              .least = kMicrosecond,
              .most = kSecond},
};

std::unique_ptr<Scheduler> make_round_robin(const Values& values) {
    return std::make_unique<RoundRobin>(values.duration("slice"));
}

}  // namespace

constinit const SchedulerKind kRoundRobin = {
    .name = "round-robin",
    .meaning =
        "One line for all pCPUs: first come, first served, a slice each; weights are "
        "ignored.",
    .source = "Silberschatz, Galvin, Gagne: Operating System Concepts, 10th edition, section 5.3.3",
    .promises = {.work_conserving = true, .weights = false},
    .parameters = kParameters,
    .make = make_round_robin,
};

}  // namespace hvlab::sim
