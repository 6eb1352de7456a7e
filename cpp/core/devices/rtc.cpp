// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/rtc.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr Nanoseconds kMaxTime = std::numeric_limits<Nanoseconds>::max() / 2;

enum Register : unsigned {
    kSeconds = 0x00,
    kSecondsAlarm = 0x01,
    kMinutes = 0x02,
    kMinutesAlarm = 0x03,
    kHours = 0x04,
    kHoursAlarm = 0x05,
    kDayOfWeek = 0x06,  // 1 is Sunday
    kDayOfMonth = 0x07,
    kMonth = 0x08,
    kYear = 0x09,
    kA = 0x0A,
    kB = 0x0B,
    kC = 0x0C,
    kD = 0x0D,
    kBaseMemory = 0x15,       // KiB, 16 bits
    kExtendedMemory = 0x17,   // KiB above 1 MiB, 16 bits
    kExtendedMemory2 = 0x30,  // the same
    kCentury = 0x32,
    kMemoryAbove16M = 0x34,  // 64 KiB units, 16 bits
    kMemoryAbove4G = 0x5B,   // 64 KiB units, 24 bits
};

// Register A
constexpr std::uint8_t kUpdateInProgress = 0x80;
constexpr std::uint8_t kDividerMask = 0x70;
constexpr std::uint8_t kDivider32kHz = 0x20;
constexpr std::uint8_t kRateMask = 0x0F;
// Register B
constexpr std::uint8_t kSet = 0x80;
constexpr std::uint8_t kPeriodicEnable = 0x40;
constexpr std::uint8_t kAlarmEnable = 0x20;
constexpr std::uint8_t kUpdateEnable = 0x10;
constexpr std::uint8_t kSquareWave = 0x08;
constexpr std::uint8_t kBinary = 0x04;
constexpr std::uint8_t k24Hours = 0x02;
constexpr std::uint8_t kEnables = kPeriodicEnable | kAlarmEnable | kUpdateEnable;
// Register C: the flags are at the places of their enables
constexpr std::uint8_t kInterruptRequest = 0x80;
// Register D
constexpr std::uint8_t kValidRamAndTime = 0x80;

// UIP comes 244 us before the update cycle, which takes 1984 us (data sheet, table 4).
constexpr Nanoseconds kUpdateTime = (244 + 1984) * kMicrosecond;
// The first update comes half a second after the divider is let go (data sheet, "Divider control").
constexpr Nanoseconds kAfterDividerReset = kSecond / 2;

// A period of one 32.768 kHz clock is 1,953,125/64 ns.
constexpr std::int64_t kClockUnits = 1'953'125;
constexpr std::int64_t kUnitsPerNanosecond = 64;

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 86'400;

void put_little_endian(std::span<std::uint8_t> into, std::uint64_t value) {
    for (std::uint8_t& byte : into) {
        byte = static_cast<std::uint8_t>(value);
        value >>= 8;
    }
}

}  // namespace

Rtc::Rtc(Timeline& timeline, InterruptLine& irq8, std::int64_t start)
    : timeline_(timeline),
      irq8_(irq8),
      timer_(timeline.add_timer("rtc",
                                [this] {
                                    catch_up();
                                    update();
                                })),
      divider_start_(timeline.now()),
      caught_up_(timeline.now()) {
    constexpr std::int64_t kEnd = 253'402'300'800;  // 10000-01-01
    if (start < 0 || start >= kEnd) {
        throw ConfigError("rtc", "the start date lies outside the years 1970 to 9999");
    }
    registers_[kA] = kDivider32kHz | 6;  // as a BIOS leaves it: 1024 Hz, 24 hours, BCD
    registers_[kB] = k24Hours;
    registers_[kD] = kValidRamAndTime;
    set_date(start / kDay, start % kDay);
    registers_[kDayOfWeek] =
        static_cast<std::uint8_t>((start / kDay + 4) % 7 + 1);  // 1970: Thursday
}

