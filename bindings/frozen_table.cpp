// SPDX-License-Identifier: GPL-2.0-or-later
#include "frozen_table.h"

#include <fmt/format.h>

#include <limits>
#include <set>
#include <stdexcept>
#include <string_view>

#include "core/base/status.h"

namespace hvlab::python {

namespace {

PackedWords pack(const sim::Column& column) {
    PackedWords packed;
    const auto* words = std::get_if<sim::Words>(&column.values);
    if (words == nullptr) return packed;
    for (const std::int32_t row : words->rows) {
        HVLAB_ASSERT(row >= 0 && static_cast<std::size_t>(row) < words->words.size());
    }
    packed.offsets.reserve(words->words.size() + 1);
    packed.offsets.push_back(0);
    for (const std::string& word : words->words) {
        packed.bytes += word;
        if (packed.bytes.size() > std::numeric_limits<std::int32_t>::max()) {
            throw std::invalid_argument(
                fmt::format("column '{}' has over 2 GiB of text", column.name));
        }
        packed.offsets.push_back(static_cast<std::int32_t>(packed.bytes.size()));
    }
    return packed;
}

}  // namespace

std::shared_ptr<const FrozenTable> freeze(sim::Table table) {
    auto frozen = std::make_shared<FrozenTable>();
    std::set<std::string_view> names;
    for (const sim::Column& column : table.columns) {
        if (column.name.find('\0') != std::string::npos) {
            throw std::invalid_argument("the name of a column has a NUL character");
        }
        if (!names.insert(column.name).second) {
            throw std::invalid_argument(fmt::format("two columns are named '{}'", column.name));
        }
        if (column.rows() != table.rows()) {
            throw std::invalid_argument(fmt::format("column '{}' has {} rows, column '{}' has {}",
                                                    column.name, column.rows(),
                                                    table.columns.front().name, table.rows()));
        }
        frozen->dictionaries.push_back(pack(column));
    }
    frozen->table = std::move(table);
    return frozen;
}

}  // namespace hvlab::python
