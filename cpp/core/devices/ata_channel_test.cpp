// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ata_channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kError = 1, kCount = 2, kLow = 3, kMiddle = 4, kHigh = 5, kDevice = 6,
                        kStatus = 7, kControl = AtaChannel::kControlOffset;
constexpr std::uint8_t kReady = 0x50, kDataRequest = 0x08, kFailed = 0x01, kLba = 0x40;

// A disk whose sectors begin with their own number.
std::shared_ptr<const DiskImage> numbered(std::uint32_t sectors) {
    std::vector<std::byte> bytes(sectors * kSectorSize);
    for (std::uint32_t i = 0; i < sectors; ++i) {
        for (unsigned b = 0; b < 4; ++b) {
            bytes[i * kSectorSize + b] = static_cast<std::byte>(i >> (8 * b));
        }
    }
    return std::make_shared<DiskImage>(std::move(bytes));
}

AtaChannel::Drives disk_and_floppy() {
    return {
        {{.image = numbered(4000), .cylinders = 3, .heads = 16, .sectors = 63},
         {.image = numbered(2880), .cylinders = 80, .heads = 2, .sectors = 18, .removable = true}}};
}

class AtaTest : public testing::Test {
protected:
    void out(std::uint64_t offset, std::uint64_t value) { ata_.write(offset, 1, value); }
    std::uint64_t in(std::uint64_t offset) { return ata_.read(offset, 1); }

    void command(std::uint8_t code, std::uint32_t sector, std::uint8_t count,
                 std::uint8_t device = kLba) {
        out(kDevice, device | (sector >> 24 & 0x0F));
        out(kCount, count);
        out(kLow, sector);
        out(kMiddle, sector >> 8);
        out(kHigh, sector >> 16);
        out(kStatus, code);
    }

    // The number in the sector that waits in the buffer; all of it is taken.
    std::uint32_t take() {
        EXPECT_EQ(in(kControl), kReady | kDataRequest);
        const auto number = static_cast<std::uint32_t>(ata_.read(0, 4));
        for (std::size_t i = 4; i < kSectorSize; i += 2) ata_.read(0, 2);
        return number;
    }

    void expect_failed(std::uint8_t error) {
        EXPECT_EQ(in(kStatus), kReady | kFailed);
        EXPECT_EQ(in(kError), error);
        EXPECT_EQ(ata_.read(0, 2), 0xFFFFu);
    }

    InterruptLine irq_;
    AtaChannel ata_{disk_and_floppy(), irq_};
};

TEST_F(AtaTest, PowerOnLeavesTheSignatureOfADisk) {
    EXPECT_EQ(in(kStatus), kReady);
    EXPECT_EQ(in(kError), 1u);
    EXPECT_EQ(in(kCount), 1u);
    EXPECT_EQ(in(kLow), 1u);
    EXPECT_EQ(in(kMiddle), 0u);
    EXPECT_EQ(in(kHigh), 0u);
    EXPECT_EQ(in(kDevice), 0xA0u);
}

TEST_F(AtaTest, ReadsSectorsOneAfterTheOther) {
    command(0x20, 1234, 3);
    for (std::uint32_t n = 1234; n < 1237; ++n) EXPECT_EQ(take(), n);
    EXPECT_EQ(in(kStatus), kReady);
    EXPECT_EQ(in(kCount), 0u);
    EXPECT_EQ(in(kLow) | in(kMiddle) << 8, 1236u);  // the last one read
    EXPECT_EQ(ata_.read(0, 2), 0xFFFFu);
}

TEST_F(AtaTest, ACountOfZeroIs256) {
    command(0x20, 0, 0);
    for (std::uint32_t n = 0; n < 256; ++n) ASSERT_EQ(take(), n);
    EXPECT_EQ(in(kStatus), kReady);
}

TEST_F(AtaTest, ReadsByCylinderHeadAndSector) {
    // Cylinder 1, head 2, sector 3: (1 * 16 + 2) * 63 + 2.
    command(0x20, 1u << 8 | 3, 1, 2);
    EXPECT_EQ(take(), (1u * 16 + 2) * 63 + 2);
    command(0x20, 1u << 8 | 0, 1, 2);  // there is no sector 0
    expect_failed(0x10);
    command(0x20, 1u << 8 | 64, 1, 2);
    expect_failed(0x10);
}