Rtc::~Rtc() {
    timeline_.disarm(timer_);
}

void Rtc::reset() {
    catch_up();
    registers_[kB] &= static_cast<std::uint8_t>(~(kEnables | kSquareWave));
    registers_[kC] = 0;
    index_ = 0;
    update();
}

void Rtc::set_memory_size(std::uint64_t below_4gib, std::uint64_t above_4gib) {
    constexpr std::uint64_t kMost = 0xFFFF;
    const auto beyond = [&](std::uint64_t start, std::uint64_t unit) {
        return below_4gib > start ? std::min((below_4gib - start) / unit, kMost) : 0;
    };
    const std::span all(registers_);
    put_little_endian(all.subspan(kBaseMemory, 2), std::min<std::uint64_t>(below_4gib / kKiB, 640));
    put_little_endian(all.subspan(kExtendedMemory, 2), beyond(kMiB, kKiB));
    put_little_endian(all.subspan(kExtendedMemory2, 2), beyond(kMiB, kKiB));
    put_little_endian(all.subspan(kMemoryAbove16M, 2), beyond(16 * kMiB, 64 * kKiB));
    put_little_endian(all.subspan(kMemoryAbove4G, 3),
                      std::min<std::uint64_t>(above_4gib / (64 * kKiB), 0xFF'FFFF));
}

std::uint8_t Rtc::read_byte(std::uint64_t offset) {
    if (offset != 1) return 0xFF;  // the index is write-only
    return read_register(index_ & 0x7F);
}

void Rtc::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset == 0) index_ = value;
    if (offset == 1) write_register(index_ & 0x7F, value);
}

std::uint8_t Rtc::read_register(unsigned index) {
    catch_up();
    update();
    if (index == kA) {
        return registers_[kA] | (update_in_progress() ? kUpdateInProgress : std::uint8_t{0});
    }
    if (index != kC) return registers_[index];
    const bool requests = (registers_[kB] & registers_[kC] & kEnables) != 0;
    const std::uint8_t flags = registers_[kC];
    registers_[kC] = 0;
    update();
    return flags | (requests ? kInterruptRequest : std::uint8_t{0});
}

void Rtc::write_register(unsigned index, std::uint8_t value) {
    catch_up();
    switch (index) {
        case kA:
            write_a(value);
            break;
        case kB:
            // SET going high clears the update-ended enable (data sheet, "Register B").
            if ((value & ~registers_[kB] & kSet) != 0) {
                value &= static_cast<std::uint8_t>(~kUpdateEnable);
            }
            registers_[kB] = value;
            break;
        case kC:
        case kD:
            break;
        default:
            registers_[index] = value;
            break;
    }
    update();
}

void Rtc::write_a(std::uint8_t value) {
    const bool ran = runs();
    registers_[kA] = value & static_cast<std::uint8_t>(~kUpdateInProgress);
    if (!ran && runs()) divider_start_ = timeline_.now() - kAfterDividerReset;
}

bool Rtc::runs() const {
    return (registers_[kA] & kDividerMask) == kDivider32kHz;
}

bool Rtc::updates() const {
    return runs() && (registers_[kB] & kSet) == 0;
}

bool Rtc::update_in_progress() const {
    if (!updates()) return false;
    const Nanoseconds into = (timeline_.now() - divider_start_) % kSecond;
    return into >= kSecond - kUpdateTime;
}

// Seconds that have ended since the divider started.
std::int64_t Rtc::seconds_at(Nanoseconds time) const {
    return (time - divider_start_) / kSecond;
}

// The period of the periodic interrupt in 1/64 ns, 0 for none (data sheet, table 5).
std::int64_t Rtc::period_units() const {
    const unsigned rate = registers_[kA] & kRateMask;
    if (rate == 0) return 0;
    return kClockUnits << (rate <= 2 ? rate + 6 : rate - 1);
}

