// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/boot_module.h"

#include <gtest/gtest.h>

#include "core/base/status.h"
#include "core/base/test_directory.h"

namespace hvlab {
namespace {

class BootModuleTest : public ::testing::Test {
protected:
    BootModule file(const std::string& name, std::size_t size) {
        return {.path = directory_.file(name, std::string(size, 'm'))};
    }
    // What is wrong, without the folder.
    std::string refusal(const std::vector<BootModule>& modules, std::uint64_t memory_size) {
        try {
            read_modules(modules, memory_size);
        } catch (const BootError& error) {
            const auto name = std::filesystem::path(error.path()).filename().string();
            return name + std::string(error.what()).substr(error.path().size());
        }
        return "accepted";
    }

    TestDirectory directory_;
};

TEST_F(BootModuleTest, TogetherNoLargerThanMemory) {
    const std::vector<BootModule> modules{file("a", 3000), file("b", 2000)};
    EXPECT_EQ(refusal(modules, 5000), "accepted");
    EXPECT_EQ(refusal(modules, 4999), "b: module 1: larger than 1999 bytes (File too large)");
    EXPECT_EQ(refusal(modules, 2999), "a: module 0: larger than 2999 bytes (File too large)");
    EXPECT_EQ(read_modules(modules, 5000)[1].size(), 2000u);
}

TEST_F(BootModuleTest, FilesThatDoNotWork) {
    EXPECT_EQ(refusal({file("a", 1), {.path = directory_ / "none"}}, 100),
              "none: module 1: No such file or directory");
    EXPECT_EQ(refusal({file("empty", 0)}, 100), "empty: module 0: the file is empty");
}

}  // namespace
}  // namespace hvlab
