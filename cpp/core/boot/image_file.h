// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading the files that are booted, and the numbers in them. All of it is untrusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/base/units.h"

namespace hvlab {

// Larger than any kernel.
inline constexpr std::uint64_t kMaxImageFile = 1 * kGiB;

// The whole of a regular file that is not empty and has at most `max_size` bytes. Throws BootError
// with the given field ("kernel", "initrd", ...).
std::vector<std::byte> read_image_file(const std::filesystem::path& path, const std::string& field,
                                       std::uint64_t max_size);

// The bytes of an image under its name: errors say the name, reads are checked against the end.
class ImageBytes {
public:
    // `whole` says what the bytes are all of, for errors.
    ImageBytes(std::string path, std::span<const std::byte> bytes, std::string whole = "file")
        : path_(std::move(path)), bytes_(bytes), whole_(std::move(whole)) {}

    const std::string& path() const { return path_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    std::uint64_t size() const { return bytes_.size(); }

    [[noreturn]] void refuse(const std::string& field, const std::string& message) const {
        throw BootError(path_, field, message);
    }

    // [offset, offset + length), or BootError: "`field` ends N bytes after the end of the file".
    std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t length,
                                     const std::string& field) const;

    // A little-endian number or a plain struct of them.
    template <typename T>
    T load(std::uint64_t offset, const std::string& field) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        std::memcpy(&value, slice(offset, sizeof value, field).data(), sizeof value);
        return value;
    }

private:
    std::string path_;
    std::span<const std::byte> bytes_;
    std::string whole_;
};

}  // namespace hvlab
