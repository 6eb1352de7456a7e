// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/flavour.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace hvlab::kvm {
namespace {

class Flavours : public testing::Test {
protected:
    Flavours() {
        std::string name = testing::TempDir() + "sysXXXXXX";
        sys_ = ::mkdtemp(name.data());
    }
    ~Flavours() override { std::filesystem::remove_all(sys_); }

    Flavour with(std::initializer_list<const char*> modules) {
        std::filesystem::remove_all(sys_ / "module");
        for (const char* module : modules) {
            std::filesystem::create_directories(sys_ / "module" / module);
        }
        return host_kvm(sys_).flavour;
    }

private:
    std::filesystem::path sys_;
};

TEST_F(Flavours, ByTheModules) {
    EXPECT_EQ(with({"kvm", "kvm_intel"}), Flavour::kVmx);
    EXPECT_EQ(with({"kvm", "kvm_amd"}), Flavour::kSvm);
    EXPECT_EQ(with({"kvm", "kvm_pvm"}), Flavour::kSoftware);
    EXPECT_EQ(with({"kvm_pvm", "kvm_intel"}), Flavour::kSoftware);
}

TEST_F(Flavours, WhatIsNotKnownIsSoftware) {
    EXPECT_EQ(with({}), Flavour::kSoftware);
    EXPECT_EQ(with({"kvm"}), Flavour::kSoftware);
    EXPECT_EQ(host_kvm("/no/such/folder").flavour, Flavour::kSoftware);
}

TEST_F(Flavours, AreNamed) {
    EXPECT_EQ(to_string(Flavour::kVmx), "VT-x");
    EXPECT_EQ(to_string(Flavour::kSvm), "SVM");
    EXPECT_EQ(to_string(Flavour::kSoftware), "software");
}

}  // namespace
}  // namespace hvlab::kvm
