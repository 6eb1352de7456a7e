// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/workloads/workload.h"

namespace hvlab::sim {
namespace {

TEST(WorkloadRegistry, FindsEachByItsName) {
    ASSERT_FALSE(workload_kinds().empty());
    std::set<std::string_view> names;
    for (const WorkloadKind* kind : workload_kinds()) {
        EXPECT_EQ(find_workload(kind->name), kind);
        EXPECT_TRUE(names.insert(kind->name).second) << kind->name;
    }
    EXPECT_EQ(find_workload("closedd"), nullptr);
    EXPECT_EQ(find_workload(""), nullptr);
}

TEST(WorkloadRegistry, EachIsDescribed) {
    for (const WorkloadKind* kind : workload_kinds()) {
        EXPECT_FALSE(kind->meaning.empty()) << kind->name;
        ASSERT_NE(kind->make, nullptr) << kind->name;
        std::set<std::string_view> names;
        for (const Parameter& parameter : kind->parameters) {
            const std::string where = std::string(kind->name) + "." + std::string(parameter.name);
            EXPECT_TRUE(names.insert(parameter.name).second) << where;
            EXPECT_FALSE(parameter.meaning.empty()) << where;
            EXPECT_LE(parameter.least, parameter.most) << where;
            EXPECT_EQ(parameter.choices.empty(), parameter.type != Parameter::Type::kChoice)
                << where;
        }
    }
}

}  // namespace
}  // namespace hvlab::sim
