#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures every figure of bench/ and writes them into reports/: `tools/bench.sh`. Fails if one is not met.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/hvlab fixtures fetch </dev/null
status=0
echo "==> bench/core_bench.cpp"
build/release/bench/core_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true \
    --benchmark_out=reports/core.json --benchmark_out_format=json || status=1
for script in bench/*_bench.py; do
    echo "==> $script"
    .venv/bin/python "$script" </dev/null || status=1
done
exit "$status"
