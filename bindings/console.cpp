// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/console.h"

#include <pybind11/stl.h>

#include <variant>

#include "bindings.h"
#include "text.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

py::object group(const ConsoleMatch& match, std::size_t index) {
    if (index >= match.groups.size()) throw py::index_error("no such group");
    if (!match.groups[index]) return py::none();
    return decode(*match.groups[index]);
}

py::object named_group(const ConsoleMatch& match, const std::string& name) {
    for (const auto& [number, candidate] : match.group_names) {
        if (candidate == name) return group(match, static_cast<std::size_t>(number));
    }
    throw py::key_error(name);
}

py::tuple groups(const ConsoleMatch& match) {
    py::list result;
    for (std::size_t i = 1; i < match.groups.size(); ++i) result.append(group(match, i));
    return py::tuple(result);
}

py::dict group_dict(const ConsoleMatch& match) {
    py::dict result;
    for (const auto& [number, name] : match.group_names) {
        result[py::str(name)] = group(match, static_cast<std::size_t>(number));
    }
    return result;
}

}  // namespace

void bind_console(py::module_& module) {
    py::class_<ConsolePattern>(
        module, "ConsolePattern",
        "What a console or a screen may be searched for; compiled once, immutable.")
        .def_static("text", &ConsolePattern::text, py::arg("literal"),
                    "A literal text, which may span lines. Raises PatternError if it is empty.")
        .def_static(
            "regex", &ConsolePattern::regex, py::arg("expression"),
            "A regular expression in RE2's syntax, matched within a line. Raises PatternError.")
        .def_property_readonly("source", &ConsolePattern::source)
        .def_property_readonly("is_regex", &ConsolePattern::is_regex)
        .def_property_readonly("group_names",
                               [](const ConsolePattern& pattern) {
                                   std::vector<std::string> names;
                                   for (auto& [number, name] : pattern.group_names()) {
                                       names.push_back(std::move(name));
                                   }
                                   return names;
                               })
        .def("__str__", &ConsolePattern::describe);

    py::class_<ConsoleMatch>(module, "Match",
                             "What the guest printed or showed that was waited for.")
        .def("__getitem__", &group, py::arg("index"))
        .def("__getitem__", &named_group, py::arg("name"))
        .def("groups", &groups,
             "The groups of the expression, from the first; None where not taken.")
        .def("groupdict", &group_dict, "The named groups.")
        .def_property_readonly(
            "text", [](const ConsoleMatch& match) { return group(match, 0); }, "The whole match.")
        .def_readonly("time", &ConsoleMatch::time,
                      "Guest time in nanoseconds of the byte or write that completed the match.")
        .def_property_readonly(
            "row",
            [](const ConsoleMatch& match) {
                return match.place ? std::optional(match.place->row) : std::nullopt;
            },
            "Of its first character, for a match on the screen, else None.")
        .def_property_readonly(
            "column",
            [](const ConsoleMatch& match) {
                return match.place ? std::optional(match.place->column) : std::nullopt;
            },
            "Of its first character, for a match on the screen, else None.")
        .def("__repr__", [](const ConsoleMatch& match) {
            return py::str("<Match {!r} at {} ns>").format(group(match, 0), match.time);
        });
}

}  // namespace hvlab::python
