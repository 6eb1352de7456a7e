// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any sequence of port accesses, pauses, input and resets: nothing goes wrong, and a board that is
// saved and loaded on the way does the same as one that is not.
#include <memory>

#include "device_board.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hvlab;
    fuzzing::Input input(data, size);
    // Saving the screen's memory costs as much as a hundred operations.
    const unsigned between_saves = 50 + 2u * input.byte();
    fuzzing::Input again = input;

    fuzzing::Board straight;
    auto moved = std::make_unique<fuzzing::Board>();
    for (unsigned i = 1; !input.empty() && i < 400; ++i) {
        if (i % between_saves == 0) {
            auto next = std::make_unique<fuzzing::Board>();
            const std::vector<std::byte> state = moved->save();
            next->load(moved->now(), state);
            HVLAB_ASSERT(fuzzing::same(next->save(), state));
            moved = std::move(next);
        }
        HVLAB_ASSERT(straight.operate(input) == moved->operate(again));
        HVLAB_ASSERT(straight.wires() == moved->wires());
    }
    HVLAB_ASSERT(fuzzing::same(straight.save(), moved->save()));
    return 0;
}
