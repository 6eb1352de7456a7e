// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/system_calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/kvm_backend.h"
#include "core/base/status.h"

namespace hvlab::kvm {

int SystemCalls::open(const char* path, int flags) {
    return ::open(path, flags);
}

int SystemCalls::ioctl(int fd, unsigned long request, void* argument) {
    return ::ioctl(fd, request, argument);
}

void* SystemCalls::mmap(std::size_t size, int fd, long offset) {
    return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

int SystemCalls::timer_create(pid_t thread, int signal, timer_t* timer) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event._sigev_un._tid = thread;
    return ::timer_create(CLOCK_MONOTONIC, &event, timer);
}

int SystemCalls::timer_settime(timer_t timer, const itimerspec& when) {
    return ::timer_settime(timer, TIMER_ABSTIME, &when, nullptr);
}

SystemCalls& SystemCalls::host() {
    static SystemCalls calls;
    return calls;
}

void fail(std::string_view operation, int error_number, const std::string& detail) {
    throw BackendError(std::string(KvmBackend::kName), std::string(operation), error_number,
                       detail);
}

int Handle::try_call(unsigned long request, void* argument) const {
    // Far more than there are signals in a row; a call that fails so for ever is told.
    constexpr int kTries = 1000;
    int result = 0;
    for (int i = 0; i < kTries; ++i) {
        result = calls_->ioctl(fd_.get(), request, argument);
        if (result >= 0) return result;
        result = -errno;
        if (result != -EINTR && result != -EAGAIN) break;
    }
    return result;
}

int Handle::call(unsigned long request, void* argument, std::string_view operation) const {
    const int result = try_call(request, argument);
    if (result < 0) fail(operation, -result);
    return result;
}

int Handle::call(unsigned long request, unsigned long argument, std::string_view operation) const {
    // As ioctl(2) has it: a number in the pointer's place.
    auto* const pointer = reinterpret_cast<void*>(argument);  // NOLINT(performance-no-int-to-ptr)
    return call(request, pointer, operation);
}

Handle Handle::create(unsigned long request, unsigned long argument,
                      std::string_view operation) const {
    return {*calls_, UniqueFd(call(request, argument, operation))};
}

void Handle::enable(std::uint32_t capability, std::uint64_t argument,
                    std::string_view operation) const {
    kvm_enable_cap enable{};
    enable.cap = capability;
    enable.args[0] = argument;
    call(KVM_ENABLE_CAP, &enable, operation);
}

int Handle::extension(unsigned long capability) const {
    return call(KVM_CHECK_EXTENSION, capability, "ask for a capability (KVM_CHECK_EXTENSION)");
}

SharedArea::SharedArea(const Handle& handle, std::size_t size, long offset,
                       std::string_view operation)
    : size_(size) {
    void* const area = handle.calls().mmap(size, handle.fd(), offset);
    if (area == MAP_FAILED) fail(operation, errno);
    data_ = static_cast<std::byte*>(area);
}

SharedArea::SharedArea(SharedArea&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedArea& SharedArea::operator=(SharedArea&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

SharedArea::~SharedArea() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace hvlab::kvm
