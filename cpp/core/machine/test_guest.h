// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests and benches: machines that run a few bytes of real-mode code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/test_directory.h"
#include "core/machine/config.h"

namespace hvlab {

// A file with machine code, gone with the object.
class TestImage {
public:
    explicit TestImage(const std::vector<std::uint8_t>& code)
        : path_(directory_.file("guest.bin", std::span(code))) {}

    const std::filesystem::path& path() const { return path_; }

private:
    TestDirectory directory_;
    std::filesystem::path path_;
};

// A small machine that boots the image at 0x7C00.
inline MachineConfig test_machine(const TestImage& image, std::string name = "machine") {
    return {
        .name = std::move(name), .memory_size = 1 * kMiB, .boot = FlatImage{.path = image.path()}};
}

}  // namespace hvlab
