// SPDX-License-Identifier: GPL-2.0-or-later
//
// The compressed payload of a Linux kernel image, unpacked by the host with the libraries that know
// how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hvlab {

enum class Compression : std::uint8_t { kNone, kGzip, kXz, kLzma, kZstd, kLz4 };

std::string_view to_string(Compression compression);

// By the magic number (Documentation/arch/x86/boot.rst, payload_length). Throws BootError for what
// is neither known nor an ELF file.
Compression detect_compression(std::span<const std::byte> payload, const std::string& path);

// Bytes whose memory is taken only as far as it is written.
class Unpacked {
public:
    // Throws HostError when the host has no address space left.
    explicit Unpacked(std::uint64_t capacity);

    std::span<std::byte> space() { return {storage_.get(), capacity_}; }
    std::span<const std::byte> bytes() const { return {storage_.get(), size_}; }
    std::uint64_t capacity() const { return capacity_; }
    void set_size(std::uint64_t size) { size_ = size; }

private:
    std::unique_ptr<std::byte[]> storage_;
    std::uint64_t capacity_ = 0;
    std::uint64_t size_ = 0;
};

// One compressed stream; where exactly four bytes follow it, they must be the size that it unpacks
// to, as the kernel's build appends it. Throws BootError (`path`, "payload") for bytes that do not
// unpack, and when they unpack to more than `max_size`. Needs up to 192 MiB besides the output.
Unpacked decompress(Compression compression, std::span<const std::byte> payload,
                    std::uint64_t max_size, const std::string& path);

}  // namespace hvlab
