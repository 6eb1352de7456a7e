// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/test_images.h"

#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "core/base/random.h"
#include "core/base/status.h"

namespace hvlab::test_images {
namespace {

void append(Bytes& to, const void* from, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(from);
    to.insert(to.end(), first, first + size);
}

template <typename Header, typename Program>
Bytes make_elf_of(unsigned char elf_class, std::uint16_t machine,
                  const std::vector<ElfSegment>& segments, GuestAddress entry) {
    Header header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = elf_class;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_entry = static_cast<decltype(header.e_entry)>(entry);
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Program);
    header.e_phnum = static_cast<std::uint16_t>(segments.size());
    Bytes file;
    append(file, &header, sizeof header);
    std::size_t offset = sizeof header + segments.size() * sizeof(Program);
    for (const ElfSegment& segment : segments) {
        using Size = decltype(Program::p_offset);
        Program program{};
        program.p_type = segment.type;
        program.p_offset = static_cast<Size>(offset);
        program.p_vaddr = static_cast<Size>(segment.address + segment.virtual_offset);
        program.p_paddr = static_cast<Size>(segment.address);
        program.p_filesz = static_cast<Size>(segment.content.size());
        program.p_memsz = static_cast<Size>(segment.memory_size != 0 ? segment.memory_size
                                                                     : segment.content.size());
        append(file, &program, sizeof program);
        offset += segment.content.size();
    }
    for (const ElfSegment& segment : segments) {
        append(file, segment.content.data(), segment.content.size());
    }
    return file;
}

Bytes gzip(const Bytes& bytes) {
    z_stream stream{};
    HVLAB_ASSERT(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) ==
                 Z_OK);
    Bytes packed(deflateBound(&stream, bytes.size()));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    HVLAB_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

Bytes run_lzma(lzma_stream& stream, const Bytes& bytes) {
    Bytes packed(bytes.size() * 2 + 4096);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    stream.avail_in = bytes.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
    stream.avail_out = packed.size();
    HVLAB_ASSERT(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
    packed.resize(stream.total_out);
    lzma_end(&stream);
    return packed;
}

Bytes xz(const Bytes& bytes, bool x86) {
    lzma_options_lzma options;
    lzma_lzma_preset(&options, 6);
    lzma_filter filters[3]{{.id = LZMA_FILTER_X86, .options = nullptr},
                           {.id = LZMA_FILTER_LZMA2, .options = &options},
                           {.id = LZMA_VLI_UNKNOWN, .options = nullptr}};
    lzma_stream stream = LZMA_STREAM_INIT;
    HVLAB_ASSERT(lzma_stream_encoder(&stream, x86 ? filters : filters + 1, LZMA_CHECK_CRC32) ==
                 LZMA_OK);
    return run_lzma(stream, bytes);
}

Bytes lzma(const Bytes& bytes) {
    lzma_options_lzma options;
    lzma_lzma_preset(&options, 6);
    lzma_stream stream = LZMA_STREAM_INIT;
    HVLAB_ASSERT(lzma_alone_encoder(&stream, &options) == LZMA_OK);
    return run_lzma(stream, bytes);
}

Bytes zstd(const Bytes& bytes) {
    Bytes packed(ZSTD_compressBound(bytes.size()));
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 10);
    HVLAB_ASSERT(ZSTD_isError(size) == 0);
    packed.resize(size);
    return packed;
}

Bytes lz4_legacy(const Bytes& bytes) {
    Bytes packed;
    const std::uint32_t magic = 0x184C2102;
    append(packed, &magic, sizeof magic);
    for (std::size_t at = 0; at < bytes.size(); at += 8 * kMiB) {
        const auto size = static_cast<int>(std::min<std::size_t>(8 * kMiB, bytes.size() - at));
        Bytes block(static_cast<std::size_t>(LZ4_compressBound(size)));
        const int made = LZ4_compress_default(reinterpret_cast<const char*>(bytes.data() + at),
                                              reinterpret_cast<char*>(block.data()), size,
                                              static_cast<int>(block.size()));
        HVLAB_ASSERT(made > 0);
        const auto packed_size = static_cast<std::uint32_t>(made);
        append(packed, &packed_size, sizeof packed_size);
        append(packed, block.data(), packed_size);
    }
    return packed;
}

}  // namespace

Bytes sample_bytes(std::size_t size, std::uint64_t seed) {
    RandomStream random{Seed(seed)};
    Bytes bytes(size);
    for (std::size_t at = 0; at < size;) {
        const auto value = static_cast<std::byte>(random.next());
        const std::size_t run = std::min<std::size_t>(1 + random.below(20), size - at);
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), run, value);
        at += run;
    }
    return bytes;
}

Bytes make_elf(const std::vector<ElfSegment>& segments, GuestAddress entry) {
    return make_elf_of<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, EM_X86_64, segments, entry);
}

Bytes make_elf32(const std::vector<ElfSegment>& segments, GuestAddress entry) {
    return make_elf_of<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, EM_386, segments, entry);
}

