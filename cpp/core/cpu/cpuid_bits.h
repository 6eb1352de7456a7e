// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPUID feature bits that the models speak of (Intel SDM vol. 2, CPUID, tables 3-10, 3-11; the
// extended leaves: AMD APM vol. 3 appendix E.4).
#pragma once

#include <cstdint>

namespace hvlab::cpuid {

constexpr std::uint32_t bit(unsigned index) {
    return std::uint32_t{1} << index;
}

// Leaf 1, EDX
inline constexpr std::uint32_t kFpu = bit(0);
inline constexpr std::uint32_t kVme = bit(1);
inline constexpr std::uint32_t kDe = bit(2);
inline constexpr std::uint32_t kPse = bit(3);
inline constexpr std::uint32_t kTsc = bit(4);
inline constexpr std::uint32_t kMsr = bit(5);
inline constexpr std::uint32_t kPae = bit(6);
inline constexpr std::uint32_t kMce = bit(7);
inline constexpr std::uint32_t kCx8 = bit(8);
inline constexpr std::uint32_t kApic = bit(9);
inline constexpr std::uint32_t kSep = bit(11);
inline constexpr std::uint32_t kMtrr = bit(12);
inline constexpr std::uint32_t kPge = bit(13);
inline constexpr std::uint32_t kMca = bit(14);
inline constexpr std::uint32_t kCmov = bit(15);
inline constexpr std::uint32_t kPat = bit(16);
inline constexpr std::uint32_t kPse36 = bit(17);
inline constexpr std::uint32_t kClflush = bit(19);
inline constexpr std::uint32_t kMmx = bit(23);
inline constexpr std::uint32_t kFxsr = bit(24);
inline constexpr std::uint32_t kSse = bit(25);
inline constexpr std::uint32_t kSse2 = bit(26);
inline constexpr std::uint32_t kHtt = bit(28);

// Leaf 1, ECX
inline constexpr std::uint32_t kSse3 = bit(0);
inline constexpr std::uint32_t kMonitor = bit(3);
inline constexpr std::uint32_t kVmx = bit(5);
inline constexpr std::uint32_t kSsse3 = bit(9);
inline constexpr std::uint32_t kCmpxchg16b = bit(13);
inline constexpr std::uint32_t kSse41 = bit(19);
inline constexpr std::uint32_t kSse42 = bit(20);
inline constexpr std::uint32_t kX2Apic = bit(21);
inline constexpr std::uint32_t kPopcnt = bit(23);
inline constexpr std::uint32_t kTscDeadline = bit(24);
inline constexpr std::uint32_t kXsave = bit(26);
inline constexpr std::uint32_t kOsxsave = bit(27);
inline constexpr std::uint32_t kAvx = bit(28);
inline constexpr std::uint32_t kRdrand = bit(30);
inline constexpr std::uint32_t kHypervisor = bit(31);

// Leaf 7.0, EBX
inline constexpr std::uint32_t kDeprecatesFpuSelectors = bit(13);  // FCS and FDS are zero
inline constexpr std::uint32_t kRdseed = bit(18);

// Leaf 80000001h
inline constexpr std::uint32_t kLahf64 = bit(0);  // ECX
inline constexpr std::uint32_t kSvm = bit(2);     // ECX
inline constexpr std::uint32_t kSyscall = bit(11);
inline constexpr std::uint32_t kNx = bit(20);
inline constexpr std::uint32_t kPage1Gb = bit(26);
inline constexpr std::uint32_t kRdtscp = bit(27);
inline constexpr std::uint32_t kLongMode = bit(29);

// Leaf 80000007h, EDX
inline constexpr std::uint32_t kInvariantTsc = bit(8);

}  // namespace hvlab::cpuid
