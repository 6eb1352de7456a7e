#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures every figure of bench/ and writes them into reports/: `tools/bench.sh`. Fails if one is not met.
# BENCH_QUICK=1: few repetitions, written into build/reports and not judged, to see that everything runs.
set -euo pipefail
cd "$(dirname "$0")/.."

reports=reports repetitions=5 quick=()
if [ -n "${BENCH_QUICK:-}" ]; then
    reports=build/reports repetitions=1 quick=(--quick)
fi
mkdir -p "$reports"
.venv/bin/hvlab fixtures fetch </dev/null
status=0
echo "==> bench/core_bench.cpp"
build/release/bench/core_bench --benchmark_repetitions="$repetitions" --benchmark_report_aggregates_only=true \
    --benchmark_out="$reports/core.json" --benchmark_out_format=json || status=1
for script in bench/*_bench.py; do
    echo "==> $script"
    .venv/bin/python "$script" "${quick[@]}" </dev/null || status=1
done
exit "$status"
