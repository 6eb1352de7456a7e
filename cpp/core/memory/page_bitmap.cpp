// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/memory/page_bitmap.h"

#include "core/base/status.h"

namespace hvlab {

void PageBitmap::set_range(std::uint64_t first, std::uint64_t count) {
    if (first >= pages_ || count == 0) return;
    const std::uint64_t last = first + std::min(count, pages_ - first) - 1;
    const std::uint64_t from_first = ~std::uint64_t{0} << (first % 64);
    const std::uint64_t to_last = ~std::uint64_t{0} >> (63 - last % 64);
    if (first / 64 == last / 64) {
        words_[first / 64] |= from_first & to_last;
        return;
    }
    words_[first / 64] |= from_first;
    for (std::uint64_t word = first / 64 + 1; word < last / 64; ++word) {
        words_[word] = ~std::uint64_t{0};
    }
    words_[last / 64] |= to_last;
}

std::uint64_t PageBitmap::count() const {
    std::uint64_t total = 0;
    for (const std::uint64_t word : words_) total += static_cast<unsigned>(std::popcount(word));
    return total;
}

PageBitmap& PageBitmap::operator|=(const PageBitmap& other) {
    HVLAB_ASSERT(pages_ == other.pages_);
    for (std::size_t word = 0; word < words_.size(); ++word) words_[word] |= other.words_[word];
    return *this;
}

}  // namespace hvlab
