// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/record/record.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace hvlab {
namespace {

TEST(RecordDigest, EveryPartOfAnEntryCounts) {
    const std::byte data[] = {std::byte{1}, std::byte{2}};
    const std::vector<std::function<void(RecordDigest&)>> histories{
        [](RecordDigest&) {},
        [](RecordDigest& r) { r.console_output(1, 'a'); },
        [](RecordDigest& r) { r.console_output(2, 'a'); },
        [](RecordDigest& r) { r.console_output(1, 'b'); },
        [](RecordDigest& r) { r.interrupt_delivered(1, 'a'); },
        [](RecordDigest& r) { r.port_output(1, 0x80, 'a'); },
        [](RecordDigest& r) { r.port_output(1, 0xE9, 'a'); },
        [](RecordDigest& r) { r.nmi_raised(1); },
        [](RecordDigest& r) { r.nmi_raised(2); },
        [](RecordDigest& r) { r.machine_reset(1); },
        [&](RecordDigest& r) { r.console_input(1, data); },
        [&](RecordDigest& r) { r.keyboard_input(1, data); },
        [&](RecordDigest& r) { r.console_input(1, std::span(data).first(1)); },
        [&](RecordDigest& r) {
            r.console_input(1, std::span(data).first(1));
            r.console_input(1, std::span(data).last(1));
        },
    };
    std::set<std::string> digests;
    for (const auto& history : histories) {
        RecordDigest record;
        history(record);
        digests.insert(record.hex());
    }
    EXPECT_EQ(digests.size(), histories.size());
}

TEST(RecordDigest, SameHistorySameDigest) {
    RecordDigest a;
    RecordDigest b;
    for (RecordDigest* record : {&a, &b}) {
        record->console_output(5, 'x');
        record->interrupt_delivered(7, 0x20);
    }
    EXPECT_EQ(a.hex(), b.hex());
    EXPECT_EQ(a.entries(), 2u);
}

}  // namespace
}  // namespace hvlab
