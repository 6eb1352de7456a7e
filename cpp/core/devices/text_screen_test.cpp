// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/text_screen.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>
#include <string_view>
#include <tuple>

#include "core/devices/code_page_437.h"
#include "core/devices/device_test_support.h"

namespace hvlab {
namespace {

using testing::ElementsAre;
using testing_support::pass;

constexpr std::uint64_t kBlankCell = 0x0720;

class TextScreenTest : public testing::Test {
protected:
    std::uint64_t in(std::uint64_t port) { return screen_.read(offset(port), 1); }
    void out(std::uint64_t port, std::uint64_t value) { screen_.write(offset(port), 1, value); }
    void crtc(std::uint64_t index, std::uint64_t value) {
        screen_.write(TextScreen::kCrtcOffset, 2, index | value << 8);  // as outw does
    }
    std::uint64_t peek(std::uint64_t address, unsigned size) {
        return screen_.read(TextScreen::kMemoryOffset + address, size);
    }
    void poke(std::uint64_t address, unsigned size, std::uint64_t value) {
        screen_.write(TextScreen::kMemoryOffset + address, size, value);
    }
    void print(unsigned row, unsigned column, std::string_view text) {
        for (const char c : text) {
            poke((row * 80u + column++) * 2, 1, static_cast<unsigned char>(c));
        }
    }
    static std::uint64_t offset(std::uint64_t port) { return port - TextScreen::kPort; }

