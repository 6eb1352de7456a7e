// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the engine runs: processes, each sequential inside, that meet by messages only. A message
// takes at least the engine's lookahead, so all processes may run through a window of that length
// on their own: this is conservative synchronisation in windows (Nicol: The Cost of Conservative
// Synchronization in Parallel Discrete Event Simulations, JACM 40(2), 1993).
#pragma once

#include <cstdint>

#include "core/base/state_io.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

using ProcessId = std::uint32_t;

struct Message {
    Time time;  // of its arrival
    ProcessId from;
    ProcessId to;
    std::uint64_t
        sequence;  // the sender's own count; messages arrive in order of (time, from, sequence)
    std::uint32_t kind;
    std::uint32_t entity;
    std::uint64_t value;
};

// Where a process leaves its messages while it advances.
class Outbox {
public:
    virtual ~Outbox() = default;
    // Which of the engine's threads advances the process, from 0.
    virtual unsigned thread() const = 0;
    // `delay` >= the engine's lookahead: HVLAB_ASSERT.
    virtual void send(Time now, ProcessId to, Duration delay, std::uint32_t kind,
                      std::uint32_t entity, std::uint64_t value) = 0;
};

struct Advanced {
    std::uint64_t events = 0;
    // It stands before `end`, for want of input that its owner must give (a workload in Python);
    // advance it again when the input is there. It goes on at next(), which is before `end`.
    bool starved = false;
};

class Process {
public:
    virtual ~Process() = default;

    // The time of its next event, kNever if there is none.
    virtual Time next() const = 0;
    // Handles all events before `end`, in order of time. What it does may not depend on how a
    // stretch of time is divided into calls, nor on calls without an event; it isn't called where
    // it has neither events nor messages. Called by one thread at a time; never allocates in steady
    // state.
    virtual Advanced advance(Time end, Outbox& outbox) = 0;
    // At the message's time: all events before it are handled, those at that very time are not.
    virtual void receive(const Message& message) = 0;

    virtual void save(StateWriter& writer) const = 0;
    virtual void load(StateReader& reader) = 0;
};

}  // namespace hvlab::sim
