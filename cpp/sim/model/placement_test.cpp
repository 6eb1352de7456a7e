// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/base/status.h"
#include "sim/model/check.h"
#include "sim/model/samples.h"

namespace hvlab::sim {
namespace {

// Host of each VM, by names: "a-1" -> "node-0".
std::map<std::string, std::string> whereabouts(const Description& description) {
    check(description);
    const Placement placement(description);
    std::map<std::string, std::string> result;
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        for (const PlacedVm& vm : placement.on_host(host)) {
            result[placement.vm_groups()[vm.group]->name + "-" + std::to_string(vm.number)] =
                placement.host_group(host).name + "-" + std::to_string(placement.host_number(host));
        }
    }
    return result;
}

std::string refusal(const Description& description) {
    try {
        whereabouts(description);
    } catch (const ConfigError& error) {
        return error.field() + ": " + error.what();
    }
    return "accepted";
}

TEST(PlacementTest, SpreadsByLoad) {
    const Description description{{samples::host("node", 2, 4)}, {samples::vm("web", 4, 2)}};
    const auto where = whereabouts(description);
    EXPECT_EQ(where.at("web-0"), "node-0");
    EXPECT_EQ(where.at("web-1"), "node-1");
    EXPECT_EQ(where.at("web-2"), "node-0");
    EXPECT_EQ(where.at("web-3"), "node-1");
}

TEST(PlacementTest, ABiggerHostGetsMore) {
    const Description description{{samples::host("big", 1, 12), samples::host("small", 1, 4)},
                                  {samples::vm("web", 16, 1)}};
    const Placement placement(description);
    EXPECT_EQ(placement.on_host(0).size(), 12U);
    EXPECT_EQ(placement.on_host(1).size(), 4U);
}

TEST(PlacementTest, TheOrderOfDeclarationDecidesNothing) {
    Description description{
        {samples::host("x", 3, 4), samples::host("a", 2, 8)},
        {samples::vm("z", 5, 2), samples::vm("b", 7, 1), samples::vm("m", 3, 4)}};
    description.vms[2].apart = {"m"};
    const auto first = whereabouts(description);
    std::reverse(description.hosts.begin(), description.hosts.end());
    std::reverse(description.vms.begin(), description.vms.end());
    EXPECT_EQ(whereabouts(description), first);
}

TEST(PlacementTest, WithAndApart) {
    Description description{
        {samples::host("node", 3, 8)},
        {samples::vm("app", 2, 1), samples::vm("cache", 2, 1), samples::vm("db", 3, 1)}};
    description.vms[0].with = "cache";
    description.vms[1].apart = {"cache"};
    description.vms[2].apart = {"db", "app"};
    EXPECT_THAT(refusal(description), testing::HasSubstr("vms.db: "));
    description.vms[2].apart = {"db"};
    const auto where = whereabouts(description);
    EXPECT_EQ(where.at("app-0"), where.at("cache-0"));
    EXPECT_EQ(where.at("app-1"), where.at("cache-1"));
    EXPECT_NE(where.at("cache-0"), where.at("cache-1"));
    EXPECT_NE(where.at("db-0"), where.at("db-1"));
    EXPECT_NE(where.at("db-1"), where.at("db-2"));
    EXPECT_NE(where.at("db-0"), where.at("db-2"));
}

TEST(PlacementTest, VmsOfAHostAreInTheOrderOfTheirNumbers) {
    const Description description{{samples::host("node", 2, 4)},
                                  {samples::vm("web", 6, 1), samples::vm("app", 5, 1)}};
    const Placement placement(description);
    std::uint32_t all = 0;
    for (std::uint32_t host = 0; host < 2; ++host) {
        std::uint32_t last = 0;
        for (const PlacedVm& vm : placement.on_host(host)) {
            EXPECT_TRUE(all == 0 || last <= placement.vm_number(vm));
            last = placement.vm_number(vm);
            ++all;
        }
    }
    EXPECT_EQ(all, placement.vms());
}

TEST(PlacementTest, WhatFitsNowhere) {
    Description description{{samples::host("node", 2, 4)}, {samples::vm("web", 3, 5)}};
    EXPECT_THAT(refusal(description), testing::HasSubstr("no host can take web-0: 5 vCPUs"));
    description.vms[0].vcpus = 4;
    description.vms[0].reservation = 3;
    EXPECT_THAT(refusal(description),
                testing::HasSubstr("no host can take web-2: 4 vCPUs, 3 pCPUs reserved"));
    description.vms[0].count = 2;
    EXPECT_EQ(refusal(description), "accepted");
    description.vms[0].pcpus = {4};
    EXPECT_THAT(refusal(description), testing::HasSubstr("no host can take web-0"));
}

TEST(PlacementTest, AMillionVmsAreQuick) {
    const Description description{{samples::host("node", 62'500, 8)},
                                  {samples::vm("web", 1'000'000, 1)}};
    const Placement placement(description);
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        ASSERT_EQ(placement.on_host(host).size(), 16U);
    }
}

}  // namespace
}  // namespace hvlab::sim
