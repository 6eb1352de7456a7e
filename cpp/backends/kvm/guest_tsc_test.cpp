// SPDX-License-Identifier: GPL-2.0-or-later
//
// On a kernel that is made up: no host of ours lets a guest's counter be set.
#include "backends/kvm/guest_tsc.h"

#include <gtest/gtest.h>

#include "backends/kvm/kvm_api.h"

namespace hvlab::kvm {
namespace {

using namespace std::chrono_literals;

// A host whose counter stands at `host`; the guest's is that plus the attribute.
class FakeTsc : public SystemCalls {
public:
    int ioctl(int, unsigned long request, void* argument) override {
        ++calls;
        if (request == kGetMsrs) {
            static_cast<MsrTable*>(argument)->entries[0].data = host + attribute;
            return 1;
        }
        const auto& access = *static_cast<kvm_device_attr*>(argument);
        EXPECT_EQ(access.group, std::uint32_t{KVM_VCPU_TSC_CTRL});
        EXPECT_EQ(access.attr, std::uint64_t{KVM_VCPU_TSC_OFFSET});
        auto& value = *reinterpret_cast<std::uint64_t*>(access.addr);
        if (request == KVM_SET_DEVICE_ATTR) {
            attribute = value;
        } else {
            value = attribute;
        }
        return 0;
    }
    std::uint64_t guest() const { return host + attribute; }

    std::uint64_t host = 1'000'000;
    std::uint64_t attribute = 0;
    int calls = 0;
};

class GuestTscTest : public ::testing::Test {
protected:
    FakeTsc kernel_;
    const Handle vcpu_{kernel_, UniqueFd()};
    const GuestTsc::Clock::time_point start_ = GuestTsc::Clock::now();
    GuestTsc tsc_;
};

TEST_F(GuestTscTest, ReadsGuestTimePlusTheOffset) {
    tsc_.set_offset(7000);
    tsc_.align(vcpu_, 500, start_);
    EXPECT_EQ(kernel_.guest(), 7500u);
}

TEST_F(GuestTscTest, WhatRanOnWithTheHostStaysAsItIs) {
    tsc_.align(vcpu_, 500, start_);
    const int calls = kernel_.calls;
    tsc_.align(vcpu_, 500 + 1'000'000, start_ + 1ms + 1us);
    EXPECT_EQ(kernel_.calls, calls);
}

TEST_F(GuestTscTest, APauseIsTakenOut) {
    tsc_.align(vcpu_, 500, start_);
    kernel_.host += 1'000'000'000;
    tsc_.align(vcpu_, 600, start_ + 1s);
    EXPECT_EQ(kernel_.guest(), 600u);
}

TEST_F(GuestTscTest, ANewOffsetCountsAtOnceAndWraps) {
    tsc_.align(vcpu_, 500, start_);
    tsc_.set_offset(0 - std::uint64_t{600});
    tsc_.align(vcpu_, 500, start_);
    EXPECT_EQ(kernel_.guest(), 0 - std::uint64_t{100});
    const int calls = kernel_.calls;
    tsc_.set_offset(tsc_.offset());
    tsc_.align(vcpu_, 500, start_);
    EXPECT_EQ(kernel_.calls, calls) << "the same again is none";
}

}  // namespace
}  // namespace hvlab::kvm