TEST_F(AtaTest, CylindersHeadsAndSectorsAreTranslatedAsTold) {
    out(kDevice, 3);  // four heads
    out(kCount, 10);
    out(kStatus, 0x91);
    EXPECT_EQ(in(kStatus), kReady);
    command(0x20, 5u << 8 | 10, 2, 3);
    EXPECT_EQ(take(), (5u * 4 + 3) * 10 + 9);
    EXPECT_EQ(take(), 6u * 4 * 10);
    EXPECT_EQ(in(kLow), 1u);
    EXPECT_EQ(in(kMiddle), 6u);
    EXPECT_EQ(in(kDevice)&0x0F, 0u);
    command(0x20, 11, 1, 0);
    expect_failed(0x10);
}

TEST_F(AtaTest, ReadsBy48BitAddress) {
    out(kDevice, kLba);
    for (const std::uint64_t value : {0, 2}) out(kCount, value);
    for (const std::uint64_t value : {0, 0x9F}) out(kLow, value);
    for (const std::uint64_t value : {0, 0x0F}) out(kMiddle, value);
    for (const std::uint64_t value : {0, 0}) out(kHigh, value);
    out(kStatus, 0x24);
    EXPECT_EQ(take(), 0xF9Fu);
    expect_failed(0x10);  // the disk ends at 4000
    out(kControl, 0x80);  // the registers' high order bytes
    EXPECT_EQ(in(kMiddle), 0u);
    out(kLow, 0);  // a write ends that
    EXPECT_EQ(in(kMiddle), 0x0Fu);
    // Bit 40 and above count, too.
    for (const std::uint64_t value : {1, 0}) out(kHigh, value);
    out(kStatus, 0x24);
    expect_failed(0x10);
}

TEST_F(AtaTest, TheEndOfTheDiskEndsARead) {
    command(0x20, 3999, 2);
    EXPECT_EQ(take(), 3999u);
    expect_failed(0x10);
    command(0x20, 4000, 1);
    expect_failed(0x10);
    command(0x20, 0x0FFFFFFF, 1);
    expect_failed(0x10);
}

TEST_F(AtaTest, VerifyLooksAtTheRange) {
    command(0x40, 3990, 10);
    EXPECT_EQ(in(kStatus), kReady);
    command(0x40, 3990, 11);
    expect_failed(0x10);
}

TEST_F(AtaTest, WhatWritesIsRefusedAsWriteProtected) {
    for (const int code : {0x30, 0x31, 0x34, 0x35, 0x39, 0xC5, 0xCA, 0xCB}) {
        command(static_cast<std::uint8_t>(code), 0, 1);
        expect_failed(0x44);
        ata_.write(0, 2, 0x1234);
    }
    command(0x20, 0, 1);
    EXPECT_EQ(take(), 0u);
}

TEST_F(AtaTest, UnknownCommandsAreAborted) {
    for (const int code : {0x00, 0x08, 0xA0, 0xA1, 0xC4, 0xC6, 0xC8, 0xF1, 0xFF}) {
        command(static_cast<std::uint8_t>(code), 0, 1);
        expect_failed(0x04);
    }
}

TEST_F(AtaTest, IdentifySaysSizeAndGeometry) {
    command(0xEC, 0, 0);
    std::vector<std::uint16_t> words;
    words.reserve(256);
    for (int i = 0; i < 256; ++i) words.push_back(static_cast<std::uint16_t>(ata_.read(0, 2)));
    EXPECT_EQ(in(kStatus), kReady);
    EXPECT_EQ(words[0], 0x0040);
    EXPECT_EQ(words[1], 3);
    EXPECT_EQ(words[3], 16);
    EXPECT_EQ(words[6], 63);
    EXPECT_EQ(words[60] | words[61] << 16, 4000);
    EXPECT_EQ(words[100], 4000);
    std::string model;
    for (int i = 27; i < 47; ++i) {
        model.push_back(static_cast<char>(words[static_cast<unsigned>(i)] >> 8));
        model.push_back(static_cast<char>(words[static_cast<unsigned>(i)]));
    }
    EXPECT_EQ(model.substr(0, 11), "hvlab disk ");
}

TEST_F(AtaTest, TheSecondDriveIsTheFloppy) {
    command(0xEC, 0, 0, 0x10);
    EXPECT_EQ(ata_.read(0, 2), 0x0080u);
    command(0x20, 2879, 1, kLba | 0x10);
    EXPECT_EQ(take(), 2879u);
    command(0x20, 2880, 1, kLba | 0x10);
    expect_failed(0x10);
}

