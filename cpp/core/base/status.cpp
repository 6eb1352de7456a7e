// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/status.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace hvlab {
namespace {

// "detail (errno text)", leaving out what there is none of.
std::string reason_text(int error_number, const std::string& detail) {
    if (error_number == 0) return detail.empty() ? "failed" : detail;
    // Not strerror: several threads may fail at once.
    const std::string text = std::generic_category().message(error_number);
    return detail.empty() ? text : fmt::format("{} ({})", detail, text);
}

std::string host_message(const std::string& operation, int error_number,
                         const std::string& detail) {
    return operation + ": " + reason_text(error_number, detail);
}

std::string device_message(const std::string& device, std::int64_t offset,
                           const std::string& message) {
    if (offset < 0) return fmt::format("{}: {}", device, message);
    return fmt::format("{}: register {:#x}: {}", device, offset, message);
}

}  // namespace

HostError::HostError(std::string operation, int error_number)
    : HostError(std::move(operation), error_number, std::string()) {}

HostError::HostError(std::string operation, int error_number, const std::string& detail)
    : Error(host_message(operation, error_number, detail)),
      operation_(std::move(operation)),
      error_number_(error_number) {}

std::string HostError::reason() const {
    return what() + operation_.size() + 2;
}

BackendError::BackendError(std::string backend, std::string operation, int error_number,
                           const std::string& detail)
    : Error(backend + ": " + host_message(operation, error_number, detail)),
      backend_(std::move(backend)),
      operation_(std::move(operation)),
      error_number_(error_number) {}

BootError::BootError(std::string path, std::string field, const std::string& message)
    : Error(fmt::format("{}: {}: {}", path, field, message)),
      path_(std::move(path)),
      field_(std::move(field)) {}

ConfigError::ConfigError(std::string field, const std::string& message)
    : Error(fmt::format("{}: {}", field, message)), field_(std::move(field)) {}

DeviceError::DeviceError(std::string device, std::int64_t offset, const std::string& message)
    : Error(device_message(device, offset, message)), device_(std::move(device)), offset_(offset) {}

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "hvlab: internal error: assertion failed: %s (%s:%d)\n", expression, file,
                 line);
    std::fflush(stderr);
    std::abort();
}

}  // namespace hvlab
