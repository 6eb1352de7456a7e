// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a firmware of others finds: fw_cfg and the PCI host bridge.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/random.h"
#include "core/devices/device_test_support.h"
#include "core/devices/fw_cfg.h"
#include "core/devices/pci_host.h"

namespace hvlab {
namespace {

std::vector<std::byte> bytes(std::string_view text) {
    const auto raw = std::as_bytes(std::span(text));
    return {raw.begin(), raw.end()};
}

class FwCfgTest : public testing::Test {
protected:
    std::string item(unsigned key, std::size_t size) {
        fw_cfg_.write(0, 2, key);
        std::string text;
        while (text.size() < size) text.push_back(static_cast<char>(fw_cfg_.read(1, 1)));
        return text;
    }

    FwCfg fw_cfg_{{{.name = "etc/one", .content = bytes("first")},
                   {.name = "etc/two", .content = bytes("2nd")}}};
};

TEST_F(FwCfgTest, SignsAsQemuWithoutDma) {
    EXPECT_EQ(item(0, 4), "QEMU");
    EXPECT_EQ(item(1, 4), std::string("\1\0\0\0", 4));
}

TEST_F(FwCfgTest, TheDirectoryNamesTheFiles) {
    const std::string directory = item(0x19, 4 + 2 * 64);
    EXPECT_EQ(directory.substr(0, 12), std::string("\0\0\0\2\0\0\0\5\0\x20\0\0", 12));
    EXPECT_STREQ(directory.substr(12, 56).c_str(), "etc/one");
    EXPECT_EQ(directory.substr(68, 8), std::string("\0\0\0\3\0\x21\0\0", 8));
    EXPECT_STREQ(directory.substr(76, 56).c_str(), "etc/two");
}

TEST_F(FwCfgTest, FilesEndInZeros) {
    EXPECT_EQ(item(0x20, 7), std::string("first\0\0", 7));
    EXPECT_EQ(item(0x21, 3), "2nd");
    EXPECT_EQ(item(0x22, 3), std::string(3, '\0'));
    EXPECT_EQ(item(0x20, 2), "fi");  // selecting begins anew
}

TEST_F(FwCfgTest, OnlyAWordSelects) {
    EXPECT_EQ(item(0x20, 2), "fi");
    fw_cfg_.write(0, 1, 0);
    fw_cfg_.write(1, 1, 0);
    EXPECT_EQ(fw_cfg_.read(1, 1), static_cast<std::uint64_t>('r'));
    EXPECT_EQ(fw_cfg_.read(0, 2), static_cast<std::uint64_t>('s') << 8 | 0xFF);
}

class PciHostTest : public testing::Test {
protected:
    std::uint64_t config(std::uint32_t address) {
        pci_.write(0, 4, address);
        return pci_.read(4, 4);
    }

    ResetPort reset_port_;
    PciHost pci_{reset_port_, true};
};

TEST_F(PciHostTest, DisksHaveAController) {
    EXPECT_EQ(config(0x80000800), 0x70108086u);
    EXPECT_EQ(config(0x80000808), 0x01010000u);  // IDE in compatibility mode
    pci_.write(0, 4, 0x80000820);
    pci_.write(4, 4, 0xFFFFFFFF);
    EXPECT_EQ(pci_.read(4, 4), 0u);  // no range of its own
    PciHost without(reset_port_, false);
    without.write(0, 4, 0x80000800);
    EXPECT_EQ(without.read(4, 4), 0xFFFFFFFFu);
}

TEST_F(PciHostTest, ThereIsOneBridge) {
    EXPECT_EQ(config(0x80000000), 0x12378086u);
    EXPECT_EQ(config(0x8000002C), 0x11001AF4u);
    EXPECT_EQ(pci_.read(6, 2), 0x1100u);
    EXPECT_EQ(config(0x80000100), 0xFFFFFFFFu);
    EXPECT_EQ(config(0x80001000), 0xFFFFFFFFu);
    EXPECT_EQ(config(0x80010000), 0xFFFFFFFFu);
    EXPECT_EQ(config(0x00000000), 0xFFFFFFFFu);  // not enabled
}

TEST_F(PciHostTest, OnlyShadowRegistersCanBeWritten) {
    pci_.write(0, 4, 0x80000058);
    pci_.write(4, 4, 0x33333333);
    EXPECT_EQ(pci_.read(4, 4), 0x33333300u);
    pci_.write(0, 4, 0x80000000);
    pci_.write(4, 4, 0);
    EXPECT_EQ(pci_.read(4, 4), 0x12378086u);
}

TEST_F(PciHostTest, ByteAccessesReachTheResetPort) {
    int resets = 0;
    reset_port_.on_reset([&](bool) { ++resets; });
    pci_.write(0, 4, 0xFFFFFFFF);
    EXPECT_EQ(pci_.read(0, 4), 0x80FFFFFCu);
    EXPECT_EQ(resets, 0);
    pci_.write(1, 1, 0x06);
    EXPECT_EQ(resets, 1);
    EXPECT_EQ(pci_.read(1, 1), 0x06u);
    EXPECT_EQ(pci_.read(2, 4) >> 16, 0xFFFFu);  // across both
}

TEST_F(PciHostTest, AStateHasAddressAndShadowRegisters) {
    pci_.write(0, 4, 0x80000058);
    pci_.write(5, 1, 0x31);
    ResetPort reset_port;
    PciHost other(reset_port, true);
    testing_support::load(other, testing_support::saved(pci_));
    EXPECT_EQ(other.read(0, 4), 0x80000058u);
    EXPECT_EQ(other.read(4, 4), 0x00003100u);
}

TEST_F(FwCfgTest, TruncatedStatesAreRefused) {
    testing_support::expect_truncations_refused(fw_cfg_);
}

TEST_F(PciHostTest, TruncatedStatesAreRefused) {
    testing_support::expect_truncations_refused(pci_);
}

class FwCfgRig : public testing_support::Rig {
public:
    Device& device() override { return fw_cfg_; }
    std::uint64_t offsets() const override { return 3; }
    std::uint64_t special(RandomStream& random) override {
        constexpr std::array<std::uint64_t, 4> kKeys = {0x00, 0x19, 0x20, 0x21};
        fw_cfg_.write(0, 2, kKeys[random.below(kKeys.size())]);
        return fw_cfg_.read(1, 1);
    }
    std::uint64_t visible() const override { return 0; }

private:
    FwCfg fw_cfg_{{{.name = "a", .content = bytes("something to read")}}};
};

TEST(FirmwarePortsProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<FwCfgRig>(); }, 5,
                                                500);
}

}  // namespace
}  // namespace hvlab
