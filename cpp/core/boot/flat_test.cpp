// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/flat.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <span>

#include "core/base/status.h"
#include "core/base/test_directory.h"
#include "core/boot/test_images.h"

namespace hvlab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FlatTest : public ::testing::Test {
protected:
    // What is wrong with the request; the path is cut off the message.
    std::string refusal(const FlatImage& image, const std::vector<std::byte>& bytes) {
        try {
            load_flat(memory_, image, bytes);
        } catch (const BootError& error) {
            EXPECT_EQ(error.path(), image.path.string());
            return std::string(error.what()).substr(error.path().size() + 2);
        }
        return "accepted";
    }
    std::string file_refusal(const fs::path& path) {
        try {
            load_flat(memory_, {.path = path});
        } catch (const BootError& error) {
            EXPECT_EQ(error.path(), path.string());
            return error.field() + ": " +
                   std::string(error.what()).substr(path.string().size() + 9);
        }
        return "accepted";
    }

    TestDirectory directory_;
    GuestMemory memory_{2 * kMiB};
};

TEST_F(FlatTest, StateIsThatOfABootSector) {
    const auto image = test_images::sample_bytes(512, 1);
    const CpuState state =
        load_flat(memory_, {.path = directory_.file("boot.bin", std::span(image))});
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(0x7C00, 512), image));
    EXPECT_EQ(state.cs.selector, 0);
    EXPECT_EQ(state.cs.base, 0u);
    EXPECT_EQ(state.cs.limit, 0xFFFFu);
    EXPECT_EQ(state.rip, 0x7C00u);
    EXPECT_EQ(state.ss.base, 0u);
    EXPECT_EQ(state.gpr[kRsp], 0x7C00u);
    EXPECT_EQ(state.gpr[kRdx], 0x80u);
    EXPECT_EQ(state.rflags, 2u);
    EXPECT_EQ(state.cr0 & 1, 0u);
    EXPECT_EQ(state.idtr.base, 0u);
    EXPECT_EQ(state.idtr.limit, 0x3FF);
    EXPECT_EQ(state.fpu.fcw, 0x037F);
    const auto rest = memory_.host_bytes(0, 0x7C00);
    EXPECT_TRUE(std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(FlatTest, EntryBeyondTheFirstSegment) {
    const FlatImage image{.path = "i", .load_address = 0x12340, .entry = 0x2FFFF};
    const CpuState state = load_flat(memory_, image, std::vector<std::byte>(0x20000));
    EXPECT_EQ(state.cs.selector, 0x2000);
    EXPECT_EQ(state.cs.base, 0x20000u);
    EXPECT_EQ(state.rip, 0xFFFFu);
}

TEST_F(FlatTest, PlacesThatDoNotWork) {
    const std::vector<std::byte> sector(512);
    EXPECT_EQ(refusal({.path = "i", .load_address = 0x1FFE01}, sector),
              "load_address: 512 bytes at 0x1ffe01 do not fit into 2097152 bytes of memory");
    EXPECT_EQ(
        refusal({.path = "i", .load_address = ~GuestAddress{0}}, sector),
        "load_address: 512 bytes at 0xffffffffffffffff do not fit into 2097152 bytes of memory");
    EXPECT_EQ(refusal({.path = "i"}, std::vector<std::byte>(2 * kMiB)),
              "load_address: 2097152 bytes at 0x7c00 do not fit into 2097152 bytes of memory");
    EXPECT_EQ(refusal({.path = "i", .load_address = 0x9FE01}, sector),
              "load_address: 0x9fe01-0xa0000 overlaps the legacy hole 0xa0000-0xfffff");
    EXPECT_EQ(refusal({.path = "i", .load_address = 0xFFFFF}, sector),
              "load_address: 0xfffff-0x1001fe overlaps the legacy hole 0xa0000-0xfffff");
    EXPECT_EQ(refusal({.path = "i", .load_address = 0x9FE00}, sector), "accepted");
    EXPECT_EQ(refusal({.path = "i"}, std::vector<std::byte>(kMiB)),
              "load_address: 0x7c00-0x107bff overlaps the legacy hole 0xa0000-0xfffff");
}

TEST_F(FlatTest, EntriesThatDoNotWork) {
    const std::vector<std::byte> sector(512);
    EXPECT_EQ(refusal({.path = "i", .entry = 0x7BFF}, sector),
              "entry: 0x7bff is outside the image at 0x7c00-0x7dff");
    EXPECT_EQ(refusal({.path = "i", .entry = 0x7E00}, sector),
              "entry: 0x7e00 is outside the image at 0x7c00-0x7dff");
    EXPECT_EQ(refusal({.path = "i", .entry = 0x7DFF}, sector), "accepted");
    EXPECT_EQ(refusal({.path = "i", .load_address = 0x100000}, sector),
              "entry: 0x100000 is above 1 MiB, out of real mode's reach");
}

TEST_F(FlatTest, FilesThatDoNotWork) {
    EXPECT_EQ(file_refusal(directory_ / "none"), "image: No such file or directory");
    EXPECT_EQ(file_refusal(directory_.path()),
              "image: not a regular file but a directory (Is a directory)");
    ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(file_refusal(directory_ / "fifo"),
              "image: not a regular file but a FIFO (Invalid argument)");
    std::ofstream(directory_ / "empty");
    EXPECT_EQ(file_refusal(directory_ / "empty"), "image: the file is empty");
    fs::resize_file(directory_ / "empty", std::uintmax_t{1} << 40);
    EXPECT_EQ(file_refusal(directory_ / "empty"),
              "image: larger than 2097152 bytes (File too large)");
    EXPECT_EQ(refusal({.path = "i"}, {}), "image: the file is empty");
}

}  // namespace
}  // namespace hvlab