    Timeline timeline_;
    TextScreen screen_{timeline_};
};

TEST_F(TextScreenTest, PowerOnIsMode3WithNothingOnIt) {
    EXPECT_EQ(screen_.columns(), 80u);
    EXPECT_EQ(screen_.rows(), 25u);
    for (unsigned row = 0; row < 25; ++row) EXPECT_EQ(screen_.row_text(row), "");
    EXPECT_EQ(peek(0, 2), kBlankCell);
    EXPECT_EQ(peek(0x7FFE, 2), kBlankCell);
    EXPECT_TRUE(screen_.blinking());
    const TextScreen::Cursor cursor = screen_.cursor();
    EXPECT_EQ(std::tuple(cursor.row, cursor.column, cursor.visible), std::tuple(0u, 0u, true));
    EXPECT_EQ(std::tuple(cursor.first_line, cursor.last_line), std::tuple(13u, 14u));
    EXPECT_THAT(screen_.palette(),
                ElementsAre(0x000000, 0x0000AA, 0x00AA00, 0x00AAAA, 0xAA0000, 0xAA00AA, 0xAA5500,
                            0xAAAAAA, 0x555555, 0x5555FF, 0x55FF55, 0x55FFFF, 0xFF5555, 0xFF55FF,
                            0xFFFF55, 0xFFFFFF));
}

TEST_F(TextScreenTest, TextAndAttributes) {
    print(3, 10, "Hello");
    EXPECT_EQ(screen_.row_text(3), "          Hello");
    poke((3 * 80 + 10) * 2, 2, 0x1F48);
    EXPECT_EQ(screen_.cell(3, 10).code, 'H');
    EXPECT_EQ(screen_.cell(3, 10).attribute, 0x1F);
    EXPECT_EQ(screen_.cell(3, 11).attribute, 0x07);
    poke(24 * 160 + 152, 8, 0x0744074307420741);  // the last four cells
    EXPECT_EQ(screen_.row_text(24), std::string(76, ' ') + "ABCD");
    EXPECT_EQ(peek(24 * 160 + 153, 4), 0x43074207u);
    poke(0, 1, 0x01);
    poke(2, 1, 0xE1);
    poke(4, 1, 0xC9);
    EXPECT_EQ(screen_.row_text(0), "☺ß╔");
}

TEST(CodePage437, EveryCodeIsOneCharacterAndNoTwoButSpacesAreAlike) {
    std::set<std::string_view> seen;
    for (unsigned code = 0; code < 256; ++code) {
        const std::string_view glyph = code_page_437(static_cast<std::uint8_t>(code));
        EXPECT_EQ(std::ranges::count_if(glyph, [](char c) { return (c & 0xC0) != 0x80; }), 1);
        if (code >= 0x20 && code < 0x7F) {
            EXPECT_EQ(glyph, std::string(1, static_cast<char>(code)));
        }
        seen.insert(glyph);
    }
    EXPECT_EQ(seen.size(), 254u);
    EXPECT_EQ(code_page_437(0xB0), "░");
    EXPECT_EQ(code_page_437(0xFE), "■");
}

TEST_F(TextScreenTest, StartAddressScrollsAndWraps) {
    print(1, 0, "second");
    crtc(0x0C, 0);
    crtc(0x0D, 80);
    EXPECT_EQ(screen_.row_text(0), "second");
    EXPECT_TRUE(screen_.shows(0, 160, 1));
    EXPECT_FALSE(screen_.shows(0, 0, 160 / 2));
    // One row before the end of text memory: the next row is the memory's first.
    crtc(0x0C, (0x4000 - 80) >> 8);
    crtc(0x0D, (0x4000 - 80) & 0xFF);
    EXPECT_EQ(screen_.row_text(2), "second");
    EXPECT_TRUE(screen_.shows(0, 0x7FFF, 1));
    EXPECT_TRUE(screen_.shows(1, 0, 1));
}

TEST_F(TextScreenTest, CursorFollowsItsRegistersAndTheStartAddress) {
    crtc(0x0E, (12 * 80 + 40) >> 8);
    crtc(0x0F, (12 * 80 + 40) & 0xFF);
    EXPECT_EQ(screen_.cursor().row, 12u);
    EXPECT_EQ(screen_.cursor().column, 40u);
    crtc(0x0D, 160);
    EXPECT_EQ(screen_.cursor().row, 10u);
    crtc(0x0D, 0);
    EXPECT_TRUE(screen_.cursor().visible);
    crtc(0x0A, 0x20);
    EXPECT_FALSE(screen_.cursor().visible) << "switched off";
    crtc(0x0A, 0x0F);
    EXPECT_FALSE(screen_.cursor().visible) << "begins below its end";
    crtc(0x0A, 0x0D);
    crtc(0x0E, 0x08);
    EXPECT_FALSE(screen_.cursor().visible) << "below the last row";
    out(0x3D4, 0x0E);
    EXPECT_EQ(in(0x3D5), 0x08u);
}

TEST_F(TextScreenTest, GeometryIsTheGuests) {
    crtc(0x09, 0x47);  // 8 lines a character
    EXPECT_EQ(screen_.rows(), 50u);
    print(49, 0, "last");
    EXPECT_EQ(screen_.row_text(49), "last");
    crtc(0x11, 0x0E);  // lets go of 0-7
    crtc(0x01, 39);
    crtc(0x13, 20);
    EXPECT_EQ(screen_.columns(), 40u);
    EXPECT_EQ(screen_.row_text(48), "");
    EXPECT_EQ(screen_.rows(), 50u);
    // Nonsense stays within bounds.
    for (unsigned index = 0; index < 25; ++index) crtc(index, 0xFF);
    EXPECT_EQ(screen_.columns(), TextScreen::kMaxColumns);
    EXPECT_LE(screen_.rows(), TextScreen::kMaxRows);
    crtc(0x11, 0);
    for (unsigned index = 0; index < 25; ++index) crtc(index, 0);
    EXPECT_EQ(screen_.columns(), 1u);
    EXPECT_GE(screen_.rows(), 1u);
    EXPECT_EQ(screen_.cursor().row, 0u);
}

TEST_F(TextScreenTest, ProtectedCrtcRegistersStay) {
    crtc(0x00, 0x12);
    out(0x3D4, 0x00);
    EXPECT_EQ(in(0x3D5), 0x5Fu);
    crtc(0x07, 0xFF);
    out(0x3D4, 0x07);
    EXPECT_EQ(in(0x3D5), 0x1Fu) << "its line compare bit alone is not protected";
    crtc(0x07, 0x00);
    EXPECT_EQ(in(0x3D5), 0x0Fu);
}

TEST_F(TextScreenTest, RegistersAreReadBack) {
    out(0x3C2, 0xE3);
    EXPECT_EQ(in(0x3CC), 0xE3u);
    out(0x3DA, 0x02);
    EXPECT_EQ(in(0x3CA), 0x02u);
    for (unsigned index = 0; index < 5; ++index) {
        screen_.write(offset(0x3C4), 2, index | 0xA500u);
        EXPECT_EQ(in(0x3C5), 0xA5u) << index;
    }
    for (unsigned index = 0; index < 9; ++index) {
        screen_.write(offset(0x3CE), 2, index | 0x5A00u);
        EXPECT_EQ(in(0x3CF), 0x5Au) << index;
    }
    out(0x3CE, 0x0F);
    EXPECT_EQ(in(0x3CF), 0u) << "no such register";
    out(0x3CF, 0xFF);
    EXPECT_EQ(in(0x3CD), 0xFFu) << "no such port";
}

TEST_F(TextScreenTest, AttributePortTakesIndexAndDataInTurn) {
    in(0x3DA);
    out(0x3C0, 0x10);
    out(0x3C0, 0x04);  // no blinking
    EXPECT_FALSE(screen_.blinking());
    out(0x3C0, 0x01);
    EXPECT_EQ(in(0x3C1), 0x01u);
    EXPECT_EQ(in(0x3C0), 0x01u);
    in(0x3DA);         // the next write is an index again
    out(0x3C0, 0x30);  // with the palette on
    EXPECT_EQ(in(0x3C1), 0x04u);
}

TEST_F(TextScreenTest, DacColoursShowInThePalette) {
    out(0x3C8, 4);
    for (const unsigned level : {63u, 32u, 1u}) out(0x3C9, level);
    EXPECT_EQ(screen_.palette()[4], 0xFF8204u);
    out(0x3C7, 4);
    EXPECT_EQ(in(0x3C7), 3u);
    EXPECT_EQ(in(0x3C9), 63u);
    EXPECT_EQ(in(0x3C9), 32u);
    EXPECT_EQ(in(0x3C9), 1u);
    EXPECT_EQ(in(0x3C9), 42u) << "the next colour's red";
    out(0x3C6, 0x00);
    EXPECT_EQ(screen_.palette()[15], 0u);
}

TEST_F(TextScreenTest, StatusFollowsTheBeam) {
    std::array<int, 2> counts{};  // samples outside the picture, in vertical retrace
    int retraces = 0;
    bool before = false;
    for (int i = 0; i < 1'000'000; ++i) {  // one second
        const std::uint64_t status = in(0x3DA);
        const bool retrace = (status & 8) != 0;
        counts[0] += (status & 1) != 0 ? 1 : 0;
        counts[1] += retrace ? 1 : 0;
        retraces += retrace && !before ? 1 : 0;
        before = retrace;
        EXPECT_TRUE(!retrace || (status & 1) != 0);
        pass(timeline_, kMicrosecond);
    }
    EXPECT_NEAR(retraces, 70, 1);
    EXPECT_NEAR(counts[0], 287'000, 3'000);
    EXPECT_NEAR(counts[1], 4'450, 100);
}

// A font that is loaded through the same window, or graphics: no such planes here.
TEST_F(TextScreenTest, OtherPlanesAreNotText) {
    print(0, 0, "kept");
    const auto sequencer = [&](std::uint64_t index, std::uint64_t value) {
        screen_.write(offset(0x3C4), 2, index | value << 8);
    };
    const auto graphics = [&](std::uint64_t index, std::uint64_t value) {
        screen_.write(offset(0x3CE), 2, index | value << 8);
    };
    sequencer(2, 0x04);
    poke(0, 4, ~0u);
    sequencer(2, 0x03);
    sequencer(4, 0x06);
    poke(0, 4, ~0u);
    EXPECT_EQ(peek(0, 8), ~std::uint64_t{0});
    sequencer(4, 0x02);
    for (const unsigned map : {0x0Fu, 0x05u, 0x0Au}) {  // graphics; A0000h; B0000h
        graphics(6, map);
        poke(0, 4, ~0u);
    }
    graphics(6, 0x0E);
    out(0x3C2, 0x65);
    poke(0, 4, ~0u);
    out(0x3C2, 0x67);
    EXPECT_EQ(screen_.row_text(0), "kept");
    sequencer(2, 0x01);
    poke(0, 2, 0x4F4B);
    EXPECT_EQ(screen_.cell(0, 0).code, 'K');
    EXPECT_EQ(screen_.cell(0, 0).attribute, 0x07) << "the attributes' plane is masked";
}

TEST_F(TextScreenTest, TellsOfWritesAndOfLayout) {
    std::vector<std::tuple<std::uint64_t, unsigned, std::uint64_t>> writes;
    int layouts = 0;
    screen_.on_write(
        [&](std::uint64_t o, unsigned s, std::uint64_t v) { writes.emplace_back(o, s, v); });
    screen_.on_layout([&] { ++layouts; });
    poke(0x7FFC, 4, 0x07410742);
    EXPECT_THAT(writes, ElementsAre(std::tuple(0x7FFC, 4, 0x07410742)));
    crtc(0x0F, 5);
    crtc(0x0D, 0);
    EXPECT_EQ(layouts, 0) << "a cursor moves no text, and an old value nothing";
    crtc(0x0D, 80);
    EXPECT_EQ(layouts, 1);
}

class ScreenRig final : public testing_support::Rig {
public:
    Device& device() override { return screen_; }
    std::uint64_t offsets() const override { return 0x20; }
    std::uint64_t special(RandomStream& random) override {
        const std::uint64_t offset = TextScreen::kMemoryOffset + random.below(0x7FF8);
        const std::uint64_t size = 1u << random.below(4);
        if (random.below(2) == 0) return screen_.read(offset, static_cast<unsigned>(size));
        screen_.write(offset, static_cast<unsigned>(size), random.next());
        return 0;
    }
    std::uint64_t visible() const override {
        const TextScreen::Cursor cursor = screen_.cursor();
        const auto palette = screen_.palette();
        return std::accumulate(palette.begin(), palette.end(), std::uint64_t{cursor.row}) +
               std::hash<std::string>{}(screen_.row_text(0)) + screen_.rows() + screen_.columns();
    }

private:
    TextScreen screen_{timeline};
};

TEST(TextScreenState, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<ScreenRig>(); }, 5,
                                                1'000);
}

// Cells are saved as runs: those that begin, end and meet anywhere come back.
TEST_F(TextScreenTest, LoadsRunsOfAnyLength) {
    const auto cell = [&](std::uint64_t index) {
        return screen_.read(TextScreen::kMemoryOffset + index * 2, 2);
    };
    std::uint64_t index = 0;
    std::vector<std::uint64_t> written(TextScreen::kMemorySize / 2, 0x0720);
    for (std::uint64_t length = 1; index + 2 * length <= written.size(); length += length / 7 + 1) {
        for (const std::uint64_t value : {length, length << 8}) {
            for (std::uint64_t i = 0; i < length; ++i, ++index) {
                written[index] = value & 0xFFFF;
                poke(index * 2, 2, value & 0xFFFF);
            }
        }
    }
    TextScreen other(timeline_);
    const std::vector<std::byte> state = testing_support::saved(screen_);
    StateReader reader(state);
    other.load(reader);
    EXPECT_EQ(testing_support::saved(other), state);
    for (index = 0; index < written.size(); ++index) {
        ASSERT_EQ(cell(index), written[index]) << index;
        ASSERT_EQ(other.read(TextScreen::kMemoryOffset + index * 2, 2), written[index]) << index;
    }
}

TEST_F(TextScreenTest, RefusesBadStates) {
    print(2, 0, "some text");
    testing_support::expect_truncations_refused(screen_);
    std::vector<std::byte> state = testing_support::saved(screen_);
    EXPECT_LT(state.size(), 1'200u) << "an empty screen is small";
    state[state.size() - 4] = std::byte{0xFF};  // the last run is too long
    state[state.size() - 3] = std::byte{0xFF};
    StateReader reader(state);
    EXPECT_THROW(screen_.load(reader), StateError);
    EXPECT_EQ(screen_.row_text(2), "some text");
}

}  // namespace
}  // namespace hvlab
