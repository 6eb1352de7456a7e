// SPDX-License-Identifier: GPL-2.0-or-later
//
// A run on disk, between two windows. The file, little-endian:
//
//   8 bytes  "hvsimchk"
//   u32      format version, 1
//   u32      number of processes
//   u32      CRC-32C of the above
//   sections: the caller's header, the engine, each process in order of ids:
//     u64    length
//     u32    CRC-32C of the length and the bytes, going on from the last one
//     bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "sim/engine/windows.h"

namespace hvlab::sim {

inline constexpr std::uint32_t kCheckpointVersion = 1;

// Between runs, or in Observer::window. `header` is what the caller needs to build the processes
// again. Takes the place of an old file whole or not at all; HostError if the host refuses.
void write_checkpoint(const std::filesystem::path& path, std::span<const std::byte> header,
                      const Engine& engine);

// A checkpoint file that is read. HostError for what the host refuses, StateError for what is no
// checkpoint, of another version, truncated or damaged.
class Checkpoint {
public:
    explicit Checkpoint(const std::filesystem::path& path);

    std::uint32_t processes() const { return processes_; }
    const std::vector<std::byte>& header() const { return header_; }

    // Once, into an engine that has not run, of processes as they were built at first. After
    // StateError neither they nor the engine are of use.
    void restore(Engine& engine);

private:
    std::vector<std::byte> section(const std::string& what);
    void read(std::span<std::byte> into, const std::string& what);
    [[noreturn]] void refuse(const std::string& what) const;

    std::string name_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
    std::uint32_t crc_ = 0;
    std::uint32_t processes_ = 0;
    std::vector<std::byte> header_;
};

}  // namespace hvlab::sim
