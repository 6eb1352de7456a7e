#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the fuzz targets (preset fuzz) and runs each for FUZZ_SECONDS (60) from its seeds.
# FUZZ_TARGET=NAME: this one alone. FUZZ_RUNS=N: N executions instead of a time. FUZZ_DEVICE=NAME: device_ports_fuzz
# drives this device alone (fuzz/device_board.h has the names).
# New inputs are kept in build/fuzz/corpus/TARGET, a crash in build/fuzz/crashes/TARGET-*.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly seconds=${FUZZ_SECONDS:-60}
echo "==> Building the fuzz targets (clang, address and undefined-behaviour sanitizers)"
cmake --preset fuzz -DPython_EXECUTABLE="$PWD/.venv/bin/python" </dev/null >build/fuzz-cmake.log 2>&1 ||
    { tail -n 20 build/fuzz-cmake.log >&2; exit 1; }
cmake --build --preset fuzz --target hvlab_fuzz </dev/null >build/fuzz-build.log 2>&1 ||
    { tail -n 40 build/fuzz-build.log >&2; exit 1; }

# What has been freed is kept for a while, so that its use is seen; not for as long as to reach the limit.
export ASAN_OPTIONS=quarantine_size_mb=64${ASAN_OPTIONS:+:$ASAN_OPTIONS}
length=(-max_total_time="$seconds") said="$seconds s"
if [ -n "${FUZZ_RUNS:-}" ]; then length=(-runs="$FUZZ_RUNS") said="$FUZZ_RUNS executions"; fi

status=0
for program in build/fuzz/fuzz/${FUZZ_TARGET:-*_fuzz}; do
    target=$(basename "$program")
    corpus=build/fuzz/corpus/$target${FUZZ_DEVICE:+-$FUZZ_DEVICE}
    mkdir -p "$corpus" build/fuzz/crashes
    options=("${length[@]}" -timeout=5 -rss_limit_mb=512 -print_final_stats=1
             -artifact_prefix="build/fuzz/crashes/$target-")
    [ ! -f "fuzz/$target.dict" ] || options+=(-dict="fuzz/$target.dict")
    echo "==> $target ${FUZZ_DEVICE:+($FUZZ_DEVICE) }for $said"
    if "$program" "${options[@]}" "$corpus" "fuzz/seeds/$target" </dev/null >"build/fuzz/$target.log" 2>&1; then
        grep -E '^stat::(number_of_executed_units|average_exec_per_sec|new_units_added)' "build/fuzz/$target.log"
    else
        status=1
        grep -E 'ERROR|SUMMARY|Test unit written' "build/fuzz/$target.log" >&2 || tail -n 20 "build/fuzz/$target.log" >&2
    fi
done
exit "$status"
