// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/attached_device.h"

#include <utility>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::chrono::milliseconds kLong{5};

}  // namespace

// A call of the device: what it takes of the host's time, however it ends.
class AttachedDevice::Timed {
public:
    explicit Timed(AttachedDevice& device) : device_(device), begin_(Clock::now()) {}
    ~Timed() {
        device_.spent_ += Clock::now() - begin_;
        if (device_.spent_ < kLong) return;
        device_.spent_ = {};
        device_.took_long_();
    }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

private:
    AttachedDevice& device_;
    Clock::time_point begin_;
};

AttachedDevice::AttachedDevice(std::shared_ptr<ExternalDevice> device, Seed seed,
                               const Timeline& timeline, InterruptLine* line,
                               std::function<void()> took_long)
    : device_(std::move(device)),
      random_(seed),
      timeline_(timeline),
      line_(line),
      took_long_(std::move(took_long)) {
    device_->attach(this);
    try {
        device_->reset();
    } catch (...) {
        device_->attach(nullptr);
        throw;
    }
}

std::uint64_t AttachedDevice::read(std::uint64_t offset, unsigned size) {
    const Timed timed(*this);
    return device_->read(offset, size);
}

void AttachedDevice::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    const Timed timed(*this);
    device_->write(offset, size, value);
}

void AttachedDevice::reset() {
    set_interrupt(false);
    device_->reset();
}

void AttachedDevice::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(random_.state());
    writer.put(line_ != nullptr && line_->level());
    device_->save(writer);
}

void AttachedDevice::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto random = reader.get<std::uint64_t>();
    const bool level = reader.get_bool();
    device_->load(reader);
    random_.set_state(random);
    if (line_ != nullptr) line_->restore(level);
}

}  // namespace hvlab
