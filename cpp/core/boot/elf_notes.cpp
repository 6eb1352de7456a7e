// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf_notes.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

namespace hvlab {
namespace {

// A kernel has some hundred bytes.
constexpr std::uint64_t kMaxTable = 1 * kMiB;

// Both classes have the same; both align what follows it as the program header says: to 8, or else
// to 4.
using NoteHeader = Elf32_Nhdr;
static_assert(sizeof(NoteHeader) == sizeof(Elf64_Nhdr));

std::uint64_t alignment_of(const ImageBytes& image, const Elf::Notes& notes,
                           const std::string& field) {
    if (notes.alignment <= 4) return 4;
    if (notes.alignment != 8) {
        image.refuse(field, fmt::format("p_align is {}; 4 and 8 are possible", notes.alignment));
    }
    return 8;
}

bool has_name(std::span<const std::byte> bytes, std::string_view name) {
    const auto text = std::as_bytes(std::span(name));
    return bytes.size() == name.size() + 1 && bytes.back() == std::byte{0} &&
           std::ranges::equal(bytes.first(name.size()), text);
}

}  // namespace

std::vector<std::span<const std::byte>> find_notes(const ImageBytes& image, const Elf& elf,
                                                   std::string_view name, std::uint32_t type) {
    std::vector<std::span<const std::byte>> found;
    for (const Elf::Notes& notes : elf.notes) {
        const std::string field = fmt::format("notes {}", notes.index);
        const std::uint64_t alignment = alignment_of(image, notes, field);
        if (notes.file_size > kMaxTable) {
            image.refuse(field, fmt::format("{} bytes; at most {} are possible", notes.file_size,
                                            kMaxTable));
        }
        const ImageBytes table(image.path(), image.slice(notes.file_offset, notes.file_size, field),
                               "note table");
        // What is left when no header fits any more is padding.
        for (std::uint64_t at = 0; at + sizeof(NoteHeader) <= table.size();) {
            const auto header = table.load<NoteHeader>(at, field);
            const auto note_name = table.slice(at + sizeof header, header.n_namesz, field);
            const std::uint64_t content = at + align_up(sizeof header + header.n_namesz, alignment);
            const auto description = header.n_descsz == 0
                                         ? std::span<const std::byte>{}
                                         : table.slice(content, header.n_descsz, field);
            if (header.n_type == type && has_name(note_name, name)) found.push_back(description);
            at = align_up(content + header.n_descsz, alignment);
        }
    }
    return found;
}

}  // namespace hvlab
