// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one seam through which the core touches host files: limits, errno and, later, injected host
// faults enter here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"

namespace hvlab {

// Opens an existing regular file for reading. HostError for anything else (directory, FIFO,
// device).
UniqueFd open_regular_file(const std::filesystem::path& path);

// The whole of a regular file, at most `max_size` bytes (HostError with EFBIG beyond it). Handles
// EINTR and files that change their size meanwhile.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_size);

// The size in bytes of an open regular file. `name` is the file's, for errors. Throws HostError.
std::uint64_t file_size(int fd, const std::string& name);

// Exactly `into.size()` bytes from `offset` on. HostError also where the file ends before.
void read_at(int fd, std::uint64_t offset, std::span<std::byte> into, const std::string& name);

// A file that takes another's place whole, or not at all: it is written beside `path` under a name
// of its own, brought to the disk and then renamed. Without `commit`, nothing is left of it.
class ReplacingFile {
public:
    // Throws HostError, like all of them.
    explicit ReplacingFile(std::filesystem::path path);
    ~ReplacingFile();
    ReplacingFile(const ReplacingFile&) = delete;
    ReplacingFile& operator=(const ReplacingFile&) = delete;

    void write(std::span<const std::byte> bytes);
    // Once, after all of it is written.
    void commit();

private:
    std::filesystem::path path_;
    std::filesystem::path beside_;
    UniqueFd file_;
    std::uint64_t written_ = 0;
};

// While it lives, the files that this thread writes find room for so many bytes more on their disk
// (ENOSPC): for tests.
class FullDisk {
public:
    explicit FullDisk(std::uint64_t room);
    ~FullDisk();
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
};

// An anonymous memory file of that size (memfd_create). Throws HostError.
UniqueFd create_memory_file(const std::string& name, std::uint64_t size);

}  // namespace hvlab
