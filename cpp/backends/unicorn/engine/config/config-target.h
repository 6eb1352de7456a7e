/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one guest architecture that is built. */
#define TARGET_X86_64 1
#define TARGET_I386 1
#define TARGET_NAME "x86_64"
#define CONFIG_SOFTMMU 1
