// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/spinlock.h"

#include "sim/workloads/lanes.h"

namespace hvlab::sim {
namespace {

enum class Stage : std::int32_t {
    kOutside,    // works without the lock
    kSpinning,   // waits
    kBlocked,    // waits, and has given its pCPU away
    kAcquiring,  // runs for the free lock
    kHolding,
};

struct Header {
    std::uint64_t races_drawn;
    std::int32_t holder;  // from 1; 0: the lock is free
    std::int32_t unused;
};

struct Contender {
    std::uint64_t drawn;
    Time asked;
    Stage stage;
    std::int32_t unused;
};

// With the ticket lock the next in order is the holder as soon as the lock is free, whether it has
// a pCPU or not. For the unfair lock all who spin run: the first to get `handoff` done has it, so
// one without a pCPU does not hold up the others, and one who comes by finds it free.
class SpinlockWorkload final : public Workload {
public:
    explicit SpinlockWorkload(const Values& values)
        : work_(values.distribution("work")),
          critical_(values.distribution("critical")),
          ticket_(values.choice("lock") == "ticket"),
          paravirtual_(values.flag("paravirtual")),
          spin_(values.duration("spin")),
          handoff_(values.duration("handoff")) {}

    std::size_t state_size(int vcpus) const override {
        return sizeof(Header) + static_cast<std::size_t>(vcpus) * sizeof(Contender);
    }

    void start(Guest& guest) const override {
        guest.state<Header>().races_drawn = lane_start(guest.vcpus());
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            contender(guest, vcpu).drawn = lane_start(vcpu);
            leave(guest, vcpu);
        }
    }

    void done(Guest& guest, int vcpu) const override {
        switch (contender(guest, vcpu).stage) {
            case Stage::kOutside:
                return ask(guest, vcpu);
            case Stage::kAcquiring:
                return acquire(guest, vcpu);
            case Stage::kHolding:
                release(guest);
                return leave(guest, vcpu);
            case Stage::kSpinning:
            case Stage::kBlocked:
                break;
        }
        // Only a vCPU that computes is ever done; whether it does, `check` doesn't see.
        require_state(false);
    }

    // It has been spinning for long enough.
    void timer(Guest& guest, int vcpu) const override {
        if (contender(guest, vcpu).stage != Stage::kSpinning) return;
        contender(guest, vcpu).stage = Stage::kBlocked;
        guest.idle(vcpu);
    }

    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override {
        for (const Contender& waiting : contenders(guest)) {
            if (waiting.stage != Stage::kOutside && waiting.stage != Stage::kHolding) {
                visit(waiting.asked);
            }
        }
    }

    bool has_vm_timer() const override { return false; }
    void check(Guest& guest) const override {
        const std::int32_t holder = guest.state<Header>().holder;
        require_state(holder >= 0 && holder <= guest.vcpus());
        for (const Contender& contender : contenders(guest)) {
            require_state(contender.stage >= Stage::kOutside && contender.stage <= Stage::kHolding);
            require_state(contender.asked >= 0 && contender.asked <= guest.now());
        }
    }

private:
    static std::span<Contender> contenders(Guest& guest) {
        return guest.elements<Header, Contender>();
    }
    static Contender& contender(Guest& guest, int vcpu) {
        return contenders(guest)[static_cast<std::size_t>(vcpu)];
    }
    Duration draw(const Distribution& distribution, Guest& guest, int vcpu) const {
        return distribution.draw(Lane(guest, contender(guest, vcpu).drawn).stream());
    }

    void leave(Guest& guest, int vcpu) const {
        contender(guest, vcpu).stage = Stage::kOutside;
        guest.compute(vcpu, draw(work_, guest, vcpu));
    }

    void ask(Guest& guest, int vcpu) const {
        Contender& asking = contender(guest, vcpu);
        asking.asked = guest.now();
        guest.arrive();
        if (guest.state<Header>().holder == 0) {
            enter(guest, vcpu);
        } else {
            wait(guest, vcpu);
        }
    }

    void enter(Guest& guest, int vcpu) const {
        guest.state<Header>().holder = vcpu + 1;
        contender(guest, vcpu).stage = Stage::kHolding;
        guest.respond(contender(guest, vcpu).asked);
        guest.compute(vcpu, draw(critical_, guest, vcpu));
    }

