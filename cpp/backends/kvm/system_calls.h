// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every system call of this backend: the one seam under which tests make calls fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/unique_fd.h"

namespace hvlab::kvm {

class SystemCalls {
public:
    virtual ~SystemCalls() = default;

    // As the calls of the same name: -1 or MAP_FAILED, and errno.
    virtual int open(const char* path, int flags);
    virtual int ioctl(int fd, unsigned long request, void* argument);
    virtual void* mmap(std::size_t size, int fd, long offset);
    // A timer of the monotonic clock that signals a thread; set to an absolute time.
    virtual int timer_create(pid_t thread, int signal, timer_t* timer);
    virtual int timer_settime(timer_t timer, const itimerspec& when);

    // The kernel itself.
    static SystemCalls& host();
};

// One of KVM's descriptors: the device, a VM or a vCPU.
class Handle {
public:
    Handle() = default;
    Handle(SystemCalls& calls, UniqueFd fd) : calls_(&calls), fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    SystemCalls& calls() const { return *calls_; }
    explicit operator bool() const { return static_cast<bool>(fd_); }

    // The ioctl's result. A call that was interrupted, or for which the kernel lacks something for
    // the moment, is made again, though not for ever; any other failure is a BackendError with
    // `operation` and the errno.
    int call(unsigned long request, void* argument, std::string_view operation) const;
    int call(unsigned long request, unsigned long argument, std::string_view operation) const;
    // Likewise, for calls that make a descriptor.
    Handle create(unsigned long request, unsigned long argument, std::string_view operation) const;
    // -errno instead of an exception: for calls whose failures mean something.
    int try_call(unsigned long request, void* argument) const;
    // KVM_ENABLE_CAP with one argument. Throws BackendError.
    void enable(std::uint32_t capability, std::uint64_t argument, std::string_view operation) const;
    // KVM_CHECK_EXTENSION: 0 where the capability is absent.
    int extension(unsigned long capability) const;

private:
    SystemCalls* calls_ = nullptr;
    UniqueFd fd_;
};

// A shared mapping of a descriptor of KVM's; unmapped when it goes.
class SharedArea {
public:
    SharedArea() = default;
    // Throws BackendError.
    SharedArea(const Handle& handle, std::size_t size, long offset, std::string_view operation);
    SharedArea(SharedArea&& other) noexcept;
    SharedArea& operator=(SharedArea&& other) noexcept;
    SharedArea(const SharedArea&) = delete;
    SharedArea& operator=(const SharedArea&) = delete;
    ~SharedArea();

    std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

[[noreturn]] void fail(std::string_view operation, int error_number,
                       const std::string& detail = {});

}  // namespace hvlab::kvm
