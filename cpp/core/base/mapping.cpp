// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/mapping.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "core/base/status.h"

namespace hvlab {

Mapping Mapping::shared(int fd, std::size_t size) {
    // MAP_NORESERVE: a machine's memory costs nothing until it is touched, also where overcommit is
    // limited.
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) throw HostError(fmt::format("map {} bytes", size), errno);
    return {static_cast<std::byte*>(data), size};
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Mapping::~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace hvlab
