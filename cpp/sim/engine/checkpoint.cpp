// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/crc32c.h"
#include "core/base/io.h"
#include "core/base/units.h"

namespace hvlab::sim {
namespace {

constexpr std::array<char, 8> kMagic = {'h', 'v', 's', 'i', 'm', 'c', 'h', 'k'};
// No section of ours comes near it: what says more is not ours, and is not allocated.
constexpr std::uint64_t kLargestSection = 1024 * kMiB;

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}
template <typename T>
std::span<std::byte> bytes_into(T& value) {
    return std::as_writable_bytes(std::span(&value, 1));
}

// Gathers small writes.
class Writer {
public:
    explicit Writer(const std::filesystem::path& path) : file_(path) { buffer_.reserve(kBuffer); }

    void put(std::span<const std::byte> bytes) {
        if (buffer_.size() + bytes.size() > kBuffer) flush();
        if (bytes.size() > kBuffer) {
            file_.write(bytes);
        } else {
            buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        }
    }
    void start(std::uint32_t processes) {
        for (const auto part :
             {bytes_of(kMagic), bytes_of(kCheckpointVersion), bytes_of(processes)}) {
            crc_ = crc32c(part, crc_);
            put(part);
        }
        put(bytes_of(crc_));
    }
    void section(std::span<const std::byte> bytes) {
        const std::uint64_t length = bytes.size();
        crc_ = crc32c(bytes, crc32c(bytes_of(length), crc_));
        put(bytes_of(length));
        put(bytes_of(crc_));
        put(bytes);
    }
    void commit() {
        flush();
        file_.commit();
    }

private:
    static constexpr std::size_t kBuffer = kMiB;

    void flush() {
        file_.write(buffer_);
        buffer_.clear();
    }

    ReplacingFile file_;
    std::uint32_t crc_ = 0;
    std::vector<std::byte> buffer_;
};

}  // namespace

void write_checkpoint(const std::filesystem::path& path, std::span<const std::byte> header,
                      const Engine& engine) {
    Writer file(path);
    file.start(static_cast<std::uint32_t>(engine.processes().size()));
    file.section(header);
    StateWriter state;
    engine.save(state);
    file.section(state.bytes());
    for (const Process* process : engine.processes()) {
        state = StateWriter(state.take());
        process->save(state);
        file.section(state.bytes());
    }
    file.commit();
}

Checkpoint::Checkpoint(const std::filesystem::path& path)
    : name_(path.string()), file_(open_regular_file(path)), size_(file_size(file_.get(), name_)) {
    std::array<char, 8> magic{};
    std::uint32_t version = 0;
    std::uint32_t crc = 0;
    if (size_ < magic.size()) refuse("it is no checkpoint of the simulator");
    read(bytes_into(magic), "beginning");
    if (magic != kMagic) refuse("it is no checkpoint of the simulator");
    read(bytes_into(version), "beginning");
    read(bytes_into(processes_), "beginning");
    for (const auto part : {bytes_of(magic), bytes_of(version), bytes_of(processes_)}) {
        crc_ = crc32c(part, crc_);
    }
    read(bytes_into(crc), "beginning");
    if (crc != crc_) refuse("its beginning is damaged");
    if (version != kCheckpointVersion) {
        refuse(fmt::format("it has format version {}, this is version {}", version,
                           kCheckpointVersion));
    }
    header_ = section("header");
}

void Checkpoint::restore(Engine& engine) {
    if (processes_ != engine.processes().size()) {
        refuse(fmt::format("it has {} processes, the run has {}", processes_,
                           engine.processes().size()));
    }
    const auto load = [this](const std::string& what, auto& into) {
        const std::vector<std::byte> bytes = section(what);
        try {
            StateReader reader(bytes);
            into.load(reader);
            if (!reader.at_end()) throw StateError("saved state goes on after its end");
        } catch (const StateError& error) {
            refuse(fmt::format("{}: {}", what, error.what()));
        }
    };
    load("engine", engine);
    for (std::uint32_t id = 0; id < processes_; ++id) {
        const std::string what = fmt::format("process {}", id);
        Process& process = *engine.processes()[id];
        load(what, process);
        if (process.next() < engine.now()) refuse(what + " stands before the engine");
    }
    if (position_ != size_) refuse("it goes on after its end");
}

std::vector<std::byte> Checkpoint::section(const std::string& what) {
    std::uint64_t length = 0;
    std::uint32_t crc = 0;
    read(bytes_into(length), what);
    read(bytes_into(crc), what);
    if (length > kLargestSection) refuse(what + " is damaged");
    if (length > size_ - position_) refuse("it is truncated in " + what);
    std::vector<std::byte> bytes(length);
    read(bytes, what);
    crc_ = crc32c(bytes, crc32c(bytes_of(length), crc_));
    if (crc != crc_) refuse(what + " is damaged");
    return bytes;
}

void Checkpoint::read(std::span<std::byte> into, const std::string& what) {
    if (into.size() > size_ - position_) refuse("it is truncated in " + what);
    read_at(file_.get(), position_, into, name_);
    position_ += into.size();
}

void Checkpoint::refuse(const std::string& what) const {
    throw StateError(fmt::format("{}: {}", name_, what));
}

}  // namespace hvlab::sim
