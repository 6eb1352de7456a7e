// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any sequence of port accesses, pauses, input and resets: nothing goes wrong, and a board that is
// saved and loaded on the way does the same as one that is not. FUZZ_DEVICE=NAME: a board of that
// device.
#include <memory>

#include "device_board.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hvlab;
    fuzzing::Input input(data, size);
    static const fuzzing::Part part = fuzzing::part_of_the_environment();
    // Saving the screen's memory costs as much as a hundred operations.
    const bool costly = part == fuzzing::Part::kAll || part == fuzzing::Part::kScreen;
    const unsigned between_saves = costly ? 50 + 2u * input.byte() : 2 + input.byte() % 64u;
    fuzzing::Input again = input;

    fuzzing::Board straight(part);
    auto moved = std::make_unique<fuzzing::Board>(part);
    for (unsigned i = 1; !input.empty() && i < 400; ++i) {
        if (i % between_saves == 0) {
            auto next = std::make_unique<fuzzing::Board>(part);
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
