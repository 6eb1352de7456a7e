// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/pattern_tail.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

class OpenEnded : public testing::TestWithParam<const char*> {};
class Closed : public testing::TestWithParam<const char*> {};

TEST_P(OpenEnded, IsRecognised) {
    EXPECT_TRUE(is_open_ended(GetParam())) << GetParam();
}
TEST_P(Closed, IsRecognised) {
    EXPECT_FALSE(is_open_ended(GetParam())) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(PatternTail, OpenEnded,
                         testing::Values(R"(\w+)", R"(echo: (\w+))", "foo(bar)?", "x*", "x?",
                                         "x{2,}", "x{2,3}", R"(foo\b)", "ab|a", "(ab|a)", "a(b|)",
                                         "a{1}b+", R"(x\Qy\E+)", "(a+)", "(?i:a+)", "[a-z]+",
                                         "[]a]+", R"(\x41+)", R"(\pL+)", "a|b+", "(?P<n>[0-9]+)"));

INSTANTIATE_TEST_SUITE_P(PatternTail, Closed,
                         testing::Values("login: ", "# $", R"(\$ )", "[0-9a-f]{32}",
                                         "([0-9a-f]{32}) ", "a+?", "a*?b", "(?:a|b)", "a|ab",
                                         R"(/ # |\$ )", R"(\d\d)", "x{3}", "a{", R"(\*)", R"(a+\+)",
                                         "(?i)abc", "(?P<n>[0-9]{4})", R"(\x{263a})", "[|+*]",
                                         R"([\]+])", "[[:alpha:]+]", R"(a\Q+\E)"));

}  // namespace
}  // namespace hvlab
