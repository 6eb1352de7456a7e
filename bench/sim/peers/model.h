// SPDX-License-Identifier: GPL-2.0-or-later
// The model that every program of this bench runs, and the line that each of them prints.
//
// Hosts of 8 cores with 16 VMs each. All VMs start in a think (exponential, mean 1 s), then comes a
// burst (exponential, mean 1 core second), 10 times over. The bursts of a host share its cores
// evenly, and none gets more than one core. An event is the end of a think or of a burst; the
// response of a burst is its end less its beginning.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <stdexcept>
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

// `--NAME NUMBER ...`, where names are vms, seed, bursts, and what `more` names of the others.
// Throws std::invalid_argument.
inline Options parse(std::span<char*> arguments, std::initializer_list<std::string_view> more) {
    Options options;
    std::map<std::string, std::uint32_t*, std::less<>> known = {
        {"--vms", &options.vms}, {"--seed", &options.seed}, {"--bursts", &options.bursts}};
    for (const std::string_view name : more) {
        known.emplace(name, name == "--hold" ? &options.hold : &options.threads);
    }
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        const auto option = known.find(std::string_view(arguments[i]));
        if (option == known.end()) {
            std::string names;
            for (const auto& [name, value] : known) names += " " + name;
            throw std::invalid_argument(
                fmt::format("no option '{}'; there are{}", arguments[i], names));
        }
        const std::string_view text = i + 1 < arguments.size() ? arguments[i + 1] : "";
        const char* const first = text.data();
        const char* const last = first + text.size();
        const auto [end, error] = std::from_chars(first, last, *option->second);
        if (error != std::errc{} || end != last) {
            throw std::invalid_argument(
                fmt::format("{} takes a number below 2^32, not '{}'", option->first, text));
        }
    }
    if (options.vms == 0 || options.vms % kVmsOfHost != 0) {
        throw std::invalid_argument(fmt::format("--vms must be a multiple of {}", kVmsOfHost));
    }
    if (options.bursts == 0) throw std::invalid_argument("--bursts must not be 0");
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
    fmt::print(
        "{{\"events\": {}, \"seconds\": {:.9g}, \"cpu_seconds\": {:.9g}, \"mean_response\": "
        "{:.9g}, "
        "\"rate\": {:.9g}, \"peak_bytes\": {}, \"digest\": \"{}\"}}\n",
        result.events, result.seconds, result.cpu_seconds, mean,
        static_cast<double>(result.events) / result.seconds,
        result.peak_bytes != 0 ? result.peak_bytes : peak_bytes(), result.digest);
    if (result.events != 2 * bursts) {
        fmt::print(stderr, "{} events, not {}\n", result.events, 2 * bursts);
        return 1;
    }
    const double allowed = kStandardErrors * kHostDeviation / std::sqrt(options.hosts());
    if (options.bursts == kBursts && !(std::abs(mean - kMeanResponse) <= allowed)) {
        fmt::print(stderr, "mean response {:.6f} s, not {} s within {:.6f} s\n", mean,
                   kMeanResponse, allowed);
        return 1;
    }
    return 0;
}

// What main() is: the exit status of `run(options)`, 2 if the options or the run are faulty.
template <typename Run>
int program(int argc, char** argv, std::initializer_list<std::string_view> more, Run run) {
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    try {
        return run(parse(arguments.subspan(1), more));
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", arguments[0], error.what());
        return 2;
    }
}

}  // namespace bench_sim
