// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/linux.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <span>
#include <system_error>

#include "core/base/status.h"
#include "core/base/test_directory.h"
#include "core/boot/bzimage.h"
#include "core/boot/test_images.h"
#include "core/cpu/cpu_model.h"

namespace hvlab {
namespace {

namespace fs = std::filesystem;
using test_images::Bytes;
using test_images::poke;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr GuestAddress kBootParams = 0x10000;

class LinuxTest : public ::testing::Test {
protected:
    // The message of the BootError that booting this kernel gives.
    std::string refusal(const Bytes& kernel, const std::string& cmdline = "",
                        const std::optional<Bytes>& initrd = std::nullopt) {
        LinuxBoot boot{.kernel = "vmlinuz", .initrd = std::nullopt, .cmdline = cmdline};
        if (initrd) boot.initrd = "initrd.img";
        try {
            load_linux(memory_, boot, kernel, initrd.value_or(Bytes{}));
        } catch (const BootError& error) {
            return error.what();
        }
        return "accepted";
    }
    // The sample kernel with one number of the file overwritten.
    template <typename T>
    std::string refusal_with(std::size_t offset, T value) {
        Bytes file = test_images::sample_bzimage(Compression::kLz4);
        poke(file, offset, value);
        return refusal(file);
    }
    template <typename T>
    T param(std::size_t offset) const {
        return memory_.read_value<T>(kBootParams + offset).value();
    }
    std::string text_at(GuestAddress address) const {
        std::string text;
        while (const char c = memory_.read_value<char>(address++).value()) text += c;
        return text;
    }

    TestDirectory directory_;
    GuestMemory memory_{4 * kMiB};
};

class EveryKernelCompression : public LinuxTest,
                               public ::testing::WithParamInterface<Compression> {};

INSTANTIATE_TEST_SUITE_P(Formats, EveryKernelCompression,
                         ::testing::Values(Compression::kNone, Compression::kGzip, Compression::kXz,
                                           Compression::kLzma, Compression::kZstd,
                                           Compression::kLz4),
                         [](const auto& format) { return std::string(to_string(format.param)); });

TEST_P(EveryKernelCompression, KernelIsLoadedAndEntered) {
    const Bytes kernel = test_images::sample_bzimage(GetParam());
    const CpuState state = load_linux(memory_, {.kernel = "k", .cmdline = "quiet"}, kernel, {});
    EXPECT_EQ(state.rip, test_images::kKernelEntry);
    EXPECT_EQ(state.gpr[kRsi], kBootParams);
    EXPECT_TRUE(state.cs.l);
    EXPECT_EQ(state.rflags & 0x200, 0u);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(0x100000, 0x3000),
                                   test_images::sample_bytes(0x3000, 1)));
    EXPECT_EQ(text_at(param<std::uint32_t>(0x228)), "quiet");
    EXPECT_EQ(param<std::uint32_t>(0x202), 0x53726448u);
    EXPECT_EQ(param<std::uint16_t>(0x206), 0x020F);
    EXPECT_EQ(param<std::uint8_t>(0x210), 0xFF);
    EXPECT_EQ(param<std::uint8_t>(0x211), 1);
    EXPECT_EQ(param<std::uint8_t>(0x1E8), 3);
    EXPECT_EQ(param<std::uint32_t>(0x218), 0u);
}

// At every 97th byte, and everywhere in the header.
TEST_P(EveryKernelCompression, EveryTruncationIsRefused) {
    const Bytes kernel = test_images::sample_bzimage(GetParam());
    for (std::size_t size = 0; size < kernel.size();
         size += size >= 0x1E0 && size < 0x280 ? 1 : 97) {
        const auto part = kernel.begin() + static_cast<std::ptrdiff_t>(size);
        const std::string message = refusal(Bytes(kernel.begin(), part));
        EXPECT_THAT(message, StartsWith("vmlinuz: ")) << size;
    }
}

TEST_F(LinuxTest, VmlinuxIsBootedAsItIs) {
    const Bytes kernel = test_images::sample_vmlinux();
    const Bytes initrd = test_images::sample_bytes(5000, 8);
    const CpuState state =
        load_linux(memory_, {.kernel = "k", .initrd = "i", .cmdline = "a=b"}, kernel, initrd);
    EXPECT_EQ(state.rip, test_images::kKernelEntry);
    EXPECT_EQ(param<std::uint32_t>(0x202), 0x53726448u);
    EXPECT_EQ(text_at(param<std::uint32_t>(0x228)), "a=b");
    EXPECT_EQ(param<std::uint32_t>(0x218), 4 * kMiB - 8192);
}

