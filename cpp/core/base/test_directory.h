// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests and benches: files that are gone when the test is over.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hvlab {

// A folder of its own, removed with all that is in it.
class TestDirectory {
public:
    TestDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "hvlab-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        path_ = name;
    }
    ~TestDirectory() {
        std::error_code ignored;  // a destructor has nobody to tell
        std::filesystem::remove_all(path_, ignored);
    }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

    // Writes a file, and gives its path.
    std::filesystem::path file(std::string_view name, std::string_view content) const {
        std::filesystem::path path = path_ / name;
        std::ofstream stream(path, std::ios::binary);
        stream.write(content.data(), static_cast<std::streamsize>(content.size())).flush();
        if (!stream) throw std::runtime_error("cannot write " + path.string());
        return path;
    }
    template <typename Byte>
    requires(sizeof(Byte) == 1) std::filesystem::path
        file(std::string_view name, std::span<const Byte> bytes)
    const { return file(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }

private:
    std::filesystem::path path_;
};

}  // namespace hvlab
