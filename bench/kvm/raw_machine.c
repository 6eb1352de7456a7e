// SPDX-License-Identifier: GPL-2.0-or-later
#include "kvm/raw_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int raw_open(void) {
    const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    return kvm < 0 ? -errno : kvm;
}

int raw_set_rip(struct raw_machine* machine, uint64_t rip) {
    struct kvm_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.rip = rip;
    regs.rsp = 0x8000;
    regs.rflags = 2;
    return ioctl(machine->vcpu, KVM_SET_REGS, &regs) < 0 ? -errno : 0;
}

int raw_create(int kvm, void* memory, size_t size, uint64_t rip, struct raw_machine* machine) {
    struct kvm_userspace_memory_region region;
    struct kvm_sregs sregs;
    int error = 0;

    memset(machine, 0, sizeof *machine);
    machine->vcpu = -1;
    machine->vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
    if (machine->vm < 0) return -errno;
    memset(&region, 0, sizeof region);
    region.memory_size = size;
    region.userspace_addr = (uintptr_t)memory;
    if (ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0) goto fail;
    machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0ul);
    if (machine->vcpu < 0) goto fail;
    machine->run_size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
    machine->run =
        mmap(NULL, machine->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
    if (machine->run == MAP_FAILED) {
        machine->run = NULL;
        goto fail;
    }
    if (ioctl(machine->vcpu, KVM_GET_SREGS, &sregs) < 0) goto fail;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    if (ioctl(machine->vcpu, KVM_SET_SREGS, &sregs) < 0) goto fail;
    error = raw_set_rip(machine, rip);
    if (error == 0) return 0;
    errno = -error;
fail:
    error = -errno;
    raw_destroy(machine);
    return error;
}

int raw_run(struct raw_machine* machine) {
    // The timer of a machine that ran before in this thread may still come.
    while (ioctl(machine->vcpu, KVM_RUN, 0ul) < 0) {
        if (errno != EINTR) return -errno;
    }
    return machine->run->exit_reason == KVM_EXIT_IO ? machine->run->io.port : -EIO;
}

long raw_run_until(struct raw_machine* machine, int last) {
    for (long count = 1;; ++count) {
        const int port = raw_run(machine);
        if (port < 0) return port;
        if (port == last) return count;
    }
}

void raw_destroy(struct raw_machine* machine) {
    if (machine->run != NULL) munmap(machine->run, machine->run_size);
    if (machine->vcpu >= 0) close(machine->vcpu);
    if (machine->vm >= 0) close(machine->vm);
}
