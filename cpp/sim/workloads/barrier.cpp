// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/barrier.h"

#include "sim/workloads/lanes.h"

namespace hvlab::sim {
namespace {

enum class Wait : std::uint8_t { kSpin, kBlock, kSpinThenBlock };

struct Header {
    Time released;  // when the present phase began
    std::int64_t waiting;
};

struct Member {
    std::uint64_t drawn;
    std::int64_t waits;
};

class BarrierWorkload final : public Workload {
public:
    explicit BarrierWorkload(const Values& values)
        : phase_(values.distribution("phase")),
          wait_(values.choice("wait") == "spin"    ? Wait::kSpin
                : values.choice("wait") == "block" ? Wait::kBlock
                                                   : Wait::kSpinThenBlock),
          spin_(values.duration("spin")) {}

    std::size_t state_size(int vcpus) const override {
        return sizeof(Header) + static_cast<std::size_t>(vcpus) * sizeof(Member);
    }

    void start(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu)
            member(guest, vcpu).drawn = lane_start(vcpu);
        release(guest);
    }

    void done(Guest& guest, int vcpu) const override {
        Header& header = guest.state<Header>();
        if (++header.waiting == guest.vcpus()) {
            guest.respond(header.released);
            release(guest);
            return;
        }
        member(guest, vcpu).waits = 1;
        if (wait_ != Wait::kBlock) guest.spin(vcpu);
        if (wait_ == Wait::kSpinThenBlock) guest.set_timer(vcpu, guest.now() + spin_);
    }

    // It has been spinning for long enough.
    void timer(Guest& guest, int vcpu) const override { guest.idle(vcpu); }

    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override {
        visit(guest.state<Header>().released);
    }

    bool has_vm_timer() const override { return false; }
    void check(Guest& guest) const override {
        const Header& header = guest.state<Header>();
        require_state(header.released >= 0 && header.released <= guest.now());
        require_state(header.waiting >= 0 && header.waiting < guest.vcpus());
    }

private:
    static Member& member(Guest& guest, int vcpu) {
        return guest.elements<Header, Member>()[static_cast<std::size_t>(vcpu)];
    }

    void release(Guest& guest) const {
        Header& header = guest.state<Header>();
        header.released = guest.now();
        header.waiting = 0;
        guest.arrive();
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            Member& released = member(guest, vcpu);
            if (released.waits != 0 && wait_ == Wait::kSpinThenBlock) {
                guest.set_timer(vcpu, kNever);
            }
            released.waits = 0;
            guest.compute(vcpu, phase_.draw(Lane(guest, released.drawn).stream()));
        }
    }

    Distribution phase_;
    Wait wait_;
    Duration spin_;
};

constexpr Parameter kParameters[] = {
    {.name = "phase",
     .type = Parameter::Type::kDistribution,
     .meaning = "work of each vCPU from one barrier to the next, as time on an undisturbed core"},
    {.name = "wait",
     .type = Parameter::Type::kChoice,
     .meaning = "what a vCPU does at the barrier until the last one comes",
     .preset = "block",
     .choices = "spin|block|spin-then-block"},
    {.name = "spin",
     .type = Parameter::Type::kDuration,
     .meaning = "how long spin-then-block spins",
     .preset = "50us",
     .least = 1,
     .most = 1e15},
};

}  // namespace

constinit const WorkloadKind kBarrierWorkload = {
    .name = "barrier",
    .meaning = "all vCPUs compute a phase, and wait for the last of them before the next one",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        return std::make_unique<BarrierWorkload>(values);
    },
};

}  // namespace hvlab::sim
