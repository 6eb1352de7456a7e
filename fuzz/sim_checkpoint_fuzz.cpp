// SPDX-License-Identifier: GPL-2.0-or-later
//
// A simulator's checkpoint from anywhere, its checksums right: refused, or taken, and then the run
// goes on to its end or to a typed error.
//
// Input: which cluster (fidelity and scheduler, workload, measures, when it was saved), then
// changes to what was saved: section, position, kind, value.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/state_io.h"
#include "core/base/status.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/identities.h"
#include "sim/cluster/tables.h"
#include "sim/model/samples.h"
#include "sim/schedulers/scheduler.h"
#include "sim/workloads/workload.h"

namespace hvlab::sim {
namespace {

constexpr Time kUntil = 4 * kMillisecond;
constexpr std::array<Time, 4> kSavedAt = {0, 500 * kMicrosecond, 1500 * kMicrosecond,
                                          2500 * kMicrosecond};
constexpr std::uint64_t kMostEvents = 100'000;

// Input taken from the front; zeros when it is used up.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    bool empty() const { return left_ == 0; }
    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    std::uint64_t number(int bytes) {
        std::uint64_t value = 0;
        for (int i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
        return value;
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

// A cluster of those that are tried.
struct Case {
    std::uint8_t host;  // 0: fluid, then the schedulers
    std::uint8_t workload;
    std::uint8_t measures;  // bits
    std::uint8_t saved;     // of kSavedAt

    explicit Case(Input& input)
        : host(static_cast<std::uint8_t>(input.byte() % (1 + scheduler_kinds().size()))),
          workload(static_cast<std::uint8_t>(input.byte() % (2 + workload_kinds().size()))),
          measures(input.byte() % 8),
          saved(input.byte() % kSavedAt.size()) {}

    auto operator<=>(const Case&) const = default;
};

Duration duration_of(std::string_view text) {
    std::size_t digits = 0;
    const std::string whole(text);
    const Duration number = std::stoll(whole, &digits);
    const std::string unit = whole.substr(digits);
    return number * (unit == "ns"   ? 1
                     : unit == "us" ? kMicrosecond
                     : unit == "ms" ? kMillisecond
                     : unit == "s"  ? kSecond
                                    : 60 * kSecond);
}

// The preset of a parameter, or something quick.
Value value_of(const Parameter& parameter) {
    const std::string preset(parameter.preset);
    const bool given = !preset.empty();
    switch (parameter.type) {
        case Parameter::Type::kDuration:
            if (parameter.name == "period" || parameter.name == "step") return 400 * kMicrosecond;
            if (parameter.name == "slice" || parameter.name == "quantum") {
                return 300 * kMicrosecond;
            }
            return duration_of(preset);
        case Parameter::Type::kDistribution:
            return samples::exponential(
                parameter.name == "service" || parameter.name == "critical" ? 50'000 : 200'000);
        case Parameter::Type::kInteger:
            return std::int64_t{std::min(std::stoll(preset), 8LL)};
        case Parameter::Type::kNumber:
            if (parameter.name == "burst") return 2.0;
            return given ? std::stod(preset) : parameter.name == "rate" ? 20'000.0 : 0.6;
        case Parameter::Type::kFlag:
            return preset == "true";
        case Parameter::Type::kChoice:
            return preset;
        case Parameter::Type::kNumbers:
            return std::vector<double>{0.3, 0.9, 0};
    }
    return {};
}

Choice choice(std::string_view name, std::span<const Parameter> parameters) {
    Choice result{std::string(name), {}};
    for (const Parameter& parameter : parameters) {
        if (parameter.preset == "-") continue;
        result.values.set(std::string(parameter.name), value_of(parameter));
    }
    return result;
}

Choice workload_of(const Case& of) {
    const auto kinds = workload_kinds();
    if (of.workload < kinds.size()) {
        return choice(kinds[of.workload]->name, kinds[of.workload]->parameters);
    }
    if (of.workload == kinds.size()) {
        Choice result = choice("closed", find_workload("closed")->parameters);
        result.values.set("clients", std::int64_t{6});
        return result;
    }
    Choice result = choice("poisson", find_workload("poisson")->parameters);
    result.values.set("discipline", std::string("ps"));
    return result;
}

Description description_of(const Case& of) {
    Description description;
    HostGroup& host = description.hosts.emplace_back(samples::host("node", 1, 2));
    host.threads = 2;
    host.numa_nodes = 2;
    host.accounting_period = kMillisecond;
    bool reservations = true;
    if (of.host == 0) {
        description.fidelity = Fidelity::kFluid;
    } else {
        const SchedulerKind& kind = *scheduler_kinds()[of.host - 1];
        host.scheduler = choice(kind.name, kind.parameters);
        reservations = kind.promises.reservations;
    }
    for (const int vcpus : {1, 2, 3}) {
        VmGroup& vm = description.vms.emplace_back(
            samples::vm("vm" + std::to_string(vcpus), vcpus == 1 ? 2 : 1, vcpus));
        vm.workload = workload_of(of);
        if (vcpus == 2) vm.limit = 0.8;
        if (vcpus == 3) vm.weight = 512;
        if (vcpus == 3 && reservations) vm.reservation = 0.5;
    }
    description.seed = 5;
    return description;
}

RunOptions options_of(const Case& of) {
    RunOptions options{.until = kUntil, .window = 250 * kMicrosecond, .memory = 1 << 30};
    if ((of.measures & 1) != 0) options.warmup = kMillisecond;
    if ((of.measures & 2) != 0) options.resolution = 300 * kMicrosecond;
    if ((of.measures & 4) != 0) options.percentiles = Percentiles::kVms;
    return options;
}

void feed(const Feed& wanted) {
    std::ranges::fill(wanted.think, 150 * kMicrosecond);
    std::ranges::fill(wanted.work, 60 * kMicrosecond);
}

std::vector<std::byte> contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> save(const Case& of) {
    Cluster cluster(description_of(of), options_of(of));
    cluster.set_feeder(feed);
    const Time at = kSavedAt[of.saved];
    if (at > 0) cluster.run([at](Time now, std::uint64_t) { return now < at; });
    const auto path = std::filesystem::temp_directory_path() /
                      ("sim_checkpoint_fuzz-" + std::to_string(getpid()));
    cluster.save(path, "");
    std::vector<std::byte> bytes = contents(path);
    std::filesystem::remove(path);
    return bytes;
}

// A case is saved once, and some are kept.
const std::vector<std::byte>& saved(const Case& of) {
    static std::map<Case, std::vector<std::byte>> all;
    const auto found = all.find(of);
    if (found == all.end() && all.size() >= 256) all.clear();
    return found != all.end() ? found->second : all.emplace(of, save(of)).first->second;
}

struct File {
    static constexpr std::size_t kBeginning = 20;
    static constexpr std::size_t kFrame = 12;  // of a section: its length and checksum

    explicit File(std::vector<std::byte> of) : bytes(std::move(of)) {
        for (std::size_t at = kBeginning; at < bytes.size();) {
            std::uint64_t length = 0;
            std::memcpy(&length, bytes.data() + at, sizeof length);
            sections.push_back(std::span(bytes).subspan(at + kFrame, length));
            at += kFrame + length;
        }
    }
    void set_checksums() {
        std::uint32_t crc = 0;
        std::memcpy(&crc, bytes.data() + kBeginning - sizeof crc, sizeof crc);
        for (const std::span<std::byte> section : sections) {
            std::byte* const frame = section.data() - kFrame;
            crc = crc32c(section, crc32c(std::span(frame, 8), crc));
            std::memcpy(frame + 8, &crc, sizeof crc);
        }
    }

    std::vector<std::byte> bytes;
    std::vector<std::span<std::byte>> sections;
};

// What a field may be that is worth a try.
std::uint64_t special(std::uint8_t which) {
    constexpr std::array<std::uint64_t, 12> kValues = {0,
                                                       1,
                                                       ~std::uint64_t{0},
                                                       std::uint64_t{1} << 63,
                                                       kUntil,
                                                       kUntil + 1,
                                                       (~std::uint64_t{0}) / 2,
                                                       std::uint64_t{1} << 62,
                                                       3000000,
                                                       0x7FF8'0000'0000'0000 /* NaN */,
                                                       0x7FE0'0000'0000'0000 /* 9e307 */,
                                                       0x7FF0'0000'0000'0000 /* infinity */};
    return kValues[which % kValues.size()];
}

void change(File& file, Input& input) {
    const std::span<std::byte> section = file.sections[input.byte() % file.sections.size()];
    const std::size_t position = input.number(2) % section.size();
    const std::uint8_t kind = input.byte();
    const std::size_t room = section.size() - position;
    if (kind < 96) {
        section[position] = std::byte{input.byte()};
    } else if (kind < 128) {
        section[position] ^= std::byte{1};
    } else {
        const std::uint64_t value = kind < 208 ? special(input.byte()) : input.number(8);
        std::memcpy(section.data() + position, &value,
                    std::min<std::size_t>(room, kind % 2 == 0 ? 8 : 4));
    }
}

// A file in memory, with a path.
class MemoryFile {
public:
    MemoryFile() : fd_(memfd_create("checkpoint", 0)) { HVLAB_ASSERT(fd_ >= 0); }

    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }
    void write(std::span<const std::byte> bytes) const {
        HVLAB_ASSERT(ftruncate(fd_, 0) == 0);
        HVLAB_ASSERT(pwrite(fd_, bytes.data(), bytes.size(), 0) ==
                     static_cast<ssize_t>(bytes.size()));
    }

private:
    int fd_;
};

// All that is told of a run.
void report(const Cluster& cluster) {
    vm_table(cluster);
    host_table(cluster);
    group_table(cluster);
    population_table(cluster);
    series_table(cluster);
    latency_table(cluster);
    identities(cluster);
}

}  // namespace
}  // namespace hvlab::sim

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hvlab;
    using namespace hvlab::sim;
    Input input(data, size);
    const Case of(input);
    File file(saved(of));
    const bool changed = !input.empty();
    for (int i = 0; i < 16 && !input.empty(); ++i) change(file, input);
    file.set_checksums();
    static const MemoryFile memory;
    memory.write(file.bytes);

    Cluster cluster(description_of(of), options_of(of));
    cluster.set_feeder(feed);
    try {
        cluster.restore(memory.path());
        const std::uint64_t before = cluster.events();
        cluster.run([before](Time, std::uint64_t events) { return events - before < kMostEvents; });
        report(cluster);
    } catch (const Error& error) {
        if (changed) return 0;
        std::fprintf(stderr, "what was saved is refused: %s\n", error.what());
        std::abort();
    }
    return 0;
}
