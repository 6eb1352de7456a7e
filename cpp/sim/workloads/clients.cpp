// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/clients.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "sim/workloads/lanes.h"

namespace hvlab::sim {
namespace {

// Clients are counted from 1, so that zeroed memory names none.
using ClientId = std::int32_t;
constexpr ClientId kNobody = 0;

struct Header {
    std::int64_t thinking;  // how many do
    ClientId first;         // of those that wait for a vCPU
    ClientId last;
};

struct Client {
    Time at;  // when its request came; while it thinks, when the next one does
    std::uint64_t drawn;
    std::int64_t made;  // requests that were answered
    ClientId next;      // who waits behind it
    std::int32_t unused;
};

// The state of a VM: the header, the clients, then the numbers of those that think, as a heap by
// the time at which they ask, then the client that each vCPU serves.
struct View {
    View(Guest& of, std::size_t count)
        : guest(of),
          header(of.state<Header>()),
          clients(of.elements<Header, Client>().first(count)),
          thinking(reinterpret_cast<ClientId*>(clients.data() + count), count),
          served(thinking.data() + count, static_cast<std::size_t>(of.vcpus())) {
        checked_index(header.thinking, count + 1);
    }

    Client& client(ClientId id) {
        return clients[checked_index(std::int64_t{id} - 1, clients.size())];
    }

    // The first to ask is on top; of several at once, the lowest number.
    auto later() {
        return [this](ClientId a, ClientId b) {
            return std::pair(client(a).at, a) > std::pair(client(b).at, b);
        };
    }
    std::span<ClientId> heap() { return thinking.first(static_cast<std::size_t>(header.thinking)); }
    Time next() { return header.thinking == 0 ? kNever : client(thinking.front()).at; }
    void push_thinking(ClientId id) {
        thinking[checked_index(header.thinking++, thinking.size())] = id;
        std::ranges::push_heap(heap(), later());
    }
    ClientId pop_thinking() {
        std::ranges::pop_heap(heap(), later());
        return thinking[static_cast<std::size_t>(--header.thinking)];
    }

    void push_waiting(ClientId id) {
        client(id).next = kNobody;
        (header.first == kNobody ? header.first : client(header.last).next) = id;
        header.last = id;
    }
    ClientId pop_waiting() { return std::exchange(header.first, client(header.first).next); }

    Guest& guest;
    Header& header;
    std::span<Client> clients;
    std::span<ClientId> thinking;
    std::span<ClientId> served;
};

class ClientsWorkload final : public Workload {
public:
    ClientsWorkload(const Distribution& think, const Distribution& service, std::int64_t clients,
                    std::int64_t requests)
        : think_(think),
          service_(service),
          clients_(static_cast<std::size_t>(clients)),
          requests_(requests) {}

    std::size_t state_size(int vcpus) const override {
        const std::size_t numbers = clients_ + static_cast<std::size_t>(vcpus);
        return sizeof(Header) + clients_ * sizeof(Client) +
               (numbers * sizeof(ClientId) + 7) / 8 * 8;
    }

    void start(Guest& guest) const override {
        View view(guest, clients_);
        for (ClientId id = 1; id <= static_cast<ClientId>(clients_); ++id) {
            view.client(id).drawn = lane_start(id - 1);
            think(view, id);
        }
        guest.set_timer(Guest::kVm, view.next());
    }

    void timer(Guest& guest, int /*vcpu*/) const override {
        View view(guest, clients_);
        while (view.next() <= guest.now()) {
            view.push_waiting(view.pop_thinking());
            guest.arrive();
        }
        guest.set_timer(Guest::kVm, view.next());
        serve(view);
    }

    void done(Guest& guest, int vcpu) const override {
        View view(guest, clients_);
        const ClientId id =
            std::exchange(view.served[static_cast<std::size_t>(vcpu)], ClientId{kNobody});
        Client& answered = view.client(id);
        guest.respond(answered.at);
        if (++answered.made != requests_) {
            think(view, id);
            guest.set_timer(Guest::kVm, view.next());
        }
        serve(view);
    }

    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override {
        View view(guest, clients_);
        std::int64_t seen = 0;
        for (ClientId id = view.header.first; id != kNobody; id = view.client(id).next) {
            checked_index(seen++, clients_);
            visit(view.client(id).at);
        }
        for (const ClientId id : view.served) {
            if (id != kNobody) visit(view.client(id).at);
        }
    }

    void check(Guest& guest) const override {
        View view(guest, clients_);
        std::vector<bool> seen(clients_);
        const auto check_client = [&](ClientId id, Time latest) {
            const Client& client = view.client(id);
            const auto index = static_cast<std::size_t>(id - 1);
            require_state(!seen[index] && client.at >= 0 && client.at <= latest);
            require_state(client.made >= 0 && client.made <= guest.now() &&
                          (requests_ == 0 || client.made < requests_));
            seen[index] = true;
        };
        for (const ClientId id : view.heap()) check_client(id, kNever);
        require_state(std::ranges::is_heap(view.heap(), view.later()));
        ClientId last = kNobody;
        for (ClientId id = view.header.first; id != kNobody; id = view.client(id).next) {
            check_client(id, guest.now());
            last = id;
        }
        require_state(last == kNobody || last == view.header.last);
        for (const ClientId id : view.served) {
            if (id != kNobody) check_client(id, guest.now());
        }
    }

private:
    void think(View& view, ClientId id) const {
        Client& client = view.client(id);
        client.at = view.guest.now() + think_.draw(Lane(view.guest, client.drawn).stream());
        view.push_thinking(id);
    }

    // Those that wait, on idle vCPUs.
    void serve(View& view) const {
        for (std::size_t vcpu = 0; vcpu < view.served.size() && view.header.first != kNobody;
             ++vcpu) {
            if (view.served[vcpu] != kNobody) continue;
            const ClientId id = view.pop_waiting();
            view.served[vcpu] = id;
            const Duration work = service_.draw(Lane(view.guest, view.client(id).drawn).stream());
            view.guest.compute(static_cast<int>(vcpu), work);
        }
    }

    Distribution think_;
    Distribution service_;
    std::size_t clients_;
    std::int64_t requests_;  // 0: no end
};

}  // namespace

std::unique_ptr<Workload> make_clients(const Distribution& think, const Distribution& service,
                                       std::int64_t clients, std::int64_t requests) {
    return std::make_unique<ClientsWorkload>(think, service, clients, requests);
}

}  // namespace hvlab::sim
