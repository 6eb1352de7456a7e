// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/fed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hvlab::sim {
namespace {

struct Header {
    std::uint64_t given;  // pairs, in all: the next one's number
    std::uint64_t left;   // of these, in the ring
    std::uint64_t starving;
};

// A vCPU's client; or, behind those, a pair in the ring.
struct Record {
    Time asked;  // kThinking, kStarving; of a pair: the think time
    Duration work;
};

constexpr Time kThinking = -1;
constexpr Time kStarving = -2;

class FedWorkload final : public Workload {
public:
    explicit FedWorkload(const Values& values)
        : batch_(static_cast<std::uint64_t>(values.integer("batch"))) {}

    std::size_t state_size(int vcpus) const override {
        return sizeof(Header) + (static_cast<std::size_t>(vcpus) + capacity()) * sizeof(Record);
    }

    void start(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) think(guest, vcpu);
    }

    void timer(Guest& guest, int vcpu) const override {
        Record& asking = client(guest, vcpu);
        asking.asked = guest.now();
        guest.arrive();
        guest.compute(vcpu, asking.work);
    }

    void done(Guest& guest, int vcpu) const override {
        guest.respond(client(guest, vcpu).asked);
        think(guest, vcpu);
    }

    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            if (client(guest, vcpu).asked >= 0) visit(client(guest, vcpu).asked);
        }
    }

    std::size_t wanted(Guest& guest) const override {
        return guest.state<Header>().left <= batch_ ? batch_ : 0;
    }

    std::uint64_t given(Guest& guest) const override { return guest.state<Header>().given; }

    void feed(Guest& guest, std::span<const Duration> think_times,
              std::span<const Duration> work) const override {
        HVLAB_ASSERT(think_times.size() == wanted(guest) && work.size() == think_times.size());
        Header& header = guest.state<Header>();
        for (std::size_t i = 0; i < work.size(); ++i) {
            pair(guest, header.given++) = {think_times[i], work[i]};
        }
        header.left += work.size();
        header.starving = 0;
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            if (client(guest, vcpu).asked == kStarving) think(guest, vcpu);
        }
    }

    bool has_vm_timer() const override { return false; }
    void check(Guest& guest) const override {
        const Header& header = guest.state<Header>();
        require_state(header.left <= capacity() && header.left <= header.given);
        require_state(header.starving == 0);
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            const Record& at = client(guest, vcpu);
            require_state(at.asked >= kThinking && at.asked <= guest.now());
            require_state(at.work >= 1 && at.work <= Distribution::kLongest);
        }
        for (std::uint64_t number = header.given - header.left; number < header.given; ++number) {
            const Record& next = pair(guest, number);
            require_state(next.asked >= 0 && next.asked <= Distribution::kLongest);
            require_state(next.work >= 1 && next.work <= Distribution::kLongest);
        }
    }

private:
    std::uint64_t capacity() const { return 2 * batch_; }

    static std::span<Record> records(Guest& guest) { return guest.elements<Header, Record>(); }
    static Record& client(Guest& guest, int vcpu) {
        return records(guest)[static_cast<std::size_t>(vcpu)];
    }
    Record& pair(Guest& guest, std::uint64_t number) const {
        return records(guest)[static_cast<std::size_t>(guest.vcpus()) + number % capacity()];
    }

    void think(Guest& guest, int vcpu) const {
        Header& header = guest.state<Header>();
        if (header.left == 0) {
            client(guest, vcpu).asked = kStarving;
        } else {
            const Record& next = pair(guest, header.given - header.left--);
            client(guest, vcpu) = {kThinking, next.work};
            guest.set_timer(vcpu, guest.now() + next.asked);
        }
        if (header.left == 0 && header.starving == 0) {
            header.starving = 1;
            guest.starve();
        }
    }

    std::uint64_t batch_;
};

constexpr Parameter kParameters[] = {
    {.name = "batch",
     .type = Parameter::Type::kInteger,
     .meaning = "how many pairs of think time and work a VM is given at a time",
     .preset = "32",
     .least = 1,
     .most = 65536},
};

void check_times(std::span<const std::uint32_t> vms, std::size_t pairs,
                 std::span<const Duration> times, Duration least, std::string_view what) {
    if (times.size() != vms.size() * pairs) {
        throw ConfigError("workload", fmt::format("gave {} {}s for {} VMs, not {} each",
                                                  times.size(), what, vms.size(), pairs));
    }
    const auto wrong = std::find_if(times.begin(), times.end(), [&](Duration time) {
        return time < least || time > Distribution::kLongest;
    });
    if (wrong == times.end()) return;
    const auto index = static_cast<std::size_t>(wrong - times.begin());
    throw ConfigError("workload",
                      fmt::format("{} number {} for VM {} is not from {} ns to 1000000 s", what,
                                  index % pairs, vms[index / pairs], least));
}

}  // namespace

void check_batches(std::span<const std::uint32_t> vms, std::size_t pairs,
                   std::span<const Duration> think, std::span<const Duration> work) {
    check_times(vms, pairs, think, 0, "think time");
    check_times(vms, pairs, work, 1, "work time");
}

std::vector<Duration> whole_nanoseconds(std::span<const double> values) {
    std::vector<Duration> whole(values.size());
    std::transform(values.begin(), values.end(), whole.begin(), [](double value) {
        const bool valid = value >= 0 && value <= 2.0 * static_cast<double>(Distribution::kLongest);
        return valid ? std::llround(value) : Duration{-1};
    });
    return whole;
}

constinit const WorkloadKind kFedWorkload = {
    .name = "fed",
    .meaning = "as closed, with think times and work that the caller's own function gives",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        return std::make_unique<FedWorkload>(values);
    },
};

}  // namespace hvlab::sim
