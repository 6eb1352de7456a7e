// SPDX-License-Identifier: GPL-2.0-or-later
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "bindings.h"
#include "core/machine/config.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

template <typename Kernel>
void bind_kernel(py::module_& module, const char* name, const char* documentation) {
    py::class_<Kernel>(module, name, documentation)
        .def(py::init<std::filesystem::path, std::string, std::vector<BootModule>>(),
             py::arg("path"), py::arg("cmdline") = "", py::arg("modules") = py::tuple())
        .def_readonly("path", &Kernel::path)
        .def_readonly("cmdline", &Kernel::cmdline)
        .def_readonly("modules", &Kernel::modules);
}

}  // namespace

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
        "(Documentation/arch/x86/boot.rst), with an initrd and a command line; or any other "
        "bzImage, "
        "entered in 32-bit mode.")
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
        "of hvlab's own; `video` a VGA BIOS for it. `mirror`: text that it prints goes to the "
        "serial console too, and what "
        "comes from there is keys.")
        .def(py::init<MaybePath, MaybePath, MaybePath, MaybePath, bool>(),
             py::arg("disk") = py::none(), py::kw_only(), py::arg("floppy") = py::none(),
             py::arg("firmware") = py::none(), py::arg("video") = py::none(),
             py::arg("mirror") = true)
        .def_readonly("disk", &DiskBoot::disk)
        .def_readonly("floppy", &DiskBoot::floppy)
        .def_readonly("firmware", &DiskBoot::firmware)
        .def_readonly("video", &DiskBoot::video)
        .def_readonly("mirror", &DiskBoot::mirror);
    using Ports = std::optional<std::vector<std::pair<std::uint16_t, std::uint16_t>>>;
    py::class_<MicroImage>(
        module, "MicroImage",
        "A program that runs in 64-bit user mode from its first instruction on, under a kernel of "
        "a few stubs: a static ELF executable, or a flat binary for 1 MiB. `ports`: what it may "
        "access, as (first, last); None: all.")
        .def(py::init([](std::filesystem::path path, std::string cmdline, const Ports& ports) {
                 MicroImage image{.path = std::move(path), .cmdline = std::move(cmdline)};
                 if (ports) image.ports.emplace();
                 for (const auto& [first, last] : ports.value_or(Ports::value_type{})) {
                     image.ports->push_back({first, last});
                 }
                 return image;
             }),
             py::arg("path"), py::arg("cmdline") = "", py::arg("ports") = py::none())
        .def_readonly("path", &MicroImage::path)
        .def_readonly("cmdline", &MicroImage::cmdline)
        .def_property_readonly("ports", [](const MicroImage& image) {
            Ports ports;
            if (image.ports) ports.emplace();
            for (const auto& range : image.ports.value_or(std::vector<MicroImage::Ports>{})) {
                ports->emplace_back(range.first, range.last);
            }
            return ports;
        });
    py::class_<BootModule>(module, "BootModule",
                           "A file that is put into memory beside a kernel, with a text for it.")
        .def(py::init<std::filesystem::path, std::string>(), py::arg("path"),
             py::arg("cmdline") = "")
        .def_readonly("path", &BootModule::path)
        .def_readonly("cmdline", &BootModule::cmdline);
    bind_kernel<MultibootKernel>(
        module, "MultibootKernel",
        "A kernel by the Multiboot Specification 0.6.96 (ELF, or a file whose header gives "
        "addresses), with a command line and modules, entered as by GRUB.");
    bind_kernel<PvhKernel>(
        module, "PvhKernel",
        "A kernel with a PVH entry point (the note XEN_ELFNOTE_PHYS32_ENTRY; ELF, or a bzImage "
        "that holds one), with a command line and modules; Linux takes the first for its initrd.");
}

}  // namespace hvlab::python
