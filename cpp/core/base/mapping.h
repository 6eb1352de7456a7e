// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace hvlab {

// A memory mapping that is unmapped when it goes. Move-only.
class Mapping {
public:
    Mapping() = default;
    // Maps all of the descriptor shared and writable. Throws HostError.
    static Mapping shared(int fd, std::size_t size);

    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    std::span<std::byte> bytes() const { return {data_, size_}; }

private:
    Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace hvlab
