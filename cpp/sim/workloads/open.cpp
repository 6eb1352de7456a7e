// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/open.h"

#include <algorithm>
#include <vector>

#include "sim/engine/logarithm.h"
#include "sim/workloads/lanes.h"

namespace hvlab::sim {
namespace {

constexpr int kNobody = 0;  // workers are counted from 1, so that zeroed memory names none

constexpr int kArrivals = 0;  // lanes
constexpr int kServices = 1;

}  // namespace

// A place in the stream of arrivals.
struct OpenWorkload::Cursor {
    std::uint64_t drawn;
    Time at;            // of the present burst
    std::int64_t left;  // of its requests
};

struct OpenWorkload::Header {
    Cursor coming;  // the burst that the VM's timer waits for
    Cursor oldest;  // of the requests that wait
    std::int64_t waiting;
    std::uint64_t services_drawn;
    std::int32_t ready_first;  // workers that wait for a vCPU
    std::int32_t ready_last;
    std::int32_t free_first;  // workers without a request
    std::int32_t unused;
};

struct OpenWorkload::Worker {
    Time arrived;  // its request; -1: it has none
    Duration left;
    std::int32_t next;     // of the list that it is in
    std::int32_t on_vcpu;  // not its own: the worker on the vCPU of this number
};

struct OpenWorkload::View {
    explicit View(Guest& of)
        : guest(of), header(of.state<Header>()), workers(of.elements<Header, Worker>()) {}

    Worker& worker(int number) {
        return workers[checked_index(std::int64_t{number} - 1, workers.size())];
    }
    std::int32_t& on_vcpu(int vcpu) { return workers[static_cast<std::size_t>(vcpu)].on_vcpu; }

    void push_ready(int number) {
        worker(number).next = kNobody;
        (header.ready_first == kNobody ? header.ready_first : worker(header.ready_last).next) =
            number;
        header.ready_last = number;
    }
    int pop_ready() {
        const int number = header.ready_first;
        header.ready_first = worker(number).next;
        return number;
    }
    void push_free(int number) {
        worker(number).arrived = -1;
        worker(number).next = header.free_first;
        header.free_first = number;
    }
    int pop_free() {
        const int number = header.free_first;
        header.free_first = worker(number).next;
        return number;
    }