TEST_F(LinuxTest, InitrdLiesHighAndAligned) {
    const Bytes kernel = test_images::sample_bzimage(Compression::kLz4);
    const Bytes initrd = test_images::sample_bytes(12345, 5);
    load_linux(memory_, {.kernel = "k", .initrd = "i", .cmdline = ""}, kernel, initrd);
    const auto address = param<std::uint32_t>(0x218);
    EXPECT_EQ(address, 4 * kMiB - 16384);
    EXPECT_EQ(param<std::uint32_t>(0x21C), 12345u);
    EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(address, 12345), initrd));
}

TEST_F(LinuxTest, InitrdStaysBelowItsLimit) {
    Bytes kernel = test_images::sample_bzimage(Compression::kLz4);
    poke(kernel, 0x22C, std::uint32_t{0x2FFFFF});  // its last byte may be the last below 3 MiB
    load_linux(memory_, {.kernel = "k", .initrd = "i", .cmdline = ""}, kernel, Bytes(4096));
    EXPECT_EQ(param<std::uint32_t>(0x218), 0x2FF000u);
    // In a machine with RAM above the hole, too.
    GuestMemory large(6 * kGiB);
    load_linux(large, {.kernel = "k", .initrd = "i", .cmdline = ""},
               test_images::sample_bzimage(Compression::kLz4), Bytes(4096));
    EXPECT_EQ(large.read_value<std::uint32_t>(kBootParams + 0x218), 0x7FFFF000u);
}

TEST_F(LinuxTest, InitrdThatDoesNotFit) {
    const Bytes kernel = test_images::sample_bzimage(Compression::kLz4);
    const std::uint64_t kernel_end = test_images::kKernelStart + 0x20000;  // init_size counts
    const std::uint64_t room = 4 * kMiB - kernel_end;
    EXPECT_EQ(refusal(kernel, "", Bytes(room)), "accepted");
    EXPECT_EQ(
        refusal(kernel, "", Bytes(room + 1)),
        "initrd.img: initrd: 3014657 bytes do not fit between the kernel's end at 0x120000 and "
        "0x400000");
    EXPECT_EQ(refusal(kernel, "", Bytes{}), "initrd.img: initrd: the file is empty");
    Bytes limited = kernel;
    poke(limited, 0x22C, std::uint32_t{0xFFFF});
    EXPECT_EQ(
        refusal(limited, "", Bytes(1)),
        "initrd.img: initrd: 1 bytes do not fit between the kernel's end at 0x120000 and 0x10000");
}

TEST_F(LinuxTest, CommandLineLimits) {
    const Bytes kernel = test_images::sample_bzimage(Compression::kLz4);
    EXPECT_EQ(refusal(kernel, std::string(255, 'x')), "accepted");
    EXPECT_EQ(refusal(kernel, std::string(256, 'x')),
              "vmlinuz: cmdline: 256 bytes; this kernel takes 255");
    EXPECT_EQ(refusal(kernel, std::string("a\0b", 3)), "vmlinuz: cmdline: has a NUL inside");
    EXPECT_EQ(refusal(test_images::sample_vmlinux(), std::string(2048, 'x')),
              "vmlinuz: cmdline: 2048 bytes; this kernel takes 2047");
    Bytes greedy = kernel;
    poke(greedy, 0x238, std::uint32_t{0xFFFFFFFF});
    EXPECT_EQ(refusal(greedy, std::string(0x70000, 'x')),
              "vmlinuz: cmdline: 458752 bytes; at most 458751 can be passed");
    EXPECT_EQ(refusal(greedy, std::string(0x6FFFF, 'x')), "accepted");
}

