// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/pvh.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "core/base/status.h"
#include "core/boot/test_images.h"

namespace hvlab {
namespace {

using test_images::Bytes;
using test_images::kKernelEntry;
using test_images::kPhys32Entry;
using test_images::make_note;

class PvhTest : public ::testing::Test {
protected:
    std::string refusal(const Bytes& file, const PvhKernel& kernel = {.path = "kernel"},
                        const ModuleContents& modules = {}) {
        try {
            load_pvh(memory_, kernel, file, modules);
        } catch (const BootError& error) {
            return error.what();
        }
        return "accepted";
    }
    template <typename T>
    T at(GuestAddress address) const {
        return memory_.read_value<T>(address).value();
    }
    std::string text_at(GuestAddress address) const {
        std::string text;
        while (const char c = at<char>(address++)) text += c;
        return text;
    }

    GuestMemory memory_{4 * kMiB};
};

TEST_F(PvhTest, EntryStateAndStartInfo) {
    for (const bool elf64 : {false, true}) {
        const Bytes file = test_images::sample_with_notes(test_images::pvh_note(), elf64);
        const CpuState state = load_pvh(memory_, {.path = "k", .cmdline = "a=b c"}, file, {});
        EXPECT_EQ(state.rip, kKernelEntry + 16);
        EXPECT_EQ(state.cr0, 0x11u);
        EXPECT_EQ(state.cr4, 0u);
        EXPECT_EQ(state.rflags, 2u);
        EXPECT_TRUE(state.cs.db);
        EXPECT_EQ(state.tr.limit, 0x67u);
        const GuestAddress info = state.gpr[kRbx];
        EXPECT_EQ(info, test_images::kKernelEnd);  // the lowest free page
        EXPECT_EQ(at<std::uint32_t>(info), 0x336EC578u);
        EXPECT_EQ(at<std::uint32_t>(info + 4), 1u);   // version
        EXPECT_EQ(at<std::uint32_t>(info + 8), 0u);   // flags
        EXPECT_EQ(at<std::uint32_t>(info + 12), 0u);  // nr_modules
        EXPECT_EQ(at<std::uint64_t>(info + 16), 0u);  // modlist_paddr
        EXPECT_EQ(text_at(at<std::uint64_t>(info + 24)), "a=b c");
        EXPECT_EQ(at<std::uint64_t>(info + 32), 0u);  // rsdp_paddr
        EXPECT_EQ(at<std::uint32_t>(info + 48), 3u);  // memmap_entries
        EXPECT_EQ(at<std::uint32_t>(info + 52), 0u);
    }
}

TEST_F(PvhTest, MemoryMap) {
    const Bytes file = test_images::sample_with_notes(test_images::pvh_note());
    const GuestAddress info = load_pvh(memory_, {.path = "k"}, file, {}).gpr[kRbx];
    const GuestAddress map = at<std::uint64_t>(info + 40);
    using Entry = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, std::uint32_t>;
    const auto entry = [&](unsigned i) {
        const GuestAddress address = map + 24 * i;
        return Entry{at<std::uint64_t>(address), at<std::uint64_t>(address + 8),
                     at<std::uint32_t>(address + 16), at<std::uint32_t>(address + 20)};
    };
    EXPECT_EQ(entry(0), Entry(0, 0x9FC00, 1, 0));
    EXPECT_EQ(entry(1), Entry(0x9FC00, 0x60400, 2, 0));
    EXPECT_EQ(entry(2), Entry(0x100000, 0x300000, 1, 0));
}

TEST_F(PvhTest, Modules) {
    const Bytes file = test_images::sample_with_notes(test_images::pvh_note());
    const PvhKernel kernel{.path = "k", .modules = {{"initrd", "first"}, {"other", ""}}};
    const ModuleContents contents{test_images::sample_bytes(5000, 1),
                                  test_images::sample_bytes(1, 2)};
    const GuestAddress info = load_pvh(memory_, kernel, file, contents).gpr[kRbx];
    ASSERT_EQ(at<std::uint32_t>(info + 12), 2u);
    const GuestAddress list = at<std::uint64_t>(info + 16);
    const auto start = at<std::uint64_t>(list);
    EXPECT_EQ(start, info + kPageSize);
    EXPECT_EQ(at<std::uint64_t>(list + 8), 5000u);
    EXPECT_EQ(text_at(at<std::uint64_t>(list + 16)), "first");
    EXPECT_EQ(at<std::uint64_t>(list + 24), 0u);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(start, 5000), contents[0]));
    EXPECT_EQ(at<std::uint64_t>(list + 32), start + 2 * kPageSize);
    EXPECT_EQ(at<std::uint64_t>(list + 40), 1u);
    EXPECT_EQ(text_at(at<std::uint64_t>(list + 48)), "");
}