TEST_F(AtaTest, ADriveThatIsNotThereSaysNothing) {
    InterruptLine irq;
    AtaChannel ata({{{.image = numbered(4), .cylinders = 2, .heads = 1, .sectors = 2}, {}}}, irq);
    ata.write(kDevice, 1, 0x10);
    EXPECT_EQ(ata.read(kStatus, 1), 0u);
    ata.write(kStatus, 1, 0xEC);
    EXPECT_EQ(ata.read(kStatus, 1), 0u);
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(ata.read(0, 2), 0xFFFFu);
}

TEST_F(AtaTest, EachSectorInterrupts) {
    command(0x20, 0, 2);
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kControl), kReady | kDataRequest);
    EXPECT_TRUE(irq_.level());  // the alternate status leaves it
    in(kStatus);
    EXPECT_FALSE(irq_.level());
    take();
    EXPECT_TRUE(irq_.level());
    out(kControl, 0x02);  // nIEN
    EXPECT_FALSE(irq_.level());
    out(kControl, 0x00);
    EXPECT_TRUE(irq_.level());
    out(kStatus, 0x00);  // a command takes it back, and fails
    in(kStatus);
    EXPECT_FALSE(irq_.level());
}

TEST_F(AtaTest, ASoftwareResetEndsWhatIsGoingOn) {
    command(0x20, 7, 9);
    out(kControl, 0x04);
    EXPECT_EQ(in(kControl), 0x80u);
    command(0x20, 7, 9);  // busy: not heard
    out(kControl, 0x00);
    EXPECT_EQ(in(kStatus), kReady);
    EXPECT_EQ(in(kLow), 1u);
    EXPECT_EQ(ata_.read(0, 2), 0xFFFFu);
    EXPECT_FALSE(irq_.level());
}

TEST_F(AtaTest, AReadGoesOnInAnotherMachine) {
    command(0x20, 100, 3);
    EXPECT_EQ(take(), 100u);
    ata_.read(0, 4);
    InterruptLine irq;
    AtaChannel other(disk_and_floppy(), irq);
    testing_support::load(other, testing_support::saved(ata_));
    EXPECT_TRUE(irq.level());
    for (std::size_t i = 4; i < kSectorSize; i += 4) other.read(0, 4);
    EXPECT_EQ(other.read(0, 4), 102u);
    for (std::size_t i = 4; i < kSectorSize; i += 4) other.read(0, 4);
    EXPECT_EQ(other.read(kStatus, 1), kReady);
}

TEST_F(AtaTest, AStateOfOtherDisksIsRefused) {
    const std::vector<std::byte> state = testing_support::saved(ata_);
    InterruptLine irq;
    AtaChannel other({{{.image = numbered(8), .cylinders = 2, .heads = 2, .sectors = 2}, {}}}, irq);
    StateReader reader(state);
    EXPECT_THROW(other.load(reader), StateError);
    testing_support::expect_truncations_refused(ata_);
}

class AtaRig : public testing_support::Rig {
public:
    Device& device() override { return ata_; }
    std::uint64_t offsets() const override { return 10; }
    std::uint64_t special(RandomStream& random) override {
        constexpr std::array<std::uint8_t, 10> kCommands = {0x20, 0x24, 0x40, 0x42, 0x90,
                                                            0x91, 0xEC, 0xEF, 0x30, 0x10};
        if (random.below(2) == 0) {
            ata_.write(kDevice, 1, random.below(256) & 0x5F);
            ata_.write(kCount, 1, random.below(4));
            ata_.write(kLow, 1, random.below(40));
            ata_.write(kMiddle, 1, random.below(17));
            ata_.write(kHigh, 1, 0);
            ata_.write(kStatus, 1, kCommands[random.below(kCommands.size())]);
        }
        std::uint64_t sum = 0;
        for (std::uint64_t i = random.below(700); i > 0; --i) sum = sum * 31 + ata_.read(0, 2);
        return sum;
    }
    std::uint64_t visible() const override { return irq_.level(); }

private:
    InterruptLine irq_;
    AtaChannel ata_{disk_and_floppy(), irq_};
};

TEST(AtaProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<AtaRig>(); }, 3, 300);
}

}  // namespace
}  // namespace hvlab
