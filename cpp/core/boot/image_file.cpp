// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/image_file.h"

#include <fmt/format.h>

#include "core/base/io.h"

namespace hvlab {

std::vector<std::byte> read_image_file(const std::filesystem::path& path, const std::string& field,
                                       std::uint64_t max_size) {
    try {
        std::vector<std::byte> bytes = read_file(path, max_size);
        if (bytes.empty()) throw BootError(path.string(), field, "the file is empty");
        return bytes;
    } catch (const HostError& error) {
        throw BootError(path.string(), field, error.reason());
    }
}

std::span<const std::byte> ImageBytes::slice(std::uint64_t offset, std::uint64_t length,
                                             const std::string& field) const {
    if (offset > size()) {
        refuse(field,
               fmt::format("starts {} bytes after the end of the {}", offset - size(), whole_));
    }
    if (length > size() - offset) {
        refuse(field, fmt::format("ends {} bytes after the end of the {}",
                                  length - (size() - offset), whole_));
    }
    return bytes_.subspan(offset, length);
}

}  // namespace hvlab
