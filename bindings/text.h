// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace hvlab::python {

// Bytes that a guest wrote, as text: what is not UTF-8 becomes U+FFFD. Guest-controlled.
inline pybind11::str decode(std::string_view bytes) {
    PyObject* text =
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
    if (text == nullptr) throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::str>(text);
}

}  // namespace hvlab::python
