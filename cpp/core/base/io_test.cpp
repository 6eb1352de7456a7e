// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/io.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "core/base/mapping.h"
#include "core/base/status.h"
#include "core/base/test_directory.h"

namespace hvlab {
namespace {

namespace fs = std::filesystem;

class IoTest : public ::testing::Test {
protected:
    fs::path file(const std::string& name, const std::string& content) {
        return directory_.file(name, content);
    }

    TestDirectory directory_;
};

int errno_of(auto&& call) {
    try {
        call();
    } catch (const HostError& error) {
        return error.error_number();
    }
    return 0;
}

TEST_F(IoTest, ReadsWholeFiles) {
    EXPECT_TRUE(read_file(file("empty", ""), 0).empty());
    const std::string text(200000, 'x');
    const auto bytes = read_file(file("big", text), 200000);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), text);
    // Files in /proc say that they are empty.
    EXPECT_GT(read_file("/proc/self/status", 100000).size(), 100u);
}

TEST_F(IoTest, SizeLimitHolds) {
    const auto path = file("ten", "0123456789");
    EXPECT_EQ(read_file(path, 10).size(), 10u);
    EXPECT_EQ(errno_of([&] { read_file(path, 9); }), EFBIG);
    EXPECT_EQ(errno_of([&] { read_file("/proc/self/status", 9); }), EFBIG);
    // Exact where the file does not tell its size, too: "Linux" and a newline.
    EXPECT_EQ(read_file("/proc/sys/kernel/ostype", 6).size(), 6u);
    EXPECT_EQ(errno_of([&] { read_file("/proc/sys/kernel/ostype", 5); }), EFBIG);
    // A sparse terabyte must neither be read nor allocated.
    const auto sparse = file("sparse", "");
    fs::resize_file(sparse, std::uintmax_t{1} << 40);
    EXPECT_EQ(errno_of([&] { read_file(sparse, 1 << 20); }), EFBIG);
}

TEST_F(IoTest, OnlyRegularFiles) {
    EXPECT_EQ(errno_of([&] { open_regular_file(directory_ / "none"); }), ENOENT);
    EXPECT_EQ(errno_of([&] { open_regular_file(directory_.path()); }), EISDIR);
    const auto fifo = directory_ / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(errno_of([&] { open_regular_file(fifo); }),
              EINVAL);  // and does not wait for a writer
    EXPECT_EQ(errno_of([&] { open_regular_file("/dev/zero"); }), EINVAL);
    try {
        open_regular_file("/dev/zero");
    } catch (const HostError& error) {
        EXPECT_STREQ(
            error.what(),
            "open /dev/zero: not a regular file but a character device (Invalid argument)");
    }
}