std::int64_t Rtc::periods_at(Nanoseconds time) const {
    const std::int64_t period = period_units();
    const std::int64_t passed = time - divider_start_;
    return passed / period * kUnitsPerNanosecond + passed % period * kUnitsPerNanosecond / period;
}

unsigned Rtc::decode(std::uint8_t value) const {
    if ((registers_[kB] & kBinary) != 0) return value;
    return (value >> 4) * 10u + (value & 15u);
}

std::uint8_t Rtc::encode(unsigned value) const {
    value %= 100;
    if ((registers_[kB] & kBinary) != 0) return static_cast<std::uint8_t>(value);
    return static_cast<std::uint8_t>(value / 10 << 4 | value % 10);
}

unsigned Rtc::decode_hour(std::uint8_t value) const {
    if ((registers_[kB] & k24Hours) != 0) return decode(value) % 24;
    const unsigned hour = decode(value & 0x7F) % 12;
    return hour + ((value & 0x80) != 0 ? 12 : 0);
}

std::uint8_t Rtc::encode_hour(unsigned hour) const {
    if ((registers_[kB] & k24Hours) != 0) return encode(hour);
    const std::uint8_t twelve = encode(hour % 12 == 0 ? 12 : hour % 12);
    return twelve | (hour >= 12 ? std::uint8_t{0x80} : std::uint8_t{0});
}

std::int64_t Rtc::second_of_day() const {
    return decode_hour(registers_[kHours]) * kHour + decode(registers_[kMinutes]) % 60 * kMinute +
           decode(registers_[kSeconds]) % 60;
}

void Rtc::set_date(std::int64_t days, std::int64_t second_of_day) {
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    registers_[kCentury] = encode(year / 100);
    registers_[kYear] = encode(year % 100);
    registers_[kMonth] = encode(static_cast<unsigned>(date.month()));
    registers_[kDayOfMonth] = encode(static_cast<unsigned>(date.day()));
    registers_[kHours] = encode_hour(static_cast<unsigned>(second_of_day / kHour));
    registers_[kMinutes] = encode(static_cast<unsigned>(second_of_day % kHour / kMinute));
    registers_[kSeconds] = encode(static_cast<unsigned>(second_of_day % kMinute));
}

void Rtc::add_seconds(std::int64_t seconds) {
    namespace chrono = std::chrono;
    const unsigned month = (decode(registers_[kMonth]) + 11) % 12 + 1;
    const auto year =
        static_cast<int>(decode(registers_[kCentury]) * 100 + decode(registers_[kYear]));
    const chrono::sys_days first = chrono::year(year) / chrono::month(month) / 1;
    const std::int64_t today = first.time_since_epoch().count() +
                               static_cast<std::int64_t>(decode(registers_[kDayOfMonth])) - 1;
    const std::int64_t then = second_of_day() + seconds;
    const std::int64_t passed = then / kDay;
    const std::int64_t weekday = decode(registers_[kDayOfWeek]) + 6;  // 0 is Sunday, modulo 7
    registers_[kDayOfWeek] = encode(static_cast<unsigned>((weekday + passed) % 7 + 1));
    set_date(today + passed, then % kDay);
}

// From the time of day in the registers to the next match, at least one; nothing if no time of day
// matches. 11xxxxxx matches everything (data sheet, "Time, calendar, and alarm locations").
std::optional<std::int64_t> Rtc::seconds_to_alarm() const {
    const auto matches = [this](Register alarm, std::int64_t wanted, auto&& value_of) {
        const std::uint8_t value = registers_[alarm];
        return (value & 0xC0) == 0xC0 || value_of(value) == static_cast<unsigned>(wanted);
    };
    const auto plain = [this](std::uint8_t value) { return decode(value); };
    const auto hour = [this](std::uint8_t value) { return decode_hour(value); };

    const std::int64_t now = second_of_day();
    std::int64_t at = now + 1;
    while (at <= now + kDay) {
        const std::int64_t of_day = at % kDay;
        if (!matches(kHoursAlarm, of_day / kHour, hour)) {
            at += kHour - at % kHour;
        } else if (!matches(kMinutesAlarm, of_day % kHour / kMinute, plain)) {
            at += kMinute - at % kMinute;
        } else if (!matches(kSecondsAlarm, of_day % kMinute, plain)) {
            ++at;
        } else {
            return at - now;
        }
    }
    return std::nullopt;
}

