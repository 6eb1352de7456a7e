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

// An anonymous memory file of that size (memfd_create). Throws HostError.
UniqueFd create_memory_file(const std::string& name, std::uint64_t size);

}  // namespace hvlab
