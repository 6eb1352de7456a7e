// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/msrs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace hvlab::kvm {
namespace {

// An MSR and where Msrs has it (Intel SDM vol. 4 table 2-2).
struct Field {
    std::uint32_t index;
    std::uint64_t Msrs::*scalar;
};
constexpr std::array kScalars = {
    Field{0x174, &Msrs::sysenter_cs},
    Field{0x175, &Msrs::sysenter_esp},
    Field{0x176, &Msrs::sysenter_eip},
    Field{0x1A0, &Msrs::misc_enable},
    Field{0x277, &Msrs::pat},
    Field{0x2FF, &Msrs::mtrr_def_type},
    Field{0xC0000081, &Msrs::star},
    Field{0xC0000082, &Msrs::lstar},
    Field{0xC0000083, &Msrs::cstar},
    Field{0xC0000084, &Msrs::fmask},
    Field{0xC0000102, &Msrs::kernel_gs_base},
    Field{0xC0000103, &Msrs::tsc_aux},
};
constexpr std::array<std::uint32_t, 11> kFixedMtrrs = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26A,
                                                       0x26B, 0x26C, 0x26D, 0x26E, 0x26F};
constexpr std::uint32_t kVariableMtrrs = 0x200;  // base and mask in turn

constexpr std::uint32_t kSysenterEsp = 0x175;
constexpr std::uint32_t kSysenterEip = 0x176;
constexpr std::uint32_t kPat = 0x277;
constexpr std::uint32_t kTscAux = 0xC0000103;
// Writes of these come out: the kernel cuts the first two to canonical addresses, as AMD's
// processors do, and the software flavour takes any memory type. It also refuses the guest its
// TSC_AUX, though not us, so that comes out altogether.
constexpr std::uint32_t kChecked[] = {kSysenterEsp, kSysenterEip, kPat, kTscAux};

constexpr std::uint32_t kEfer = 0xC0000080;
constexpr std::uint32_t kFsBase = 0xC0000100;
constexpr std::uint32_t kGsBase = 0xC0000101;

// Calls visit(index, value) for each, `msrs` constant or not.
template <typename M, typename Visit>
void for_each(M& msrs, Visit&& visit) {
    for (const Field& field : kScalars) visit(field.index, msrs.*field.scalar);
    for (std::size_t i = 0; i < kFixedMtrrs.size(); ++i) visit(kFixedMtrrs[i], msrs.mtrr_fixed[i]);
    for (std::uint32_t i = 0; i < msrs.mtrr_phys_base.size(); ++i) {
        visit(kVariableMtrrs + 2 * i, msrs.mtrr_phys_base[i]);
        visit(kVariableMtrrs + 2 * i + 1, msrs.mtrr_phys_mask[i]);
    }
}

bool is_canonical(std::uint64_t address) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(address << 16) >> 16) == address;
}

// Intel SDM vol. 3 table 12-10: 2, 3 and 8 to 255 are reserved.
bool are_memory_types(std::uint64_t value) {
    for (; value != 0; value >>= 8) {
        const std::uint64_t type = value & 0xFF;
        if (type > 7 || type == 2 || type == 3) return false;
    }
    return true;
}

bool is_valid(std::uint32_t index, std::uint64_t value) {
    switch (index) {
        case kSysenterEsp:
        case kSysenterEip:
            return is_canonical(value);
        case kPat:
            return are_memory_types(value);
        case kTscAux:
            return value >> 32 == 0;
        default:
            return true;
    }
}

}  // namespace

void filter_msrs(const Handle& vm) {
    // INVAL as well: an MSR that the kernel knows, but does not have on this host, is one.
    vm.enable(KVM_CAP_X86_USER_SPACE_MSR,
              KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_FILTER,
              "let MSR accesses out (KVM_CAP_X86_USER_SPACE_MSR)");

    // A bit an MSR, set for what the kernel answers; what no range covers comes out.
    constexpr std::uint32_t kHigh = 0xC0000080;
    std::array<std::uint8_t, 0x300 / 8> low{};
    std::array<std::uint8_t, 0x88 / 8> high{};
    const auto allow = [&](std::uint32_t index) {
        if (index >= kHigh) {
            high[(index - kHigh) / 8] |= static_cast<std::uint8_t>(1 << (index - kHigh) % 8);
        } else {
            low[index / 8] |= static_cast<std::uint8_t>(1 << index % 8);
        }
    };
    for (const std::uint32_t index : {kMsrTsc, kEfer, kFsBase, kGsBase}) allow(index);
    for_each(static_cast<const Msrs&>(Msrs{}), [&](std::uint32_t index, std::uint64_t) {
        if (index != kTscAux) allow(index);
    });

    auto low_writes = low;
    for (const std::uint32_t index : {kMsrTsc, kSysenterEsp, kSysenterEip, kPat}) {
        low_writes[index / 8] &= static_cast<std::uint8_t>(~(1 << index % 8));
    }

    kvm_msr_filter filter{};
    filter.flags = KVM_MSR_FILTER_DEFAULT_DENY;
    filter.ranges[0] = {
        .flags = KVM_MSR_FILTER_READ, .nmsrs = low.size() * 8, .base = 0, .bitmap = low.data()};
    filter.ranges[1] = {.flags = KVM_MSR_FILTER_WRITE,
                        .nmsrs = low_writes.size() * 8,
                        .base = 0,
                        .bitmap = low_writes.data()};
    filter.ranges[2] = {.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
                        .nmsrs = high.size() * 8,
                        .base = kHigh,
                        .bitmap = high.data()};
    vm.call(KVM_X86_SET_MSR_FILTER, &filter, "filter MSRs (KVM_X86_SET_MSR_FILTER)");
}

