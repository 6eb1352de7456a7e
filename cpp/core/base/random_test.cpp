// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace hvlab {
namespace {

// Reference values of splitmix64 with state 1234567 (the test vector that circulates with it).
TEST(RandomStream, IsSplitmix64) {
    RandomStream stream(Seed(1234567));
    EXPECT_EQ(stream.next(), 6457827717110365317u);
    EXPECT_EQ(stream.next(), 3203168211198807973u);
    EXPECT_EQ(stream.next(), 9817491932198370423u);
    EXPECT_EQ(stream.next(), 4593380528125082431u);
    EXPECT_EQ(stream.next(), 16408922859458223821u);
}

TEST(RandomStream, ContinuesFromASavedState) {
    RandomStream stream(Seed(7));
    stream.next();
    RandomStream other(Seed(0));
    other.set_state(stream.state());
    EXPECT_EQ(stream.next(), other.next());
}

TEST(RandomStream, BelowStaysBelowAndIsUniform) {
    RandomStream stream(Seed(99));
    std::array<int, 6> counts{};
    for (int i = 0; i < 60000; ++i) ++counts.at(stream.below(6));
    for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(stream.below(1), 0u);
}

// With bound 3 * 2^62 a plain modulo would make the lowest quarter twice as likely.
TEST(RandomStream, BelowHasNoModuloBias) {
    constexpr std::uint64_t kBound = std::uint64_t{3} << 62;
    RandomStream stream(Seed(5));
    int low = 0;
    for (int i = 0; i < 30000; ++i) low += stream.below(kBound) < kBound / 3 ? 1 : 0;
    EXPECT_NEAR(low, 10000, 400);
}

TEST(RandomStreamDeathTest, BelowZeroIsABug) {
    RandomStream stream(Seed(5));
    EXPECT_DEATH(stream.below(0), "bound > 0");
}

TEST(Seed, ChildrenDiffer) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t parent = 0; parent < 20; ++parent) {
        const Seed seed(parent);
        for (std::uint64_t i = 0; i < 100; ++i) {
            seen.insert(seed.child(i).value());
            seen.insert(seed.child(std::to_string(i)).value());
            seen.insert(seed.child("a").child(i).value());
        }
    }
    EXPECT_EQ(seen.size(), 20u * 300u);
}

// Recorded seeds must mean the same in every later version.
TEST(Seed, ChildrenArePinned) {
    EXPECT_EQ(Seed(1).child("vcpu").child(std::uint64_t{0}).value(), 0x3C816BA6165EEBAB);
    EXPECT_EQ(Seed(1).child("").value(), 0x82AB59CB04E38CC3);
}

}  // namespace
}  // namespace hvlab
