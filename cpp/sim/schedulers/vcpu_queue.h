// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/state_io.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// vCPUs in line; each at most once. Every operation but save and load takes constant time and no
// memory.
class VcpuQueue {
public:
    explicit VcpuQueue(std::size_t vcpus = 0) : links_(vcpus) {}

    VcpuId front() const { return front_; }
    VcpuId next(VcpuId vcpu) const { return links_[index(vcpu)].next; }
    bool empty() const { return front_ == kNone; }
    std::size_t size() const { return size_; }
    bool has(VcpuId vcpu) const { return links_[index(vcpu)].queued; }

    void push_back(VcpuId vcpu) { insert(vcpu, back_, kNone); }
    void push_front(VcpuId vcpu) { insert(vcpu, kNone, front_); }

    void remove(VcpuId vcpu) {
        Link& link = links_[index(vcpu)];
        HVLAB_ASSERT(link.queued);
        (link.before == kNone ? front_ : links_[index(link.before)].next) = link.next;
        (link.next == kNone ? back_ : links_[index(link.next)].before) = link.before;
        link = Link{};
        --size_;
    }

    void save(StateWriter& writer) const {
        writer.put(static_cast<std::uint32_t>(size_));
        for (VcpuId vcpu = front_; vcpu != kNone; vcpu = next(vcpu)) writer.put(vcpu);
    }
    void load(StateReader& reader) {
        *this = VcpuQueue(links_.size());
        const auto size = reader.get_in<std::uint32_t>(0, static_cast<std::uint32_t>(links_.size()),
                                                       "length of a queue of vCPUs");
        for (std::uint32_t i = 0; i < size; ++i) {
            const auto vcpu =
                reader.get_in<VcpuId>(0, static_cast<VcpuId>(links_.size()) - 1, "queued vCPU");
            if (has(vcpu)) throw StateError("a vCPU stands in a queue twice");
            push_back(vcpu);
        }
    }

private:
    struct Link {
        VcpuId before = kNone;
        VcpuId next = kNone;
        bool queued = false;
    };

    static std::size_t index(VcpuId vcpu) { return static_cast<std::size_t>(vcpu); }

    void insert(VcpuId vcpu, VcpuId before, VcpuId next) {
        Link& link = links_[index(vcpu)];
        HVLAB_ASSERT(!link.queued);
        link = {.before = before, .next = next, .queued = true};
        (before == kNone ? front_ : links_[index(before)].next) = vcpu;
        (next == kNone ? back_ : links_[index(next)].before) = vcpu;
        ++size_;
    }

    std::vector<Link> links_;
    VcpuId front_ = kNone;
    VcpuId back_ = kNone;
    std::size_t size_ = 0;
};

}  // namespace hvlab::sim
