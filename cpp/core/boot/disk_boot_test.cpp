// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/disk_boot.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "core/base/status.h"
#include "core/base/test_directory.h"
#include "core/boot/builtin_firmware.h"

namespace hvlab {
namespace {

namespace fs = std::filesystem;

class DiskBootTest : public testing::Test {
protected:
    // A file of that size, with a boot signature if there is room.
    fs::path image(std::uint64_t size, bool signature = true) {
        fs::path path = directory_ / ("image" + std::to_string(count_++));
        std::ofstream(path, std::ios::binary).put('\0');
        fs::resize_file(path, size);
        if (signature && size >= 512) {
            std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
            stream.seekp(510);
            stream.write("\x55\xAA", 2);
        }
        return path;
    }

    FirmwareSetup prepare(const DiskBoot& boot) { return prepare_disk_boot(boot, memory_); }

    std::string refusal(const DiskBoot& boot) {
        try {
            prepare(boot);
        } catch (const BootError& error) {
            const std::string text = error.what();
            EXPECT_EQ(text.find(error.path()), 0u);
            return text.substr(error.path().size() + 2);
        }
        return "accepted";
    }

    GuestMemory memory_{1 * kMiB};
    TestDirectory directory_;
    int count_ = 0;
};

TEST_F(DiskBootTest, WhatIsNoDiskIsRefused) {
    EXPECT_EQ(refusal({}), "disk: neither a disk nor a floppy is given");
    EXPECT_EQ(refusal({.disk = directory_ / "none"}), "disk: No such file or directory");
    EXPECT_EQ(refusal({.disk = directory_.path()}),
              "disk: not a regular file but a directory (Is a directory)");
    EXPECT_EQ(refusal({.disk = image(0)}), "disk: the file is empty");
    EXPECT_EQ(refusal({.disk = image(513)}), "disk: 513 bytes are not whole sectors of 512");
    EXPECT_EQ(refusal({.disk = image(1024, false)}),
              "disk: its first sector does not end in the boot signature 55h AAh");
    EXPECT_EQ(refusal({.disk = image(128 * kGiB + 512)}),
              "disk: 137438953984 bytes are more than 137438953472");
    EXPECT_EQ(refusal({.floppy = image(2880 * kKiB + 512)}),
              "floppy: 2949632 bytes are more than 2949120");
}

TEST_F(DiskBootTest, AFirmwareImageIsOfWhole64KiB) {
    const fs::path disk = image(512);
    EXPECT_EQ(refusal({.disk = disk, .firmware = image(100)}),
              "firmware: 100 bytes are not a multiple of 64 KiB");
    EXPECT_EQ(refusal({.disk = disk, .firmware = image(8 * kMiB)}),
              "firmware: larger than 4194304 bytes (File too large)");
    const FirmwareSetup setup = prepare({.disk = disk, .firmware = image(256 * kKiB)});
    EXPECT_EQ(setup.rom.size(), 256 * kKiB);
    EXPECT_EQ(setup.window, 128 * kKiB);
    EXPECT_TRUE(setup.window_writable);
}

TEST_F(DiskBootTest, AVgaBiosIsAnOptionRomOfAnotherFirmware) {
    const fs::path disk = image(512);
    const fs::path rom = image(64 * kKiB);
    EXPECT_EQ(refusal({.disk = disk, .video = rom}),
              "video: the built-in firmware needs no VGA BIOS");
    EXPECT_EQ(refusal({.disk = disk, .firmware = rom, .video = rom}),
              "video: not an option ROM: 55h AAh, whole blocks of 512");
    const fs::path video = image(1024);
    std::fstream(video, std::ios::binary | std::ios::in | std::ios::out).write("\x55\xAA", 2);
    const FirmwareSetup setup = prepare({.disk = disk, .firmware = rom, .video = video});
    EXPECT_EQ(setup.files->at(3).name, "vgaroms/vgabios.bin");
    EXPECT_EQ(setup.files->at(3).content.size(), 1024u);
}

TEST_F(DiskBootTest, AnotherFirmwareIsToldByFiles) {
    const fs::path rom = image(64 * kKiB);
    const auto names = [&](const DiskBoot& boot) {
        std::string result;
        const FirmwareSetup setup = prepare(boot);
        for (const FwCfg::File& file : *setup.files) result += file.name + " ";
        return result;
    };
    EXPECT_EQ(names({.disk = image(512), .firmware = rom}),
              "etc/e820 etc/show-boot-menu etc/boot-fail-wait etc/sercon-port ");
    EXPECT_EQ(names({.floppy = image(512), .firmware = rom, .mirror = false}),
              "etc/e820 etc/show-boot-menu etc/boot-fail-wait floppyimg/floppy ");
    const FirmwareSetup setup = prepare({.floppy = image(512), .firmware = rom});
    EXPECT_EQ(setup.drives[0].image, nullptr);
    EXPECT_EQ(setup.files->back().content.size(), 1440 * kKiB);
    EXPECT_EQ(setup.files->front().content.size(), 20u);
    EXPECT_FALSE(prepare({.disk = image(512)}).files);
}

TEST_F(DiskBootTest, ADiskHasAGeometry) {
    const auto cylinders = [&](std::uint64_t size) {
        return prepare({.disk = image(size)}).drives[0].cylinders;
    };
    EXPECT_EQ(cylinders(512), 2);
    EXPECT_EQ(cylinders(1008 * 512 * 100), 100);
    EXPECT_EQ(cylinders(100 * kGiB), 16383);
}

TEST_F(DiskBootTest, AFloppyHasTheFormatOfItsSize) {
    const auto format = [&](std::uint64_t kib) {
        const FirmwareSetup setup = prepare({.floppy = image(kib * kKiB)});
        const AtaDrive& drive = setup.drives[0];
        EXPECT_TRUE(drive.removable);
        EXPECT_EQ(drive.image->sectors(), drive.cylinders * drive.heads * drive.sectors);
        return std::to_string(drive.cylinders) + "/" + std::to_string(drive.heads) + "/" +
               std::to_string(drive.sectors);
    };
    EXPECT_EQ(format(160), "40/1/8");
    EXPECT_EQ(format(360), "40/2/9");
    EXPECT_EQ(format(720), "80/2/9");
    EXPECT_EQ(format(1200), "80/2/15");
    EXPECT_EQ(format(1440), "80/2/18");
    EXPECT_EQ(format(2880), "80/2/36");
    EXPECT_EQ(format(1), "80/2/18");  // any other size
    EXPECT_EQ(format(1441), "80/2/36");
}

TEST_F(DiskBootTest, ADiskIsTheFirstDriveAFloppyBesideItTheSecond) {
    const FirmwareSetup setup = prepare({.disk = image(512), .floppy = image(1024)});
    EXPECT_FALSE(setup.drives[0].removable);
    EXPECT_TRUE(setup.drives[1].removable);
}

TEST_F(DiskBootTest, OurFirmwareIsTheEndOfTheFirstMiBAndKnowsWhetherToMirror) {
    const fs::path disk = image(512);
    const FirmwareSetup setup = prepare({.disk = disk});
    const CpuState state = load_firmware(memory_, setup);
    EXPECT_EQ(state, reset_state());
    EXPECT_EQ(memory_.read_value<std::uint8_t>(0xFFFF0), 0xEA);  // a far jump to F000h
    EXPECT_EQ(memory_.read_value<std::uint16_t>(0xFFFF3), 0xF000);
    EXPECT_EQ(setup.rom.size(), kBuiltinFirmwareSize);

    const FirmwareSetup silent = prepare({.disk = disk, .mirror = false});
    std::size_t different = 0;
    for (std::size_t i = 0; i < setup.rom.size(); ++i) different += setup.rom[i] != silent.rom[i];
    EXPECT_EQ(different, 1u);
    const std::string tag(reinterpret_cast<const char*>(setup.rom.data()) + 0xFF00, 8);
    EXPECT_EQ(tag, "HVLABCFG");
}

}  // namespace
}  // namespace hvlab
