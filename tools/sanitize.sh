#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All C++ tests under the sanitizers, one tree after the other: `tools/sanitize.sh [PRESET...]`, asan-ubsan and tsan.
# The engine's own code is not instrumented (docs/design/setup.md). SANITIZE_CLEAN=1 removes each tree when it passed.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- asan-ubsan tsan
status=0
mkdir -p build
for preset in "$@"; do
    log=build/$preset.log
    echo "==> $preset: building (log: $log)"
    cmake --preset "$preset" -DPython_EXECUTABLE="$PWD/.venv/bin/python" </dev/null >"$log" 2>&1 &&
        cmake --build --preset "$preset" </dev/null >>"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
    echo "==> $preset: ctest"
    if ctest --preset "$preset" --quiet --output-log "build/$preset-ctest.log"; then
        grep -E '^[0-9]+% tests passed|^Total Test time' "build/$preset-ctest.log"
        echo "skipped: $(grep -c '(Skipped)$' "build/$preset-ctest.log" || true)"
        [ -z "${SANITIZE_CLEAN:-}" ] || rm -rf "build/$preset"
    else
        status=1
        grep -E '^(ERROR|WARNING|SUMMARY)|\(Failed\)|\*\*\*|runtime error' "build/$preset-ctest.log" >&2 || true
    fi
done
exit "$status"
