// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/logarithm.h"

#include <cstddef>

namespace hvlab::sim::detail {
namespace {

// By the series of the inverse hyperbolic tangent, for x from sqrt(1/2) to sqrt(2).
constexpr long double series_logarithm(long double x) {
    const long double s = (x - 1) / (x + 1);
    const long double square = s * s;
    long double sum = 0;
    for (int k = 31; k > 0; k -= 2) sum = sum * square + 1.0L / k;
    return 2 * s * sum;
}

constexpr LogarithmTable make_table() {
    LogarithmTable table{};
    for (std::size_t i = 0; i < table.entries.size(); ++i) {
        const auto low = kLogarithmStart + (std::uint64_t{i} << (52 - LogarithmTable::kBits));
        const auto high = low + (std::uint64_t{1} << (52 - LogarithmTable::kBits));
        constexpr auto kOne = std::bit_cast<std::uint64_t>(1.0);
        const double point =
            low <= kOne && kOne < high ? 1.0 : std::bit_cast<double>(low + (high - low) / 2);
        const double inverse = 1 / point;
        table.entries.at(i) = {
            inverse, static_cast<double>(series_logarithm(1 / static_cast<long double>(inverse)))};
    }
    return table;
}

}  // namespace

constinit const LogarithmTable kLogarithms = make_table();

}  // namespace hvlab::sim::detail
