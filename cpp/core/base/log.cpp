// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <atomic>
#include <memory>

namespace hvlab {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kTrace:
            return spdlog::level::trace;
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
        case LogLevel::kOff:
            break;
    }
    return spdlog::level::off;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
            return LogLevel::kTrace;
        case spdlog::level::debug:
            return LogLevel::kDebug;
        case spdlog::level::info:
            return LogLevel::kInfo;
        case spdlog::level::warn:
            return LogLevel::kWarning;
        case spdlog::level::err:
        case spdlog::level::critical:
            return LogLevel::kError;
        default:
            return LogLevel::kOff;
    }
}

// Hands messages on to the sink that is set at the moment. No mutex (spdlog's base_sink has one): a
// sink that takes the GIL would deadlock with a thread that logs while it holds the GIL.
class ForwardingSink final : public spdlog::sinks::sink {
public:
    void set_target(LogSink target) {
        target_.store(target ? std::make_shared<const LogSink>(std::move(target)) : nullptr);
        has_target_.store(target_.load() != nullptr, std::memory_order_relaxed);
    }
    bool has_target() const { return has_target_.load(std::memory_order_relaxed); }

    void log(const spdlog::details::log_msg& message) override {
        const auto target = target_.load();
        if (!target) return;
        try {
            (*target)(from_spdlog(message.level),
                      std::string_view(message.payload.data(), message.payload.size()));
        } catch (...) {  // NOLINT(bugprone-empty-catch)
            // A log that cannot be written must not change what the machine does. (spdlog itself
            // would let through what is no std::exception.)
        }
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    std::atomic<std::shared_ptr<const LogSink>> target_;
    std::atomic<bool> has_target_ = false;
};

struct Logging {
    std::shared_ptr<ForwardingSink> sink = std::make_shared<ForwardingSink>();
    spdlog::logger logger{"hvlab", sink};

    Logging() {
        logger.set_level(spdlog::level::off);
        logger.set_error_handler([](const std::string&) {});  // spdlog's own would print to stderr
    }
};

// Never destroyed: threads may log while the process ends.
Logging& logging() {
    static auto* const instance = new Logging;
    return *instance;
}

}  // namespace

void set_log_sink(LogSink sink) {
    logging().sink->set_target(std::move(sink));
}

void set_log_level(LogLevel level) {
    logging().logger.set_level(to_spdlog(level));
}

LogLevel log_level() {
    return from_spdlog(logging().logger.level());
}

bool log_enabled(LogLevel level) {
    Logging& all = logging();
    return level != LogLevel::kOff && all.logger.should_log(to_spdlog(level)) &&
           all.sink->has_target();
}

void log_message(LogLevel level, std::string_view message) {
    if (!log_enabled(level)) return;
    logging().logger.log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace hvlab
