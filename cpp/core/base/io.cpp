// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

#include "core/base/status.h"
#include "core/base/units.h"

namespace hvlab {
namespace {

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISCHR(mode)) return "a character device";
    if (S_ISBLK(mode)) return "a block device";
    if (S_ISSOCK(mode)) return "a socket";
    return "a special file";
}

struct stat status_of(int fd, const std::string& operation) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw HostError(operation, errno);
    return status;
}

HostError too_large(const std::string& operation, std::uint64_t max_size) {
    return HostError(operation, EFBIG, fmt::format("larger than {} bytes", max_size));
}

// One read() of at most `size` bytes, 0 at the end of the file.
std::size_t read_some(int fd, std::byte* into, std::size_t size, const std::string& operation) {
    for (;;) {
        const ssize_t got = ::read(fd, into, size);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw HostError(operation, errno);
    }
}

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

thread_local std::uint64_t disk_room = kUnlimited;

// The most that a file may hold. Growing one past RLIMIT_FSIZE raises SIGXFSZ, whose default action
// ends the process: nobody gets so far.
std::uint64_t largest_file(const std::string& operation) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) throw HostError(operation, errno);
    return limit.rlim_cur == RLIM_INFINITY ? kUnlimited : limit.rlim_cur;
}

// One write() of at most `size` bytes.
ssize_t write_some(int fd, const std::byte* from, std::size_t size) {
    if (disk_room == 0 && size > 0) {
        errno = ENOSPC;
        return -1;
    }
    const ssize_t written = ::write(fd, from, std::min<std::uint64_t>(size, disk_room));
    if (written > 0 && disk_room != kUnlimited) disk_room -= static_cast<std::uint64_t>(written);
    return written;
}

// The name's entry in its folder is brought to the disk.
void sync_folder_of(const std::filesystem::path& path, const std::string& operation) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) throw HostError(operation, errno);
    // Some file systems can't, and say so.
    if (::fsync(opened.get()) != 0 && errno != EINVAL) throw HostError(operation, errno);
}

}  // namespace

ReplacingFile::ReplacingFile(std::filesystem::path path) : path_(std::move(path)) {
    const std::string operation = "create " + path_.string();
    for (int attempt = 0; !file_; ++attempt) {
        beside_ = path_;
        beside_ += fmt::format(".{}-{}.part", ::getpid(), attempt);
        file_.reset(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (!file_ && errno != EINTR && errno != EEXIST) throw HostError(operation, errno);
    }
}

ReplacingFile::~ReplacingFile() {
    if (file_) ::unlink(beside_.c_str());
}

void ReplacingFile::write(std::span<const std::byte> bytes) {
    const std::string operation = "write " + path_.string();
    const std::uint64_t largest = largest_file(operation);
    if (written_ > largest || bytes.size() > largest - written_) {
        throw HostError(operation, EFBIG, fmt::format("the file size limit is {} bytes", largest));
    }
    while (!bytes.empty()) {
        const ssize_t written = write_some(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw HostError(operation, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        written_ += static_cast<std::uint64_t>(written);
    }
}

void ReplacingFile::commit() {
    const std::string operation = "write " + path_.string();
    if (::fsync(file_.get()) != 0) throw HostError(operation, errno);
    if (::rename(beside_.c_str(), path_.c_str()) != 0) throw HostError(operation, errno);
    file_.reset();
    sync_folder_of(path_, operation);
}

FullDisk::FullDisk(std::uint64_t room) {
    disk_room = room;
}

FullDisk::~FullDisk() {
    disk_room = kUnlimited;
}

UniqueFd open_regular_file(const std::filesystem::path& path) {
    const std::string operation = "open " + path.string();
    // Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
    int fd = -1;
    do {
        fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) throw HostError(operation, errno);
    UniqueFd file(fd);
    const mode_t mode = status_of(fd, operation).st_mode;
    if (!S_ISREG(mode)) {
        throw HostError(operation, S_ISDIR(mode) ? EISDIR : EINVAL,
                        fmt::format("not a regular file but {}", kind_of(mode)));
    }
    return file;
}

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_size) {
    const UniqueFd file = open_regular_file(path);
    const std::string operation = "read " + path.string();
    const auto size = static_cast<std::uint64_t>(status_of(file.get(), operation).st_size);
    if (size > max_size) throw too_large(operation, max_size);
    try {
        // The size is a hint: the file may grow or shrink meanwhile, and files in /proc say 0. One
        // byte more than expected lets the loop see the end without growing the buffer.
        std::vector<std::byte> bytes(size + 1);
        std::size_t filled = 0;
        while (const std::size_t got =
                   read_some(file.get(), bytes.data() + filled, bytes.size() - filled, operation)) {
            filled += got;
            if (filled > max_size) throw too_large(operation, max_size);
            if (filled == bytes.size()) bytes.resize(bytes.size() + std::max(filled, 64 * kKiB));
        }
        bytes.resize(filled);
        return bytes;
    } catch (const std::bad_alloc&) {
        throw HostError(operation, ENOMEM);
    } catch (const std::length_error&) {
        throw HostError(operation, ENOMEM);
    }
}

std::uint64_t file_size(int fd, const std::string& name) {
    return static_cast<std::uint64_t>(status_of(fd, "look at " + name).st_size);
}

void read_at(int fd, std::uint64_t offset, std::span<std::byte> into, const std::string& name) {
    while (!into.empty()) {
        const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw HostError("read " + name, errno);
        if (got == 0) {
            throw HostError("read " + name, EIO,
                            fmt::format("the file ends before byte {}", offset + into.size()));
        }
        into = into.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

UniqueFd create_memory_file(const std::string& name, std::uint64_t size) {
    const std::string operation = fmt::format("create a memory file of {} bytes", size);
    const std::uint64_t largest = largest_file(operation);
    if (size > largest) {
        throw HostError(operation, EFBIG, fmt::format("the file size limit is {} bytes", largest));
    }
    if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
        throw HostError(operation, EFBIG);
    }
    UniqueFd file(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) throw HostError(operation, errno);
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) throw HostError(operation, errno);
    // Nobody may shrink it: touching a mapping past the end is SIGBUS.
    if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        throw HostError(operation, errno);
    }
    return file;
}

}  // namespace hvlab
