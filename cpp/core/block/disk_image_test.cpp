// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/block/disk_image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/status.h"

namespace hvlab {
namespace {

class DiskImageTest : public testing::Test {
protected:
    void TearDown() override { std::filesystem::remove(path_); }

    std::filesystem::path file(std::size_t size) {
        std::ofstream stream(path_, std::ios::binary | std::ios::trunc);
        for (std::size_t i = 0; i < size; ++i) stream.put(static_cast<char>(i / kSectorSize + 1));
        return path_;
    }

private:
    const std::filesystem::path path_ =
        testing::TempDir() + "disk_image_test." + std::to_string(::getpid()) + ".img";
};

bool all(const Sector& sector, int value, std::size_t count = kSectorSize) {
    return std::all_of(sector.begin(), sector.begin() + static_cast<std::ptrdiff_t>(count),
                       [&](std::byte b) { return b == static_cast<std::byte>(value); });
}

TEST_F(DiskImageTest, ReadsTheSectorsOfAFile) {
    const DiskImage image(file(3 * kSectorSize));
    ASSERT_EQ(image.sectors(), 3u);
    for (int n = 0; n < 3; ++n) EXPECT_TRUE(all(image.read(static_cast<unsigned>(n)), n + 1));
}

TEST_F(DiskImageTest, BytesAtHandAreADiskToo) {
    const DiskImage image(std::vector<std::byte>(2 * kSectorSize, std::byte{7}));
    ASSERT_EQ(image.sectors(), 2u);
    EXPECT_TRUE(all(image.read(1), 7));
}

TEST_F(DiskImageTest, WhatTheFileDoesNotHaveReadsAsZeros) {
    DiskImage image(file(kSectorSize + 10));
    image.extend(100);
    ASSERT_EQ(image.sectors(), 100u);
    const Sector last = image.read(1);
    EXPECT_TRUE(all(last, 2, 10));
    EXPECT_EQ(last[10], std::byte{0});
    EXPECT_TRUE(all(image.read(99), 0));
}

TEST_F(DiskImageTest, AFileThatShrinksIsAHostError) {
    const std::filesystem::path path = file(4 * kSectorSize);
    const DiskImage image(path);
    std::filesystem::resize_file(path, kSectorSize);
    EXPECT_TRUE(all(image.read(0), 1));
    EXPECT_THROW(image.read(3), HostError);
}

TEST_F(DiskImageTest, NoFileAndNoRegularFileAreHostErrors) {
    EXPECT_THROW(DiskImage(std::filesystem::path("/nowhere/disk.img")), HostError);
    EXPECT_THROW(DiskImage(std::filesystem::path("/dev/null")), HostError);
    EXPECT_THROW(DiskImage(std::filesystem::path("/")), HostError);
}

}  // namespace
}  // namespace hvlab
