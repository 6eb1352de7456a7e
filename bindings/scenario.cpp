// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/document.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <type_traits>
#include <variant>

#include "bindings.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

const char* kind_name(const Node& node) {
    switch (node.kind) {
        case NodeKind::kNull:
            return "null";
        case NodeKind::kScalar:
            return "scalar";
        case NodeKind::kSequence:
            return "sequence";
        case NodeKind::kMapping:
            return "mapping";
    }
    return "";
}

py::object value_of(const Node& node) {
    return std::visit(
        [](const auto& value) -> py::object {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
                return py::none();
            } else {
                return py::cast(value);
            }
        },
        node.value);
}

py::list entries_of(const Node& node) {
    py::list entries;
    for (const Entry& entry : node.entries) {
        entries.append(
            py::make_tuple(entry.key, entry.key_mark.line, entry.key_mark.column, entry.node));
    }
    return entries;
}

NodePtr parse(const std::string& text, const std::string& file) {
    const py::gil_scoped_release release;
    return parse_document(text, file).root;
}

}  // namespace

void bind_scenario(py::module_& module) {
    py::class_<Node, NodePtr>(module, "ScenarioNode",
                              "A value in a scenario file that knows where it stood. Lines and "
                              "columns count from 1, columns in\n"
                              "characters. An alias is the very node that its anchor names.")
        .def_property_readonly("kind", &kind_name, "'null', 'scalar', 'sequence' or 'mapping'.")
        .def_property_readonly(
            "value", &value_of,
            "Of a scalar: bool, int (64 bits), float or str by YAML 1.2's core schema; "
            "None for the rest.")
        .def_readonly("quoted", &Node::quoted,
                      "A string by its writing: quotes, a block (| or >) or the tag !!str.")
        .def_readonly("text", &Node::text, "A scalar as it was written, escapes resolved.")
        .def_readonly("items", &Node::items, "Of a sequence, in order; else empty.")
        .def_property_readonly(
            "entries", &entries_of,
            "Of a mapping, in order: (key, key's line, key's column, node); else empty.")
        .def_property_readonly("line", [](const Node& node) { return node.mark.line; })
        .def_property_readonly("column", [](const Node& node) { return node.mark.column; });

    module.def(
        "parse_scenario", &parse, py::arg("text"), py::arg("file"),
        "The root node of the one YAML document in `text`; kind 'null' if there is none. `file` is "
        "the name\nfor messages. Raises ScenarioError with line and column.");
}

}  // namespace hvlab::python