TEST_F(LinuxTest, HeaderLies) {
    EXPECT_EQ(refusal_with(0x1FE, std::uint16_t{0}), "vmlinuz: boot_flag: is not AA55h");
    EXPECT_EQ(refusal_with(0x202, std::uint32_t{0}),
              "vmlinuz: kernel: neither a bzImage (no 'HdrS' at 202h) nor an ELF file");
    EXPECT_EQ(refusal_with(0x206, std::uint16_t{0x0205}),
              "vmlinuz: version: boot protocol 2.05; 2.06 or newer is needed");
    EXPECT_EQ(refusal_with(0x211, std::uint8_t{0xFE}),
              "vmlinuz: loadflags: a kernel for low memory (zImage)");
    EXPECT_EQ(refusal_with(0x201, std::uint8_t{0x65}),
              "vmlinuz: jump: the setup header ends at 0x267, before its last fields");
    EXPECT_EQ(refusal_with(0x201, std::uint8_t{0x80}),
              "vmlinuz: jump: the setup header ends at 0x282, after its room");
    EXPECT_EQ(refusal_with(0x260, std::uint32_t{0}), "vmlinuz: init_size: is 0");
    EXPECT_EQ(
        refusal_with(0x260, std::uint32_t{0x300001}),
        "vmlinuz: init_size: the kernel needs 3145729 bytes at 0x100000, which 4 MiB of memory do "
        "not have");
    EXPECT_EQ(refusal_with(0x260, std::uint32_t{0x300000}), "accepted");
}

TEST_F(LinuxTest, PayloadLies) {
    const Bytes kernel = test_images::sample_bzimage(Compression::kLz4);
    const auto length = static_cast<std::uint32_t>(kernel.size() - test_images::kPayloadStart);
    EXPECT_EQ(refusal_with(0x24C, length + 123),
              "vmlinuz: payload: ends 123 bytes after the end of the file");
    EXPECT_EQ(refusal_with(0x248, length + 7),
              "vmlinuz: payload: starts 7 bytes after the end of the file");
    EXPECT_EQ(refusal_with(0x248, std::uint32_t{0xFFFFFFFF}),
              "vmlinuz: payload: starts " + std::to_string(0xFFFFFFFFu - std::uint64_t{length}) +
                  " bytes after the end of the file");
    Bytes shifted = kernel;
    poke(shifted, 0x248, std::uint32_t{1});
    poke(shifted, 0x24C, length - 1);
    EXPECT_THAT(refusal(shifted), HasSubstr("payload: starts with 21 4c 18"));
    // No setup sectors means four of them.
    EXPECT_EQ(refusal_with(0x1F1, std::uint8_t{0}),
              "vmlinuz: payload: ends 1024 bytes after the end of the file");
    EXPECT_THAT(refusal(test_images::make_bzimage(Bytes(100, std::byte{0x42}))),
                HasSubstr("payload: starts with 42 42 42 42: not ELF, gzip"));
}

// Entered in 32-bit mode, as it is: kernels that are not 64-bit, older than 2.12, or no Linux.
class ProtectedModeKernel : public LinuxTest {
protected:
    ProtectedModeKernel() : content_(test_images::sample_bytes(0x2345, 3)) {
        kernel_ = test_images::make_bzimage(content_);
        poke(kernel_, 0x236, std::uint16_t{0});
    }

    template <typename T>
    std::string refusal_with(std::size_t offset, T value) {
        Bytes file = kernel_;
        poke(file, offset, value);
        return refusal(file);
    }

    Bytes content_;
    Bytes kernel_;
};

TEST_F(ProtectedModeKernel, IsEnteredAtCode32Start) {
    const std::vector<std::pair<std::size_t, std::uint16_t>> reasons{
        {0x236, 0},       // no 64-bit kernel
        {0x206, 0x020B},  // older than the flag that says so
        {0x24C, 0},       // no vmlinux inside
    };
    for (const auto& [offset, value] : reasons) {
        Bytes kernel = test_images::make_bzimage(content_);
        poke(kernel, offset, value);
        if (offset == 0x24C) poke(kernel, offset + 2, std::uint16_t{0});
        poke(kernel, 0x214, std::uint32_t{0x123450});
        const Bytes initrd = test_images::sample_bytes(5000, 8);
        const CpuState state =
            load_linux(memory_, {.kernel = "k", .initrd = "i", .cmdline = "a=b"}, kernel, initrd);
        EXPECT_EQ(state.rip, 0x123450u);
        EXPECT_TRUE(std::ranges::equal(memory_.host_bytes(0x123450, content_.size()), content_));
        // boot.rst: CS 10h and the others 18h, flat; EBP, EDI, EBX 0; no paging, no interrupts.
        EXPECT_EQ(state.cr0, 0x11u);
        EXPECT_EQ(state.cs.selector, 0x10);
        EXPECT_TRUE(state.cs.db);
        EXPECT_FALSE(state.cs.l);
        EXPECT_EQ(state.ss.selector, 0x18);
        EXPECT_EQ(state.ds.limit, 0xFFFFFFFFu);
        EXPECT_EQ(state.gpr[kRbx] | state.gpr[kRbp] | state.gpr[kRdi], 0u);
        EXPECT_EQ(state.gpr[kRsi], kBootParams);
        EXPECT_EQ(state.rflags & 0x200, 0u);
        EXPECT_EQ(text_at(param<std::uint32_t>(0x228)), "a=b");
        EXPECT_EQ(param<std::uint32_t>(0x218), 4 * kMiB - 8192);
    }
}

