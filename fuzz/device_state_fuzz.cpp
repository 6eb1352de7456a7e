// SPDX-License-Identifier: GPL-2.0-or-later
//
// A state from anywhere: refused without a trace, or taken, and then the device works on without
// harm.
//
// Input: a device, a number of changes to its power-on state (position, value), then operations.
#include "device_board.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hvlab;
    fuzzing::Input input(data, size);
    fuzzing::Board board;
    for (int i = input.byte() % 32; i > 0; --i) board.operate(input);

    Device& device = *board.devices()[input.byte() % board.devices().size()];
    StateWriter writer;
    device.save(writer);
    const std::vector<std::byte> before = writer.bytes();
    std::vector<std::byte> state = before;
    for (int i = input.byte() % 16; i > 0; --i) {
        const std::uint64_t position = input.number(2);
        state[position % state.size()] = std::byte{input.byte()};
    }
    if (input.byte() % 8 == 0) state.resize(input.number(2) % (state.size() + 1));
    try {
        StateReader reader(state);
        device.load(reader);
    } catch (const StateError&) {
        StateWriter after;
        device.save(after);
        HVLAB_ASSERT(fuzzing::same(after.bytes(), before));
    }
    for (int i = 0; !input.empty() && i < 100; ++i) board.operate(input);

    // What was taken can be saved and taken again.
    fuzzing::Board other;
    other.load(board.now(), board.save());
    HVLAB_ASSERT(fuzzing::same(other.save(), board.save()));
    return 0;
}