TEST_F(PvhTest, BzImageIsUnpacked) {
    const Bytes vmlinux = test_images::sample_with_notes(test_images::pvh_note(), true);
    const Bytes packed =
        test_images::with_size(test_images::compress(Compression::kZstd, vmlinux), vmlinux.size());
    const CpuState state = load_pvh(memory_, {.path = "k"}, test_images::make_bzimage(packed), {});
    EXPECT_EQ(state.rip, kKernelEntry + 16);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(test_images::kKernelStart, 0x3000),
                                   test_images::sample_bytes(0x3000, 1)));
    EXPECT_EQ(refusal(test_images::sample_bzimage(Compression::kZstd)),
              "kernel: XEN_ELFNOTE_PHYS32_ENTRY: there is no such note: the kernel has no PVH "
              "entry point");
}

TEST_F(PvhTest, NotesThatGiveNoEntry) {
    const auto with = [&](const Bytes& notes) {
        return refusal(test_images::sample_with_notes(notes));
    };
    const std::string field = "kernel: XEN_ELFNOTE_PHYS32_ENTRY: ";
    EXPECT_EQ(with(make_note("Xen", 17, kKernelEntry)),
              field + "there is no such note: the kernel has no PVH entry point");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, Bytes(0))),
              field + "has 0 bytes; 4 and 8 are possible");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, Bytes(5))),
              field + "has 5 bytes; 4 and 8 are possible");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, std::uint32_t{0xFFFFF})),
              field + "0xfffff is in no segment");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, std::uint32_t{0x110000})),
              field + "0x110000 is in no segment");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, std::uint32_t{0x10FFFF})), "accepted");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, std::uint64_t{0x10FFFF})), "accepted");
    EXPECT_EQ(with(make_note("Xen", kPhys32Entry, std::uint64_t{0x100100000})),
              field + "0x100100000 is in no segment");
    Bytes two = test_images::pvh_note();
    const Bytes other = make_note("Xen", kPhys32Entry, std::uint32_t{0x100000});
    two.insert(two.end(), other.begin(), other.end());
    EXPECT_EQ(with(two), field + "is there twice, with 0x100050 and 0x100000");
}

TEST_F(PvhTest, FilesAndTextsThatDoNotWork) {
    const Bytes file = test_images::sample_with_notes(test_images::pvh_note());
    EXPECT_EQ(refusal({}), "kernel: kernel: the file is empty");
    EXPECT_EQ(refusal(Bytes(100)), "kernel: e_ident: not an ELF file");
    EXPECT_EQ(refusal(file, {.path = "kernel", .cmdline = std::string(4096, 'x')}),
              "kernel: cmdline: 4096 bytes; at most 4095 can be passed");
    EXPECT_EQ(refusal(file, {.path = "kernel", .cmdline = std::string(4095, 'x')}), "accepted");
    EXPECT_EQ(refusal(file, {.path = "kernel", .modules = {{"initrd", ""}}},
                      {Bytes(4 * kMiB - 0x111000 + 1)}),
              "initrd: module 0: no room for 3076097 bytes between 1 MiB and the end of memory");
    EXPECT_EQ(refusal(file, {.path = "kernel", .modules = {{"initrd", ""}}},
                      {Bytes(4 * kMiB - 0x111000)}),
              "accepted");
    EXPECT_THROW(load_pvh(memory_, {.path = "/does/not/exist"}), BootError);
}

TEST_F(PvhTest, EveryTruncationIsRefused) {
    const Bytes file = test_images::sample_with_notes(test_images::pvh_note());
    for (std::size_t size = 0; size < file.size(); size += size < 300 ? 1 : 97) {
        EXPECT_NE(refusal(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))),
                  "accepted")
            << size;
    }
}

}  // namespace
}  // namespace hvlab
