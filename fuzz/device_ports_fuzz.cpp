// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any sequence of port accesses, pauses, input and resets: nothing goes wrong, and a board that is
// saved and loaded on the way does the same as one that is not. FUZZ_DEVICE=NAME: a board of that
// device.
//
// Boards are new ones, in every execution and for every load: nothing that a state lacks is there
// by chance, and what an input does depends on nothing that ran before it. Only buffers are kept.
#include <algorithm>
#include <memory>
#include <utility>

#include "device_board.h"

namespace {

using namespace hvlab;

// A new board that goes on where that one stands, and says so of itself.
std::unique_ptr<fuzzing::Board> move(fuzzing::Part part, const fuzzing::Board& from) {
    static std::vector<std::byte> state, again;
    auto next = std::make_unique<fuzzing::Board>(part);
    state = from.save(std::move(state));
    next->load(from.now(), state);
    again = next->save(std::move(again));
    HVLAB_ASSERT(fuzzing::same(again, state));
    return next;
}

bool same_state(const fuzzing::Board& a, const fuzzing::Board& b) {
    static std::vector<std::byte> of_a, of_b;
    of_a = a.save(std::move(of_a));
    of_b = b.save(std::move(of_b));
    return fuzzing::same(of_a, of_b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzzing::Input input(data, size);
    static const fuzzing::Part part = fuzzing::part_of_the_environment();
    // Of the whole board, saving costs as much as a hundred operations.
    const unsigned between_saves = 2 + input.byte() % (part == fuzzing::Part::kAll ? 128u : 32u);

    // One board alone until the first save: two that had the same done to them would be compared
    // with nothing in between. From there on, one that stays, and one that moves on and on.
    fuzzing::Board straight(part);
    for (unsigned i = between_saves; !input.empty() && i > 1; --i) straight.operate(input);
    auto moved = move(part, straight);
    HVLAB_ASSERT(straight.wires() == moved->wires());

    if (input.empty()) return 0;

    fuzzing::Input again = input;
    const unsigned between_moves = std::max(between_saves, 8u);
    for (unsigned i = 1; !input.empty() && i < 400; ++i) {
        if (i % between_moves == 0) moved = move(part, *moved);
        HVLAB_ASSERT(straight.operate(input) == moved->operate(again));
        HVLAB_ASSERT(straight.wires() == moved->wires());
    }
    HVLAB_ASSERT(same_state(straight, *moved));
    return 0;
}
