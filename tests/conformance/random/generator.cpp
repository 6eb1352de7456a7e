// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/generator.h"

#include "tests/conformance/random/draw.h"

namespace hvlab::conformance {
namespace {

using Make = void (*)(Draw&);

struct Kind {
    unsigned weight;
    Make make;
};

// How often each kind of item is drawn.
constexpr Kind kKinds[] = {
    {160, make_arithmetic}, {100, make_move}, {60, make_shift},  {40, make_multiplication},
    {30, make_division},    {60, make_bit},   {50, make_atomic}, {60, make_stack},
    {50, make_string},      {40, make_flags}, {90, make_jump},   {90, make_x87},
    {80, make_mmx},         {220, make_sse},  {40, make_system}, {30, make_port},
    {30, make_device},      {25, make_fault}, {25, make_patch},  {20, make_constant},
};

constexpr unsigned total_weight() {
    unsigned sum = 0;
    for (const Kind& kind : kKinds) sum += kind.weight;
    return sum;
}

Make draw_kind(RandomStream& random) {
    std::uint64_t ticket = random.below(total_weight());
    for (const Kind& kind : kKinds) {
        if (ticket < kind.weight) return kind.make;
        ticket -= kind.weight;
    }
    return make_constant;
}

}  // namespace

Program generate(std::uint64_t seed, std::size_t instructions) {
    RandomStream random(Seed(seed).child("program"));
    Program program{.user = random.below(3) == 0, .seed = seed, .items = {}};
    std::size_t count = 0;
    while (count < instructions) {
        Draw draw(random, program.user);
        draw_kind(random)(draw);
        count += draw.item.lengths.size();
        program.items.push_back(std::move(draw.item));
    }
    return program;
}

}  // namespace hvlab::conformance
