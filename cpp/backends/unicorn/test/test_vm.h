// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests: a VM with memory, page tables, descriptor tables and a handler that logs every access
// together with the instruction count at which it happened.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/unicorn/unicorn_backend.h"
#include "core/base/random.h"

namespace hvlab {

inline constexpr std::uint64_t kRamSize = 2 * kMiB;
inline constexpr GuestAddress kHighRam = 4 * kGiB;  // a second region, 64 KiB
inline constexpr std::uint64_t kHighRamSize = 64 * kKiB;
inline constexpr GuestAddress kEntry = 0x1000;
inline constexpr std::uint8_t kIrqVector = 0x30;

inline std::vector<std::byte> read_guest(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_FALSE(bytes.empty()) << path;
    const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
    return {data, data + bytes.size()};
}

// Page-aligned memory, as guest memory is.
class Ram {
public:
    explicit Ram(std::uint64_t size)
        : bytes_(static_cast<std::byte*>(std::aligned_alloc(kPageSize, size)), std::free),
          size_(size) {
        std::memset(bytes_.get(), 0, size);
    }

    std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }
    template <typename T>
    void put(GuestAddress address, T value) {
        std::memcpy(bytes_.get() + address, &value, sizeof value);
    }
    template <typename T>
    T get(GuestAddress address) const {
        T value;
        std::memcpy(&value, bytes_.get() + address, sizeof value);
        return value;
    }
    void copy_from(const Ram& other) { std::memcpy(bytes_.get(), other.bytes_.get(), size_); }
    bool operator==(const Ram& other) const {
        return std::memcmp(bytes_.get(), other.bytes_.get(), size_) == 0;
    }

private:
    std::unique_ptr<std::byte, decltype(&std::free)> bytes_;
    std::uint64_t size_;
};

// Answers from the instruction count, so that an access at another count is another answer.
class LoggingHandler : public VcpuHandler {
public:
    Vcpu* vcpu = nullptr;
    InstructionCounter* counter = nullptr;
    std::uint64_t log = 14695981039346656037u;  // hash over all accesses
    std::uint64_t accesses = 0;
    bool request = false;                 // an external interrupt waits
    std::optional<std::uint64_t> timer;   // armed by port 84h
    std::optional<std::uint64_t> target;  // where the test wants the run to end

    std::uint32_t port_read(std::uint16_t port, unsigned size) override {
        note(0, port, size, 0);
        return static_cast<std::uint32_t>(counter->retired());
    }
    void port_write(std::uint16_t port, unsigned size, std::uint32_t value) override {
        note(1, port, size, value);
        if (port == 0x84) {
            timer = counter->retired() + 5 + value % 50;
            counter->set_budget_end(next_end());
        }
        if (port == 0x81) vcpu->request_stop();
    }
    std::uint64_t memory_read(GuestAddress address, unsigned size) override {
        note(2, address, size, 0);
        const std::uint64_t value = counter->retired();
        return size == 8 ? value : value & ((1ull << size * 8) - 1);
    }
    void memory_write(GuestAddress address, unsigned size, std::uint64_t value) override {
        note(3, address, size, value);
        if ((value & 64) != 0) raise();
    }
    std::optional<std::uint8_t> acknowledge_interrupt() override {
        note(4, 0, 0, request);
        if (!request) return std::nullopt;
        request = false;
        vcpu->set_interrupt_line(false);
        return kIrqVector;
    }
    std::uint64_t time_stamp() override {
        note(5, 0, 0, 0);
        return counter->retired();
    }
    std::uint64_t random() override {
        note(6, 0, 0, 0);
        return random_.next();
    }
    std::optional<std::uint64_t> msr_read(std::uint32_t index) override {
        note(7, index, 0, 0);
        return std::nullopt;
    }
    bool msr_write(std::uint32_t index, std::uint64_t value) override {
        note(8, index, 0, value);
        return false;
    }

