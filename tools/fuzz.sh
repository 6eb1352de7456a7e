#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the fuzz targets (preset fuzz) and runs each for FUZZ_SECONDS (60) from its seeds; a line each says how many
# executions that were.
#   FUZZ_TOTAL_SECONDS=N  this long in all, shared out alike
#   FUZZ_RUNS=N           N executions instead of a time
#   FUZZ_SEED=N           the same draws as another run with that seed; by default each run draws its own
#   FUZZ_TARGET=NAME      this target alone
#   FUZZ_DEVICE=NAME      device_ports_fuzz on this device alone (fuzz/device_board.h has the names); each: on one after the
#                         other
# New inputs are kept in build/fuzz/corpus/TARGET, a crash in build/fuzz/crashes/TARGET-*, what was said in
# build/fuzz/TARGET.log.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "==> Building the fuzz targets (clang, address and undefined-behaviour sanitizers)"
mkdir -p build
cmake --preset fuzz -DPython_EXECUTABLE="$PWD/.venv/bin/python" </dev/null >build/fuzz-cmake.log 2>&1 ||
    { tail -n 20 build/fuzz-cmake.log >&2; exit 1; }
cmake --build --preset fuzz --target hvlab_fuzz </dev/null >build/fuzz-build.log 2>&1 ||
    { tail -n 40 build/fuzz-build.log >&2; exit 1; }

# What is to run: targets, or one target and devices.
runs=()
case "${FUZZ_DEVICE:-}" in
    "")   for program in build/fuzz/fuzz/${FUZZ_TARGET:-*_fuzz} fuzz/${FUZZ_TARGET:-*_fuzz}.py; do
              [ ! -f "$program" ] || runs+=("$(basename "$program" .py)")
          done ;;
    each) for name in $(sed -n '/kPartNames = /,/;/s/"all"//; /kPartNames = /,/;/p' fuzz/device_board.h | grep -o '"[a-z0-9-]*"'); do
              runs+=("device_ports_fuzz ${name//\"/}")
          done ;;
    *)    runs=("device_ports_fuzz $FUZZ_DEVICE") ;;
esac

seconds=${FUZZ_SECONDS:-60}
[ -z "${FUZZ_TOTAL_SECONDS:-}" ] || seconds=$((FUZZ_TOTAL_SECONDS / ${#runs[@]}))
length=(-max_total_time="$seconds") said="$seconds s"
if [ -n "${FUZZ_RUNS:-}" ]; then length=(-runs="$FUZZ_RUNS") said="$FUZZ_RUNS executions"; fi

# The figure NAME of a run's log.
figure() { sed -n "s/^stat::$1: *//p" "$2"; }

# run TARGET [DEVICE]
run() {
    local target=$1 device=${2:-} name=$1${2:+-$2} corpus log started
    corpus=build/fuzz/corpus/$name log=build/fuzz/$name.log
    local program=(build/fuzz/fuzz/"$target") seeds=fuzz/seeds/$target
    mkdir -p "$corpus" build/fuzz/crashes
    if [ -f "fuzz/$target.py" ]; then  # one in Python, which makes its seeds of the tests' files
        program=(.venv/bin/python "fuzz/$target.py") seeds=build/fuzz/seeds/$target
        "${program[@]}" --seeds "$seeds" </dev/null >/dev/null 2>&1
    fi
    # What has been freed is kept for a while, so that its use is seen; not for as long as to reach the limit.
    local sanitizer=quarantine_size_mb=64
    local options=("${length[@]}" -timeout=5 -rss_limit_mb=512 -print_final_stats=1
                   -artifact_prefix="build/fuzz/crashes/$name-")
    if [ "$target" = device_ports_fuzz ]; then
        # An execution is so short that libFuzzer's weighing of inputs, and what the sanitizer does for each block of
        # memory, would be most of it. (A crash run again without these options tells where a block came from.)
        options+=(-entropic=0)
        sanitizer=quarantine_size_mb=1:malloc_context_size=0:max_malloc_fill_size=0
        [ -z "$device" ] || options+=(-max_len=96)
    fi
    [ ! -f "fuzz/$target.py" ] || options+=(-timeout=30)  # instrumented, it is twenty times slower
    [ -z "${FUZZ_SEED:-}" ] || options+=(-seed="$FUZZ_SEED")
    [ ! -f "fuzz/$target.dict" ] || options+=(-dict="fuzz/$target.dict")
    echo "==> $target ${device:+($device) }for $said"
    started=$(date +%s%N)
    if FUZZ_DEVICE=$device ASAN_OPTIONS=$sanitizer${ASAN_OPTIONS:+:$ASAN_OPTIONS} \
        "${program[@]}" "${options[@]}" "$corpus" "$seeds" </dev/null >"$log" 2>&1; then
        awk -v runs="$(figure number_of_executed_units "$log")" -v ns=$(($(date +%s%N) - started)) \
            -v units="$(figure new_units_added "$log")" \
            'BEGIN { printf "    %d executions in %.0f s, %.0f/s; %d new inputs\n", runs, ns / 1e9, runs * 1e9 / ns, units }'
    else
        grep -E 'ERROR|SUMMARY|Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
        return 1
    fi
}

status=0
for names in "${runs[@]}"; do
    run $names || status=1
done
exit "$status"
