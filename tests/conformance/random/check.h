// SPDX-License-Identifier: GPL-2.0-or-later
//
// The check of a program: in single steps, in one run, in random slices, with translations thrown
// away, and saved and loaded into a fresh VM, it does the same to the last bit.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/conformance/random/generator.h"
#include "tests/conformance/random/program_guest.h"

namespace hvlab::conformance {

class ProgramChecker {
public:
    explicit ProgramChecker(const TestedBackend& backend);

    // Empty, or which way of running it came out differently, and where.
    std::string check(const Program& program);

    // As many of the programs with seeds from `first` on; empty, or the report of the first that
    // fails: its seed, what differs, and the shrunk program.
    std::string check_seeds(std::uint64_t first, std::uint64_t count, std::size_t instructions);

    // Of all programs so far.
    struct Totals {
        std::uint64_t programs = 0;
        std::uint64_t executed = 0;  // instructions, each way of running them counted once
        std::uint64_t skipped = 0;   // exceptions
        std::uint64_t handler_calls = 0;
    };
    const Totals& totals() const { return totals_; }

private:
    struct Reference;
    std::string single_steps(const Program& program, const Layout& layout, Reference& reference);
    template <typename Cut>
    std::string cut(const char* name, const Program& program, const Layout& layout,
                    const Reference& reference, Cut&& cut);
    std::string report(const Program& program, const std::string& problem);

    const TestedBackend& backend_;
    std::unique_ptr<ProgramGuest> guest_;
    std::uint64_t distance_ = 509;  // instructions between two comparisons
    Totals totals_;
};

// A smaller program that still fails: none of its items can go. `fails` is true of `program`.
Program shrink(Program program, const std::function<bool(const Program&)>& fails);

}  // namespace hvlab::conformance
