// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "core/scenario/document.h"

namespace hvlab {

enum class ScalarProblem : std::uint8_t { kNone, kIntegerRange, kFloatRange };

struct ResolvedScalar {
    ScalarValue value;
    ScalarProblem problem = ScalarProblem::kNone;
};

// The value of a plain (unquoted) scalar by the core schema of YAML 1.2.2, s. 10.3.2:
// null, true/false, 12, 0o14, 0xc, 1.5, .inf, .nan; everything else is a string.
ResolvedScalar resolve_plain_scalar(const std::string& text);

}  // namespace hvlab
