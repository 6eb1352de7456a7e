// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pit.h"

#include <limits>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

// 21 pulses take 17,600 ns.
constexpr std::uint64_t kPulses = 21;
constexpr std::uint64_t kNanoseconds = 17'600;

constexpr Nanoseconds kMaxTime = std::numeric_limits<Nanoseconds>::max() / 2;

// The number of pulses up to and at that time.
constexpr std::uint64_t pulses_at(Nanoseconds time) {
    const auto ns = static_cast<std::uint64_t>(time);
    return ns / kNanoseconds * kPulses + ns % kNanoseconds * kPulses / kNanoseconds;
}

// The first nanosecond at which that pulse has been.
constexpr Nanoseconds time_of(std::uint64_t pulse) {
    const std::uint64_t rest = (pulse % kPulses * kNanoseconds + kPulses - 1) / kPulses;
    return static_cast<Nanoseconds>(pulse / kPulses * kNanoseconds + rest);
}

static_assert(pulses_at(kSecond) == 1'193'181);
static_assert(time_of(1) == 839 && pulses_at(838) == 0 && pulses_at(839) == 1);

}  // namespace

Pit::Pit(Timeline& timeline, InterruptLine& irq0)
    : timeline_(timeline), irq0_(irq0), timer_(timeline.add_timer("pit", [this] {
          catch_up();
          arm_timer();
      })) {
    reset();
}

Pit::~Pit() {
    timeline_.disarm(timer_);
}

void Pit::reset() {
    counters_[0].reset(true);
    counters_[1].reset(true);
    counters_[2].reset(false);
    pulse_ = pulses_at(timeline_.now());
    update();
}

// Brings the counters up to now. A rising edge of OUT 0 on the way reaches the wire even if OUT is
// low again, several as one: nobody could have acknowledged in between.
void Pit::catch_up() {
    const std::uint64_t now = pulses_at(timeline_.now());
    if (now <= pulse_) return;
    const std::uint64_t passed = now - pulse_;
    pulse_ = now;
    const bool rose = counters_[0].advance(passed);
    counters_[1].advance(passed);
    counters_[2].advance(passed);
    if (rose) {
        irq0_.lower();
        irq0_.raise();
    }
    irq0_.set(counters_[0].out());
}

void Pit::update() {
    irq0_.set(counters_[0].out());
    arm_timer();
}

void Pit::arm_timer() {
    if (const std::optional<std::uint64_t> pulses = counters_[0].pulses_to_rise()) {
        timeline_.arm(timer_, time_of(pulse_ + *pulses));
    } else {
        timeline_.disarm(timer_);
    }
}

void Pit::set_gate2(bool level) {
    catch_up();
    counters_[2].set_gate(level);
    arm_timer();
}

bool Pit::out2() {
    catch_up();
    arm_timer();
    return counters_[2].out();
}

std::uint8_t Pit::read_byte(std::uint64_t offset) {
    if (offset >= counters_.size()) return 0xFF;  // the control word is write-only
    catch_up();
    arm_timer();
    return counters_[offset].read();
}

void Pit::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset > counters_.size()) return;
    catch_up();
    if (offset == counters_.size()) {
        write_control(value);
    } else {
        counters_[offset].write(value);
    }
    update();
}

void Pit::write_control(std::uint8_t value) {
    const unsigned selected = value >> 6;
    if (selected == counters_.size()) {
        read_back(value);
    } else if ((value & 0x30) == 0) {
        counters_[selected].latch_count();
    } else {
        counters_[selected].write_control(value & 0x3F);
    }
}

// Data sheet, figure "Read-Back Command Format": bits 5 and 4 are active low.
void Pit::read_back(std::uint8_t value) {
    for (unsigned i = 0; i < counters_.size(); ++i) {
        if ((value >> (i + 1) & 1) == 0) continue;
        if ((value & 0x20) == 0) counters_[i].latch_count();
        if ((value & 0x10) == 0) counters_[i].latch_status();
    }
}

void Pit::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(pulse_);
    for (const PitCounter& counter : counters_) counter.save(writer);
}

void Pit::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto pulse = reader.get_in<std::uint64_t>(0, pulses_at(kMaxTime), "clock pulse");
    std::array<PitCounter, 3> counters = counters_;
    for (PitCounter& counter : counters) counter.load(reader);
    pulse_ = pulse;
    counters_ = counters;
    irq0_.restore(counters_[0].out());
    arm_timer();
}

}  // namespace hvlab
