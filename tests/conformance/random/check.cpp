// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kTooLong = 200'000;

}  // namespace

// What single steps gave.
struct ProgramChecker::Reference {
    std::map<std::uint64_t, TimedGuest::Snapshot> points;  // by instruction count; the end is last
};

ProgramChecker::ProgramChecker(const TestedBackend& backend)
    : backend_(backend), guest_(std::make_unique<ProgramGuest>(backend)) {}

std::string ProgramChecker::single_steps(const Program& program, const Layout& layout,
                                         Reference& reference) {
    guest_->start(program, layout);
    for (std::uint64_t count = 1; !guest_->ended(); ++count) {
        if (const std::string problem = guest_->run_to(count); !problem.empty()) {
            return "in single steps: " + problem + "\n";
        }
        if (guest_->ended() || count % distance_ == 0) {
            reference.points[count] = guest_->snapshot();
        }
        if (count == kTooLong) return "in single steps: comes to no end\n";
    }
    totals_.executed += reference.points.rbegin()->first;
    totals_.skipped += guest_->skipped();
    totals_.handler_calls += guest_->handler.calls;
    return {};
}

// Runs to each point in slices that `cut` chooses, and compares there.
template <typename Cut>
std::string ProgramChecker::cut(const char* name, const Program& program, const Layout& layout,
                                const Reference& reference, Cut&& cut) {
    guest_->start(program, layout);
    std::uint64_t at = 0;
    for (const auto& [count, expected] : reference.points) {
        while (at < count) {
            at = std::min(at + cut(at), count);
            if (const std::string problem = guest_->run_to(at); !problem.empty()) {
                return fmt::format("{}: {}\n", name, problem);
            }
        }
        const std::string difference = differences(expected, guest_->snapshot());
        if (!difference.empty()) {
            return fmt::format("{}, at {} instructions:\n{}", name, count, difference);
        }
    }
    return {};
}

std::string ProgramChecker::check(const Program& program) {
    const Layout layout = lay_out(program);
    Reference reference;
    std::string problem = single_steps(program, layout, reference);
    if (!problem.empty()) return problem;
    ++totals_.programs;
    const std::uint64_t end = reference.points.rbegin()->first;
    RandomStream random(Seed(program.seed).child("cuts"));

    Reference only_end;
    only_end.points.insert(*reference.points.rbegin());
    problem = cut("in one run", program, layout, only_end, [&](std::uint64_t) { return end; });
    if (!problem.empty()) return problem;

    problem = cut("in random slices", program, layout, reference,
                  [&](std::uint64_t) { return 1 + random.below(60); });
    if (!problem.empty()) return problem;

    auto* const cache = guest_->vcpu->capability<TranslationCache>();
    if (cache != nullptr) {
        problem =
            cut("with translations thrown away", program, layout, reference, [&](std::uint64_t) {
                cache->flush();
                return 1 + random.below(400);
            });
        if (!problem.empty()) return problem;
    }

    const std::uint64_t moved = 1 + random.below(end);
    bool done = false;
    return cut("saved, and loaded into a fresh VM", program, layout, reference,
               [&](std::uint64_t at) {
                   if (at < moved) return moved - at;
                   if (!std::exchange(done, true)) {
                       auto fresh = std::make_unique<ProgramGuest>(backend_);
                       fresh->take_over(*guest_);
                       guest_ = std::move(fresh);
                   }
                   return end;
               });
}

std::string ProgramChecker::report(const Program& program, const std::string& problem) {
    // Compared closely, so that what went wrong need not be followed by much else.
    const auto usual = std::exchange(distance_, 5);
    const Program small =
        shrink(program, [this](const Program& each) { return !check(each).empty(); });
    const std::string smaller_problem = check(small);
    distance_ = usual;
    return fmt::format("seed {}: {}shrunk from {} instructions to {}, {} mode:\n{}then {}",
                       program.seed, problem, program.instructions(), small.instructions(),
                       program.user ? "user" : "kernel", disassemble(lay_out(small)),
                       smaller_problem);
}

std::string ProgramChecker::check_seeds(std::uint64_t first, std::uint64_t count,
                                        std::size_t instructions) {
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Program program = generate(seed, instructions);
        const std::string problem = check(program);
        if (!problem.empty()) return report(program, problem);
    }
    return {};
}

Program shrink(Program program, const std::function<bool(const Program&)>& fails) {
    // Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input (2002), the greedy
    // part.
    std::size_t chunk = std::max<std::size_t>(program.items.size() / 2, 1);
    for (;;) {
        bool smaller = false;
        for (std::size_t at = 0; at < program.items.size();) {
            Program candidate = program;
            const auto begin = candidate.items.begin() + static_cast<std::ptrdiff_t>(at);
            const std::size_t size = std::min(chunk, candidate.items.size() - at);
            candidate.items.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
            if (fails(candidate)) {
                program = std::move(candidate);
                smaller = true;
            } else {
                at += size;
            }
        }
        if (chunk == 1 && !smaller) return program;
        chunk = std::max<std::size_t>(chunk / 2, 1);
    }
}

}  // namespace hvlab::conformance
