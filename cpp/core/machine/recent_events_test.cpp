// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/recent_events.h"

#include <gtest/gtest.h>

#include "core/machine/stop.h"

namespace hvlab {
namespace {

using Kind = RecentEvent::Kind;

Nanoseconds same(std::uint64_t stamp) {
    return static_cast<Nanoseconds>(stamp);
}

TEST(RecentEvents, KeepsTheLastOnesInOrder) {
    RecentEvents events;
    EXPECT_TRUE(events.all().empty());
    for (std::uint64_t i = 0; i < RecentEvents::kKept + 3; ++i) {
        events.note(Kind::kPortWrite, i, 0x80, i, 1);
    }
    events.settle(same);
    const std::vector<RecentEvent> all = events.all();
    ASSERT_EQ(all.size(), RecentEvents::kKept);
    EXPECT_EQ(all.front().value, 3u);
    EXPECT_EQ(all.front().time, 3);
    EXPECT_EQ(all.back().value, RecentEvents::kKept + 2);
    EXPECT_EQ(events.count(), RecentEvents::kKept + 3);
}

TEST(RecentEvents, EachStampIsTurnedIntoTimeOnce) {
    RecentEvents events;
    const auto twice = [](std::uint64_t stamp) { return static_cast<Nanoseconds>(2 * stamp); };
    events.note(Kind::kHalt, 5);
    events.settle(twice);
    events.note(Kind::kWake, 6);
    events.settle(twice);
    events.settle(twice);
    EXPECT_EQ(events.all()[0].time, 10);
    EXPECT_EQ(events.all()[1].time, 12);
    for (std::uint64_t i = 0; i < 2 * RecentEvents::kKept; ++i) events.note(Kind::kNmi, 7);
    events.settle(twice);
    EXPECT_EQ(events.all().front().time, 14);
    EXPECT_EQ(events.all().back().time, 14);
}

TEST(RecentEvents, TellThemselves) {
    const auto text = [](RecentEvent event) {
        return std::string(to_string(event.kind)) + " " + describe(event);
    };
    EXPECT_EQ(text({.address = 0x60, .value = 0x1C, .kind = Kind::kPortRead, .size = 1}),
              "port-read port 0x60: 0x1c");
    EXPECT_EQ(text({.address = 0x3F8, .value = 0xA, .kind = Kind::kPortWrite, .size = 2}),
              "port-write 0x000a to port 0x3f8");
    EXPECT_EQ(text({.address = 0xFEE00000,
                    .value = 0xFFFFFFFF,
                    .kind = Kind::kMemoryRead,
                    .size = 4,
                    .unclaimed = true}),
              "memory-read address 0xfee00000: 0xffffffff, nothing answers");
    EXPECT_EQ(text({.value = 0x20, .kind = Kind::kInterrupt}), "interrupt vector 0x20");
    EXPECT_EQ(text({.address = 0x7C05,
                    .value = static_cast<std::uint64_t>(StopReason::kDebugExit),
                    .kind = Kind::kStop}),
              "stop debug-exit at RIP 0x7c05");
}

}  // namespace
}  // namespace hvlab
