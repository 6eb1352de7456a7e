// SPDX-License-Identifier: GPL-2.0-or-later
//
// A run that is taken apart leaves no trace: at random instruction counts the CPU's state is read
// and written back, or everything is moved into a machine that is new; the record and the final
// state are those of a run that nobody touched. In every mode that there is a guest for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/unicorn/unicorn_backend.h"
#include "core/base/random.h"
#include "core/machine/machine.h"
#include "core/record/record.h"

namespace hvlab {
namespace {

struct Guest {
    std::string_view name;
    std::string_view input = {};
    // Gaps between two points where its state is read and written back; short for guests that
    // change modes all the time.
    std::uint64_t longest_gap = 3;
};

void PrintTo(const Guest& guest, std::ostream* out) {
    *out << guest.name;
}

constexpr Guest kGuests[] = {
    {.name = "hello"},
    {.name = "echo", .input = "one\ntwo\nquit\n"},
    {.name = "ticks", .longest_gap = 3'000},
    {.name = "compute-short", .longest_gap = 2'000},
    {.name = "longmode", .longest_gap = 20'000},
    {.name = "stress", .input = "some input\n", .longest_gap = 5'000},
    {.name = "a20"},
    {.name = "realmode"},
    {.name = "protected"},
    {.name = "paging"},
    {.name = "v8086"},
    {.name = "compat"},
    {.name = "tasks"},
    {.name = "exceptions-long", .longest_gap = 200},
    {.name = "exceptions-compat", .longest_gap = 200},
    {.name = "exceptions-protected", .longest_gap = 200},
    {.name = "exceptions-protected16", .longest_gap = 200},
    {.name = "exceptions-v8086", .longest_gap = 200},
    {.name = "exceptions-control", .longest_gap = 200},
    {.name = "halt"},
    {.name = "triplefault"},
    {.name = "reboot"},
};

constexpr unsigned kMoves = 25;  // into a new machine, in one run

class RoundTrip : public testing::TestWithParam<Guest> {
protected:
    std::unique_ptr<Machine> make() {
        const MachineConfig config{
            .memory_size = 2 * kMiB,
            .boot = FlatImage{.path = std::filesystem::path(HVLAB_FIXTURES) /
                                      (std::string(GetParam().name) + ".bin")}};
        return std::make_unique<Machine>(config, backend_);
    }

    // Made and told its input, which the record has.
    std::unique_ptr<Machine> start(RecordDigest& record) {
        std::unique_ptr<Machine> machine = make();
        machine->set_observer(&record);
        machine->send(std::as_bytes(std::span(GetParam().input)));
        return machine;
    }

    struct Outcome {
        StopReason reason;
        std::uint64_t instructions;
        std::string record;
        std::string state;
        bool operator==(const Outcome&) const = default;
        friend void PrintTo(const Outcome& outcome, std::ostream* out) {
            *out << to_string(outcome.reason) << " after " << outcome.instructions << ", record "
                 << outcome.record << ", state " << outcome.state;
        }
    };

    // To the end, or to that many instructions; then nothing.
    static std::optional<Outcome> run(Machine& machine, const RecordDigest& record,
                                      std::optional<std::uint64_t> instructions = {}) {
        const Stop stop = machine.run({.deadline = 2'000'000'000, .instructions = instructions});
        if (stop.reason == StopReason::kBudget) return std::nullopt;
        return Outcome{stop.reason, *stop.instructions, record.hex(), machine.state_hash()};
    }

    Outcome undisturbed() {
        RecordDigest record;
        return *run(*start(record), record);
    }

    // That many instructions on, but not past the end that is expected.
    static std::uint64_t point(const Machine& machine, std::uint64_t gap, const Outcome& expected) {
        return std::min(*machine.instructions() + gap, expected.instructions);
    }

    UnicornBackend backend_;
    RandomStream random_{Seed(20)};
};
INSTANTIATE_TEST_SUITE_P(, RoundTrip, testing::ValuesIn(kGuests), [](const auto& instance) {
    std::string name(instance.param.name);
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST_P(RoundTrip, StatesReadAndWrittenBack) {
    const Outcome expected = undisturbed();
    RecordDigest record;
    const std::unique_ptr<Machine> machine = start(record);
    std::optional<Outcome> outcome;
    unsigned points = 0;
    while (!outcome && *machine->instructions() < expected.instructions) {
        const std::uint64_t gap = 1 + random_.below(GetParam().longest_gap);
        outcome = run(*machine, record, point(*machine, gap, expected));
        const CpuState state = machine->vcpu().state();
        machine->vcpu().set_state(state);
        ASSERT_EQ(machine->vcpu().state(), state) << "at " << *machine->instructions();
        ++points;
    }
    if (!outcome) outcome = run(*machine, record);
    EXPECT_EQ(outcome, expected) << points << " points";
}

TEST_P(RoundTrip, MovedIntoNewMachines) {
    const Outcome expected = undisturbed();
    RecordDigest record;
    std::unique_ptr<Machine> machine = start(record);
    std::optional<Outcome> outcome;
    for (unsigned moves = kMoves; moves > 0 && !outcome; --moves) {
        const std::uint64_t left = expected.instructions - *machine->instructions();
        const std::uint64_t gap = 1 + random_.below(2 * left / moves + 1);
        outcome = run(*machine, record, point(*machine, gap, expected));
        std::unique_ptr<Machine> other = make();
        other->run({.instructions = random_.below(1000)});  // whatever it did is overwritten
        other->load(machine->save());
        ASSERT_EQ(other->vcpu().state(), machine->vcpu().state()) << *machine->instructions();
        ASSERT_EQ(other->state_hash(), machine->state_hash()) << *machine->instructions();
        machine = std::move(other);
        machine->set_observer(&record);
    }
    if (!outcome) outcome = run(*machine, record);
    EXPECT_EQ(outcome, expected);
}

}  // namespace
}  // namespace hvlab
