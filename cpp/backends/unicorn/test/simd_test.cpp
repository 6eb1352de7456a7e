// SPDX-License-Identifier: GPL-2.0-or-later
//
// The SSE instructions that the engine translates to host vectors, against what the manual says of
// each lane, with a register and with memory as the source.
#include <functional>

#include "core/base/random.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using Xmm = FpuState::XmmRegister;

template <typename Lane>
Xmm by_lane(const Xmm& a, const Xmm& b, const std::function<Lane(Lane, Lane)>& operation) {
    constexpr std::size_t kLanes = 16 / sizeof(Lane);
    std::array<Lane, kLanes> x, y, result;
    std::memcpy(x.data(), a.data(), 16);
    std::memcpy(y.data(), b.data(), 16);
    for (std::size_t i = 0; i < kLanes; ++i) result[i] = operation(x[i], y[i]);
    Xmm out;
    std::memcpy(out.data(), result.data(), 16);
    return out;
}

template <typename Lane>
Lane all_ones_if(bool condition) {
    return condition ? static_cast<Lane>(-1) : Lane{0};
}

struct Operation {
    const char* name;
    std::uint8_t opcode;
    bool prefix;  // 66h
    std::function<Xmm(const Xmm&, const Xmm&)> expected;
};

template <typename Lane>
auto add() {
    return [](const Xmm& a, const Xmm& b) {
        return by_lane<Lane>(a, b, [](Lane x, Lane y) { return static_cast<Lane>(x + y); });
    };
}
template <typename Lane>
auto subtract() {
    return [](const Xmm& a, const Xmm& b) {
        return by_lane<Lane>(a, b, [](Lane x, Lane y) { return static_cast<Lane>(x - y); });
    };
}
template <typename Lane>
auto equal() {
    return [](const Xmm& a, const Xmm& b) {
        return by_lane<Lane>(a, b, [](Lane x, Lane y) { return all_ones_if<Lane>(x == y); });
    };
}
template <typename Lane>
auto greater() {
    return [](const Xmm& a, const Xmm& b) {
        return by_lane<Lane>(a, b, [](Lane x, Lane y) { return all_ones_if<Lane>(x > y); });
    };
}
auto bitwise(std::uint64_t (*operation)(std::uint64_t, std::uint64_t)) {
    return [operation](const Xmm& a, const Xmm& b) {
        return Xmm{operation(a[0], b[0]), operation(a[1], b[1])};
    };
}
constexpr auto kAnd = [](std::uint64_t a, std::uint64_t b) { return a & b; };
constexpr auto kAndNot = [](std::uint64_t a, std::uint64_t b) { return ~a & b; };
constexpr auto kOr = [](std::uint64_t a, std::uint64_t b) { return a | b; };
constexpr auto kXor = [](std::uint64_t a, std::uint64_t b) { return a ^ b; };

std::vector<Operation> operations() {
    return {
        {"pand", 0xDB, true, bitwise(kAnd)},
        {"andps", 0x54, false, bitwise(kAnd)},
        {"andpd", 0x54, true, bitwise(kAnd)},
        {"pandn", 0xDF, true, bitwise(kAndNot)},
        {"andnps", 0x55, false, bitwise(kAndNot)},
        {"por", 0xEB, true, bitwise(kOr)},
        {"orpd", 0x56, true, bitwise(kOr)},
        {"pxor", 0xEF, true, bitwise(kXor)},
        {"xorps", 0x57, false, bitwise(kXor)},
        {"pcmpeqb", 0x74, true, equal<std::int8_t>()},
        {"pcmpeqw", 0x75, true, equal<std::int16_t>()},
        {"pcmpeqd", 0x76, true, equal<std::int32_t>()},
        {"pcmpgtb", 0x64, true, greater<std::int8_t>()},
        {"pcmpgtw", 0x65, true, greater<std::int16_t>()},
        {"pcmpgtd", 0x66, true, greater<std::int32_t>()},
        {"paddb", 0xFC, true, add<std::uint8_t>()},
        {"paddw", 0xFD, true, add<std::uint16_t>()},
        {"paddd", 0xFE, true, add<std::uint32_t>()},
        {"paddq", 0xD4, true, add<std::uint64_t>()},
        {"psubb", 0xF8, true, subtract<std::uint8_t>()},
        {"psubw", 0xF9, true, subtract<std::uint16_t>()},
        {"psubd", 0xFA, true, subtract<std::uint32_t>()},
        {"psubq", 0xFB, true, subtract<std::uint64_t>()},
        {"pminub", 0xDA, true,
         [](const Xmm& a, const Xmm& b) {
             return by_lane<std::uint8_t>(a, b, [](auto x, auto y) { return std::min(x, y); });
         }},
        {"pmaxub", 0xDE, true,
         [](const Xmm& a, const Xmm& b) {
             return by_lane<std::uint8_t>(a, b, [](auto x, auto y) { return std::max(x, y); });
         }},
    };
}

class SimdTest : public testing::Test {
protected:
    // op xmm1, xmm9; op xmm2, [50000h]; pmovmskb eax, xmm1
    void load(const Operation& operation) {
        std::vector<std::uint8_t> code;
        if (operation.prefix) code.push_back(0x66);
        code.insert(code.end(), {0x41, 0x0F, operation.opcode, 0xC9});
        if (operation.prefix) code.push_back(0x66);
        code.insert(code.end(), {0x0F, operation.opcode, 0x14, 0x25, 0, 0, 5, 0});
        code.insert(code.end(), {0x66, 0x0F, 0xD7, 0xC1});
        guest_.boot(std::as_bytes(std::span(code)));
    }
    Xmm random_register() {
        Xmm value{random_.next(), random_.next()};
        // Equal bytes and extreme ones, often enough.
        for (auto& word : value) {
            if (random_.below(3) == 0) word &= 0xFF00FFFF0000FF80u;
            if (random_.below(3) == 0) word |= 0x80FF7F00FF0001FFu;
        }
        return value;
    }

    conformance::Guest guest_{conformance::unicorn_backend()};
    RandomStream random_{Seed(21)};
};

TEST_F(SimdTest, EachOperationByLane) {
    for (const Operation& operation : operations()) {
        load(operation);
        const CpuState start = guest_.vcpu->state();
        for (int i = 0; i < 50; ++i) {
            CpuState state = start;
            const Xmm a = random_register();
            const Xmm b = i % 10 == 0 ? a : random_register();
            state.fpu.xmm[1] = state.fpu.xmm[2] = a;
            state.fpu.xmm[9] = b;
            guest_.ram.put(0x50000, b);
            guest_.vcpu->set_state(state);
            guest_.step(3);
            const CpuState after = guest_.vcpu->state();
            const Xmm expected = operation.expected(a, b);
            ASSERT_EQ(after.fpu.xmm[1], expected) << operation.name;
            ASSERT_EQ(after.fpu.xmm[2], expected) << operation.name << " from memory";
            ASSERT_EQ(after.fpu.xmm[9], b) << operation.name;
            std::uint64_t mask = 0;
            for (unsigned lane = 0; lane < 16; ++lane) {
                mask |= (expected[lane / 8] >> (lane % 8 * 8 + 7) & 1) << lane;
            }
            ASSERT_EQ(after.gpr[kRax], mask) << operation.name;
        }
    }
}

}  // namespace
}  // namespace hvlab