    void wait(Guest& guest, int vcpu) const {
        contender(guest, vcpu).stage = Stage::kSpinning;
        guest.spin(vcpu);
        if (paravirtual_) guest.set_timer(vcpu, guest.now() + spin_);
    }

    void acquire(Guest& guest, int vcpu) const {
        const int holder = guest.state<Header>().holder;
        if (holder == 0 || holder == vcpu + 1) {
            enter(guest, vcpu);
        } else {
            wait(guest, vcpu);
        }
    }

    void release(Guest& guest) const {
        guest.state<Header>().holder = 0;
        if (ticket_) {
            pass_on(guest);
        } else {
            let_race(guest);
        }
    }

    void run_for_it(Guest& guest, int vcpu, Duration work) const {
        contender(guest, vcpu).stage = Stage::kAcquiring;
        if (paravirtual_) guest.set_timer(vcpu, kNever);
        guest.compute(vcpu, work);
    }

    // The one that has waited longest of those at that stage (-1: none), the lower number first.
    template <typename Accept>
    static int longest_waiting(Guest& guest, Accept accept) {
        int longest = -1;
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            const Contender& waiting = contender(guest, vcpu);
            if (!accept(waiting.stage)) continue;
            if (longest < 0 || waiting.asked < contender(guest, longest).asked) longest = vcpu;
        }
        return longest;
    }

    void pass_on(Guest& guest) const {
        const int next = longest_waiting(guest, [](Stage stage) {
            return stage == Stage::kSpinning || stage == Stage::kBlocked;
        });
        if (next < 0) return;
        guest.state<Header>().holder = next + 1;
        run_for_it(guest, next, handoff_);
    }

    // Each takes between half and one and a half `handoff`: who wins is chance. If nobody spins,
    // one who blocked is woken.
    void let_race(Guest& guest) const {
        bool anybody = false;
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            const Stage stage = contender(guest, vcpu).stage;
            anybody |= stage == Stage::kSpinning || stage == Stage::kAcquiring;
            if (stage != Stage::kSpinning) continue;
            const double part =
                Lane(guest, guest.state<Header>().races_drawn).stream().uniform() + 0.5;
            run_for_it(guest, vcpu,
                       1 + static_cast<Duration>(part * static_cast<double>(handoff_)));
        }
        if (anybody) return;
        const int woken =
            longest_waiting(guest, [](Stage stage) { return stage == Stage::kBlocked; });
        if (woken >= 0) run_for_it(guest, woken, handoff_);
    }

    Distribution work_;
    Distribution critical_;
    bool ticket_;
    bool paravirtual_;
    Duration spin_;
    Duration handoff_;
};

constexpr Parameter kParameters[] = {
    {.name = "work",
     .type = Parameter::Type::kDistribution,
     .meaning = "work of each vCPU from one critical section to the next, as time on an "
                "undisturbed core"},
    {.name = "critical",
     .type = Parameter::Type::kDistribution,
     .meaning = "work in the critical section, which one vCPU at a time may be in"},
    {.name = "lock",
     .type = Parameter::Type::kChoice,
     .meaning = "who is next: who came first (ticket), or who is quickest (unfair, test-and-set)",
     .preset = "ticket",
     .choices = "ticket|unfair"},
    {.name = "paravirtual",
     .type = Parameter::Type::kFlag,
     .meaning = "whether a vCPU that has been spinning for long gives its pCPU away and is woken "
                "when it is its turn",
     .preset = "false"},
    {.name = "spin",
     .type = Parameter::Type::kDuration,
     .meaning = "how long it spins before that",
     .preset = "50us",
     .least = 1,
     .most = 1e15},
    {.name = "handoff",
     .type = Parameter::Type::kDuration,
     .meaning = "what the next holder computes to find the lock free",
     .preset = "100ns",
     .least = 1,
     .most = 1e9},
};

}  // namespace

constinit const WorkloadKind kSpinlockWorkload = {
    .name = "spinlock",
    .meaning = "the vCPUs share a lock, for which they spin: its holder may lose its pCPU",
    .source =
        "Uhlig, LeVasseur, Skoglund, Dannowski: Towards Scalable Multiprocessor Virtual "
        "Machines, VM 2004; Friebel, Biemueller: How to Deal with Lock Holder Preemption, "
        "Xen Summit 2008",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        return std::make_unique<SpinlockWorkload>(values);
    },
};

}  // namespace hvlab::sim
