// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf_image.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/base/status.h"
#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;

std::string refusal(const Bytes& file, std::uint64_t memory_size = 2 * kMiB) {
    GuestMemory memory(memory_size);
    try {
        load_elf(memory, {.path = "program"}, file);
    } catch (const BootError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(ElfImage, Elf32IsEnteredInProtectedMode) {
    GuestMemory memory(2 * kMiB);
    const CpuState state = load_elf(memory, {.path = "k"}, test_images::sample_elf32());
    EXPECT_EQ(state.rip, test_images::kKernelEntry);
    EXPECT_EQ(state.gpr[kRsp], 0x8000u);
    EXPECT_EQ(state.gpr[kRbx], 0u);
    EXPECT_EQ(state.cr0, 0x11u);
    EXPECT_EQ(state.msrs.efer, 0u);
    EXPECT_FALSE(state.cs.l);
    EXPECT_TRUE(state.cs.db);
    EXPECT_EQ(state.gdtr.base, 0x8000u);
    EXPECT_TRUE(std::ranges::equal(memory.host_bytes(0x100000, 0x3000),
                                   test_images::sample_bytes(0x3000, 1)));
}

TEST(ElfImage, Elf64IsEnteredInLongMode) {
    GuestMemory memory(2 * kMiB);
    const CpuState state = load_elf(memory, {.path = "k"}, test_images::sample_vmlinux());
    EXPECT_EQ(state.rip, test_images::kKernelEntry);
    EXPECT_EQ(state.gpr[kRsp], 0x8000u);
    EXPECT_EQ(state.gpr[kRsi], 0u);
    EXPECT_EQ(state.cr0, 0x80000011u);
    EXPECT_EQ(state.cr3, 0x9000u);
    EXPECT_TRUE(state.cs.l);
    EXPECT_EQ(memory.read_value<std::uint64_t>(0x9000), 0xA003u);
}

// Nothing of the image may lie where the tables go, and they are written to nowhere else.
TEST(ElfImage, LowMemoryIsTheTables) {
    const auto at = [](GuestAddress address) {
        return refusal(test_images::make_elf({{.address = address, .content = Bytes(16)}}, address),
                       kMiB);
    };
    EXPECT_EQ(at(0xFFFF),
              "program: segment 0: 16 bytes at 0xffff reach below 0x10000, where the loader's own "
              "tables lie");
    EXPECT_EQ(at(0x10000), "accepted");
}

TEST(ElfImage, FilesThatDoNotWork) {
    EXPECT_EQ(refusal({}), "program: image: the file is empty");
    EXPECT_EQ(refusal(Bytes(512)), "program: e_ident: not an ELF file");
    GuestMemory memory(kMiB);
    EXPECT_THROW(load_elf(memory, {.path = "/does/not/exist"}), BootError);
}

}  // namespace
}  // namespace hvlab
