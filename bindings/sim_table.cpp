// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim_table.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow.h"
#include "bindings.h"
#include "sim/measures/histogram.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

// The values of a column, for numpy.
struct SimColumn {
    std::shared_ptr<const FrozenTable> frozen;
    const void* data;
    std::string format;
    py::ssize_t item_size;
    py::ssize_t rows;
};

template <typename T>
SimColumn column_of(const SimTable& table, const std::vector<T>& values) {
    return {table.frozen, values.data(), py::format_descriptor<T>::format(),
            static_cast<py::ssize_t>(sizeof(T)), static_cast<py::ssize_t>(values.size())};
}

py::buffer_info buffer_of(const SimColumn& column) {
    return {const_cast<void*>(column.data),
            column.item_size,
            column.format,
            1,
            {column.rows},
            {column.item_size},
            /*readonly=*/true};
}

const sim::Column& column_at(const SimTable& table, std::size_t index) {
    const auto& columns = table.frozen->table.columns;
    if (index >= columns.size()) {
        throw py::index_error(fmt::format("column {} of {}", index, columns.size()));
    }
    return columns[index];
}

SimColumn values(const SimTable& table, std::size_t index) {
    return std::visit(
        [&](const auto& held) {
            if constexpr (std::is_same_v<std::decay_t<decltype(held)>, sim::Words>) {
                return column_of(table, held.rows);
            } else {
                return column_of(table, held);
            }
        },
        column_at(table, index).values);
}

std::optional<std::vector<std::string>> words(const SimTable& table, std::size_t index) {
    const auto* held = std::get_if<sim::Words>(&column_at(table, index).values);
    if (held == nullptr) return std::nullopt;
    return held->words;
}

sim::Words words_from(const py::list& list) {
    sim::Words result;
    std::unordered_map<std::string, std::int32_t> numbers;
    result.rows.reserve(list.size());
    for (const py::handle item : list) {
        if (!py::isinstance<py::str>(item)) throw py::type_error("a list has strings only");
        Py_ssize_t size = 0;
        const char* bytes = PyUnicode_AsUTF8AndSize(item.ptr(), &size);
        if (bytes == nullptr) throw py::error_already_set();
        std::string word(bytes, static_cast<std::size_t>(size));
        const auto [found, added] =
            numbers.try_emplace(word, static_cast<std::int32_t>(result.words.size()));
        if (added) result.words.push_back(std::move(word));
        result.rows.push_back(found->second);
    }
    return result;
}

template <typename T>
std::vector<T> copied(const py::buffer_info& info) {
    std::vector<T> values(static_cast<std::size_t>(info.size));
    const auto* bytes = static_cast<const std::byte*>(info.ptr);
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::memcpy(&values[i], bytes + static_cast<std::ptrdiff_t>(i) * info.strides[0],
                    sizeof(T));
    }
    return values;
}

decltype(sim::Column::values) values_from(const py::object& object) {
    if (py::isinstance<py::list>(object)) return words_from(object);
    const py::buffer_info info = py::cast<py::buffer>(object).request();
    if (info.ndim == 1 && info.item_type_is_equivalent_to<std::int64_t>()) {
        return copied<std::int64_t>(info);
    }
    if (info.ndim == 1 && info.item_type_is_equivalent_to<double>()) return copied<double>(info);
    throw py::type_error(fmt::format(
        "a column is a list of str, or one dimension of int64 or float64; not {} of '{}'",
        info.ndim, info.format));
}

using ColumnArgument = std::tuple<std::string, std::string, std::string, py::object>;

SimTable made(std::string name, const std::vector<ColumnArgument>& columns) {
    sim::Table table;
    table.name = std::move(name);
    for (const auto& [column, unit, meaning, object] : columns) {
        table.columns.push_back({column, unit, meaning, values_from(object)});
    }
    return {freeze(std::move(table))};
}

SimTable latencies(const py::buffer& values) {
    const py::buffer_info info = values.request();
    if (info.ndim != 1 || !info.item_type_is_equivalent_to<std::int64_t>()) {
        throw py::type_error("latencies are int64 in one dimension");
    }
    auto histogram = std::make_unique<sim::Histogram>();
    for (const std::int64_t value : copied<std::int64_t>(info)) {
        if (value < 0) throw py::value_error(fmt::format("a latency can't be {} ns", value));
        histogram->record(value);
    }
    std::vector<std::int64_t> low;
    std::vector<std::int64_t> high;
    std::vector<std::int64_t> count;
    histogram->for_each([&](sim::Duration least, sim::Duration most, std::uint64_t responses) {
        low.push_back(least);
        high.push_back(most);
        count.push_back(static_cast<std::int64_t>(responses));
    });
    sim::Table table;
    table.name = "latency";
    table.columns = {{"low", "ns", "least response time of the cell", std::move(low)},
                     {"high", "ns", "greatest response time of the cell", std::move(high)},
                     {"count", "1", "responses", std::move(count)}};
    return {freeze(std::move(table))};
}

py::tuple descriptions(const SimTable& table) {
    py::list result;
    for (const sim::Column& column : table.frozen->table.columns) {
        result.append(py::make_tuple(column.name, column.unit, column.meaning));
    }
    return py::tuple(result);
}

}  // namespace

void bind_sim_table(py::module_& module) {
    py::class_<SimColumn>(module, "SimColumn", py::buffer_protocol(),
                          "The values of a column, where the table has them; they only read.")
        .def_buffer(&buffer_of)
        .def("__len__", [](const SimColumn& column) { return column.rows; });

    py::class_<SimTable>(
        module, "SimTable",
        "Columns of one length: int64, float64, or strings of which each row has the number.\n\n"
        "Arrow's PyCapsule interface (numbers without a copy), and numpy through `values`. Use it\n"
        "through hvlab.sim.Frame.")
        .def(py::init(&made), py::arg("name"), py::arg("columns"),
             "columns: (name, unit, meaning, values); values are a list of str, or a buffer of\n"
             "int64 or float64 in one dimension, which is copied. Raises ValueError, TypeError.")
        .def_static(
            "latencies", &latencies, py::arg("values"),
            "The histogram of response times in ns (int64), as a cluster's table `latency`\n"
            "has it: low, high, count. Raises ValueError, TypeError.")
        .def_property_readonly("name",
                               [](const SimTable& table) { return table.frozen->table.name; })
        .def_property_readonly("columns", &descriptions, "(name, unit, meaning) of each.")
        .def("__len__", [](const SimTable& table) { return table.frozen->table.rows(); })
        .def("values", &values, py::arg("index"),
             "The numbers of a column; of strings, int32: each row's place in `words`.")
        .def("words", &words, py::arg("index"),
             "The different strings of a column; None if it is one of numbers.")
        .def("__arrow_c_schema__",
             [](const SimTable& table) { return arrow::schema_capsule(table.frozen); })
        .def(
            "__arrow_c_array__",
            [](const SimTable& table, const py::object& requested) {
                return arrow::array_capsules(table.frozen, requested);
            },
            py::arg("requested_schema") = py::none(), "As one array of structs.")
        .def(
            "__arrow_c_stream__",
            [](const SimTable& table, const py::object& requested) {
                return arrow::stream_capsule(table.frozen, requested);
            },
            py::arg("requested_schema") = py::none(), "As a stream of one array of structs.");
}

}  // namespace hvlab::python
