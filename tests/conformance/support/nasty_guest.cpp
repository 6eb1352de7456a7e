// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/nasty_guest.h"

#include <fstream>
#include <iterator>

namespace hvlab::conformance {
namespace {

// The guest's table of handlers: eight addresses, the last that of SYSCALL.
constexpr GuestAddress kHandlers = kEntry + 0x10;

std::vector<char> read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    HVLAB_ASSERT(!bytes.empty());
    return bytes;
}

}  // namespace

NastyGuest::NastyGuest(const TestedBackend& backend) : TimedGuest(backend) {
    const std::vector<char> code = read_file(HVLAB_NASTY_GUEST);
    boot(std::as_bytes(std::span(code)));
    const auto address_of = [&](unsigned index) {
        return ram.get<std::uint64_t>(kHandlers + index * 8);
    };
    const std::pair<unsigned, unsigned> kGates[] = {{14, 0}, {kTimerVector, 1}, {6, 2}, {11, 3},
                                                    {13, 3}, {0x80, 4},         {1, 5}, {2, 6}};
    for (const auto& [vector, index] : kGates) {
        set_gate({.vector = vector, .handler = address_of(index)});
    }
    set_gate({.vector = 0x77, .present = false});
    change([&](CpuState& state) { state.msrs.lstar = address_of(7); });
    constexpr std::uint64_t kTick = 997;
    set_timer(kTick, kTick);
}

}  // namespace hvlab::conformance
