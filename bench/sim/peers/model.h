// SPDX-License-Identifier: GPL-2.0-or-later
// The model that every program of this bench runs, and the line that each of them prints.
//
// Hosts of 8 cores with 16 VMs each. All VMs start in a think (exponential, mean 1 s), then comes a
// burst (exponential, mean 1 core second), 10 times over. The bursts of a host share its cores
// evenly, and none gets more than one core. An event is the end of a think or of a burst; the
// response of a burst is its end less its beginning.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace bench_sim {

inline constexpr unsigned kCores = 8;
inline constexpr unsigned kVmsOfHost = 16;
inline constexpr unsigned kBursts = 10;

// Mean response and the standard deviation of a host's mean, in seconds: of heap_peer with 100,000
// VMs, seeds 1 to 100 (+- 0.00015). Hosts are independent and have equally many bursts: the
// standard error of a run's mean is the deviation over the root of the number of hosts.
inline constexpr double kMeanResponse = 1.119;
inline constexpr double kHostDeviation = 0.119;
inline constexpr double kStandardErrors = 5;  // a run that is further off has failed

struct Options {
    std::uint32_t vms = 10'000;
    std::uint32_t seed = 1;
    std::uint32_t bursts = kBursts;  // of each VM
    std::uint32_t threads = 1;       // ours alone
    std::uint32_t hold = 0;          // events that stay pending; 0: run the model

    std::uint32_t hosts() const { return vms / kVmsOfHost; }
};

// `--NAME NUMBER ...`, where names are vms, seed, bursts, and what `more` names of the others;
// anything else ends the program.
inline Options parse(int argc, char** argv, std::initializer_list<std::string_view> more = {}) {
    Options options;
    auto fail = [&](const std::string& what) {
        std::fprintf(stderr, "%s: %s\n", argv[0], what.c_str());
        std::exit(2);
    };
    std::map<std::string, std::uint32_t*, std::less<>> known = {
        {"--vms", &options.vms}, {"--seed", &options.seed}, {"--bursts", &options.bursts}};
    for (const std::string_view name : more) {
        known.emplace(name, name == "--hold" ? &options.hold : &options.threads);
    }
    for (int i = 1; i < argc; i += 2) {
        const auto option = known.find(std::string_view(argv[i]));
        if (option == known.end()) {
            std::string names;
            for (const auto& [name, value] : known) names += " " + name;
            fail("no option '" + std::string(argv[i]) + "'; there are" + names);
        }
        const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
        const char* const last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, *option->second);
        if (error != std::errc{} || end != last) {
            fail(option->first + " takes a number below 2^32, not '" + std::string(text) + "'");
        }
    }
    if (options.vms == 0 || options.vms % kVmsOfHost != 0) {
        fail("--vms must be a multiple of " + std::to_string(kVmsOfHost));
    }
    if (options.bursts == 0) fail("--bursts must not be 0");
    return options;
}

struct Result {
    std::uint64_t events = 0;
    double seconds = 0;            // wall time of the simulation, set-up left out
    double cpu_seconds = 0;        // likewise, of all threads of the process
    double response_seconds = 0;   // of all bursts together
    std::uint64_t peak_bytes = 0;  // of memory; 0: report() looks
    std::string digest;            // of all that was measured; empty: there is none
};

// The most memory that the process has had, in bytes (proc(5), VmHWM); 0 if the kernel does not
// tell.
inline std::uint64_t peak_bytes() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        if (std::uint64_t kib = 0; word == "VmHWM:" && status >> kib) return kib * 1024;
    }
    return 0;
}

// Measures from its construction on.
class Stopwatch {
public:
    void stop(Result& result) const {
        result.seconds = now(CLOCK_MONOTONIC) - wall_;
        result.cpu_seconds = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
    }

private:
    static double now(clockid_t clock) {
        timespec time{};
        clock_gettime(clock, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }

    double wall_ = now(CLOCK_MONOTONIC);
    double cpu_ = now(CLOCK_PROCESS_CPUTIME_ID);
};

// Prints the result as a line of JSON; the exit status, 1 if the model was not run as it is
// described.
inline int report(const Options& options, const Result& result) {
    const std::uint64_t bursts = std::uint64_t{options.vms} * options.bursts;
    const double mean = result.response_seconds / static_cast<double>(bursts);
    std::printf(
        "{\"events\": %llu, \"seconds\": %.9g, \"cpu_seconds\": %.9g, \"mean_response\": %.9g, "
        "\"rate\": %.9g, \"peak_bytes\": %llu, \"digest\": \"%s\"}\n",
        static_cast<unsigned long long>(result.events), result.seconds, result.cpu_seconds, mean,
        static_cast<double>(result.events) / result.seconds,
        static_cast<unsigned long long>(result.peak_bytes ? result.peak_bytes : peak_bytes()),
        result.digest.c_str());
    const double error = kHostDeviation / std::sqrt(options.hosts());
    if (result.events != 2 * bursts) {
        std::fprintf(stderr, "%llu events, not %llu\n",
                     static_cast<unsigned long long>(result.events),
                     static_cast<unsigned long long>(2 * bursts));
        return 1;
    }
    if (options.bursts == kBursts && !(std::abs(mean - kMeanResponse) <= kStandardErrors * error)) {
        std::fprintf(stderr, "mean response %.6f s, not %.6f s within %.6f s\n", mean,
                     kMeanResponse, kStandardErrors * error);
        return 1;
    }
    return 0;
}

}  // namespace bench_sim
