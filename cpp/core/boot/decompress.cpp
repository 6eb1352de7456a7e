// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/decompress.h"

#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>

#include "core/base/status.h"
#include "core/base/units.h"

namespace hvlab {
namespace {

struct Magic {
    Compression compression;
    std::array<unsigned char, 4> bytes;
    std::size_t length;
};

constexpr std::array kMagics{
    Magic{Compression::kNone, {0x7F, 'E', 'L', 'F'}, 4},
    Magic{Compression::kGzip, {0x1F, 0x8B}, 2},
    Magic{Compression::kXz, {0xFD, '7', 'z', 'X'}, 4},
    Magic{Compression::kLzma, {0x5D, 0x00, 0x00}, 3},
    Magic{Compression::kZstd, {0x28, 0xB5, 0x2F, 0xFD}, 4},
    Magic{Compression::kLz4, {0x02, 0x21, 0x4C, 0x18}, 4},
};

// The kernel's build uses dictionaries of up to 128 MiB.
constexpr std::uint64_t kLzmaMemoryLimit = 192 * kMiB;

std::uint32_t load32(std::span<const std::byte> bytes) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// One run of one decompressor: input, output, and how to complain.
struct Job {
    Compression compression;
    std::span<const std::byte> input;
    std::span<std::byte> output;
    const std::string& path;

    [[noreturn]] void refuse(const std::string& message) const {
        throw BootError(path, "payload",
                        fmt::format("the {} data {}", to_string(compression), message));
    }
    [[noreturn]] void truncated() const { refuse("end too early"); }
    [[noreturn]] void too_large() const {
        refuse(fmt::format("unpack to more than {} bytes", output.size()));
    }
};

// What a decompressor did: bytes of input taken and of output made.
struct Done {
    std::uint64_t consumed = 0;
    std::uint64_t produced = 0;
};

Done gunzip(const Job& job) {
    if (job.input.size() > std::numeric_limits<uInt>::max() ||
        job.output.size() > std::numeric_limits<uInt>::max()) {
        job.refuse("are larger than 4 GiB");
    }
    z_stream stream{};
    // zlib never writes to next_in, in spite of its type.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(job.input.data()));
    stream.avail_in = static_cast<uInt>(job.input.size());
    stream.next_out = reinterpret_cast<Bytef*>(job.output.data());
    stream.avail_out = static_cast<uInt>(job.output.size());
    constexpr int kGzipHeader = 16;
    if (inflateInit2(&stream, MAX_WBITS + kGzipHeader) != Z_OK) {
        throw HostError("decompress " + job.path, ENOMEM);
    }
    const int result = inflate(&stream, Z_FINISH);
    const std::string detail = stream.msg != nullptr ? stream.msg : "no reason known";
    inflateEnd(&stream);
    if (result == Z_STREAM_END) return {stream.total_in, stream.total_out};
    if (result == Z_MEM_ERROR) throw HostError("decompress " + job.path, ENOMEM);
    if (result != Z_BUF_ERROR && result != Z_OK) job.refuse(fmt::format("are broken: {}", detail));
    if (stream.avail_out == 0) job.too_large();
    job.truncated();
}

Done unlzma(const Job& job) {
    lzma_stream stream = LZMA_STREAM_INIT;
    const lzma_ret begun = job.compression == Compression::kXz
                               ? lzma_stream_decoder(&stream, kLzmaMemoryLimit, 0)
                               : lzma_alone_decoder(&stream, kLzmaMemoryLimit);
    if (begun != LZMA_OK) throw HostError("decompress " + job.path, ENOMEM);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(job.input.data());
    stream.avail_in = job.input.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(job.output.data());
    stream.avail_out = job.output.size();
    lzma_ret result = LZMA_OK;
    while (result == LZMA_OK) result = lzma_code(&stream, LZMA_FINISH);
    const bool full = stream.avail_out == 0;
    const Done done{stream.total_in, stream.total_out};
    lzma_end(&stream);
    switch (result) {
        case LZMA_STREAM_END:
            return done;
        case LZMA_BUF_ERROR:
            full ? job.too_large() : job.truncated();
        case LZMA_MEMLIMIT_ERROR:
            job.refuse(fmt::format("take more than {} MiB to unpack", kLzmaMemoryLimit / kMiB));
        case LZMA_OPTIONS_ERROR:
            job.refuse("use a filter that is not supported");
        case LZMA_UNSUPPORTED_CHECK:
            job.refuse("use a checksum that is not supported");
        case LZMA_MEM_ERROR:
            throw HostError("decompress " + job.path, ENOMEM);
        default:
            job.refuse("are broken");
    }
}

Done unzstd(const Job& job) {
    // Straight into the output: no window buffer of a size that the data choose.
    const std::size_t frame = ZSTD_findFrameCompressedSize(job.input.data(), job.input.size());
    if (ZSTD_isError(frame) != 0) {
        if (ZSTD_getErrorCode(frame) == ZSTD_error_srcSize_wrong) job.truncated();
        job.refuse(fmt::format("are broken: {}", ZSTD_getErrorName(frame)));
    }
    const std::size_t produced =
        ZSTD_decompress(job.output.data(), job.output.size(), job.input.data(), frame);
    if (ZSTD_isError(produced) != 0) {
        switch (ZSTD_getErrorCode(produced)) {
            case ZSTD_error_dstSize_tooSmall:
                job.too_large();
            case ZSTD_error_memory_allocation:
                throw HostError("decompress " + job.path, ENOMEM);
            default:
                job.refuse(fmt::format("are broken: {}", ZSTD_getErrorName(produced)));
        }
    }
    return {frame, produced};
}

// The legacy frame of `lz4 -l`: blocks of up to 8 MiB, each behind its packed size, to the end of
// the data (lz4_Frame_format.md, "Legacy frame"). No checksum.
Done unlz4(const Job& job) {
    constexpr std::uint32_t kMagic = 0x184C2102;
    constexpr std::uint64_t kBlock = 8 * kMiB;
    Done done{.consumed = 4, .produced = 0};
    while (job.input.size() - done.consumed > 4) {
        const auto rest = job.input.subspan(done.consumed);
        const std::uint32_t packed = load32(rest);
        done.consumed += 4;
        if (packed == kMagic) continue;  // concatenated files
        if (packed == 0 || packed > static_cast<std::uint32_t>(LZ4_compressBound(kBlock))) {
            job.refuse(
                fmt::format("announce a block of {} bytes at {:#x}", packed, done.consumed - 4));
        }
        if (packed > rest.size() - 4) {
            job.refuse(
                fmt::format("have a last block that ends {} bytes after the end of the payload",
                            packed - (rest.size() - 4)));
        }
        const auto space = job.output.subspan(done.produced);
        const auto room = static_cast<int>(std::min<std::uint64_t>(space.size(), kBlock));
        const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(rest.data() + 4),
                                             reinterpret_cast<char*>(space.data()),
                                             static_cast<int>(packed), room);
        if (made < 0) {
            // The library does not tell "broken" from "no room".
            if (space.size() < kBlock) {
                job.refuse(fmt::format("are broken at {:#x}, or unpack to more than {} bytes",
                                       done.consumed, job.output.size()));
            }
            job.refuse(fmt::format("are broken at {:#x}", done.consumed));
        }
        done.consumed += packed;
        done.produced += static_cast<std::uint64_t>(made);
    }
    return done;
}

Done unpack(const Job& job) {
    switch (job.compression) {
        case Compression::kGzip:
            return gunzip(job);
        case Compression::kXz:
        case Compression::kLzma:
            return unlzma(job);
        case Compression::kZstd:
            return unzstd(job);
        case Compression::kLz4:
            return unlz4(job);
        case Compression::kNone:
            break;
    }
    if (job.input.size() > job.output.size()) job.too_large();
    std::ranges::copy(job.input, job.output.begin());
    return {job.input.size(), job.input.size()};
}

}  // namespace

