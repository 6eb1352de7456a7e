// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/agenda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/engine/stream.h"

namespace hvlab::sim {
namespace {

TEST(Agenda, IsEmptyAtFirst) {
    for (const Agenda::Slot slots : {1u, 2u, 3u, 17u, 64u, 2000u}) {
        const Agenda agenda(slots);
        EXPECT_EQ(agenda.slots(), slots);
        EXPECT_EQ(agenda.next(), kNever);
        EXPECT_EQ(agenda.top().time, kNever);
        EXPECT_LT(agenda.top().slot, slots);
    }
}

TEST(Agenda, GivesEqualTimesInOrderOfSlots) {
    Agenda agenda(17);
    for (Agenda::Slot slot = 17; slot-- > 0;) agenda.set(slot, 5);
    for (Agenda::Slot slot = 0; slot < 17; ++slot) {
        EXPECT_EQ(agenda.top().time, 5);
        EXPECT_EQ(agenda.top().slot, slot);
        agenda.clear(slot);
    }
    EXPECT_EQ(agenda.next(), kNever);
}

TEST(Agenda, KeepsTimesOfAnySign) {
    Agenda agenda(3);
    agenda.set(2, kNever - 1);
    EXPECT_EQ(agenda.top().slot, 2u);
    agenda.set(1, -7);
    EXPECT_EQ(agenda.top().slot, 1u);
    EXPECT_EQ(agenda.time(1), -7);
    EXPECT_EQ(agenda.time(0), kNever);
}

// Against a plain search, with few distinct times, so that many are equal.
TEST(Agenda, AgreesWithASearch) {
    Stream random(1);
    for (const Agenda::Slot slots : {1u, 2u, 3u, 5u, 16u, 17u, 31u, 33u, 100u, 2000u}) {
        Agenda agenda(slots);
        std::vector<Time> times(slots, kNever);
        for (int step = 0; step < 2000; ++step) {
            const auto slot = static_cast<Agenda::Slot>(random.bits() % slots);
            const auto draw = random.bits() % 50;
            const Time time = draw < 10 ? kNever : static_cast<Time>(draw);
            agenda.set(slot, time);
            times[slot] = time;
            const auto least = std::min_element(times.begin(), times.end());
            const Agenda::Entry top = agenda.top();
            ASSERT_EQ(top.time, *least);
            ASSERT_EQ(top.slot, static_cast<Agenda::Slot>(least - times.begin()));
            ASSERT_EQ(agenda.next(), *least);
        }
    }
}

TEST(AgendaDeathTest, ASlotThatIsNotThereIsABug) {
    Agenda agenda(17);
    EXPECT_DEATH(agenda.set(17, 1), "slot < slots_");
}

}  // namespace
}  // namespace hvlab::sim
