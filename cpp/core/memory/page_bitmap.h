// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace hvlab {

// One bit a guest page, indexed by page number.
class PageBitmap {
public:
    PageBitmap() = default;
    explicit PageBitmap(std::uint64_t pages) : pages_(pages), words_((pages + 63) / 64) {}

    std::uint64_t pages() const { return pages_; }

    // Out-of-range pages are ignored by set and answered false by test: callers pass guest
    // addresses.
    void set(std::uint64_t page) {
        if (page < pages_) words_[page / 64] |= std::uint64_t{1} << (page % 64);
    }
    bool test(std::uint64_t page) const {
        return page < pages_ && (words_[page / 64] >> (page % 64) & 1) != 0;
    }
    void set_range(std::uint64_t first, std::uint64_t count);
    void clear() { std::fill(words_.begin(), words_.end(), 0); }
    std::uint64_t count() const;
    bool none() const { return count() == 0; }

    // Sizes must agree.
    PageBitmap& operator|=(const PageBitmap& other);
    bool operator==(const PageBitmap&) const = default;

    // Calls visit(page) for every set bit in ascending order.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (std::uint64_t word = 0; word < words_.size(); ++word) {
            for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
                visit(word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits)));
            }
        }
    }

private:
    std::uint64_t pages_ = 0;
    std::vector<std::uint64_t> words_;
};

}  // namespace hvlab