TEST_F(ProtectedModeKernel, MayBeOld) {
    poke(kernel_, 0x206, std::uint16_t{0x0206});
    poke(kernel_, 0x201, std::uint8_t{0x3A});
    poke(kernel_, 0x260, std::uint32_t{0xFFFFFFFF});  // no init_size yet
    EXPECT_EQ(refusal(kernel_), "accepted");
    poke(kernel_, 0x201, std::uint8_t{0x39});
    EXPECT_EQ(refusal(kernel_),
              "vmlinuz: jump: the setup header ends at 0x23b, before its last fields");
}

TEST_F(ProtectedModeKernel, MovesToItsPreferredAddress) {
    poke(kernel_, 0x258, std::uint64_t{2 * kMiB});
    EXPECT_EQ(refusal_with(0x260, std::uint32_t{2 * kMiB}), "accepted");
    EXPECT_EQ(refusal_with(0x260, std::uint32_t{2 * kMiB + 1}),
              "vmlinuz: init_size: the kernel needs 2097153 bytes at 0x200000, which 4 MiB of "
              "memory do not have");
    EXPECT_EQ(refusal_with(0x258, ~std::uint64_t{0}),
              "vmlinuz: init_size: the kernel needs 131072 bytes at 0xffffffffffffffff, which 4 "
              "MiB of memory do not have");
    // An initrd lies above.
    EXPECT_EQ(refusal(kernel_, "", Bytes(2 * kMiB - 0x20000)), "accepted");
    EXPECT_THAT(refusal(kernel_, "", Bytes(2 * kMiB - 0x20000 + 1)), HasSubstr("do not fit"));
}

TEST_F(ProtectedModeKernel, Lies) {
    EXPECT_EQ(refusal_with(0x1F4, std::uint32_t{0}), "vmlinuz: syssize: is 0");
    EXPECT_EQ(refusal_with(0x1F4, std::uint32_t{0x236}),
              "vmlinuz: syssize: ends 27 bytes after the end of the file");
    EXPECT_THAT(refusal_with(0x1F4, std::uint32_t{0xFFFFFFFF}), HasSubstr("syssize: ends"));
    EXPECT_EQ(refusal_with(0x214, std::uint32_t{0xFFFF0}),
              "vmlinuz: code32_start: 0xffff0 is below 1 MiB");
    EXPECT_THAT(refusal_with(0x214, std::uint32_t{0x3FE000}), HasSubstr("vmlinuz: code32_start: "));
    EXPECT_THAT(refusal_with(0x214, std::uint32_t{0xFFFFFFF0}),
                HasSubstr("vmlinuz: code32_start: "));
    EXPECT_EQ(refusal_with(0x1F1, std::uint8_t{0xFF}).substr(0, 16), "vmlinuz: payload");
}

TEST_F(LinuxTest, UnpackedKernelLies) {
    const auto boot = [&](const Bytes& vmlinux) {
        return refusal(
            test_images::make_bzimage(test_images::compress(Compression::kGzip, vmlinux)));
    };
    EXPECT_EQ(boot(Bytes(1000)), "vmlinuz: e_ident: not an ELF file");
    Bytes truncated = test_images::sample_vmlinux();
    truncated.resize(truncated.size() - 5);
    EXPECT_EQ(boot(truncated),
              "vmlinuz: segment 1: ends 5 bytes after the end of the unpacked payload");
    EXPECT_EQ(boot(test_images::make_elf({{.address = 0xFF000, .content = Bytes(16)}}, 0xFF000)),
              "vmlinuz: segment 0: 16 bytes at 0xff000 reach below 0x100000, where the loader's "
              "own tables lie");
    EXPECT_EQ(boot(test_images::make_elf({{.address = 0x3FFFF1, .content = Bytes(16)}}, 0x3FFFF1)),
              "vmlinuz: segment 0: 16 bytes at 0x3ffff1 do not fit into 4 MiB of memory");
    EXPECT_EQ(boot(test_images::make_elf({{.address = 4 * kGiB, .content = Bytes(16)}}, 4 * kGiB)),
              "vmlinuz: segment 0: 16 bytes at 0x100000000 do not fit into 4 MiB of memory");
    // Larger than the guest's memory.
    EXPECT_EQ(boot(Bytes(4 * kMiB + 1)),
              "vmlinuz: payload: the gzip data unpack to more than 4194304 bytes");
}

