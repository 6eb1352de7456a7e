// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/state_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "core/base/status.h"

namespace hvlab {
namespace {

[[noreturn]] void refuse(std::string_view backend, const std::string& what) {
    throw BackendError(std::string(backend), "set the CPU state", 0, "cannot represent " + what);
}

}  // namespace

bool pushes_error_code(std::uint8_t vector) {
    constexpr std::uint8_t kVectors[] = {8, 10, 11, 12, 13, 14, 17};
    return std::ranges::find(kVectors, vector) != std::end(kVectors);
}

void check_bits(std::string_view backend, std::string_view name, std::uint64_t value,
                std::uint64_t representable) {
    if ((value & ~representable) != 0) {
        refuse(backend, fmt::format("{}={:#x}: bits {:#x}", name, value, value & ~representable));
    }
}

void check_representable(const CpuState& state, std::string_view backend,
                         const RepresentableBits& bits) {
    check_bits(backend, "cr4", state.cr4, bits.cr4);
    check_bits(backend, "cr8", state.cr8, 0xF);
    check_bits(backend, "efer", state.msrs.efer, bits.efer);
    check_bits(backend, "sysenter_cs", state.msrs.sysenter_cs, 0xFFFFFFFF);
    check_bits(backend, "tsc_aux", state.msrs.tsc_aux, 0xFFFFFFFF);
    if (state.shadow_sti && state.shadow_mov_ss) {
        refuse(backend, "an interrupt shadow of STI and of MOV SS at once");
    }
    const PendingException& exception = state.exception;
    if (exception.pending && (exception.vector >= 32 ||
                              exception.has_error_code != pushes_error_code(exception.vector) ||
                              (!exception.has_error_code && exception.error_code != 0))) {
        refuse(backend, fmt::format("a pending exception {} {} an error code", exception.vector,
                                    exception.has_error_code ? "with" : "without"));
    }
}

}  // namespace hvlab
