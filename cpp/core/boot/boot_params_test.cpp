// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/boot_params.h"

#include <gmock/gmock.h>

#include <cstring>
#include <tuple>
#include <vector>

namespace hvlab {
namespace {

using ::testing::ElementsAre;
using Range = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;  // start, end, type

template <typename T>
T at(const BootParams& params, std::size_t offset) {
    T value;
    std::memcpy(&value, params.bytes().data() + offset, sizeof value);
    return value;
}

std::vector<Range> memory_map(std::uint64_t size) {
    const GuestMemory memory(size);
    BootParams params({});
    params.set_memory_map(memory);
    std::vector<Range> ranges;
    for (std::size_t i = 0; i < at<std::uint8_t>(params, 0x1E8); ++i) {
        const std::size_t entry = 0x2D0 + 20 * i;
        const auto start = at<std::uint64_t>(params, entry);
        ranges.emplace_back(start, start + at<std::uint64_t>(params, entry + 8),
                            at<std::uint32_t>(params, entry + 16));
    }
    return ranges;
}

TEST(BootParams, MemoryMap) {
    const Range low{0, 0x9FC00, 1};
    const Range reserved{0x9FC00, 0x100000, 2};
    EXPECT_THAT(memory_map(1 * kMiB), ElementsAre(low, reserved));
    EXPECT_THAT(memory_map(64 * kMiB), ElementsAre(low, reserved, Range{kMiB, 64 * kMiB, 1}));
    EXPECT_THAT(memory_map(3 * kGiB), ElementsAre(low, reserved, Range{kMiB, 3 * kGiB, 1}));
    EXPECT_THAT(memory_map(5 * kGiB),
                ElementsAre(low, reserved, Range{kMiB, 3 * kGiB, 1}, Range{4 * kGiB, 6 * kGiB, 1}));
}

TEST(BootParams, SetupHeaderIsCopiedAndTheLoadersFieldsAreOurs) {
    std::vector<std::byte> header(0x281 - 0x1F1, std::byte{0xFF});
    const BootParams params(header);
    EXPECT_EQ(at<std::uint8_t>(params, 0x1F0), 0);
    EXPECT_EQ(at<std::uint8_t>(params, 0x1EF), 0);  // the sentinel
    EXPECT_EQ(at<std::uint8_t>(params, 0x1F1), 0xFF);
    EXPECT_EQ(at<std::uint8_t>(params, 0x280), 0xFF);
    EXPECT_EQ(at<std::uint8_t>(params, 0x281), 0);
    EXPECT_EQ(at<std::uint8_t>(params, 0x210), 0xFF);
    EXPECT_EQ(at<std::uint8_t>(params, 0x211), 0xFD);  // KASLR_FLAG is off
    EXPECT_EQ(at<std::uint64_t>(params, 0x218), 0u);   // no initrd
    EXPECT_EQ(at<std::uint64_t>(params, 0x250), 0u);   // setup_data
}

TEST(BootParams, ScreenIsTheOneOfThePlatform) {
    const BootParams params({});
    EXPECT_EQ(at<std::uint16_t>(params, 0x00), 0u);  // the cursor
    EXPECT_EQ(at<std::uint8_t>(params, 0x06), 3u);
    EXPECT_EQ(at<std::uint8_t>(params, 0x07), 80u);
    EXPECT_EQ(at<std::uint8_t>(params, 0x0E), 25u);
    EXPECT_EQ(at<std::uint8_t>(params, 0x0F), 1u);
    EXPECT_EQ(at<std::uint16_t>(params, 0x10), 16u);
}

TEST(BootParams, HeaderForAVmlinux) {
    const BootParams params({});
    EXPECT_EQ(at<std::uint16_t>(params, 0x1FE), 0xAA55);
    EXPECT_EQ(at<std::uint32_t>(params, 0x202), 0x53726448u);
    EXPECT_GE(at<std::uint16_t>(params, 0x206), 0x020C);
    EXPECT_EQ(at<std::uint8_t>(params, 0x211), 1);
}

TEST(BootParams, CommandLineAndInitrd) {
    BootParams params({});
    params.set_cmdline(0x20000);
    params.set_initrd(0x7F000000, 0x123456);
    EXPECT_EQ(at<std::uint32_t>(params, 0x228), 0x20000u);
    EXPECT_EQ(at<std::uint32_t>(params, 0x218), 0x7F000000u);
    EXPECT_EQ(at<std::uint32_t>(params, 0x21C), 0x123456u);
    EXPECT_EQ(at<std::uint32_t>(params, 0xC0), 0u);
}

}  // namespace
}  // namespace hvlab
