// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a backend is said to lack (TestedBackend::lacks), it lacks, and it has all else: so that a
// check is skipped for a reason that is true.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

struct FeatureRow {
    std::string name;
    Feature feature;
    bool (*is_there)(Guest&);
};
void PrintTo(const FeatureRow& row, std::ostream* out) {
    *out << row.name;
}

bool ends(Guest& guest) {
    return guest.run().kind == ExitKind::kStopped;
}

// To a page fault: a KVM without legacy paging may run some instructions by what it kept of an
// earlier guest's pages.
bool runs_with_legacy_paging(Guest& guest) {
    for (const Mode mode : {Mode::kPaged32, Mode::kPae32}) {
        guest.boot(CODE32("mov eax, [edi]; out 0xF4, al"), mode);
        guest.catch_everything();
        guest.change([](CpuState& state) { state.gpr[kRdi] = kNotPresent; });
        if (!ends(guest) || !guest.caught() || guest.caught()->vector != 14) return false;
    }
    return true;
}

bool reads_time_from_the_handler(Guest& guest) {
    guest.handler.clock = [] { return std::uint64_t{5}; };
    guest.boot(CODE64("rdtsc; out 0xF4, al"));
    return ends(guest) && guest.handler.clock_reads == 1;
}

bool reads_chance_from_the_handler(Guest& guest) {
    guest.boot(CODE64("rdrand rax; out 0xF4, al"));
    return ends(guest) && guest.handler.drawn.size() == 1;
}

bool traps_for_the_guest(Guest& guest) {
    for (const std::uint64_t breakpoint : {0, 1}) {
        guest.boot(CODE64("nop; nop; out 0xF4, al"));
        guest.catch_everything();
        guest.change([=](CpuState& state) {
            state.dr[0] = kEntry + 1;
            state.dr7 = 0x400 | breakpoint;
            state.rflags |= breakpoint != 0 ? 0 : 0x100;
        });
        if (!ends(guest) || !guest.caught() || guest.caught()->vector != 1) return false;
    }
    return true;
}

bool logs_page_walks(Guest& guest) {
    guest.boot(CODE64("mov eax, [0x60000]; out 0xF4, al"));
    guest.vm->set_dirty_logging(true);
    return ends(guest) && guest.fetch_dirty().test(kPageTable / kPageSize);
}

std::vector<FeatureRow> rows() {
    std::vector<FeatureRow> all = {
        {"InstructionCount", Feature::kInstructionCount,
         [](Guest& guest) { return guest.counter != nullptr; }},
        {"TranslationCache", Feature::kTranslationCache,
         [](Guest& guest) { return guest.vcpu->capability<TranslationCache>() != nullptr; }},
        {"HostTimer", Feature::kHostTimer,
         [](Guest& guest) { return guest.vcpu->capability<HostTimer>() != nullptr; }},
        {"GeneralRegisters", Feature::kGeneralRegisters,
         [](Guest& guest) { return guest.vcpu->capability<GeneralRegisters>() != nullptr; }},
        {"Debugger", Feature::kDebugger,
         [](Guest& guest) { return guest.vcpu->capability<Debugger>() != nullptr; }},
        {"HandlerTime", Feature::kHandlerTime, reads_time_from_the_handler},
        {"HandlerRandom", Feature::kHandlerRandom, reads_chance_from_the_handler},
        {"LegacyPaging", Feature::kLegacyPaging, runs_with_legacy_paging},
        {"Breakpoints", Feature::kBreakpoints, traps_for_the_guest},
        {"PageWalkLog", Feature::kPageWalkLog, logs_page_walks},
    };
    EXPECT_EQ(all.size(), static_cast<std::size_t>(Feature::kCount));
    return all;
}

class Features : public TableTest<FeatureRow> {};
ON_EVERY_BACKEND_FOR(Features, rows());

TEST_P(Features, IsThereUnlessItIsSaidToLack) {
    Guest guest(backend());
    const std::optional<std::string> lack = backend().lack(row().feature);
    EXPECT_EQ(row().is_there(guest), !lack) << lack.value_or("not said to be lacking");
}

}  // namespace
}  // namespace hvlab::conformance
