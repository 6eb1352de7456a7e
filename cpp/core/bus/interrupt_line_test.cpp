// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/bus/interrupt_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace hvlab {
namespace {

using testing::ElementsAre;

TEST(InterruptLineTest, TellsOfChangesOnly) {
    std::vector<bool> seen;
    InterruptLine line([&](bool level) { seen.push_back(level); });
    EXPECT_FALSE(line.level());
    line.lower();
    line.raise();
    line.raise();
    line.lower();
    EXPECT_THAT(seen, ElementsAre(true, false));
}

TEST(InterruptLineTest, APulseHasARisingEdgeWhateverTheLevelWas) {
    std::vector<bool> seen;
    InterruptLine line([&](bool level) { seen.push_back(level); });
    line.pulse();
    EXPECT_THAT(seen, ElementsAre(true, false));
    line.raise();
    seen.clear();
    line.pulse();
    EXPECT_THAT(seen, ElementsAre(false, true, false));
}

TEST(InterruptLineTest, RestoringIsSilentAndTheNextChangeCounts) {
    std::vector<bool> seen;
    InterruptLine line;
    line.connect([&](bool level) { seen.push_back(level); });
    line.restore(true);
    EXPECT_TRUE(line.level());
    line.raise();
    EXPECT_TRUE(seen.empty());
    line.lower();
    EXPECT_THAT(seen, ElementsAre(false));
}

TEST(InterruptLineTest, AnUnconnectedWireRemembersItsLevel) {
    InterruptLine line;
    line.raise();
    EXPECT_TRUE(line.level());
}

}  // namespace
}  // namespace hvlab
