// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace hvlab {

// The glyph that a PC's text mode shows for a character code, as UTF-8. Codes 0, 20h and FFh look
// alike, empty: all three are a space here.
std::string_view code_page_437(std::uint8_t code);

}  // namespace hvlab
