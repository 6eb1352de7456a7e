// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random programs, each the same however it is run (random/check.h); and that the generator and the
// shrinking are what they are said to be.
#include <algorithm>
#include <set>

#include "tests/conformance/random/check.h"
#include "tests/conformance/random/generator.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kPrograms = 60;  // in each test; make test-long runs many more
constexpr std::size_t kInstructions = 500;

class RandomPrograms : public BackendTest {
protected:
    void SetUp() override {
        BackendTest::SetUp();
        NEEDS(Feature::kInstructionCount);
    }
    void check(std::uint64_t first) {
        ProgramChecker checker(backend());
        EXPECT_EQ(checker.check_seeds(first, kPrograms, kInstructions), "");
        EXPECT_EQ(checker.totals().programs, kPrograms);
        // They do something, and not only fault.
        EXPECT_GT(checker.totals().executed, kPrograms * kInstructions / 2);
        EXPECT_GT(checker.totals().skipped, kPrograms);
        EXPECT_GT(checker.totals().handler_calls, kPrograms * 10);
    }
};
ON_EVERY_BACKEND(RandomPrograms);

TEST_P(RandomPrograms, From1) {
    check(1);
}
TEST_P(RandomPrograms, From1001) {
    check(1001);
}
TEST_P(RandomPrograms, From2001) {
    check(2001);
}
TEST_P(RandomPrograms, From3001) {
    check(3001);
}
TEST_P(RandomPrograms, From4001) {
    check(4001);
}

TEST(ProgramGenerator, TheSameSeedIsTheSameProgram) {
    const Layout one = lay_out(generate(7, kInstructions));
    const Layout same = lay_out(generate(7, kInstructions));
    EXPECT_EQ(one.code, same.code);
    EXPECT_NE(one.code, lay_out(generate(8, kInstructions)).code);
}

TEST(ProgramGenerator, TheLengthIsWhatWasAskedFor) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const std::size_t length = generate(seed, kInstructions).instructions();
        EXPECT_GE(length, kInstructions);
        EXPECT_LT(length, kInstructions + 8);
    }
}

TEST(ProgramGenerator, EveryInstructionIsOneThatTheDisassemblerKnows) {
    // But for x87 encodings that are reserved, and what must be undefined.
    std::size_t lines = 0, unknown = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const std::string text = disassemble(lay_out(generate(seed, kInstructions)));
        lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        for (std::size_t at = 0; (at = text.find("(bytes)", at)) != std::string::npos; ++at) {
            ++unknown;
        }
    }
    EXPECT_GT(lines, 50 * kInstructions - 1);
    EXPECT_LT(unknown, lines / 50);
}

TEST(ProgramGenerator, ManyDifferentInstructionsAreDrawn) {
    std::set<std::string> mnemonics;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const std::string text = disassemble(lay_out(generate(seed, kInstructions)));
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
            const std::size_t begin = at + 46;  // behind address and bytes
            mnemonics.insert(text.substr(begin, text.find(' ', begin) - begin));
        }
    }
    EXPECT_GT(mnemonics.size(), 400u);
}

TEST(ProgramShrinking, LeavesOnlyWhatIsNeeded) {
    // "Fails" when the items that began as numbers 17 and 400 are both there.
    Program program = generate(3, kInstructions);
    const std::size_t length = program.items.size();
    ASSERT_GT(length, 250u);
    for (Item& item : program.items)
        item.target = static_cast<std::uint64_t>(&item - program.items.data());
    const auto has = [](const Program& each, std::uint64_t number) {
        return std::ranges::any_of(each.items,
                                   [&](const Item& item) { return item.target == number; });
    };
    unsigned runs = 0;
    const Program small = shrink(program, [&](const Program& each) {
        ++runs;
        return has(each, 17) && has(each, 250);
    });
    ASSERT_EQ(small.items.size(), 2u);
    EXPECT_EQ(small.items[0].target, 17u);
    EXPECT_EQ(small.items[1].target, 250u);
    EXPECT_LT(runs, 100u);
}

}  // namespace
}  // namespace hvlab::conformance
