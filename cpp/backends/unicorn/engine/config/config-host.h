/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine's own configure script would find out about an x86-64 Linux host with glibc, written
 * down: the script costs seconds of every first build and these answers do not change.
 */
#define HOST_X86_64 1
#define CONFIG_LINUX 1
#define CONFIG_POSIX 1

#define CONFIG_TCG 1
#define CONFIG_ATOMIC64 1
#define CONFIG_CMPXCHG128 1 /* compiled with -mcx16 */
#define CONFIG_INT128 1
#define CONFIG_AVX2_OPT 1 /* decided at run time from CPUID */
#define CONFIG_CPUID_H 1

#define CONFIG_BYTESWAP_H 1
#define CONFIG_GETAUXVAL 1
#define CONFIG_MADVISE 1
#define CONFIG_POSIX_MADVISE 1
#define CONFIG_POSIX_MEMALIGN 1
#define CONFIG_STATIC_ASSERT 1
#define CONFIG_SYSMACROS 1
#define HAVE_STRCHRNUL 1

#define CONFIG_QEMU_CONFDIR ""
#define CONFIG_QEMU_LOCALSTATEDIR ""
#define CONFIG_QEMU_HELPERDIR ""
#define HOST_DSOSUF ".so"
#define QEMU_VERSION "5.0.1"
