// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files made to hurt: each ends in a tree or in a typed error, within the memory that
// parse_document promises. What they cost in time is measured by bench/scenario_bench.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <ostream>
#include <string>

#include "core/scenario/document.h"
#include "core/scenario/hostile_files.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HVLAB_SANITIZED 1
#else
#define HVLAB_SANITIZED 0
#endif

namespace {

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};

}  // namespace

#if !HVLAB_SANITIZED
// Counts what this program and yaml-cpp hold.
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* block = std::malloc(size);
    if (block == nullptr) throw std::bad_alloc();
    const std::size_t live = live_bytes += malloc_usable_size(block);
    if (live > peak_bytes) peak_bytes = live;
    return block;
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
    if (block != nullptr) live_bytes -= malloc_usable_size(block);
    std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
    operator delete(block);
}
#endif

namespace hvlab {

void PrintTo(const HostileFile& hostile, std::ostream* out) {
    *out << hostile.name;
}

namespace {

// "" if the text was taken.
std::string outcome(const std::string& text) {
    try {
        parse_document(text, "hostile");
        return "";
    } catch (const ScenarioSyntaxError& error) {
        return error.message();
    }
}

class Hostile : public testing::TestWithParam<HostileFile> {};

TEST_P(Hostile, EndsAsItShouldWithinItsMemory) {
    const std::size_t before = live_bytes;
    peak_bytes = before;
    const std::string message = outcome(GetParam().text);
    const std::size_t peak = peak_bytes;
    if (GetParam().message == nullptr) {
        EXPECT_EQ(message, "");
    } else {
        EXPECT_THAT(message, testing::HasSubstr(GetParam().message));
    }
    if (!HVLAB_SANITIZED) {
        EXPECT_LT(peak - before, std::size_t{64} << 20) << "bytes";
    }
}

INSTANTIATE_TEST_SUITE_P(All, Hostile, testing::ValuesIn(hostile_files()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace hvlab
