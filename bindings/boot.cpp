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
    using MaybePath = std::optional<std::filesystem::path>;
    py::class_<DiskBoot>(
        module, "DiskBoot",
        "Raw disk images, booted by firmware as a PC does: from the floppy (drive 00h), or else "
        "from the disk (80h). The images are only read. `firmware` is a BIOS image, None the one "
        "of hvlab's own. `mirror`: text that it prints goes to the serial console too, and what "
        "comes from there is keys.")
        .def(py::init<MaybePath, MaybePath, MaybePath, bool>(), py::arg("disk") = py::none(),
             py::kw_only(), py::arg("floppy") = py::none(), py::arg("firmware") = py::none(),
             py::arg("mirror") = true)
        .def_readonly("disk", &DiskBoot::disk)
        .def_readonly("floppy", &DiskBoot::floppy)
        .def_readonly("firmware", &DiskBoot::firmware)
        .def_readonly("mirror", &DiskBoot::mirror);
}

}  // namespace hvlab::python
