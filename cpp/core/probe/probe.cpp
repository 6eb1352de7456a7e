// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/probe/probe.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "core/base/status.h"
#include "core/probe/guest.h"

namespace hvlab {
namespace {

using namespace probing;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kRounds =
    25;                       // at most, for a median: short ones, between two turns of a busy host
constexpr double kParts = 8;  // into which the time is divided

double seconds_since(Clock::time_point begin) {
    return Seconds(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
    HVLAB_ASSERT(!values.empty());
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

Figure measured(const std::function<double()>& measure) {
    try {
        return {.value = measure()};
    } catch (const Error& error) {
        return {.value = std::nullopt, .reason = error.what()};
    }
}

// A part of the time: when to begin no other round, and when to give a round up.
struct Part {
    explicit Part(double seconds)
        : length(seconds),
          soft(Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds))),
          hard(soft + std::chrono::seconds(1)) {}

    bool over() const { return Clock::now() >= soft; }

    double length;
    Clock::time_point soft;
    Clock::time_point hard;
};

// Rounds of at least a fraction of the part, as many as fit into it.
double median_of_rounds(const Part& part, const std::function<double()>& round) {
    std::vector<double> values;
    do {
        values.push_back(round());
    } while (values.size() < kRounds && !part.over());
    return median(std::move(values));
}

// Seconds for one of what `program` does.
double time_of_one(Backend& backend, const Program& program, double seconds) {
    const Part part(seconds);
    std::uint64_t rounds = 8;
    Guest guest(backend, program, rounds);
    guest.run(part.hard);  // once for what only the first time costs
    const auto run = [&] {
        const auto begin = Clock::now();
        guest.run(part.hard);
        return seconds_since(begin);
    };
    // Long enough that the clock and the beginning of a run do not matter.
    const double wanted = part.length / (kRounds + 15);
    double took = run();
    while (took < wanted / 2 && !part.over()) {
        const double factor = took > 0 ? wanted / took : 16.0;
        rounds *= static_cast<std::uint64_t>(std::clamp(factor, 2.0, 16.0));
        guest.set_rounds(rounds);
        took = run();
    }
    const auto done = static_cast<double>(rounds * program.per_round);
    return median_of_rounds(part, [&] { return run() / done; });
}

double time_of_halt(Backend& backend, double seconds) {
    const Part part(seconds);
    Guest guest(backend, halt(), 1);
    guest.run(part.hard);
    constexpr unsigned kHalts = 100;
    return median_of_rounds(part, [&] {
        const auto begin = Clock::now();
        for (unsigned i = 0; i < kHalts; ++i) {
            guest.wake();
            guest.run(part.hard);
        }
        return seconds_since(begin) / kHalts;
    });
}

// Whole guests: made, run to their first exit, ended; and what fresh pages cost between.
void measure_guests(Backend& backend, double seconds, ProbeFigures& figures) {
    const Part part(seconds);
    std::vector<double> create, destroy;
    figures.create = measured([&] {
        do {
            auto begin = Clock::now();
            auto guest = std::make_unique<Guest>(backend, write_port(), 1);
            guest->run(part.hard);
            create.push_back(seconds_since(begin));
            begin = Clock::now();
            guest.reset();
            destroy.push_back(seconds_since(begin));
        } while (create.size() < kRounds && !part.over());
        return median(create);
    });
    figures.destroy = figures.create;
    if (figures.create.value) figures.destroy.value = median(destroy);
}

double time_of_first_touch(Backend& backend, double seconds) {
    const Part part(seconds);
    return median_of_rounds(part, [&] {
        // The first page of all is a run of its own: it pays for what the first run costs.
        Guest guest(backend, touch_pages(), 1);
        guest.run(part.hard);
        guest.set_rounds(kFreshPages - 1);
        const auto begin = Clock::now();
        guest.run(part.hard);
        return seconds_since(begin) / static_cast<double>(kFreshPages - 1);
    });
}

}  // namespace

ProbeFigures probe(Backend& backend, std::chrono::milliseconds time) {
    const double part = Seconds(time).count() / kParts;
    ProbeFigures figures;
    figures.user_rate = measured([&] { return 1 / time_of_one(backend, count_down(true), part); });
    figures.kernel_rate =
        measured([&] { return 1 / time_of_one(backend, count_down(false), part); });
    figures.port_exit = measured([&] { return time_of_one(backend, write_port(), part); });
    figures.memory_exit = measured([&] { return time_of_one(backend, write_memory(), part); });
    figures.halt_exit = measured([&] { return time_of_halt(backend, part); });
    measure_guests(backend, part, figures);
    figures.first_touch = measured([&] { return time_of_first_touch(backend, part); });
    return figures;
}

}  // namespace hvlab
