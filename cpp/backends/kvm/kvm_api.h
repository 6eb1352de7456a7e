// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's interface to KVM (Documentation/virt/kvm/api.rst), as C++ can use it.
//
// <linux/kvm.h> ends some structs with a flexible array, which in C++ is a struct of size 1 there:
// sizeof is wrong, and with it the numbers of the ioctls made of it. Those are made here, of
// structs of our own that hold the array.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace hvlab::kvm {

// An ioctl's number from its parts, for the structs whose size the header gets wrong.
constexpr unsigned long request(unsigned direction, unsigned number, std::size_t size) {
    return _IOC(direction, KVMIO, number, size);
}

// Entries of KVM_GET_SUPPORTED_CPUID and KVM_SET_CPUID2; the kernel takes up to 256.
struct CpuidTable {
    static constexpr std::uint32_t kCapacity = 256;

    std::uint32_t count = 0;
    std::uint32_t padding = 0;
    std::array<kvm_cpuid_entry2, kCapacity> entries{};
};
constexpr std::size_t kCpuidHeader = offsetof(CpuidTable, entries);
inline constexpr unsigned long kGetSupportedCpuid =
    request(_IOC_READ | _IOC_WRITE, 0x05, kCpuidHeader);
inline constexpr unsigned long kSetCpuid2 = request(_IOC_WRITE, 0x90, kCpuidHeader);

struct MsrTable {
    static constexpr std::uint32_t kCapacity = 64;

    std::uint32_t count = 0;
    std::uint32_t padding = 0;
    std::array<kvm_msr_entry, kCapacity> entries{};
};
constexpr std::size_t kMsrHeader = offsetof(MsrTable, entries);
inline constexpr unsigned long kGetMsrs = request(_IOC_READ | _IOC_WRITE, 0x88, kMsrHeader);
inline constexpr unsigned long kSetMsrs = request(_IOC_WRITE, 0x89, kMsrHeader);

// KVM_GET_XSAVE and KVM_SET_XSAVE.
struct XsaveArea {
    std::array<std::byte, 4096> bytes{};
};
inline constexpr unsigned long kGetXsave = request(_IOC_READ, 0xA4, sizeof(XsaveArea));
inline constexpr unsigned long kSetXsave = request(_IOC_WRITE, 0xA5, sizeof(XsaveArea));

}  // namespace hvlab::kvm
