// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "core/base/status.h"
#include "sim/model/samples.h"

namespace hvlab::sim {
namespace {

Description good() {
    return {{samples::host("node", 2, 4)}, {samples::vm("app", 3, 2), samples::vm("db", 3, 1)}};
}

struct Wrong {
    std::string field;
    std::function<void(Description&)> change;
};

TEST(CheckTest, AcceptsAGoodOne) {
    EXPECT_NO_THROW(check(good()));
}

TEST(CheckTest, NamesWhatIsWrong) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinite = std::numeric_limits<double>::infinity();
    const Wrong all[] = {
        {"hosts", [](Description& d) { d.hosts.clear(); }},
        {"vms", [](Description& d) { d.vms.clear(); }},
        {"hosts.node", [](Description& d) { d.hosts.push_back(d.hosts[0]); }},
        {"vms.app", [](Description& d) { d.vms[1].name = "app"; }},
        {"vms", [](Description& d) { d.vms[1].name = ""; }},
        {"hosts.node.count", [](Description& d) { d.hosts[0].count = 0; }},
        {"hosts.node.count", [](Description& d) { d.hosts[0].count = -3; }},
        {"hosts.count",
         [](Description& d) {
             d.hosts[0].count = kMostHosts;
             d.hosts.push_back(samples::host("other", 1, 1));
         }},
        {"hosts.node.sockets", [](Description& d) { d.hosts[0].sockets = 0; }},
        {"hosts.node.cores", [](Description& d) { d.hosts[0].cores = -1; }},
        {"hosts.node.cores",
         [](Description& d) {
             d.hosts[0].cores = kMostPcpus;
             d.hosts[0].sockets = kMostPcpus;
         }},
        {"hosts.node.threads", [](Description& d) { d.hosts[0].threads = 9; }},
        {"hosts.node.numa_nodes", [](Description& d) { d.hosts[0].numa_nodes = 3; }},
        {"hosts.node.smt_speed", [](Description& d) { d.hosts[0].smt_speed = 0; }},
        {"hosts.node.remote_speed", [](Description& d) { d.hosts[0].remote_speed = 1.1; }},
        {"hosts.node.migration", [](Description& d) { d.hosts[0].migration = -1; }},
        {"hosts.node.accounting_period", [](Description& d) { d.hosts[0].accounting_period = 0; }},
        {"vms.app.count", [](Description& d) { d.vms[0].count = -1; }},
        {"vms.count", [](Description& d) { d.vms[0].count = d.vms[1].count = kMostVms; }},
        {"vms.app.vcpus", [](Description& d) { d.vms[0].vcpus = 0; }},
        {"vms.app.weight", [](Description& d) { d.vms[0].weight = 0; }},
        {"vms.app.weight", [nan](Description& d) { d.vms[0].weight = nan; }},
        {"vms.app.weight", [infinite](Description& d) { d.vms[0].weight = infinite; }},
        {"vms.app.reservation", [](Description& d) { d.vms[0].reservation = 2.5; }},
        {"vms.app.limit", [](Description& d) { d.vms[0].limit = 0; }},
        {"vms.app.limit",
         [](Description& d) {
             d.vms[0].limit = 0.5;
             d.vms[0].reservation = 1;
         }},
        {"vms.app.pcpus", [](Description& d) { d.vms[0].pcpus = {-1}; }},
        {"vms.app.pcpus",
         [](Description& d) {
             d.vms[0].pcpus = {1, 1};
         }},
        {"vms.app.pcpus",
         [](Description& d) {
             d.vms[0].pcpus = {1};
             d.fidelity = Fidelity::kFluid;
         }},
        {"vms.app.hosts", [](Description& d) { d.vms[0].hosts = "nodes"; }},
        {"vms.app.with", [](Description& d) { d.vms[0].with = "dba"; }},
        {"vms.app.with", [](Description& d) { d.vms[0].with = "app"; }},
        {"vms.app.with",
         [](Description& d) {
             d.vms[0].with = "db";
             d.vms[1].with = "app";
         }},
        {"vms.app.with",
         [](Description& d) {
             d.vms[0].with = "db";
             d.vms[0].count = 4;
         }},
        {"vms.app.apart", [](Description& d) { d.vms[0].apart = {"dbb"}; }},
        {"vms.app.apart",
         [](Description& d) {
             d.vms[0].with = "db";
             d.vms[0].apart = {"db"};
         }},
        {"cluster.control_latency", [](Description& d) { d.control_latency = 0; }},
    };
    for (const Wrong& wrong : all) {
        Description description = good();
        wrong.change(description);
        try {
            check(description);
            ADD_FAILURE() << "accepted a bad " << wrong.field;
        } catch (const ConfigError& error) {
            EXPECT_EQ(error.field(), wrong.field) << error.what();
        }
    }
}

// A ring that the group itself is not part of.
TEST(CheckTest, ACycleFurtherOnIsFound) {
    Description description = good();
    description.vms.push_back(samples::vm("web", 1, 1));
    description.vms[2].with = "app";
    description.vms[0].with = "db";
    description.vms[1].with = "app";
    EXPECT_THROW(check(description), ConfigError);
}

}  // namespace
}  // namespace hvlab::sim
