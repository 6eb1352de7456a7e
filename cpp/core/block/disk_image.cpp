// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/block/disk_image.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/io.h"
#include "core/base/status.h"

namespace hvlab {

DiskImage::DiskImage(const std::filesystem::path& path)
    : name_(path.string()),
      file_(open_regular_file(path)),
      size_(file_size(file_.get(), name_)),
      sectors_((size_ + kSectorSize - 1) / kSectorSize) {}

DiskImage::DiskImage(std::vector<std::byte> bytes)
    : bytes_(std::move(bytes)),
      size_(bytes_.size()),
      sectors_((size_ + kSectorSize - 1) / kSectorSize) {}

void DiskImage::extend(std::uint64_t sectors) {
    HVLAB_ASSERT(sectors >= sectors_);
    sectors_ = sectors;
}

Sector DiskImage::read(std::uint64_t number) const {
    HVLAB_ASSERT(number < sectors_);
    Sector sector{};
    const std::uint64_t offset = number * kSectorSize;
    if (offset >= size_) return sector;
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(kSectorSize, size_ - offset));
    if (file_) {
        read_at(file_.get(), offset, std::span(sector).first(length), name_);
    } else {
        std::memcpy(sector.data(), bytes_.data() + offset, length);
    }
    return sector;
}

}  // namespace hvlab