    void raise() {
        request = true;
        vcpu->set_interrupt_line(true);
    }
    std::uint64_t next_end() const {
        return std::min({timer.value_or(Budget::kUnlimited), target.value_or(Budget::kUnlimited)});
    }
    RandomStream random_{Seed(7)};

private:
    void note(unsigned kind, std::uint64_t where, unsigned size, std::uint64_t value) {
        ++accesses;
        for (const std::uint64_t word :
             {std::uint64_t{kind}, where, std::uint64_t{size}, value, counter->retired()}) {
            log = (log ^ word) * 1099511628211u;
            log ^= log >> 29;
        }
    }
};

inline Segment flat_segment(std::uint16_t selector, bool code) {
    return {.base = 0,
            .limit = 0xFFFFFFFF,
            .selector = selector,
            .type = static_cast<std::uint8_t>(code ? 0xB : 0x3),
            .l = code,
            .db = !code,
            .g = true};
}

class TestVm {
public:
    TestVm() {
        vm = UnicornBackend().create_vm(CpuModel::named("x86-64-v2"));
        vm->map_memory(0, ram.bytes(), true);
        vm->map_memory(kHighRam, high.bytes(), true);
        vcpu = vm->create_vcpu(0, handler);
        handler.vcpu = vcpu.get();
        handler.counter = counter = vcpu->capability<InstructionCounter>();
        handler.timer = kTick;
    }

    void load(std::span<const std::byte> code, GuestAddress at = kEntry) {
        std::memcpy(ram.bytes().data() + at, code.data(), code.size());
        vm->host_wrote(at, code.size());
    }
    void load(std::initializer_list<std::uint8_t> code, GuestAddress at = kEntry) {
        load(std::as_bytes(std::span(code.begin(), code.size())), at);
    }

    // 64-bit mode at kEntry. Physical = linear below 16 MiB, at kHighRam and at FE000000h; all
    // pages are user pages. The IDT's addresses come from the head of the loaded guest.
    void enter_long_mode() {
        build_page_tables();
        build_descriptor_tables();
        CpuState state = vcpu->state();
        state.cs = flat_segment(0x10, true);
        for (Segment* each : {&state.ds, &state.es, &state.ss}) *each = flat_segment(0x18, false);
        state.tr = {.base = kTss, .limit = 0x67, .selector = 0x38, .type = 0xB, .s = false};
        state.gdtr = {.base = kGdt, .limit = 0x47};
        state.idtr = {.base = kIdt, .limit = 0xFFF};
        state.cr0 = 0x80010033;
        state.cr3 = 0x10000;
        state.cr4 = 0x620;
        state.msrs.efer = 0xD01;
        state.msrs.star = 0x00200010ull << 32;
        state.msrs.fmask = 0x300;
        state.msrs.lstar = ram.get<std::uint64_t>(kEntry + 0x10 + 7 * 8);
        state.fpu.fcw = 0x37F;
        state.fpu.ftw = 0;
        state.gpr[kRsp] = 0x80000;
        state.rip = kEntry;
        state.rflags = 2;
        vcpu->set_state(state);
    }

    // Runs to that count exactly, serving the timer and HLT on the way.
    void run_to(std::uint64_t count) {
        handler.target = count;
        while (counter->retired() < count) {
            const Exit exit = vcpu->run({.instructions = handler.next_end() - counter->retired()});
            if (exit.kind == ExitKind::kHalted) {
                handler.raise();
                continue;
            }
            ASSERT_EQ(exit.kind, ExitKind::kBudget)
                << to_string(exit.kind) << " at " << counter->retired();
            if (handler.timer && counter->retired() >= *handler.timer) {
                handler.timer = *handler.timer + kTick;
                handler.raise();
            }
        }
        ASSERT_EQ(counter->retired(), count);
    }

    // Everything that a guest or a device can tell.
    struct Snapshot {
        CpuState state;
        std::uint64_t memory;
        std::uint64_t log;
        std::uint64_t accesses;
        bool operator==(const Snapshot&) const = default;
    };
    Snapshot snapshot() const {
        return {vcpu->state(), memory_hash(), handler.log, handler.accesses};
    }

