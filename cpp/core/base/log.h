// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one logging seam. The library prints nothing by itself: until the bindings (or a tool) set a
// sink and a level, every message is dropped before it is formatted.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace hvlab {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kOff };

// Called in the thread that logs, by several threads at once, and with no lock of ours held: it may
// take the GIL. What it throws is swallowed. Must not log itself.
using LogSink = std::function<void(LogLevel, std::string_view)>;

// An empty sink: silence. Any thread; messages in flight may still reach the old sink.
void set_log_sink(LogSink sink);
void set_log_level(LogLevel level);  // messages below it are dropped; kOff drops all
LogLevel log_level();

bool log_enabled(LogLevel level);
void log_message(LogLevel level, std::string_view message);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) log_message(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace hvlab
