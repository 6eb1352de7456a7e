// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checks as many random programs as wanted and says how many a minute that is.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <ctime>
#include <string_view>

#include "tests/conformance/random/check.h"
#include "tests/conformance/random/generator.h"

namespace hvlab::conformance {
namespace {

constexpr const char* kUsage =
    "usage: random_programs [--backend NAME] [--programs N] [--instructions N] [--seed FIRST]\n"
    "                       [--show SEED]\n";

struct Options {
    std::string_view backend = "unicorn";
    std::uint64_t programs = 2000;
    std::uint64_t instructions = 500;
    std::uint64_t seed = 1;
    std::uint64_t show = 0;
};

bool parse(int count, char** arguments, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        std::uint64_t* const number = name == "--programs"       ? &options.programs
                                      : name == "--instructions" ? &options.instructions
                                      : name == "--seed"         ? &options.seed
                                      : name == "--show"         ? &options.show
                                                                 : nullptr;
        if (++i == count) return false;
        const std::string_view value = arguments[i];
        if (name == "--backend") {
            options.backend = value;
        } else if (number == nullptr ||
                   std::from_chars(value.begin(), value.end(), *number).ptr != value.end()) {
            return false;
        }
    }
    return options.instructions <= 1000;  // a program has to fit its code pages
}

int run(const Options& options) {
    if (options.show != 0) {
        fmt::print("{}", disassemble(lay_out(generate(options.show, options.instructions))));
        return 0;
    }
    for (const TestedBackend& backend : tested_backends()) {
        if (backend.name != options.backend) continue;
        ProgramChecker checker(backend);
        const auto start = std::chrono::steady_clock::now();
        const std::clock_t busy = std::clock();
        const std::string problem =
            checker.check_seeds(options.seed, options.programs, options.instructions);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        const double processor = static_cast<double>(std::clock() - busy) / CLOCKS_PER_SEC;
        const auto& totals = checker.totals();
        const auto rate = static_cast<double>(totals.programs) * 60;
        fmt::print(
            "{}{} programs of {} instructions in {:.1f} s: {:.0f} a minute, {:.0f} a minute of "
            "processor time\nexecuted {} instructions, {} exceptions, {} calls of the handler\n",
            problem, totals.programs, options.instructions, took.count(), rate / took.count(),
            rate / processor, totals.executed, totals.skipped, totals.handler_calls);
        return problem.empty() ? 0 : 1;
    }
    fmt::print(stderr, "no backend '{}'\n", options.backend);
    return 2;
}

}  // namespace
}  // namespace hvlab::conformance

int main(int count, char** arguments) {
    hvlab::conformance::Options options;
    if (!hvlab::conformance::parse(count, arguments, options)) {
        fmt::print(stderr, "{}", hvlab::conformance::kUsage);
        return 2;
    }
    return hvlab::conformance::run(options);
}