TEST_F(LinuxTest, KernelInTheHoleBelow4GiB) {
    GuestMemory large(5 * kGiB);
    const Bytes kernel =
        test_images::make_elf({{.address = 3 * kGiB - 8, .content = Bytes(16)}}, 3 * kGiB - 8);
    try {
        load_linux(large, {.kernel = "k", .cmdline = ""}, kernel, {});
        FAIL();
    } catch (const BootError& error) {
        EXPECT_THAT(error.what(), HasSubstr("overlap the device hole 0xc0000000-0xffffffff"));
    }
}

TEST_F(LinuxTest, Files) {
    const auto refusal_of = [&](const LinuxBoot& boot) -> std::string {
        try {
            load_linux(memory_, boot);
        } catch (const BootError& error) {
            return error.path() + "|" + error.field() + "|" + error.what();
        }
        return "accepted";
    };
    const auto write = [&](const std::string& name, const Bytes& bytes) {
        return directory_.file(name, std::span(bytes));
    };
    const auto kernel = write("vmlinuz", test_images::sample_bzimage(Compression::kZstd));
    const auto initrd = write("initrd", Bytes(100));
    const auto none = (directory_ / "none").string();
    EXPECT_EQ(refusal_of({.kernel = kernel, .initrd = initrd, .cmdline = ""}), "accepted");
    EXPECT_EQ(refusal_of({.kernel = none, .cmdline = ""}),
              none + "|kernel|" + none + ": kernel: No such file or directory");
    EXPECT_EQ(refusal_of({.kernel = kernel, .initrd = none, .cmdline = ""}),
              none + "|initrd|" + none + ": initrd: No such file or directory");
    const auto empty = write("empty", {}).string();
    EXPECT_EQ(refusal_of({.kernel = empty, .cmdline = ""}),
              empty + "|kernel|" + empty + ": kernel: the file is empty");
    EXPECT_THAT(refusal_of({.kernel = directory_.path(), .cmdline = ""}), HasSubstr("|kernel|"));
    fs::resize_file(initrd, std::uintmax_t{1} << 40);
    EXPECT_THAT(refusal_of({.kernel = kernel, .initrd = initrd, .cmdline = ""}),
                HasSubstr("initrd: larger than 4194304 bytes"));
}

// The entry state assumes the physical address width of every model.
TEST(LinuxBootTest, AddressWidthFitsTheModels) {
    for (const std::string& name : CpuModel::names()) {
        EXPECT_EQ(CpuModel::named(name).physical_address_bits(), 40u) << name;
    }
}

// A distribution's kernel as `hvlab fixtures fetch linux` leaves it in the user's cache.
std::optional<fs::path> fetched_kernel() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return fs::path(value != nullptr ? value : "");
    };
    // A relative path does not count (XDG Base Directory Specification).
    fs::path base = variable("XDG_CACHE_HOME");
    if (!base.is_absolute()) base = variable("HOME") / ".cache";
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(base / "hvlab" / "fixtures", missing)) {
        if (entry.path().filename().string().starts_with("linux-")) return entry.path();
    }
    return std::nullopt;
}

TEST(LinuxBootTest, DistributionKernel) {
    const auto path = fetched_kernel();
    if (!path) GTEST_SKIP() << "no kernel in the cache: hvlab fixtures fetch linux";
    GuestMemory memory(256 * kMiB);
    const CpuState state = load_linux(memory, {.kernel = *path, .cmdline = "console=ttyS0"});
    EXPECT_GE(state.rip, 0x1000000u);
    std::vector<std::byte> start(2);
    ASSERT_TRUE(memory.read(state.rip, start));
    EXPECT_NE(start[0] | start[1], std::byte{0});
    std::vector<std::byte> image(64 * kMiB);
    ASSERT_TRUE(memory.read(0x1000000, image));
    const std::string_view text(reinterpret_cast<const char*>(image.data()), image.size());
    EXPECT_NE(text.find("Linux version "), std::string_view::npos);
}

}  // namespace
}  // namespace hvlab
