// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "core/base/crc32c.h"
#include "core/base/io.h"
#include "core/base/status.h"
#include "core/base/test_directory.h"
#include "sim/engine/testing/phold.h"

namespace hvlab::sim {
namespace {

using ::testing::HasSubstr;
using testing::PholdModel;
using testing::PholdOptions;

constexpr std::string_view kHeader = R"({"seed": 7})";

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

class Quiet final : public Observer {
public:
    void feed(std::span<const ProcessId>) override {}
    bool window(Time, std::uint64_t) override { return true; }
};

// A model half a second into its run.
class CheckpointTest : public ::testing::Test {
protected:
    CheckpointTest() {
        engine_.run(kSecond / 2, quiet_);
        write_checkpoint(path_, bytes_of(kHeader), engine_);
        content_ = read_file(path_, 1 << 20);
    }

    // The whole of reading a file of these bytes: "" or what StateError says.
    std::string read(std::span<const std::byte> content) {
        const auto path = directory_.file("other", content);
        PholdModel model(options_);
        Engine engine(model.processes(), {});
        try {
            Checkpoint checkpoint(path);
            checkpoint.restore(engine);
            return "";
        } catch (const StateError& error) {
            return error.what();
        }
    }

    TestDirectory directory_;
    std::filesystem::path path_ = directory_ / "run";
    PholdOptions options_{.processes = 3, .events = 2, .remote = 0.5};
    PholdModel model_{options_};
    Engine engine_{model_.processes(), {}};
    Quiet quiet_;
    std::vector<std::byte> content_;
};

TEST_F(CheckpointTest, ARunGoesOnWithTheSameBits) {
    engine_.run(kSecond, quiet_);

    Checkpoint checkpoint(path_);
    EXPECT_EQ(checkpoint.processes(), 3u);
    EXPECT_THAT(checkpoint.header(), ::testing::ElementsAreArray(bytes_of(kHeader)));
    PholdModel model(options_);
    Engine resumed(model.processes(), {.threads = 2});
    checkpoint.restore(resumed);
    EXPECT_EQ(resumed.now(), kSecond / 2);
    resumed.run(kSecond, quiet_);
    EXPECT_EQ(model.hashes(), model_.hashes());
    EXPECT_EQ(resumed.events(), engine_.events());

    write_checkpoint(path_, {}, engine_);
    const auto one = read_file(path_, 1 << 20);
    write_checkpoint(path_, {}, resumed);
    EXPECT_EQ(read_file(path_, 1 << 20), one);
    EXPECT_TRUE(Checkpoint(path_).header().empty());
}

TEST_F(CheckpointTest, LargeStatesGoThrough) {
    PholdModel model({.processes = 2, .events = 200'000});
    Engine engine(model.processes(), {});
    const std::string header(3 << 20, 'x');
    write_checkpoint(path_, bytes_of(header), engine);
    Checkpoint checkpoint(path_);
    EXPECT_EQ(checkpoint.header().size(), header.size());
    PholdModel other({.processes = 2, .events = 1});
    Engine resumed(other.processes(), {});
    checkpoint.restore(resumed);
    engine.run(kMillisecond / 10, quiet_);
    resumed.run(kMillisecond / 10, quiet_);
    EXPECT_EQ(other.hashes(), model.hashes());
}

TEST_F(CheckpointTest, EveryDamagedByteIsNoticed) {
    ASSERT_EQ(read(content_), "");
    for (std::size_t at = 0; at < content_.size(); ++at) {
        auto damaged = content_;
        damaged[at] ^= std::byte{1} << (at % 8);
        EXPECT_NE(read(damaged), "") << "byte " << at;
    }
}

TEST_F(CheckpointTest, EveryTruncationIsNoticed) {
    for (std::size_t size = 0; size < content_.size(); ++size) {
        EXPECT_NE(read(std::span(content_).first(size)), "") << size << " bytes";
    }
    auto longer = content_;
    longer.push_back(std::byte{0});
    EXPECT_THAT(read(longer), HasSubstr("goes on after its end"));
}

TEST_F(CheckpointTest, SaysWhatIsWrong) {
    EXPECT_THAT(read(bytes_of("PNG")), HasSubstr("no checkpoint of the simulator"));
    EXPECT_THAT(read(bytes_of("hvsimchk")), HasSubstr("truncated in beginning"));
    EXPECT_THAT(read(bytes_of(std::string(100, 'x'))), HasSubstr("no checkpoint"));
    EXPECT_THAT(read(std::span(content_).first(content_.size() - 1)),
                HasSubstr("truncated in process 2"));
    auto damaged = content_;
    damaged.back() ^= std::byte{1};
    EXPECT_THAT(read(damaged), HasSubstr("process 2 is damaged"));
    options_.processes = 4;
    EXPECT_THAT(read(content_), HasSubstr("it has 3 processes, the run has 4"));
}

TEST_F(CheckpointTest, SectionsKeepTheirOrder) {
    // Two processes that saved the same number of bytes, exchanged.
    PholdModel model({.processes = 2, .remote = 0});
    Engine engine(model.processes(), {});
    write_checkpoint(path_, {}, engine);
    auto bytes = read_file(path_, 1 << 20);
    StateWriter state;
    model[0].save(state);
    const std::size_t size = 12 + state.bytes().size();
    ASSERT_GT(bytes.size(), 2 * size);
    const auto second = bytes.end() - static_cast<std::ptrdiff_t>(size);
    std::swap_ranges(second - static_cast<std::ptrdiff_t>(size), second, second);
    options_ = {.processes = 2, .remote = 0};
    EXPECT_THAT(read(bytes), HasSubstr("process 0 is damaged"));
}

TEST_F(CheckpointTest, ANewerVersionIsRefused) {
    auto newer = content_;
    newer[8] = std::byte{kCheckpointVersion + 1};
    const std::uint32_t crc = crc32c(std::span(newer).first(16));
    std::copy_n(std::as_bytes(std::span(&crc, 1)).begin(), 4, newer.begin() + 16);
    EXPECT_THAT(read(newer), HasSubstr(fmt::format("it has format version {}, this is version {}",
                                                   kCheckpointVersion + 1, kCheckpointVersion)));
}

// Whoever repairs the checksum gets as far as the state itself.
TEST_F(CheckpointTest, AStateOfNonsenseIsAnErrorAtMost) {
    StateWriter writer;
    engine_.save(writer);
    int refused = 0;
    for (std::size_t at = 0; at < writer.bytes().size(); ++at) {
        auto bytes = writer.bytes();
        bytes[at] ^= std::byte{0x80};
        PholdModel model(options_);
        Engine engine(model.processes(), {});
        StateReader reader(bytes);
        try {
            engine.load(reader);
        } catch (const StateError&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 20);
}

TEST_F(CheckpointTest, AMessageToProcessesThatAreSentNoneIsRefused) {
    StateWriter writer;
    engine_.save(writer);
    PholdModel model(options_);
    Engine engine(model.processes(), {.independent = true});
    StateReader reader(writer.bytes());
    EXPECT_THROW(engine.load(reader), StateError);
}

TEST_F(CheckpointTest, AProcessBeforeTheEngineIsRefused) {
    class Late final : public Process {
    public:
        Time next() const override { return next_; }
        Advanced advance(Time, Outbox&) override {
            next_ = kNever;
            return {1};
        }
        void receive(const Message&) override {}
        void save(StateWriter&) const override {}
        void load(StateReader&) override {}

    private:
        Time next_ = 5;
    };
    Late late;
    Engine engine({&late}, {});
    engine.run(kSecond, quiet_);
    write_checkpoint(path_, {}, engine);
    Late again;
    Engine resumed({&again}, {});
    Checkpoint checkpoint(path_);
    EXPECT_THROW(checkpoint.restore(resumed), StateError);
}

TEST_F(CheckpointTest, OnAFullDiskTheOldOneStays) {
    for (const std::uint64_t room : {std::size_t{0}, content_.size() / 2, content_.size() - 1}) {
        const FullDisk full(room);
        try {
            write_checkpoint(path_, bytes_of(kHeader), engine_);
            ADD_FAILURE() << "there was room";
        } catch (const HostError& error) {
            EXPECT_EQ(error.error_number(), ENOSPC);
        }
    }
    EXPECT_EQ(read_file(path_, 1 << 20), content_);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
}

TEST_F(CheckpointTest, NoFileIsAnErrorOfTheHost) {
    EXPECT_THROW(Checkpoint(directory_ / "none"), HostError);
    EXPECT_THROW(Checkpoint(directory_.path()), HostError);
}

}  // namespace
}  // namespace hvlab::sim
