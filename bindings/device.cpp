// SPDX-License-Identifier: GPL-2.0-or-later
//
// Devices written in Python. The thread that runs the machine is one of Python's: it gives the GIL
// back for a run and takes it for each call of a device. A Python exception leaves a call as a C++
// one; the machine keeps it, ends the run after the instruction and throws it again, so that it
// never goes through an engine's frames.
#include <fmt/format.h>
#include <pybind11/stl.h>

#include <string>

#include "bindings.h"
#include "device.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

// What `error` was raised by, told as the failure of a device. KeyboardInterrupt and its like stay
// what they are.
[[noreturn]] void throw_as_device_error(const py::error_already_set& error,
                                        const std::string& device, const std::string& method,
                                        std::int64_t offset) {
    if (!error.matches(PyExc_Exception)) throw error;
    const std::string at = offset >= 0 ? fmt::format(" at offset {:#x}", offset) : "";
    const py::object type = py::module_::import("hvlab.errors").attr("DeviceError");
    const py::object& raised = error.value();
    if (error.trace()) PyException_SetTraceback(raised.ptr(), error.trace().ptr());
    const std::string what = py::str(raised);
    const py::object told =
        type(fmt::format("{}: {}(){} raised {}{}{}", device, method, at,
                         std::string(py::str(py::type::of(raised).attr("__name__"))),
                         what.empty() ? "" : ": ", what),
             device, offset);
    PyException_SetCause(told.ptr(), py::object(raised).release().ptr());
    PyErr_SetObject(type.ptr(), told.ptr());
    throw py::error_already_set();
}

// The trampoline: calls what a Python subclass defines.
class PythonDevice final : public ExternalDevice {
public:
    explicit PythonDevice(std::string name) : name_(std::move(name)) {
        constexpr std::size_t kMaxName = 64;
        if (name_.empty() || name_.size() > kMaxName) {
            throw ConfigError("name", "a device has a name of 1 to 64 bytes");
        }
    }

    std::string_view name() const override { return name_; }

    std::uint64_t read(std::uint64_t offset, unsigned size) override {
        return call(
            "read", static_cast<std::int64_t>(offset),
            [&](const py::function& read) { return value_of(read(offset, size), offset, size); },
            ~std::uint64_t{0});
    }
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override {
        invoke("write", static_cast<std::int64_t>(offset), offset, size, value);
    }
    void reset() override { invoke("reset", -1); }
    void save(StateWriter& writer) const override {
        const py::gil_scoped_acquire gil;
        require("save");
        const std::string state = call(
            "save", -1,
            [&](const py::function& save) {
                const py::object saved = save();
                if (!py::isinstance<py::bytes>(saved)) {
                    throw DeviceError(name_, -1,
                                      fmt::format("save() returned {}, not bytes", repr(saved)));
                }
                return std::string(saved.cast<py::bytes>());
            },
            std::string());
        writer.put_bytes(std::as_bytes(std::span(state)));
    }
    void load(StateReader& reader) override {
        const py::gil_scoped_acquire gil;
        require("load");
        const std::vector<std::byte> state = reader.get_bytes(kMaxState);
        const py::bytes data(reinterpret_cast<const char*>(state.data()), state.size());
        invoke("load", -1, data);
    }

    void attach(DeviceSurroundings* surroundings) override {
        if (surroundings != nullptr && surroundings_ != nullptr) {
            throw ConfigError("devices", fmt::format("'{}' is part of a machine already", name_));
        }
        surroundings_ = surroundings;
    }
    DeviceSurroundings& surroundings() const {
        if (surroundings_ == nullptr) throw DeviceError(name_, -1, "it is not part of a machine");
        return *surroundings_;
    }

private:
    static constexpr std::size_t kMaxState = 64 * kMiB;

    static std::string repr(const py::handle& object) {
        constexpr std::size_t kLongest = 80;
        std::string text = py::repr(object);
        return text.size() <= kLongest ? text : text.substr(0, kLongest - 3) + "...";
    }

    // Calls a method with the GIL held; `otherwise` where the subclass does not define it: as on a
    // bus where nobody answers.
    template <typename Call, typename Result = std::invoke_result_t<Call, const py::function&>>
    Result call(const char* method, std::int64_t offset, Call&& function, Result&& otherwise) const;

