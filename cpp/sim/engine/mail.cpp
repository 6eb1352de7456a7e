// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/mail.h"

#include <algorithm>
#include <tuple>

namespace hvlab::sim {

void Mail::post(const Message& message) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(parcels_.size()));
        parcels_.emplace_back();
        free_.reserve(parcels_.capacity());
        delivered_.reserve(parcels_.capacity());
    }
    const std::uint32_t parcel = free_.back();
    free_.pop_back();
    parcels_[parcel] = {message, kNothing, true};
    under_way_.push({message.time, message.from, parcel, message.sequence});
}

ProcessId Mail::hand_over() {
    const std::uint32_t parcel = under_way_.pop().kind;
    const ProcessId to = parcels_[parcel].message.to;
    now_ = parcels_[parcel].message.time;
    parcels_[parcel].under_way = false;
    Inbox& inbox = inboxes_[to];
    if (inbox.first == kNothing) {
        inbox.first = parcel;
    } else {
        parcels_[inbox.last].next = parcel;
    }
    inbox.last = parcel;
    delivered_.push_back(parcel);
    return to;
}

void Mail::window_over() {
    free_.insert(free_.end(), delivered_.begin(), delivered_.end());
    delivered_.clear();
}

void Mail::save(StateWriter& writer) const {
    HVLAB_ASSERT(delivered_.empty());
    std::vector<const Message*> messages;
    for (const Parcel& parcel : parcels_) {
        if (parcel.under_way) messages.push_back(&parcel.message);
    }
    std::sort(messages.begin(), messages.end(), [](const Message* a, const Message* b) {
        return std::tie(a->time, a->from, a->sequence) < std::tie(b->time, b->from, b->sequence);
    });
    writer.put<std::uint64_t>(messages.size());
    for (const Message* message : messages) {
        writer.put(message->time);
        writer.put(message->from);
        writer.put(message->to);
        writer.put(message->sequence);
        writer.put(message->kind);
        writer.put(message->entity);
        writer.put(message->value);
    }
}

void Mail::load(StateReader& reader, Time now) {
    HVLAB_ASSERT(parcels_.empty());
    const std::uint64_t most = inboxes_.empty() ? 0 : ~std::uint64_t{0};
    const auto last = static_cast<ProcessId>(inboxes_.size() - 1);
    for (auto left = reader.get_in<std::uint64_t>(0, most, "number of messages"); left > 0;
         --left) {
        Message message{};
        message.time = reader.get_in<Time>(now, kNever - 1, "time of a message");
        message.from = reader.get_in<ProcessId>(0, last, "sender of a message");
        message.to = reader.get_in<ProcessId>(0, last, "receiver of a message");
        message.sequence = reader.get<std::uint64_t>();
        message.kind = reader.get<std::uint32_t>();
        message.entity = reader.get<std::uint32_t>();
        message.value = reader.get<std::uint64_t>();
        post(message);
    }
}

}  // namespace hvlab::sim
