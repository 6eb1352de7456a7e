// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ata_identify.h"

#include <algorithm>
#include <string_view>

namespace hvlab {

namespace {

constexpr std::uint64_t kMaxNarrowSectors = 0x0FFF'FFFF;  // that 28-bit commands reach

void put(Sector& words, std::size_t index, std::uint64_t value) {
    words[2 * index] = static_cast<std::byte>(value);
    words[2 * index + 1] = static_cast<std::byte>(value >> 8);
}

void put_wide(Sector& words, std::size_t index, std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) put(words, index + i, value >> (16 * i));
}

// Two characters a word, the first in its high byte; blanks behind.
void put_text(Sector& words, std::size_t index, std::string_view text, std::size_t count) {
    for (std::size_t i = 0; i < 2 * count; ++i) {
        words[2 * index + (i ^ 1)] = static_cast<std::byte>(i < text.size() ? text[i] : ' ');
    }
}

}  // namespace

Sector identify_device(const AtaDrive& drive, std::uint8_t heads, std::uint8_t sectors) {
    const std::uint64_t total = drive.image->sectors();
    const std::uint64_t cylinders =
        std::min<std::uint64_t>(total / (std::uint64_t{heads} * sectors), 0xFFFF);
    Sector words{};
    put(words, 0, drive.removable ? 0x0080 : 0x0040);
    put(words, 1, drive.cylinders);
    put(words, 3, drive.heads);
    put(words, 6, drive.sectors);
    put_text(words, 10, drive.removable ? "HVLAB-FLOPPY" : "HVLAB-DISK", 10);
    put_text(words, 23, "1", 4);
    put_text(words, 27, drive.removable ? "hvlab floppy" : "hvlab disk", 20);
    put(words, 47, 0x8000);  // READ MULTIPLE is not there
    put(words, 49, 0x0200);  // LBA
    put(words, 53, 0x0001);  // words 54-58 are valid
    put(words, 54, cylinders);
    put(words, 55, heads);
    put(words, 56, sectors);
    put_wide(words, 57, cylinders * heads * sectors, 2);
    put_wide(words, 60, std::min(total, kMaxNarrowSectors), 2);
    put(words, 80, 0x0078);  // ATA-3 to ATA/ATAPI-6
    put(words, 83, 0x4400);  // 48-bit addresses
    put(words, 84, 0x4000);
    put(words, 86, 0x0400);
    put(words, 87, 0x4000);
    put_wide(words, 100, total, 4);
    return words;
}

}  // namespace hvlab