// KVM_GET_MSRS ends at the first that it does not.
std::vector<std::uint32_t> present_msrs(const Handle& vcpu) {
    std::vector<std::uint32_t> wanted;
    for_each(static_cast<const Msrs&>(Msrs{}),
             [&](std::uint32_t index, std::uint64_t) { wanted.push_back(index); });
    std::vector<std::uint32_t> present;
    for (auto next = wanted.begin(); next != wanted.end();) {
        MsrTable table;
        for (auto it = next; it != wanted.end(); ++it) table.entries[table.count++].index = *it;
        const int read = vcpu.call(kGetMsrs, &table, "ask for MSRs (KVM_GET_MSRS)");
        present.insert(present.end(), next, next + read);
        next += read;
        if (next != wanted.end()) ++next;  // this one it lacks
    }
    std::ranges::sort(present);
    return present;
}

MsrAccess::MsrAccess(const Handle& vcpu) {
    static const std::vector<std::uint32_t> present = present_msrs(vcpu);
    present_ = &present;
}

void MsrAccess::set(const Handle& vcpu, const Msrs& held, const Msrs& msrs) {
    write_those(vcpu, &held, msrs);
}

// Those that differ from `held`; all for null.
void MsrAccess::write_those(const Handle& vcpu, const Msrs* held, const Msrs& msrs) {
    std::array<std::uint64_t, MsrTable::kCapacity> before{};
    std::size_t position = 0;
    if (held != nullptr) {
        for_each(*held, [&](std::uint32_t, std::uint64_t value) { before.at(position++) = value; });
    }
    MsrTable table;
    position = 0;
    for_each(msrs, [&](std::uint32_t index, std::uint64_t value) {
        const bool same = held != nullptr && before.at(position) == value;
        ++position;
        if (same || !std::ranges::binary_search(*present_, index)) return;
        table.entries[table.count++] = {.index = index, .reserved = 0, .data = value};
    });
    software_ = msrs;
    if (table.count == 0) return;
    const auto written =
        static_cast<std::uint32_t>(vcpu.call(kSetMsrs, &table, "set MSRs (KVM_SET_MSRS)"));
    if (written != table.count) {
        const kvm_msr_entry& refused = table.entries[written];
        fail("set the CPU state", 0,
             fmt::format("the kernel refuses MSR {:#x}={:#x}", refused.index,
                         std::uint64_t{refused.data}));
    }
}

Msrs MsrAccess::get(const Handle& vcpu) const {
    MsrTable table;
    for (const std::uint32_t index : *present_) table.entries[table.count++].index = index;
    const auto read =
        static_cast<std::uint32_t>(vcpu.call(kGetMsrs, &table, "read MSRs (KVM_GET_MSRS)"));
    if (read != table.count) {
        fail("read MSRs (KVM_GET_MSRS)", 0,
             fmt::format("the kernel refuses MSR {:#x}, which it had",
                         std::uint32_t{table.entries[read].index}));
    }
    Msrs msrs = software_;
    for_each(msrs, [&](std::uint32_t index, std::uint64_t& value) {
        const auto found = std::ranges::lower_bound(*present_, index);
        if (found == present_->end() || *found != index) return;
        value = table.entries[static_cast<std::size_t>(found - present_->begin())].data;
    });
    return msrs;
}

bool MsrAccess::kernel_has(std::uint32_t index) const {
    return std::ranges::binary_search(*present_, index);
}

std::optional<MsrAccess::Answer> MsrAccess::read(const Handle& vcpu, std::uint32_t index) const {
    std::optional<Answer> answer;
    for_each(software_, [&](std::uint32_t each, std::uint64_t value) {
        // What the kernel has and yet gives out, it refuses.
        if (each == index) answer = {.done = !kernel_has(index), .value = value};
    });
    if (index == kTscAux && kernel_has(index)) {
        MsrTable table;
        table.entries[table.count++].index = index;
        answer->done = vcpu.try_call(kGetMsrs, &table) == 1;
        answer->value = table.entries[0].data;
    }
    return answer;
}

std::optional<MsrAccess::Answer> MsrAccess::write(const Handle& vcpu, std::uint32_t index,
                                                  std::uint64_t value) {
    std::optional<Answer> answer;
    for_each(software_, [&](std::uint32_t each, std::uint64_t& kept) {
        if (each != index) return;
        answer = Answer{};
        if (!is_valid(index, value)) return;
        if (!kernel_has(index)) {
            kept = value;
            answer->done = true;
        } else if (std::ranges::find(kChecked, index) != std::end(kChecked)) {
            MsrTable table;
            table.entries[table.count++] = {.index = index, .reserved = 0, .data = value};
            answer->done = vcpu.try_call(kSetMsrs, &table) == 1;
        }
    });
    return answer;
}

}  // namespace hvlab::kvm