Bytes compress(Compression compression, const Bytes& bytes) {
    switch (compression) {
        case Compression::kNone:
            return bytes;
        case Compression::kGzip:
            return gzip(bytes);
        case Compression::kXz:
            return xz(bytes, false);
        case Compression::kLzma:
            return lzma(bytes);
        case Compression::kZstd:
            return zstd(bytes);
        case Compression::kLz4:
            return lz4_legacy(bytes);
    }
    HVLAB_ASSERT(false && "unknown Compression");
    return {};
}

Bytes compress_xz_x86(const Bytes& bytes) {
    return xz(bytes, true);
}

Bytes with_size(Bytes packed, std::size_t size) {
    const auto word = static_cast<std::uint32_t>(size);
    append(packed, &word, sizeof word);
    return packed;
}

Bytes make_bzimage(const Bytes& payload) {
    Bytes file(kPayloadStart);
    poke(file, 0x1F1, std::uint8_t{2});                                         // setup_sects
    poke(file, 0x1F4, static_cast<std::uint32_t>((payload.size() + 15) / 16));  // syssize
    poke(file, 0x1FE, std::uint16_t{0xAA55});                                   // boot_flag
    poke(file, 0x200, std::uint16_t{0x6AEB});      // jump: the header ends at 26Ch
    poke(file, 0x202, std::uint32_t{0x53726448});  // "HdrS"
    poke(file, 0x206, std::uint16_t{0x020F});      // version
    poke(file, 0x211, std::uint8_t{0x03});         // loadflags: LOADED_HIGH, KASLR_FLAG
    poke(file, 0x214, static_cast<std::uint32_t>(kKernelStart));  // code32_start
    poke(file, 0x22C, std::uint32_t{0x7FFFFFFF});                 // initrd_addr_max
    poke(file, 0x236, std::uint16_t{0x0003});                     // xloadflags: XLF_KERNEL_64
    poke(file, 0x238, std::uint32_t{255});                        // cmdline_size
    poke(file, 0x248, std::uint32_t{0});                          // payload_offset
    poke(file, 0x24C, static_cast<std::uint32_t>(payload.size()));
    poke(file, 0x258, std::uint64_t{kKernelStart});  // pref_address
    poke(file, 0x260, std::uint32_t{0x20000});       // init_size
    append(file, payload.data(), payload.size());
    return file;
}

namespace {

std::vector<ElfSegment> sample_segments() {
    return {{.address = kKernelStart, .content = sample_bytes(0x3000, 1)},
            {.address = 0x108000,
             .content = sample_bytes(0x1234, 2),
             .memory_size = kKernelEnd - 0x108000}};
}

}  // namespace

Bytes sample_vmlinux() {
    return make_elf(sample_segments(), kKernelEntry);
}

Bytes sample_elf32() {
    return make_elf32(sample_segments(), kKernelEntry);
}

Bytes sample_bzimage(Compression compression) {
    const Bytes vmlinux = sample_vmlinux();
    Bytes packed = compress(compression, vmlinux);
    const bool has_size = compression == Compression::kGzip || compression == Compression::kNone;
    if (!has_size) packed = with_size(std::move(packed), vmlinux.size());
    return make_bzimage(packed);
}

Bytes multiboot_header(std::uint32_t flags, const std::vector<std::uint32_t>& addresses) {
    constexpr std::uint32_t kMagic = 0x1BADB002;
    Bytes header(12 + 4 * addresses.size());
    poke(header, 0, kMagic);
    poke(header, 4, flags);
    poke(header, 8, static_cast<std::uint32_t>(0 - kMagic - flags));
    for (std::size_t i = 0; i < addresses.size(); ++i) poke(header, 12 + 4 * i, addresses[i]);
    return header;
}

Bytes sample_multiboot(const Bytes& header, bool elf64) {
    std::vector<ElfSegment> segments = sample_segments();
    std::ranges::copy(header, segments[0].content.begin());
    return elf64 ? make_elf(segments, kKernelEntry) : make_elf32(segments, kKernelEntry);
}

Bytes make_note(const std::string& name, std::uint32_t type, const Bytes& description,
                std::size_t alignment) {
    Bytes note(12);
    poke(note, 0, static_cast<std::uint32_t>(name.size() + 1));
    poke(note, 4, static_cast<std::uint32_t>(description.size()));
    poke(note, 8, type);
    append(note, name.c_str(), name.size() + 1);
    note.resize(align_up(note.size(), alignment));
    append(note, description.data(), description.size());
    note.resize(align_up(note.size(), alignment));
    return note;
}

Bytes sample_with_notes(const Bytes& notes, bool elf64) {
    std::vector<ElfSegment> segments = sample_segments();
    segments.push_back({.address = 0, .content = notes, .type = PT_NOTE});
    return elf64 ? make_elf(segments, kKernelEntry) : make_elf32(segments, kKernelEntry);
}

Bytes pvh_note() {
    return make_note("Xen", kPhys32Entry, static_cast<std::uint32_t>(kKernelEntry + 16));
}

}  // namespace hvlab::test_images