    // Continues where `other` is, in this VM.
    void take_over(const TestVm& other) {
        ram.copy_from(other.ram);
        high.copy_from(other.high);
        vm->host_wrote(0, kRamSize);
        vcpu->set_state(other.vcpu->state());
        counter->set_retired(other.counter->retired());
        handler.log = other.handler.log;
        handler.accesses = other.handler.accesses;
        handler.request = other.handler.request;
        handler.timer = other.handler.timer;
        handler.random_ = other.handler.random_;
        vcpu->set_interrupt_line(handler.request);
    }

    std::uint64_t memory_hash() const {
        std::uint64_t hash = 0;
        for (const Ram* each : {&ram, &high}) {
            for (std::uint64_t at = 0; at < each->bytes().size(); at += 8) {
                hash = (hash ^ each->get<std::uint64_t>(at)) * 1099511628211u;
                hash ^= hash >> 31;
            }
        }
        return hash;
    }

    static constexpr std::uint64_t kTick = 997;
    static constexpr GuestAddress kGdt = 0x20000;
    static constexpr GuestAddress kIdt = 0x21000;
    static constexpr GuestAddress kTss = 0x22000;

    Ram ram{kRamSize};
    Ram high{kHighRamSize};
    LoggingHandler handler;
    std::unique_ptr<Vm> vm;
    std::unique_ptr<Vcpu> vcpu;
    InstructionCounter* counter = nullptr;

private:
    void build_page_tables() {
        constexpr std::uint64_t kFlags = 7;  // present, writable, user
        constexpr std::uint64_t kLarge = kFlags | 0x80;
        ram.put(0x10000, 0x11000 | kFlags);
        ram.put(0x11000, 0x12000 | kFlags);
        ram.put(0x11000 + 3 * 8, 0x14000 | kFlags);
        ram.put(0x11000 + 4 * 8, 0x15000 | kFlags);
        ram.put(0x12000, 0x13000 | kFlags);
        for (std::uint64_t i = 1; i < 8; ++i) ram.put(0x12000 + i * 8, i << 21 | kLarge);
        ram.put(0x14000 + 0x1F0 * 8, 0xFE000000 | kLarge);
        ram.put(0x15000, kHighRam | kLarge);
        for (std::uint64_t i = 0; i < 512; ++i) ram.put(0x13000 + i * 8, i << 12 | kFlags);
        for (std::uint64_t i = 0x180; i < 0x190; ++i) ram.put(0x13000 + i * 8, std::uint64_t{0});
        ram.put(0x13000 + 0x190 * 8, 0x2000 | kFlags);  // nasty.S: ALIAS
    }

    void build_descriptor_tables() {
        ram.put(kGdt + 0x10, 0x00AF9B000000FFFFull);
        ram.put(kGdt + 0x18, 0x00CF93000000FFFFull);
        ram.put(kGdt + 0x28, 0x00CFF3000000FFFFull);
        ram.put(kGdt + 0x30, 0x00AFFB000000FFFFull);
        ram.put(kGdt + 0x38, 0x67ull | kTss << 16 | 0x8Bull << 40);
        ram.put(kTss + 4, std::uint64_t{0x78000});  // RSP0
        const auto handler_at = [this](unsigned i) {
            return ram.get<std::uint64_t>(kEntry + 0x10 + i * 8);
        };
        const auto gate = [this](unsigned vector, std::uint64_t to) {
            ram.put(kIdt + vector * 16,
                    (to & 0xFFFF) | 0x10ull << 16 | 0x8E00ull << 32 | to >> 16 << 48);
        };
        gate(14, handler_at(0));
        gate(kIrqVector, handler_at(1));
        gate(6, handler_at(2));
        gate(11, handler_at(3));
        gate(13, handler_at(3));
        gate(0x80, handler_at(4));
        gate(1, handler_at(5));
        gate(2, handler_at(6));
    }
};

}  // namespace hvlab
