// SPDX-License-Identifier: GPL-2.0-or-later
//
// A run is the same however it is cut: into single steps, into slices of any size, with
// translations thrown away, with the whole state carried into a fresh VM.
#include <algorithm>
#include <map>

#include "tests/conformance/support/nasty_guest.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kLength = 100'000;
constexpr std::size_t kPoints = 400;

using Points = std::map<std::uint64_t, NastyGuest::Snapshot>;

// In single steps, the state at each point; made once a backend.
const Points& reference(const TestedBackend& backend) {
    static std::map<std::string, Points> all;
    Points& points = all[backend.name];
    if (points.empty()) {
        RandomStream random(Seed(11));
        while (points.size() < kPoints) points[1 + random.below(kLength)] = {};
        NastyGuest guest(backend);
        for (std::uint64_t count = 1; count <= kLength && !testing::Test::HasFailure(); ++count) {
            EXPECT_EQ(guest.run_to(count), "");
            if (const auto point = points.find(count); point != points.end()) {
                point->second = guest.snapshot();
            }
        }
    }
    return points;
}

class Cuts : public BackendTest {
protected:
    void SetUp() override {
        BackendTest::SetUp();
        NEEDS(Feature::kInstructionCount);
    }
    const Points& points() { return reference(backend()); }
    static void expect_equal(const NastyGuest& guest, const Points::value_type& point) {
        const auto& [count, expected] = point;
        const NastyGuest::Snapshot found = guest.snapshot();
        ASSERT_EQ(differences(expected, found), "") << "at " << count;
    }
    // Walks over all points in slices that `next` makes of the way that is left.
    template <typename Next>
    void walk(Next&& next) {
        NastyGuest guest(backend());
        std::uint64_t at = 0;
        for (const auto& point : points()) {
            while (at < point.first) {
                at = std::min(at + next(guest), point.first);
                ASSERT_EQ(guest.run_to(at), "");
            }
            expect_equal(guest, point);
            if (HasFailure()) return;
        }
    }
};
ON_EVERY_BACKEND(Cuts);

TEST_P(Cuts, TheGuestDoesWhatItIsThereFor) {
    NastyGuest guest(backend());
    ASSERT_EQ(guest.run_to(kLength), "");
    for (unsigned i = 0; i < std::size(NastyGuest::kCounters); ++i) {
        if (i == 3) continue;  // nobody raises an NMI here
        EXPECT_GT(guest.times(i), 50u) << NastyGuest::kCounters[i];
    }
    EXPECT_GT(guest.handler.calls, 5000u);
}

TEST_P(Cuts, OneRunUpToEachPoint) {
    walk([](NastyGuest&) { return kLength; });
}

TEST_P(Cuts, SlicesOfThree) {
    walk([](NastyGuest&) { return std::uint64_t{3}; });
}

TEST_P(Cuts, SlicesOfSeven) {
    walk([](NastyGuest&) { return std::uint64_t{7}; });
}

TEST_P(Cuts, SlicesOfAThousand) {
    walk([](NastyGuest&) { return std::uint64_t{1000}; });
}

TEST_P(Cuts, FreshRunsToSomePoints) {
    std::size_t index = 0;
    for (const auto& point : points()) {
        if (index++ % 13 != 0) continue;
        NastyGuest guest(backend());
        ASSERT_EQ(guest.run_to(point.first), "");
        expect_equal(guest, point);
        if (HasFailure()) return;
    }
}

TEST_P(Cuts, RandomSlicesWithTranslationsThrownAway) {
    NEEDS(Feature::kTranslationCache);
    RandomStream random(Seed(5));
    walk([&](NastyGuest& guest) {
        if (random.below(4) == 0) guest.vcpu->capability<TranslationCache>()->flush();
        return 1 + random.below(300);
    });
}

TEST_P(Cuts, RandomSlicesWithTheStateSetAnew) {
    // A state that is set begins with an empty TLB, which the guest cannot tell.
    RandomStream random(Seed(12));
    walk([&](NastyGuest& guest) {
        if (random.below(3) == 0) guest.vcpu->set_state(guest.vcpu->state());
        return 1 + random.below(200);
    });
}

TEST_P(Cuts, CarriedIntoAFreshVm) {
    RandomStream random(Seed(6));
    auto guest = std::make_unique<NastyGuest>(backend());
    for (const auto& point : points()) {
        ASSERT_EQ(guest->run_to(point.first), "");
        expect_equal(*guest, point);
        if (HasFailure()) return;
        if (random.below(3) != 0) continue;
        auto next = std::make_unique<NastyGuest>(backend());
        next->take_over(*guest);
        guest = std::move(next);
        expect_equal(*guest, point);
    }
}

}  // namespace
}  // namespace hvlab::conformance
