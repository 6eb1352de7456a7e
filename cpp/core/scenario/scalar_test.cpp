// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace hvlab {
namespace {

using Value = ScalarValue;

Value value_of(const std::string& text) {
    const ResolvedScalar resolved = resolve_plain_scalar(text);
    EXPECT_EQ(resolved.problem, ScalarProblem::kNone) << text;
    return resolved.value;
}

TEST(Scalar, NullHasFourSpellings) {
    for (const char* text : {"", "~", "null", "Null", "NULL"}) {
        EXPECT_EQ(value_of(text), Value{std::monostate{}}) << text;
    }
    EXPECT_EQ(value_of("nULL"), Value{std::string("nULL")});
}

TEST(Scalar, BooleansAreThoseOfYaml12Only) {
    for (const char* text : {"true", "True", "TRUE"})
        EXPECT_EQ(value_of(text), Value{true}) << text;
    for (const char* text : {"false", "False", "FALSE"}) {
        EXPECT_EQ(value_of(text), Value{false}) << text;
    }
    for (const char* text : {"yes", "no", "on", "off", "y", "n", "Yes", "tRUE"}) {
        EXPECT_EQ(value_of(text), Value{std::string(text)}) << text;
    }
}

TEST(Scalar, Integers) {
    EXPECT_EQ(value_of("0"), Value{std::int64_t{0}});
    EXPECT_EQ(value_of("-12"), Value{std::int64_t{-12}});
    EXPECT_EQ(value_of("+12"), Value{std::int64_t{12}});
    EXPECT_EQ(value_of("007"), Value{std::int64_t{7}});  // not octal in YAML 1.2
    EXPECT_EQ(value_of("0o17"), Value{std::int64_t{15}});
    EXPECT_EQ(value_of("0xfF"), Value{std::int64_t{255}});
    EXPECT_EQ(value_of("-9223372036854775808"), Value{std::numeric_limits<std::int64_t>::min()});
    EXPECT_EQ(value_of("9223372036854775807"), Value{std::numeric_limits<std::int64_t>::max()});
    EXPECT_EQ(value_of("9223372036854775808"), Value{std::uint64_t{1} << 63});
    EXPECT_EQ(value_of("18446744073709551615"), Value{std::numeric_limits<std::uint64_t>::max()});
    EXPECT_EQ(value_of("0xffffffffffffffff"), Value{std::numeric_limits<std::uint64_t>::max()});
}

TEST(Scalar, IntegersBeyond64BitsAreAProblemNotAnotherType) {
    for (const char* text :
         {"18446744073709551616", "-9223372036854775809", "0x10000000000000000"}) {
        EXPECT_EQ(resolve_plain_scalar(text).problem, ScalarProblem::kIntegerRange) << text;
    }
}

TEST(Scalar, Floats) {
    EXPECT_EQ(value_of("1.5"), Value{1.5});
    EXPECT_EQ(value_of("-1.5e3"), Value{-1500.0});
    EXPECT_EQ(value_of("+.5"), Value{0.5});
    EXPECT_EQ(value_of("1."), Value{1.0});
    EXPECT_EQ(value_of("1e3"), Value{1000.0});
    EXPECT_EQ(value_of("1.0E-2"), Value{0.01});
    EXPECT_EQ(value_of(".inf"), Value{std::numeric_limits<double>::infinity()});
    EXPECT_EQ(value_of("-.INF"), Value{-std::numeric_limits<double>::infinity()});
    EXPECT_TRUE(std::isnan(std::get<double>(value_of(".NaN"))));
    EXPECT_EQ(resolve_plain_scalar("1e999").problem, ScalarProblem::kFloatRange);
}

TEST(Scalar, WhatOnlyLooksLikeANumberIsText) {
    for (const char* text : {"+",   "-",   ".",    "-.",    "1e",     "1e+",   "0x",    "0o",
                             "0o8", "0xg", "-0x1", "1_000", "128MiB", "20s",   "1.2.3", "inf",
                             "nan", "e5",  ".e5",  "--1",   "+-1",    "-.nan", "1:30",  " 1"}) {
        EXPECT_EQ(value_of(text), Value{std::string(text)}) << text;
    }
}

}  // namespace
}  // namespace hvlab