void Rtc::catch_up() {
    const Nanoseconds now = timeline_.now();
    if (now <= caught_up_) return;
    const Nanoseconds before = std::exchange(caught_up_, now);
    if (!runs()) return;
    if (period_units() != 0 && periods_at(now) != periods_at(before)) {
        registers_[kC] |= kPeriodicEnable;
    }
    const std::int64_t seconds = seconds_at(now) - seconds_at(before);
    if (seconds == 0 || !updates()) return;
    registers_[kC] |= kUpdateEnable;
    const std::optional<std::int64_t> alarm = seconds_to_alarm();
    if (alarm && *alarm <= seconds) registers_[kC] |= kAlarmEnable;
    add_seconds(seconds);
}

void Rtc::update() {
    irq8_.set((registers_[kB] & registers_[kC] & kEnables) != 0);
    arm_timer();
}

// When the next interrupt comes if nothing is written. While one is raised, nothing more can happen
// on the wire.
std::optional<Nanoseconds> Rtc::next_interrupt() const {
    if (!runs() || (registers_[kB] & registers_[kC] & kEnables) != 0) return std::nullopt;
    std::optional<Nanoseconds> next;
    const auto consider = [&next](Nanoseconds when) { next = std::min(next.value_or(when), when); };

    if ((registers_[kB] & kPeriodicEnable) != 0 && period_units() != 0) {
        const std::int64_t count = periods_at(caught_up_) + 1;
        const std::int64_t rest = count % kUnitsPerNanosecond * period_units();
        consider(divider_start_ + count / kUnitsPerNanosecond * period_units() +
                 (rest + kUnitsPerNanosecond - 1) / kUnitsPerNanosecond);
    }
    const Nanoseconds second = divider_start_ + seconds_at(caught_up_) * kSecond;
    if ((registers_[kB] & kUpdateEnable) != 0 && updates()) consider(second + kSecond);
    if ((registers_[kB] & kAlarmEnable) != 0 && updates()) {
        if (const std::optional<std::int64_t> alarm = seconds_to_alarm()) {
            consider(second + *alarm * kSecond);
        }
    }
    return next;
}

void Rtc::arm_timer() {
    if (const std::optional<Nanoseconds> next = next_interrupt()) {
        timeline_.arm(timer_, *next);
    } else {
        timeline_.disarm(timer_);
    }
}

void Rtc::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put_all(registers_);
    writer.put(index_);
    writer.put(divider_start_);
    writer.put(caught_up_);
}

void Rtc::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    std::array<std::uint8_t, kRegisters> registers;
    reader.get_all(registers);
    const auto index = reader.get<std::uint8_t>();
    const auto divider_start =
        reader.get_in<Nanoseconds>(-kAfterDividerReset, kMaxTime, "divider start");
    const auto caught_up =
        reader.get_in<Nanoseconds>(std::max<Nanoseconds>(divider_start, 0), kMaxTime, "clock");

    registers_ = registers;
    registers_[kA] &= static_cast<std::uint8_t>(~kUpdateInProgress);
    registers_[kC] &= kEnables;
    registers_[kD] = kValidRamAndTime;
    index_ = index;
    divider_start_ = divider_start;
    caught_up_ = caught_up;
    irq8_.restore((registers_[kB] & registers_[kC] & kEnables) != 0);
    arm_timer();
}

}  // namespace hvlab
