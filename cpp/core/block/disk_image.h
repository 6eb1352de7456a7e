// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"

namespace hvlab {

inline constexpr std::size_t kSectorSize = 512;

using Sector = std::array<std::byte, kSectorSize>;

// The sectors of a raw disk image. Read-only: the host's file is opened for reading and never
// changed. The file is an input of the machine; a run repeats only if it stays as it is.
class DiskImage {
public:
    // Opens a regular file; it stays open. Its size is checked by the caller. Throws HostError.
    explicit DiskImage(const std::filesystem::path& path);
    // Of bytes at hand.
    explicit DiskImage(std::vector<std::byte> bytes);

    std::uint64_t size_in_bytes() const { return size_; }
    // The part of the last sector that the file does not have reads as zeros.
    std::uint64_t sectors() const { return sectors_; }
    // Makes it look larger: what the file does not have reads as zeros.
    void extend(std::uint64_t sectors);

    // `number` is below sectors(). Throws HostError when the host cannot read, or when the file has
    // become shorter.
    Sector read(std::uint64_t number) const;

private:
    std::string name_;
    UniqueFd file_;
    std::vector<std::byte> bytes_;  // where there is no file
    std::uint64_t size_ = 0;
    std::uint64_t sectors_ = 0;
};

}  // namespace hvlab