    Guest& guest;
    Header& header;
    std::span<Worker> workers;
};

OpenWorkload::OpenWorkload(const Values& values, int vcpus)
    : service_(values.distribution("service")),
      burst_(values.number("burst")),
      log_of_more_(burst_ > 1 ? logarithm(1 - 1 / burst_) : 0),
      slice_(kNever),
      workers_(vcpus) {
    if (values.choice("discipline") == "ps") {
        slice_ = values.duration("slice");
        workers_ = std::max(vcpus, static_cast<int>(values.integer("workers")));
    }
}

std::size_t OpenWorkload::state_size(int /*vcpus*/) const {
    return sizeof(Header) + static_cast<std::size_t>(workers_) * sizeof(Worker);
}

// To the next burst.
void OpenWorkload::advance(Guest& guest, Cursor& cursor) const {
    Lane lane(guest, cursor.drawn);
    cursor.at = next_burst(cursor.at, lane.stream());
    cursor.left = 1;
    if (burst_ > 1) {
        cursor.left += static_cast<std::int64_t>(logarithm(lane.stream().uniform()) / log_of_more_);
    }
}

void OpenWorkload::start(Guest& guest) const {
    View view(guest);
    view.header.coming.drawn = view.header.oldest.drawn = lane_start(kArrivals);
    view.header.services_drawn = lane_start(kServices);
    for (int number = workers_; number > 0; --number) view.push_free(number);
    advance(guest, view.header.coming);
    guest.set_timer(Guest::kVm, view.header.coming.at);
}

void OpenWorkload::timer(Guest& guest, int /*vcpu*/) const {
    View view(guest);
    for (std::int64_t i = 0; i < view.header.coming.left; ++i) guest.arrive();
    view.header.waiting += view.header.coming.left;
    advance(guest, view.header.coming);
    guest.set_timer(Guest::kVm, view.header.coming.at);
    give_work(guest);
}

void OpenWorkload::done(Guest& guest, int vcpu) const {
    View view(guest);
    const int number = std::exchange(view.on_vcpu(vcpu), kNobody);
    Worker& worker = view.worker(number);
    worker.left -= std::min(slice_, worker.left);
    if (worker.left > 0) {
        view.push_ready(number);
    } else {
        guest.respond(worker.arrived);
        view.push_free(number);
    }
    give_work(guest);
}

void OpenWorkload::take_one(View& view) const {
    Header& header = view.header;
    const int number = view.pop_free();
    if (header.oldest.left == 0) advance(view.guest, header.oldest);
    --header.oldest.left;
    --header.waiting;
    view.worker(number).arrived = header.oldest.at;
    view.worker(number).left = service_.draw(Lane(view.guest, header.services_drawn).stream());
    view.push_ready(number);
}

// Requests to free workers, workers to idle vCPUs.
void OpenWorkload::give_work(Guest& guest) const {
    View view(guest);
    while (view.header.waiting > 0 && view.header.free_first != kNobody) take_one(view);
    for (int vcpu = 0; vcpu < guest.vcpus() && view.header.ready_first != kNobody; ++vcpu) {
        if (view.on_vcpu(vcpu) != kNobody) continue;
        const int number = view.pop_ready();
        view.on_vcpu(vcpu) = number;
        guest.compute(vcpu, std::min(slice_, view.worker(number).left));
    }
}

void OpenWorkload::open_requests(Guest& guest, const std::function<void(Time)>& visit) const {
    View view(guest);
    for (const Worker& worker : view.workers) {
        if (worker.arrived >= 0) visit(worker.arrived);
    }
    Cursor cursor = view.header.oldest;
    for (std::int64_t i = 0; i < view.header.waiting; ++i) {
        if (cursor.left == 0) advance(guest, cursor);
        --cursor.left;
        visit(cursor.at);
    }
}

void OpenWorkload::check(Guest& guest) const {
    check_waiting(guest);
    check_workers(guest);
}

// From the oldest of the requests that wait to the burst that comes next: as many as it says, and
// all of them came before now.
void OpenWorkload::check_waiting(Guest& guest) const {
    const Header& header = View(guest).header;
    // The logarithm of the least number that a stream draws is above -37.
    const auto longest = burst_ > 1 ? static_cast<std::int64_t>(-37 / log_of_more_) + 1 : 1;
    for (const Cursor* cursor : {&header.coming, &header.oldest}) {
        require_state(cursor->left >= 0 && cursor->left <= longest);
    }
    require_state(header.coming.at >= guest.now() && header.coming.at <= kNever / 2);
    require_state(header.oldest.at >= 0 && header.oldest.at <= guest.now());
    require_state(header.waiting >= 0);
    Cursor cursor = header.oldest;
    std::int64_t left = header.waiting;
    while (left > cursor.left) {
        left -= cursor.left;
        advance(guest, cursor);
        require_state(cursor.at <= guest.now());
    }
}

// Each is in one list, or on one vCPU.
void OpenWorkload::check_workers(Guest& guest) const {
    View view(guest);
    std::vector<bool> seen(view.workers.size());
    const auto check_worker = [&](int number, bool has_request) {
        const Worker& worker = view.worker(number);
        const auto index = static_cast<std::size_t>(number - 1);
        require_state(!seen[index]);
        seen[index] = true;
        if (!has_request) return require_state(worker.arrived == -1);
        require_state(worker.arrived >= 0 && worker.arrived <= guest.now());
        require_state(worker.left >= 1 && worker.left <= Distribution::kLongest);
    };
    for (int i = view.header.free_first; i != kNobody; i = view.worker(i).next) {
        check_worker(i, false);
    }
    int last = kNobody;
    for (int i = view.header.ready_first; i != kNobody; i = view.worker(i).next) {
        check_worker(i, true);
        last = i;
    }
    require_state(last == kNobody || last == view.header.ready_last);
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
        if (view.on_vcpu(vcpu) != kNobody) check_worker(view.on_vcpu(vcpu), true);
    }
    require_state(std::ranges::find(seen, false) == seen.end());
}

}  // namespace hvlab::sim
