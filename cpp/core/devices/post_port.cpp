// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/post_port.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

std::vector<std::uint8_t> PostPort::history() const {
    std::vector<std::uint8_t> values;
    values.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i) {
        values.push_back(values_[(next_ + kHistory - count_ + i) % kHistory]);
    }
    return values;
}

std::uint8_t PostPort::read_byte(std::uint64_t offset) {
    return offset == 0 ? last_ : 0xFF;
}

void PostPort::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset != 0) return;
    last_ = value;
    values_[next_] = value;
    next_ = static_cast<std::uint8_t>((next_ + 1) % kHistory);
    if (count_ < kHistory) ++count_;
    if (written_) written_(value);
}

void PostPort::reset() {
    last_ = next_ = count_ = 0;
    values_ = {};
}

void PostPort::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    const std::vector<std::uint8_t> values = history();
    writer.put(static_cast<std::uint8_t>(values.size()));
    for (const std::uint8_t value : values) writer.put(value);
}

void PostPort::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto count = reader.get_in<std::uint8_t>(0, kHistory, "number of values");
    std::array<std::uint8_t, kHistory> values = {};
    for (unsigned i = 0; i < count; ++i) values[i] = reader.get<std::uint8_t>();
    values_ = values;
    count_ = count;
    next_ = count % kHistory;
    last_ = count > 0 ? values[count - 1u] : std::uint8_t{0};
}

}  // namespace hvlab
