// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests: machines that run a few bytes of real-mode code.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "core/machine/config.h"

namespace hvlab {

// A file with machine code, gone with the object.
class TestImage {
public:
    explicit TestImage(const std::vector<std::uint8_t>& code) {
        static int count = 0;
        path_ = std::filesystem::path(testing::TempDir()) /
                ("hvlab-guest-" + std::to_string(getpid()) + "-" + std::to_string(++count));
        std::ofstream file(path_, std::ios::binary);
        file.write(reinterpret_cast<const char*>(code.data()),
                   static_cast<std::streamsize>(code.size()));
    }
    ~TestImage() { std::filesystem::remove(path_); }
    TestImage(const TestImage&) = delete;
    TestImage& operator=(const TestImage&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// A small machine that boots the image at 0x7C00.
inline MachineConfig test_machine(const TestImage& image, std::string name = "machine") {
    return {
        .name = std::move(name), .memory_size = 1 * kMiB, .boot = FlatImage{.path = image.path()}};
}

}  // namespace hvlab
