// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot_header.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::kHasAddresses;
using test_images::poke;

// `header` at an offset of a file.
Bytes file_with(const Bytes& header, std::size_t offset, std::size_t size = 10000) {
    Bytes file(size);
    std::copy_n(header.begin(), std::min(header.size(), size - offset),
                file.begin() + static_cast<std::ptrdiff_t>(offset));
    return file;
}

MultibootHeader found(const Bytes& file) {
    return find_multiboot_header(ImageBytes("kernel", file));
}

std::string refusal(const Bytes& file) {
    try {
        found(file);
    } catch (const BootError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(MultibootHeader, IsFoundAtAnyMultipleOf4InTheFirst8KiB) {
    const Bytes header = test_images::multiboot_header(0);
    for (const std::size_t offset : {0u, 4u, 1000u, 8180u}) {
        EXPECT_EQ(found(file_with(header, offset)).offset, offset);
    }
    const std::string none = "kernel: multiboot header: none in the first 8192 bytes";
    EXPECT_EQ(refusal(file_with(header, 2)), none);
    EXPECT_EQ(refusal(file_with(header, 8184)), none);
    EXPECT_EQ(refusal(file_with(header, 8192)), none);
    EXPECT_EQ(refusal({}), none);
    EXPECT_EQ(refusal(file_with(header, 100, 111)), none);
    EXPECT_EQ(refusal(file_with(header, 100, 112)), "accepted");
}

// A number in the text that looks like the beginning is none.
TEST(MultibootHeader, ChecksumDecides) {
    const Bytes header = test_images::multiboot_header(3);
    Bytes file = file_with(header, 512);
    poke(file, 100, std::uint32_t{0x1BADB002});
    EXPECT_EQ(found(file).offset, 512u);
    poke(file, 520, std::uint32_t{0});
    EXPECT_EQ(refusal(file), "kernel: checksum: of the multiboot header at 0x64 is wrong");
}

TEST(MultibootHeader, DemandsThatAreNotKnownAreRefused) {
    const auto refusal_of = [](std::uint32_t flags) {
        return refusal(file_with(test_images::multiboot_header(flags), 0));
    };
    EXPECT_EQ(refusal_of(0x7), "accepted");
    for (unsigned bit = 3; bit < 16; ++bit) {
        EXPECT_EQ(refusal_of(1u << bit),
                  fmt::format("kernel: flags: {0:#x} demands what the specification does not know: "
                              "{0:#x}",
                              1u << bit));
    }
    EXPECT_EQ(refusal_of(0x800F),
              "kernel: flags: 0x800f demands what the specification does not know: 0x8008");
    // Offers need not be understood.
    EXPECT_EQ(refusal_of(0xFFFE0000), "accepted");
}

TEST(MultibootHeader, VideoMode) {
    EXPECT_FALSE(found(file_with(test_images::multiboot_header(3), 0)).wants_video_mode);
    EXPECT_TRUE(found(file_with(test_images::multiboot_header(4), 0)).wants_video_mode);
}

TEST(MultibootHeader, Addresses) {
    const Bytes header = test_images::multiboot_header(kHasAddresses, {1, 2, 3, 4, 5});
    const auto addresses = found(file_with(header, 64)).addresses;
    ASSERT_TRUE(addresses);
    EXPECT_EQ(addresses->header, 1u);
    EXPECT_EQ(addresses->load, 2u);
    EXPECT_EQ(addresses->load_end, 3u);
    EXPECT_EQ(addresses->bss_end, 4u);
    EXPECT_EQ(addresses->entry, 5u);
    EXPECT_FALSE(found(file_with(test_images::multiboot_header(0, {1, 2, 3, 4, 5}), 0)).addresses);
    EXPECT_EQ(refusal(file_with(header, 8160)), "accepted");
    EXPECT_EQ(refusal(file_with(header, 8164)),
              "kernel: multiboot header: at 0x1fe4 passes the first 8192 bytes");
    EXPECT_EQ(refusal(file_with(header, 0, 31)),
              "kernel: multiboot header: ends 1 bytes after the end of the file");
}

}  // namespace
}  // namespace hvlab
