// SPDX-License-Identifier: GPL-2.0-or-later
// The model that every program of this bench runs, and the line that each of them prints.
//
// Hosts of 8 cores with 16 VMs each. All VMs start in a think (exponential, mean 1 s), then comes a burst
// (exponential, mean 1 core second), 10 times over. The bursts of a host share its cores evenly, and none
// gets more than one core. An event is the end of a think or of a burst; the response of a burst is its end
// less its beginning.
#pragma once

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench_sim {

inline constexpr unsigned kCores = 8;
inline constexpr unsigned kVmsOfHost = 16;
inline constexpr unsigned kBursts = 10;

// Mean response and the standard deviation of a host's mean, seconds, as bench/sim/expected.py finds them. Hosts are
// independent and have equally many bursts: the standard error of a run's mean is the deviation over the
// root of the number of hosts.
inline constexpr double kMeanResponse = 1.12;
inline constexpr double kHostDeviation = 0.13;
inline constexpr double kStandardErrors = 5;  // a run that is further off has failed

struct Options {
    std::uint32_t vms = 10'000;
    std::uint64_t seed = 1;
    std::uint32_t bursts = kBursts;  // of each VM
    std::uint32_t hold = 0;  // events that stay pending; 0: run the model

    std::uint32_t hosts() const { return vms / kVmsOfHost; }
};

// `--vms N --seed S --bursts B`, and `--hold N` if the program has it; anything else ends the program.
inline Options parse(int argc, char** argv, bool holds = false)
{
    Options options;
    auto fail = [&](const std::string& what) {
        std::fprintf(stderr, "%s: %s\n", argv[0], what.c_str());
        std::exit(2);
    };
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size()) {
            fail(name + " takes a number below 2^32, not '" + std::string(text) + "'");
        }
        if (name == "--vms") {
            options.vms = value;
        } else if (name == "--seed") {
            options.seed = value;
        } else if (name == "--bursts" && value != 0) {
            options.bursts = value;
        } else if (name == "--hold" && holds) {
            options.hold = value;
        } else {
            fail("not an option: '" + name + "'; there are --vms, --seed, --bursts" +
                 (holds ? ", --hold" : ""));
        }
    }
    if (options.vms == 0 || options.vms % kVmsOfHost != 0) {
        fail("--vms must be a multiple of " + std::to_string(kVmsOfHost));
    }
    return options;
}

// Wall seconds since its construction.
class Stopwatch {
public:
    double seconds() const
    {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Result {
    std::uint64_t events = 0;
    double seconds = 0;          // wall time of the simulation, set-up left out
    double response_seconds = 0;  // of all bursts together
};

// Prints the result as a line of JSON; the exit status, 1 if the model was not run as it is described.
inline int report(const Options& options, const Result& result)
{
    const std::uint64_t bursts = std::uint64_t{options.vms} * options.bursts;
    const double mean = result.response_seconds / static_cast<double>(bursts);
    std::printf("{\"events\": %llu, \"seconds\": %.9g, \"mean_response\": %.9g, \"rate\": %.9g}\n",
                static_cast<unsigned long long>(result.events), result.seconds, mean,
                static_cast<double>(result.events) / result.seconds);
    const double error = kHostDeviation / std::sqrt(options.hosts());
    if (result.events != 2 * bursts) {
        std::fprintf(stderr, "%llu events, not %llu\n", static_cast<unsigned long long>(result.events),
                     static_cast<unsigned long long>(2 * bursts));
        return 1;
    }
    if (options.bursts == kBursts &&
        !(std::abs(mean - kMeanResponse) <= kStandardErrors * error)) {
        std::fprintf(stderr, "mean response %.6f s, not %.6f s within %.6f s\n", mean, kMeanResponse,
                     kStandardErrors * error);
        return 1;
    }
    return 0;
}

}  // namespace bench_sim
