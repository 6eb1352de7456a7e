// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/fw_cfg.h"

#include <limits>
#include <utility>

#include "core/base/status.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

constexpr std::uint16_t kSignature = 0x0000;
constexpr std::uint16_t kId = 0x0001;
constexpr std::uint16_t kCpus = 0x0005;
constexpr std::uint16_t kFileDirectory = 0x0019;
constexpr std::uint16_t kFirstFile = 0x0020;
constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kNameField = 56;

constexpr std::uint64_t kData = 1;

using Bytes = std::vector<std::byte>;

// The directory's numbers are big-endian.
void put_big(Bytes& bytes, std::uint64_t value, unsigned size) {
    for (unsigned i = size; i-- > 0;) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void put_text(Bytes& bytes, std::string_view text, std::size_t field) {
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    bytes.resize(bytes.size() + field - text.size());
}

}  // namespace

FwCfg::FwCfg(std::vector<File> files) {
    HVLAB_ASSERT(files.size() <= kMaxFiles);
    put_text(items_[kSignature], "QEMU", 4);
    items_[kId] = {std::byte{1}, {}, {}, {}};  // the interface of this class, no other
    items_[kCpus] = {std::byte{1}, {}};
    Bytes& directory = items_[kFileDirectory];
    put_big(directory, files.size(), 4);
    std::uint16_t key = kFirstFile;
    for (File& file : files) {
        HVLAB_ASSERT(file.name.size() <= kMaxNameLength);
        HVLAB_ASSERT(file.content.size() <= std::numeric_limits<std::uint32_t>::max());
        put_big(directory, file.content.size(), 4);
        put_big(directory, key, 2);
        put_big(directory, 0, 2);
        put_text(directory, file.name, kNameField);
        items_[key++] = std::move(file.content);
    }
}

void FwCfg::reset() {
    selected_ = 0;
    position_ = 0;
}

std::byte FwCfg::next() {
    const auto item = items_.find(selected_);
    if (item == items_.end() || position_ >= item->second.size()) return std::byte{0};
    return item->second[position_++];
}

std::uint64_t FwCfg::read(std::uint64_t offset, unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const auto byte =
            offset + i == kData ? std::to_integer<std::uint64_t>(next()) : std::uint64_t{0xFF};
        value |= byte << (8 * i);
    }
    return value;
}

void FwCfg::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (offset != 0 || size != 2) return;
    selected_ = static_cast<std::uint16_t>(value);
    position_ = 0;
}

void FwCfg::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(selected_);
    writer.put(position_);
}

void FwCfg::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto selected = reader.get<std::uint16_t>();
    position_ = reader.get<std::uint32_t>();
    selected_ = selected;
}

}  // namespace hvlab
