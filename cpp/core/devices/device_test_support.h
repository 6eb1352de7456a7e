// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests only: saved states as values, and the property that every device must have: to be
// loaded from its own state is to go on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/base/state_io.h"
#include "core/bus/device.h"
#include "core/bus/timeline.h"

namespace hvlab::testing_support {

inline std::vector<std::byte> saved(const Device& device) {
    StateWriter writer;
    device.save(writer);
    return writer.take();
}

inline void load(Device& device, std::span<const std::byte> state) {
    StateReader reader(state);
    device.load(reader);
    EXPECT_TRUE(reader.at_end()) << device.name() << " left some of its state unread";
}

// Every truncation of the state is refused and changes nothing.
inline void expect_truncations_refused(Device& device) {
    const std::vector<std::byte> state = saved(device);
    for (std::size_t size = 0; size < state.size(); ++size) {
        StateReader reader(std::span<const std::byte>(state).first(size));
        EXPECT_THROW(device.load(reader), StateError) << device.name() << " " << size;
        EXPECT_EQ(saved(device), state) << device.name() << " " << size;
    }
}

// Lets guest time pass as a machine does: from deadline to deadline.
inline void pass(Timeline& timeline, Nanoseconds duration) {
    const Nanoseconds end = timeline.now() + duration;
    while (timeline.next_deadline() && *timeline.next_deadline() <= end) {
        timeline.advance_to(std::max(*timeline.next_deadline(), timeline.now()));
        timeline.fire_due();
    }
    timeline.advance_to(end);
}

// A device with what it is wired to. Rigs of one kind are built alike.
class Rig {
public:
    virtual ~Rig() = default;

    virtual Device& device() = 0;
    // Offsets that are tried: [0, span). Those without a register are tried too.
    virtual std::uint64_t offsets() const = 0;
    // Something only this device can do, chosen by `random`; what came of it.
    virtual std::uint64_t special(RandomStream& random) { return random.below(1); }
    // How long to let pass at most, in nanoseconds.
    virtual std::uint64_t longest_pause() const { return 10'000'000; }
    // Everything visible from outside: the levels of wires, and what callbacks have got.
    virtual std::uint64_t visible() const = 0;

    Timeline timeline;
};

inline std::uint64_t random_operation(Rig& rig, RandomStream& random) {
    const std::uint64_t kind = random.below(8);
    const std::uint64_t offset = random.below(rig.offsets());
    const unsigned size = random.below(8) == 0 ? 1u << random.below(4) : 1;
    const std::uint64_t value = random.next() >> random.below(64);
    const auto pause =
        static_cast<Nanoseconds>(random.below(rig.longest_pause()) >> random.below(24));
    if (kind < 3) {
        rig.device().write(offset, size, value);
        return 0;
    }
    if (kind < 6) return rig.device().read(offset, size);
    if (kind < 7) return rig.special(random);
    pass(rig.timeline, pause);
    return rig.timeline.next_deadline().value_or(-1);
}

// One rig goes straight through; the other one is saved and loaded into a new one again and again.
template <typename MakeRig>
void expect_loading_is_going_on(MakeRig make, std::uint64_t seeds, int operations) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        RandomStream random_a{Seed{seed}};
        RandomStream random_b{Seed{seed}};
        RandomStream when{Seed{seed}.child("when")};
        std::unique_ptr<Rig> straight = make();
        std::unique_ptr<Rig> moved = make();
        for (int i = 0; i < operations; ++i) {
            if (when.below(5) == 0) {
                std::unique_ptr<Rig> next = make();
                next->timeline.advance_to(moved->timeline.now());
                load(next->device(), saved(moved->device()));
                ASSERT_EQ(next->timeline.next_deadline(), moved->timeline.next_deadline());
                moved = std::move(next);
            }
            const std::uint64_t a = random_operation(*straight, random_a);
            const std::uint64_t b = random_operation(*moved, random_b);
            ASSERT_EQ(a, b) << "seed " << seed << " operation " << i;
            ASSERT_EQ(straight->visible(), moved->visible())
                << "seed " << seed << " operation " << i;
        }
        ASSERT_EQ(saved(straight->device()), saved(moved->device())) << "seed " << seed;
    }
}

}  // namespace hvlab::testing_support