TEST_F(IoTest, MemoryFileIsMappedSharedAndCannotShrink) {
    const UniqueFd fd = create_memory_file("test", 8192);
    struct stat status {};
    ASSERT_EQ(::fstat(fd.get(), &status), 0);
    EXPECT_EQ(status.st_size, 8192);
    EXPECT_EQ(::ftruncate(fd.get(), 4096), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    Mapping a = Mapping::shared(fd.get(), 8192);
    const Mapping b = Mapping::shared(fd.get(), 8192);
    a.bytes()[8191] = std::byte{42};
    EXPECT_EQ(b.bytes()[8191], std::byte{42});
    const Mapping moved = std::move(a);
    EXPECT_TRUE(a.bytes().empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_EQ(moved.bytes()[8191], std::byte{42});
    EXPECT_EQ(errno_of([&] { Mapping::shared(fd.get(), 0); }), EINVAL);
    EXPECT_EQ(errno_of([] { Mapping::shared(-1, 4096); }), EBADF);
}

// In a child process: exits with 0 if the larger file is refused and the smaller one is not.
[[noreturn]] void create_files_under_a_size_limit() {
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const bool refused = errno_of([] { create_memory_file("big", 2 << 20); }) == EFBIG;
    const bool fits = errno_of([] { create_memory_file("ok", 1 << 20); }) == 0;
    ::_exit(refused && fits ? 0 : 1);
}

TEST_F(IoTest, FileSizeLimitIsAnErrorNotASignal) {
    EXPECT_EXIT(create_files_under_a_size_limit(), ::testing::ExitedWithCode(0), "");
}

TEST_F(IoTest, NoDescriptorIsLeaked) {
    const auto count = [] {
        return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
    };
    const auto path = file("f", "abc");
    const auto before = count();
    for (int i = 0; i < 50; ++i) {
        read_file(path, 10);
        errno_of([&] { read_file(path, 1); });
        errno_of([&] { open_regular_file(directory_.path()); });
        UniqueFd one = create_memory_file("m", 4096);
        UniqueFd two = std::move(one);
        two = create_memory_file("n", 4096);
        two.reset();
    }
    EXPECT_EQ(count(), before);
}

class ReplacingFileTest : public IoTest {
protected:
    static std::span<const std::byte> bytes(std::string_view text) {
        return std::as_bytes(std::span(text.data(), text.size()));
    }
    static std::string content(const fs::path& path) {
        const auto all = read_file(path, 1 << 20);
        return {reinterpret_cast<const char*>(all.data()), all.size()};
    }
    std::size_t entries() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(directory_.path()), fs::directory_iterator()));
    }
};

TEST_F(ReplacingFileTest, TakesThePlaceOfTheOldOneAtOnce) {
    const fs::path path = file("state", "old");
    ReplacingFile replacing(path);
    replacing.write(bytes("n"));
    replacing.write({});
    replacing.write(bytes("ew"));
    EXPECT_EQ(content(path), "old");
    replacing.commit();
    EXPECT_EQ(content(path), "new");
    EXPECT_EQ(entries(), 1u);
}

TEST_F(ReplacingFileTest, TwoAtATimeDoNotMix) {
    const fs::path path = directory_ / "state";
    ReplacingFile one(path);
    ReplacingFile two(path);
    one.write(bytes("one"));
    two.write(bytes("two"));
    two.commit();
    EXPECT_EQ(content(path), "two");
    one.commit();
    EXPECT_EQ(content(path), "one");
}

TEST_F(ReplacingFileTest, LeavesNothingWithoutCommit) {
    const fs::path path = file("state", "old");
    { ReplacingFile(path).write(bytes("new")); }
    EXPECT_EQ(content(path), "old");
    EXPECT_EQ(entries(), 1u);
}

TEST_F(ReplacingFileTest, OnAFullDiskTheOldOneStays) {
    const fs::path path = file("state", "old");
    {
        ReplacingFile replacing(path);
        const FullDisk full(5);
        replacing.write(bytes("123"));
        EXPECT_EQ(errno_of([&] { replacing.write(bytes("456")); }), ENOSPC);
    }
    EXPECT_EQ(content(path), "old");
    EXPECT_EQ(entries(), 1u);
    ReplacingFile again(path);
    again.write(bytes("there is room"));
}

TEST_F(ReplacingFileTest, SaysWhyItCannotBe) {
    EXPECT_EQ(errno_of([&] { ReplacingFile(directory_ / "none" / "state"); }), ENOENT);
    fs::create_directory(directory_ / "folder");
    ReplacingFile onto_folder(directory_ / "folder");
    EXPECT_EQ(errno_of([&] { onto_folder.commit(); }), EISDIR);
}

// The limit itself would raise a signal that ends the process.
TEST_F(ReplacingFileTest, TheLimitOfFileSizesIsAnError) {
    ReplacingFile replacing(directory_ / "state");
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{4, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const int first = errno_of([&] { replacing.write(bytes("1234")); });
    const int second = errno_of([&] { replacing.write(bytes("5")); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(first, 0);
    EXPECT_EQ(second, EFBIG);
}

}  // namespace
}  // namespace hvlab
