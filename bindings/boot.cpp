// SPDX-License-Identifier: GPL-2.0-or-later
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "bindings.h"
#include "core/machine/config.h"

namespace py = pybind11;

namespace hvlab::python {

void bind_boot(py::module_& module) {
    py::class_<FlatImage>(module, "FlatImage",
                          "A raw binary, loaded as it is and entered in real mode, DL = 80h.")
        .def(py::init<std::filesystem::path, GuestAddress, std::optional<GuestAddress>>(),
             py::arg("path"), py::arg("load_address") = 0x7C00, py::arg("entry") = py::none())
        .def_readonly("path", &FlatImage::path)
        .def_readonly("load_address", &FlatImage::load_address)
        .def_readonly("entry", &FlatImage::entry);
    py::class_<ElfImage>(module, "ElfImage",
                         "An ELF executable, loaded at its physical addresses: entered in 32-bit "
                         "protected mode (i386) or in 64-bit mode (x86-64).")
        .def(py::init<std::filesystem::path>(), py::arg("path"))
        .def_readonly("path", &ElfImage::path);
    py::class_<LinuxBoot>(
        module, "LinuxBoot",
        "A Linux kernel (bzImage or vmlinux), entered in 64-bit mode by the boot protocol "
        "(Documentation/arch/x86/boot.rst), with an initrd and a command line.")
        .def(py::init<std::filesystem::path, std::optional<std::filesystem::path>, std::string>(),
             py::arg("kernel"), py::arg("initrd") = py::none(), py::arg("cmdline") = "")
        .def_readonly("kernel", &LinuxBoot::kernel)
        .def_readonly("initrd", &LinuxBoot::initrd)
        .def_readonly("cmdline", &LinuxBoot::cmdline);
}

}  // namespace hvlab::python