std::string_view to_string(Compression compression) {
    switch (compression) {
        case Compression::kNone:
            return "uncompressed";
        case Compression::kGzip:
            return "gzip";
        case Compression::kXz:
            return "xz";
        case Compression::kLzma:
            return "lzma";
        case Compression::kZstd:
            return "zstd";
        case Compression::kLz4:
            return "lz4";
    }
    HVLAB_ASSERT(false && "unknown Compression");
    return {};
}

Compression detect_compression(std::span<const std::byte> payload, const std::string& path) {
    for (const Magic& magic : kMagics) {
        if (payload.size() >= magic.length &&
            std::memcmp(payload.data(), magic.bytes.data(), magic.length) == 0) {
            return magic.compression;
        }
    }
    std::string start;
    for (std::size_t i = 0; i < std::min<std::size_t>(payload.size(), 4); ++i) {
        start += fmt::format(" {:02x}", std::to_integer<unsigned>(payload[i]));
    }
    throw BootError(path, "payload",
                    fmt::format("starts with{}: not ELF, gzip, xz, lzma, zstd or lz4",
                                start.empty() ? " nothing" : start));
}

Unpacked::Unpacked(std::uint64_t capacity) : capacity_(capacity) {
    try {
        storage_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
    } catch (const std::bad_alloc&) {
        throw HostError(fmt::format("allocate {} bytes", capacity), ENOMEM);
    }
}

Unpacked decompress(Compression compression, std::span<const std::byte> payload,
                    std::uint64_t max_size, const std::string& path) {
    Unpacked result(max_size);
    const Job job{compression, payload, result.space(), path};
    const Done done = unpack(job);
    const auto trailer = payload.subspan(done.consumed);
    if (compression != Compression::kNone && trailer.size() == 4 &&
        load32(trailer) != done.produced) {
        job.refuse(fmt::format("unpack to {} bytes, but {} are announced", done.produced,
                               load32(trailer)));
    }
    result.set_size(done.produced);
    return result;
}

}  // namespace hvlab
