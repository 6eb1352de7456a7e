// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A host whose KVM answers as told.
class Host : public SystemCalls {
public:
    int open_error = 0;
    unsigned long lacks = 0;  // a KVM_CAP
    int version = 12;

    int open(const char*, int flags) override {
        if (open_error != 0) {
            errno = open_error;
            return -1;
        }
        return SystemCalls::open("/dev/null", flags);
    }
    int ioctl(int, unsigned long request, void* argument) override {
        if (request == KVM_GET_API_VERSION) return version;
        if (request == KVM_CHECK_EXTENSION) {
            return reinterpret_cast<unsigned long>(argument) == lacks ? 0 : 1;
        }
        if (request == KVM_GET_VCPU_MMAP_SIZE) return 4096;
        if (request == kGetSupportedCpuid) {
            static_cast<CpuidTable*>(argument)->count = 0;
            return 0;
        }
        errno = ENOTTY;
        return -1;
    }
};

Status status_of(Host& host) {
    KvmOptions options;
    options.calls = &host;
    return status(options);
}

TEST(KvmStatus, SaysWhatThereIs) {
    Host host;
    const Status found = status_of(host);
    EXPECT_TRUE(found.available);
    EXPECT_EQ(found.reason, "");
    EXPECT_THAT(found.flavour, testing::AnyOf("VT-x", "SVM", "software"));
    EXPECT_THAT(found.capabilities,
                testing::Contains(testing::Field(&NamedCapability::name, "KVM_CAP_SYNC_REGS")));
}

TEST(KvmStatus, AnOptionalCapabilityMayBeAbsent) {
    Host host;
    host.lacks = KVM_CAP_DIRTY_LOG_RING;
    const Status found = status_of(host);
    EXPECT_TRUE(found.available);
    for (const NamedCapability& each : found.capabilities) {
        EXPECT_EQ(each.value, each.name == "KVM_CAP_DIRTY_LOG_RING" ? 0 : 1) << each.name;
    }
}

TEST(KvmStatus, SaysWhyThereIsNone) {
    const auto reason = [](auto change) {
        Host host;
        change(host);
        const Status found = status_of(host);
        EXPECT_FALSE(found.available);
        EXPECT_EQ(found.flavour, "");
        EXPECT_FALSE(found.nested);
        EXPECT_THAT(found.capabilities, IsEmpty());
        return found.reason;
    };
    EXPECT_THAT(reason([](Host& host) { host.open_error = ENOENT; }),
                testing::StartsWith("open /dev/kvm: the host has no KVM"));
    EXPECT_THAT(reason([](Host& host) { host.open_error = EACCES; }),
                HasSubstr("join the group that owns it"));
    EXPECT_THAT(reason([](Host& host) { host.version = 11; }), HasSubstr("version 11"));
    EXPECT_THAT(reason([](Host& host) { host.lacks = KVM_CAP_SYNC_REGS; }),
                HasSubstr("KVM_CAP_SYNC_REGS"));
}

// Whatever Device::open asks for is in the table, and marked there.
TEST(KvmStatus, WhatIsMarkedAsRequiredIs) {
    Host complete;
    const Status all = status_of(complete);
    const auto number = [](const std::string& name) -> unsigned long {
        const std::pair<const char*, unsigned long> numbers[] = {
            {"KVM_CAP_USER_MEMORY", KVM_CAP_USER_MEMORY},
            {"KVM_CAP_READONLY_MEM", KVM_CAP_READONLY_MEM},
            {"KVM_CAP_IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT},
            {"KVM_CAP_SYNC_REGS", KVM_CAP_SYNC_REGS},
            {"KVM_CAP_VCPU_EVENTS", KVM_CAP_VCPU_EVENTS},
            {"KVM_CAP_DEBUGREGS", KVM_CAP_DEBUGREGS},
            {"KVM_CAP_XSAVE", KVM_CAP_XSAVE},
            {"KVM_CAP_X86_USER_SPACE_MSR", KVM_CAP_X86_USER_SPACE_MSR},
            {"KVM_CAP_X86_MSR_FILTER", KVM_CAP_X86_MSR_FILTER},
        };
        for (const auto& [known, value] : numbers) {
            if (name == known) return value;
        }
        return 0;
    };
    for (const NamedCapability& each : all.capabilities) {
        if (!each.required) continue;
        ASSERT_NE(number(each.name), 0u) << each.name;
        Host host;
        host.lacks = number(each.name);
        EXPECT_FALSE(status_of(host).available) << each.name;
    }
}

}  // namespace
}  // namespace hvlab::kvm
