// SPDX-License-Identifier: GPL-2.0-or-later
//
// The error model. What the guest caused is a stop reason or a plain status value and never throws.
// What the host caused is one of the exceptions below. What is a bug of ours is HVLAB_ASSERT, which
// stays on in release builds.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace hvlab {

// Base of every exception that leaves the core; the bindings map each subclass to its Python twin.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A host operation failed: a system call, a file, an allocation.
class HostError : public Error {
public:
    // `operation` says what was tried with which object; `error_number` is the errno, 0 if there is
    // none.
    HostError(std::string operation, int error_number);
    HostError(std::string operation, int error_number, const std::string& detail);

    const std::string& operation() const { return operation_; }
    int error_number() const { return error_number_; }
    // What went wrong, without the operation.
    std::string reason() const;

private:
    std::string operation_;
    int error_number_;
};

// A backend could not do what it was told.
class BackendError : public Error {
public:
    BackendError(std::string backend, std::string operation, int error_number,
                 const std::string& detail = {});

    const std::string& backend() const { return backend_; }
    const std::string& operation() const { return operation_; }
    int error_number() const { return error_number_; }

private:
    std::string backend_;
    std::string operation_;
    int error_number_;
};

// The backend is not built in, or the host lacks what it needs.
class BackendUnavailable : public BackendError {
public:
    using BackendError::BackendError;
};

// An image cannot be booted. `path` is the file, `field` the part of it (or of the request) at
// fault.
class BootError : public Error {
public:
    BootError(std::string path, std::string field, const std::string& message);

    const std::string& path() const { return path_; }
    const std::string& field() const { return field_; }

private:
    std::string path_;
    std::string field_;
};

// A machine was described wrongly; `field` is the setting at fault.
class ConfigError : public Error {
public:
    ConfigError(std::string field, const std::string& message);

    const std::string& field() const { return field_; }

private:
    std::string field_;
};

// A device refused what the host side asked of it. `offset` is the register's, -1 if none is meant.
class DeviceError : public Error {
public:
    DeviceError(std::string device, std::int64_t offset, const std::string& message);

    const std::string& device() const { return device_; }
    std::int64_t offset() const { return offset_; }

private:
    std::string device_;
    std::int64_t offset_;
};

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace hvlab

// A violated invariant of our own. Prints where and aborts, in every build type: going on would
// corrupt results that people trust.
#define HVLAB_ASSERT(expression)                          \
    (static_cast<bool>(expression) ? static_cast<void>(0) \
                                   : ::hvlab::assertion_failed(#expression, __FILE__, __LINE__))