    // The same for a method that returns nothing.
    template <typename... Arguments>
    void invoke(const char* method, std::int64_t offset, const Arguments&... arguments) const {
        const auto function = [&](const py::function& found) {
            found(arguments...);
            return true;
        };
        call(method, offset, function, false);
    }

    void require(const char* method) const {
        if (py::get_override(static_cast<const ExternalDevice*>(this), method)) return;
        throw DeviceError(
            name_, -1, fmt::format("it has no {}(): its state is no part of a machine's", method));
    }

    std::uint64_t value_of(const py::object& value, std::uint64_t offset, unsigned size) const {
        const auto refuse = [&](const std::string& why) {
            throw DeviceError(
                name_, static_cast<std::int64_t>(offset),
                fmt::format("read() at offset {:#x} returned {}, {}", offset, repr(value), why));
        };
        if (!PyLong_Check(value.ptr()) || PyBool_Check(value.ptr())) refuse("not an int");
        const unsigned long long number = PyLong_AsUnsignedLongLong(value.ptr());
        const bool failed = number == ~0ULL && PyErr_Occurred() != nullptr;
        if (failed) PyErr_Clear();  // OverflowError: negative, or of more than 64 bits
        if (failed || (size < 8 && number >> (8 * size) != 0)) {
            refuse(fmt::format("which is not 0 to {:#x} for an access of {} bytes",
                               ~0ULL >> (64 - 8 * size), size));
        }
        return number;
    }

    const std::string name_;
    DeviceSurroundings* surroundings_ = nullptr;
};

template <typename Call, typename Result>
Result PythonDevice::call(const char* method, std::int64_t offset, Call&& function,
                          Result&& otherwise) const {
    const py::gil_scoped_acquire gil;
    try {
        const py::function found =
            py::get_override(static_cast<const ExternalDevice*>(this), method);
        if (!found) return std::forward<Result>(otherwise);
        return function(found);
    } catch (const py::error_already_set& error) {
        throw_as_device_error(error, name_, method, offset);
    }
}

}  // namespace

std::vector<ExternalDeviceConfig> device_configs(const py::sequence& placements) {
    std::vector<ExternalDeviceConfig> configs;
    for (const py::handle item : placements) {
        const auto [object, memory, start, size, offset, irq] =
            item.cast<std::tuple<py::object, bool, std::uint64_t, std::uint64_t, std::uint64_t,
                                 std::optional<unsigned>>>();
        auto* const device = object.cast<ExternalDevice*>();
        auto config = std::ranges::find_if(
            configs, [&](const ExternalDeviceConfig& c) { return c.device.get() == device; });
        if (config == configs.end()) {
            // The Python object is what has the methods: it lives as long as the machine.
            const auto release = [held = object.ptr()](ExternalDevice*) {
                const py::gil_scoped_acquire gil;
                Py_DECREF(held);
            };
            Py_INCREF(object.ptr());
            configs.push_back({.device = std::shared_ptr<ExternalDevice>(device, release)});
            config = std::prev(configs.end());
        }
        config->ranges.push_back(
            {.space = memory ? DeviceRange::Space::kMemory : DeviceRange::Space::kPorts,
             .start = start,
             .size = size,
             .first_offset = offset});
        if (irq) config->irq = irq;
    }
    return configs;
}

void bind_device(py::module_& module) {
    const auto device = [](ExternalDevice& external) -> PythonDevice& {
        return static_cast<PythonDevice&>(external);  // no other is made from Python
    };
    py::class_<ExternalDevice, PythonDevice>(module, "Device", py::dynamic_attr(),
                                             "A device of a machine, written in Python.")
        .def(py::init_alias<std::string>(), py::arg("name"))
        .def_property_readonly("name",
                               [](const ExternalDevice& d) { return std::string(d.name()); })
        .def_property_readonly(
            "time", [device](ExternalDevice& d) { return device(d).surroundings().now(); },
            "Guest time in nanoseconds, of the instruction that makes the access.")
        .def(
            "random", [device](ExternalDevice& d) { return device(d).surroundings().random(); },
            "64 random bits of the device's own stream, which comes of the machine's seed.")
        .def(
            "set_irq",
            [device](ExternalDevice& d, bool level) {
                device(d).surroundings().set_interrupt(level);
            },
            py::arg("level"), "The level of its interrupt line, where it was given one.");
}

}  // namespace hvlab::python
