// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace hvlab::sim {

// Strings of few different values: each row has the number of its word.
struct Words {
    std::vector<std::string> words;
    std::vector<std::int32_t> rows;
};

struct Column {
    std::string name;
    std::string unit;     // "ns", "pCPU", "1", ...
    std::string meaning;  // one line
    std::variant<std::vector<std::int64_t>, std::vector<double>, Words> values;

    std::size_t rows() const;
};

// Columns of one length.
struct Table {
    std::string name;
    std::vector<Column> columns;

    std::size_t rows() const { return columns.empty() ? 0 : columns.front().rows(); }
};

}  // namespace hvlab::sim
