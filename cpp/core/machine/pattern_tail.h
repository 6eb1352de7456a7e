// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

namespace hvlab {

// Could a byte that follows a match of this expression have made the match longer? `\w+` and
// `foo(bar)?` are open-ended, `# `, `[0-9a-f]{32}`, `a+?` and `end$` are not. Where it can't tell
// it says yes: that costs one byte of delay, while a wrong no would cut a match short. `expression`
// is valid RE2 syntax.
bool is_open_ended(std::string_view expression);

}  // namespace hvlab
