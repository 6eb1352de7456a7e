// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine made of KVM's system calls alone: what hvlab's KVM backend is measured against.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct raw_machine {
    int vm;
    int vcpu;
    struct kvm_run* run;
    size_t run_size;
};

// All return -errno for a failure.
int raw_open(void);
// `memory` at 0, a vCPU in real mode at 0:rip.
int raw_create(int kvm, void* memory, size_t size, uint64_t rip, struct raw_machine* machine);
// To the next access of a port, which it returns.
int raw_run(struct raw_machine* machine);
// Port accesses until one of `last`, their number.
long raw_run_until(struct raw_machine* machine, int last);
int raw_set_rip(struct raw_machine* machine, uint64_t rip);
void raw_destroy(struct raw_machine* machine);

#ifdef __cplusplus
}
#endif
