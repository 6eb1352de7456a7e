/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * native_loops compute|memory ROUNDS: the loops of micro-compute and micro-memory as a program of the
 * host's, to compare with; prints the nanoseconds of processor time a round. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint64_t compute(uint64_t rounds) {
    uint64_t lcg = 1, xorshift = 88172645463325252UL;
    for (uint64_t i = 0; i < rounds; i++) {
        lcg = lcg * 6364136223846793005UL + 1442695040888963407UL;
        xorshift ^= xorshift << 13;
        xorshift ^= xorshift >> 7;
        xorshift ^= xorshift << 17;
    }
    return lcg ^ xorshift;
}

static uint64_t memory(uint64_t rounds) {
    static volatile uint64_t cells[8192];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t at = (i * 129 + (i >> 13)) & 8191;
        cells[at] = cells[i & 8191] + i;
        sum += cells[at];
    }
    return sum;
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    uint64_t rounds = strtoull(argv[2], NULL, 10);
    double start = now();
    uint64_t result = argv[1][0] == 'c' ? compute(rounds) : memory(rounds);
    double spent = now() - start;
    fprintf(stderr, "%lu\n", (unsigned long)result);
    printf("%f\n", spent / (double)rounds);
    return 0;
}
