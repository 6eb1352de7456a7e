// SPDX-License-Identifier: GPL-2.0-or-later
#include "arrow.h"

#include <fmt/format.h>

#include "arrow_abi.h"
#include "arrow_export.h"

namespace py = pybind11;

namespace hvlab::python::arrow {

namespace {

constexpr const char* kSchemaName = "arrow_schema";
constexpr const char* kArrayName = "arrow_array";
constexpr const char* kStreamName = "arrow_array_stream";

// A consumer moves the structure out and leaves a null `release` behind; what nobody took is
// released here. An error of the capsule's own has to leave an exception alone that is on its way.
template <typename T>
void destroy(PyObject* capsule) {
    auto* held = static_cast<T*>(PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule)));
    if (held == nullptr) {
        PyErr_WriteUnraisable(capsule);
        return;
    }
    if (held->release != nullptr) held->release(held);
    delete held;
}

template <typename T>
py::capsule capsule_of(Owned<T> held, const char* name) {
    py::capsule capsule(held.get(), name, &destroy<T>);
    held.release();  // NOLINT(bugprone-unused-return-value): it is the capsule's now
    return capsule;
}

const Schema& schema_in(const py::object& requested) {
    if (PyCapsule_IsValid(requested.ptr(), kSchemaName) == 0) {
        throw py::type_error(
            fmt::format("requested_schema is a capsule '{}' or None, not {}", kSchemaName,
                        py::cast<std::string>(py::type::of(requested).attr("__name__"))));
    }
    const auto* schema =
        static_cast<const Schema*>(PyCapsule_GetPointer(requested.ptr(), kSchemaName));
    if (schema->release == nullptr) throw py::value_error("requested_schema was released");
    return *schema;
}

Shape shape_for(const Frozen& table, const py::object& requested) {
    Shape shape = usual_shape(*table);
    if (!requested.is_none()) honour(schema_in(requested), *table, shape);
    return shape;
}

}  // namespace

py::capsule schema_capsule(const Frozen& table) {
    return capsule_of(make_schema(*table, usual_shape(*table)), kSchemaName);
}

py::tuple array_capsules(const Frozen& table, const py::object& requested) {
    const Shape shape = shape_for(table, requested);
    return py::make_tuple(capsule_of(make_schema(*table, shape), kSchemaName),
                          capsule_of(make_array(table, shape), kArrayName));
}

py::capsule stream_capsule(const Frozen& table, const py::object& requested) {
    return capsule_of(make_stream(table, shape_for(table, requested)), kStreamName);
}

}  // namespace hvlab::python::arrow
