// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a kernel's payload: unpacked within the limit or BootError, never anything else.
#include <cstddef>
#include <cstdint>

#include "core/base/status.h"
#include "core/boot/decompress.h"

using namespace hvlab;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t kLimit = 256 * 1024;
    const auto payload = std::as_bytes(std::span(data, size));
    try {
        const Compression compression = detect_compression(payload, "payload");
        const Unpacked result = decompress(compression, payload, kLimit, "payload");
        HVLAB_ASSERT(result.bytes().size() <= kLimit);
        // Reads every byte: the sanitizer sees what was not written within the buffer.
        unsigned sum = 0;
        for (const std::byte byte : result.bytes()) sum += std::to_integer<unsigned>(byte);
        HVLAB_ASSERT(sum <= 255u * kLimit);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "payload" && error.field() == "payload");
    }
    return 0;
}
