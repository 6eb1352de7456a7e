// SPDX-License-Identifier: GPL-2.0-or-later
//
// CPUID: in each mode and for each leaf what the model says (Intel SDM vol. 2, CPUID).
#include <fmt/format.h>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

const CpuModel& model() {
    return CpuModel::named("x86-64-v2");
}

struct LeafRow {
    std::string name;
    std::uint32_t leaf;
    std::uint32_t subleaf;
};
void PrintTo(const LeafRow& row, std::ostream* out) {
    *out << row.name;
}

std::vector<LeafRow> leaves() {
    std::vector<LeafRow> rows;
    for (const CpuidEntry& entry : model().entries()) {
        rows.push_back(
            {fmt::format("Leaf{:X}_{}", entry.leaf, entry.subleaf), entry.leaf, entry.subleaf});
    }
    rows.push_back({"UnknownSubleaf", 7, 1});
    rows.push_back({"NoMoreCaches", 4, 3});
    rows.push_back({"LeafThatIsNone", 3, 0});
    rows.push_back({"BeyondTheBasic", 0x20, 0});
    rows.push_back({"BeyondTheHypervisors", 0x40000001, 0});
    rows.push_back({"BeyondTheExtended", 0x80000009, 0});
    rows.push_back({"TheLastOne", 0xFFFFFFFF, 0xFFFFFFFF});
    return rows;
}

class Cpuid : public TableTest<LeafRow> {};
ON_EVERY_BACKEND_FOR(Cpuid, leaves());

// What the guest in that mode reads; the upper halves of the registers are expected to be cleared.
CpuidResult cpuid_in(const TestedBackend& backend, Mode mode, const LeafRow& row) {
    Guest guest(backend);
    guest.boot(CODE64("cpuid; out 0xF4, al"), mode);
    guest.change([&](CpuState& state) {
        state.rflags |= 0x3000;
        for (const Gpr reg : {kRax, kRbx, kRcx, kRdx}) state.gpr[reg] = ~0ull << 32;
        state.gpr[kRax] |= row.leaf;
        state.gpr[kRcx] |= row.subleaf;
    });
    guest.finish();
    if (code_bits(mode) == 64) {
        EXPECT_EQ(guest.gpr(kRax) >> 32, 0u) << "the upper halves are cleared";
        EXPECT_EQ(guest.gpr(kRcx) >> 32, 0u);
    }
    return {
        static_cast<std::uint32_t>(guest.gpr(kRax)), static_cast<std::uint32_t>(guest.gpr(kRbx)),
        static_cast<std::uint32_t>(guest.gpr(kRcx)), static_cast<std::uint32_t>(guest.gpr(kRdx))};
}

TEST_P(Cpuid, IsTheModels) {
    for (const Mode mode : {Mode::kLong, Mode::kProtected32}) {
        EXPECT_EQ(cpuid_in(backend(), mode, row()), model().cpuid(row().leaf, row().subleaf))
            << to_string(mode);
    }
}

// One check, for where that is so at all it is so of every leaf.
class CpuidInUserMode : public BackendTest {};
ON_EVERY_BACKEND(CpuidInUserMode);

TEST_P(CpuidInUserMode, IsTheModels) {
    for (const LeafRow& row : leaves()) {
        if (row.leaf == 0x15 || row.leaf == 0x16) continue;  // their rates may be the host's
        const std::uint32_t first = row.leaf & 0xC0000000;
        if (row.leaf > model().cpuid(first, 0).eax) continue;
        EXPECT_EQ(cpuid_in(backend(), Mode::kUser64, row), model().cpuid(row.leaf, row.subleaf))
            << row.name;
    }
}

}  // namespace
}  // namespace hvlab::conformance
