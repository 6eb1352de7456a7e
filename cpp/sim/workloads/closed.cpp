// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/closed.h"

#include "sim/workloads/clients.h"
#include "sim/workloads/lanes.h"

namespace hvlab::sim {
namespace {

constexpr std::int64_t kNoEnd = 0;

struct Client {
    Time asked;  // when its request came; -1 while it thinks
    std::uint64_t drawn;
};

class ClosedWorkload final : public Workload {
public:
    explicit ClosedWorkload(const Values& values)
        : think_(values.distribution("think")),
          service_(values.distribution("service")),
          requests_(values.has("requests") ? values.integer("requests") : kNoEnd) {}

    // The clients; where they have an end, then what each has left.
    std::size_t state_size(int vcpus) const override {
        const std::size_t size = sizeof(Client) + (requests_ == kNoEnd ? 0 : sizeof(std::int64_t));
        return static_cast<std::size_t>(vcpus) * size;
    }

    void start(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            client(guest, vcpu).drawn = lane_start(vcpu);
            if (requests_ != kNoEnd) left(guest, vcpu) = requests_;
            think(guest, vcpu);
        }
    }

    void timer(Guest& guest, int vcpu) const override {
        Client& asking = client(guest, vcpu);
        asking.asked = guest.now();
        guest.arrive();
        guest.compute(vcpu, service_.draw(Lane(guest, asking.drawn).stream()));
    }

    void done(Guest& guest, int vcpu) const override {
        guest.respond(client(guest, vcpu).asked);
        client(guest, vcpu).asked = -1;
        if (requests_ == kNoEnd || --left(guest, vcpu) > 0) think(guest, vcpu);
    }

    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            if (client(guest, vcpu).asked >= 0) visit(client(guest, vcpu).asked);
        }
    }

    bool has_vm_timer() const override { return false; }
    void check(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            const Time asked = client(guest, vcpu).asked;
            require_state(asked >= -1 && asked <= guest.now());
            if (requests_ == kNoEnd) continue;
            require_state(left(guest, vcpu) >= 0 && left(guest, vcpu) <= requests_);
        }
    }

private:
    static Client& client(Guest& guest, int vcpu) { return (&guest.state<Client>())[vcpu]; }

    static std::int64_t& left(Guest& guest, int vcpu) {
        return reinterpret_cast<std::int64_t*>(&client(guest, guest.vcpus()))[vcpu];
    }

    void think(Guest& guest, int vcpu) const {
        Client& thinking = client(guest, vcpu);
        thinking.asked = -1;
        const Duration pause = think_.draw(Lane(guest, thinking.drawn).stream());
        guest.set_timer(vcpu, guest.now() + pause);
    }

    Distribution think_;
    Distribution service_;
    std::int64_t requests_;
};

constexpr Parameter kParameters[] = {
    {.name = "think",
     .type = Parameter::Type::kDistribution,
     .meaning = "time between a response and the client's next request"},
    {.name = "service",
     .type = Parameter::Type::kDistribution,
     .meaning = "work of a request, as time on an undisturbed core"},
    {.name = "requests",
     .type = Parameter::Type::kInteger,
     .meaning = "how many requests each client makes before it has done; without it, no end",
     .preset = "-",
     .least = 1},
    {.name = "clients",
     .type = Parameter::Type::kInteger,
     .meaning =
         "how many clients the VM has, who share its vCPUs, first come first served; without "
         "it, each vCPU serves one",
     .preset = "-",
     .least = 1,
     .most = kMostClients},
};

}  // namespace

constinit const WorkloadKind kClosedWorkload = {
    .name = "closed",
    .meaning =
        "clients think, ask, and wait for the response: one for each vCPU, or more that share "
        "them",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        if (!values.has("clients")) return std::make_unique<ClosedWorkload>(values);
        return make_clients(values.distribution("think"), values.distribution("service"),
                            values.integer("clients"),
                            values.has("requests") ? values.integer("requests") : kNoEnd);
    },
};

}  // namespace hvlab::sim
