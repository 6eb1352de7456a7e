// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/table.h"

namespace hvlab::sim {

std::size_t Column::rows() const {
    if (const auto* words = std::get_if<Words>(&values)) return words->rows.size();
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&values)) {
        return integers->size();
    }
    return std::get<std::vector<double>>(values).size();
}

}  // namespace hvlab::sim
