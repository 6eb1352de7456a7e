// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/log.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hvlab {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class LogTest : public ::testing::Test {
protected:
    ~LogTest() override {
        set_log_sink({});
        set_log_level(LogLevel::kOff);
    }
    std::vector<std::pair<LogLevel, std::string>> seen_;
    LogSink collect_ = [this](LogLevel level, std::string_view text) {
        seen_.emplace_back(level, text);
    };
};

TEST_F(LogTest, SilentByDefault) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    log(LogLevel::kError, "nobody hears this");
    set_log_level(LogLevel::kTrace);
    EXPECT_FALSE(log_enabled(LogLevel::kError));  // a level alone is not enough
    log(LogLevel::kError, "nor this");
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(LogTest, LevelFilters) {
    set_log_sink(collect_);
    log(LogLevel::kError, "still off");
    set_log_level(LogLevel::kInfo);
    EXPECT_EQ(log_level(), LogLevel::kInfo);
    log(LogLevel::kDebug, "too low");
    log(LogLevel::kInfo, "vcpu {}", 3);
    log(LogLevel::kWarning, "{{braces}} stay");
    log(LogLevel::kError, "e");
    EXPECT_THAT(
        seen_, ElementsAre(Pair(LogLevel::kInfo, "vcpu 3"),
                           Pair(LogLevel::kWarning, "{braces} stay"), Pair(LogLevel::kError, "e")));
    EXPECT_FALSE(log_enabled(LogLevel::kOff));
}

TEST_F(LogTest, ThrowingSinkHarmsNobody) {
    set_log_level(LogLevel::kTrace);
    set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("sink"); });
    ::testing::internal::CaptureStderr();
    EXPECT_NO_THROW(log(LogLevel::kError, "x"));
    set_log_sink([](LogLevel, std::string_view) { throw 5; });
    EXPECT_NO_THROW(log(LogLevel::kError, "x"));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// Two threads are inside the sink at once: with a lock around it, this would hang for ever.
TEST_F(LogTest, NoLockIsHeldDuringTheSink) {
    set_log_level(LogLevel::kTrace);
    std::atomic<int> inside = 0;
    set_log_sink([&](LogLevel, std::string_view) {
        ++inside;
        inside.notify_all();
        for (int now = inside; now < 2; now = inside) inside.wait(now);
    });
    std::thread other([] { log(LogLevel::kInfo, "a"); });
    log(LogLevel::kInfo, "b");
    other.join();
    EXPECT_EQ(inside, 2);
}

}  // namespace
}  // namespace hvlab
