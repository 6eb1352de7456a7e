// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf_notes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::make_note;
using test_images::poke;

Bytes operator+(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

std::vector<Bytes> found_in(const Bytes& file) {
    const ImageBytes image("kernel", file);
    std::vector<Bytes> found;
    for (const auto note : find_notes(image, parse_elf(image), "Xen", 18)) {
        found.emplace_back(note.begin(), note.end());
    }
    return found;
}

std::string refusal(const Bytes& file) {
    try {
        found_in(file);
    } catch (const BootError& error) {
        return error.what();
    }
    return "accepted";
}

constexpr std::size_t kNotesHeader = test_images::program_header(2);
constexpr std::size_t kAlignmentField = 48;

TEST(ElfNotes, NameAndTypeDecide) {
    const Bytes wanted(5, std::byte{7});
    const Bytes others = make_note("Xen", 17, Bytes(3)) + make_note("Xe", 18, Bytes(4)) +
                         make_note("Xenn", 18, Bytes(8)) + make_note("", 18, Bytes(0));
    for (const bool elf64 : {false, true}) {
        const auto file = [&](const Bytes& notes) {
            return test_images::sample_with_notes(notes, elf64);
        };
        EXPECT_TRUE(found_in(file(others)).empty());
        EXPECT_EQ(found_in(file(others + make_note("Xen", 18, wanted))),
                  std::vector<Bytes>{wanted});
        EXPECT_EQ(found_in(file(make_note("Xen", 18, wanted) + others)),
                  std::vector<Bytes>{wanted});
        EXPECT_EQ(found_in(file(make_note("Xen", 18, wanted) + make_note("Xen", 18, Bytes{}))),
                  (std::vector<Bytes>{wanted, Bytes{}}));
    }
}

// The name is compared whole, with its zero.
TEST(ElfNotes, NameWithoutItsZero) {
    Bytes note = make_note("Xen", 18, Bytes(4));
    poke(note, 0, std::uint32_t{3});
    EXPECT_TRUE(found_in(test_images::sample_with_notes(note)).empty());
}

TEST(ElfNotes, AlignedTo8WhereTheHeaderSaysSo) {
    const Bytes wanted(4, std::byte{7});
    Bytes file = test_images::sample_with_notes(
        make_note("GNU", 5, Bytes(4), 8) + make_note("Xen", 18, wanted, 8), true);
    poke(file, kNotesHeader + kAlignmentField, std::uint64_t{8});
    EXPECT_EQ(found_in(file), std::vector<Bytes>{wanted});
    poke(file, kNotesHeader + kAlignmentField, std::uint64_t{16});
    EXPECT_EQ(refusal(file), "kernel: notes 2: p_align is 16; 4 and 8 are possible");
}

TEST(ElfNotes, SizesThatLie) {
    constexpr std::uint32_t kMax = std::numeric_limits<std::uint32_t>::max();
    const Bytes note = make_note("Xen", 18, Bytes(4));
    const auto refusal_with = [&](std::size_t offset, std::uint32_t value) {
        Bytes changed = note;
        poke(changed, offset, value);
        return refusal(test_images::sample_with_notes(changed));
    };
    EXPECT_EQ(refusal_with(0, 9), "kernel: notes 2: ends 1 bytes after the end of the note table");
    EXPECT_EQ(refusal_with(0, kMax),
              "kernel: notes 2: ends 4294967287 bytes after the end of the note table");
    EXPECT_EQ(refusal_with(4, 5), "kernel: notes 2: ends 1 bytes after the end of the note table");
    EXPECT_EQ(refusal_with(4, kMax),
              "kernel: notes 2: ends 4294967291 bytes after the end of the note table");
    EXPECT_EQ(refusal_with(0, 8), "kernel: notes 2: ends 4 bytes after the end of the note table");
}

TEST(ElfNotes, TablesThatLie) {
    const Bytes file = test_images::sample_with_notes(test_images::pvh_note(), true);
    const auto refusal_with = [&](std::size_t field, std::uint64_t value) {
        Bytes changed = file;
        poke(changed, kNotesHeader + field, value);
        return refusal(changed);
    };
    EXPECT_EQ(refusal_with(test_images::kFileSizeField, 21),
              "kernel: notes 2: ends 1 bytes after the end of the file");
    EXPECT_EQ(refusal_with(test_images::kFileSizeField, kMiB + 1),
              "kernel: notes 2: 1048577 bytes; at most 1048576 are possible");
    EXPECT_EQ(refusal_with(test_images::kOffsetField, std::numeric_limits<std::uint64_t>::max()),
              "kernel: notes 2: starts 18446744073709534415 bytes after the end of the file");
    // A rest that is too short for a header is padding.
    EXPECT_EQ(refusal_with(test_images::kFileSizeField, 11), "accepted");
    EXPECT_EQ(refusal_with(test_images::kFileSizeField, 0), "accepted");
}

}  // namespace
}  // namespace hvlab
