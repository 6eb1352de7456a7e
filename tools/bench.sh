#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures every figure of bench/ and writes them into reports/: `tools/bench.sh`. Fails if one is not met.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/hvlab fixtures fetch </dev/null
status=0
for script in bench/*_bench.py; do
    echo "==> $script"
    .venv/bin/python "$script" </dev/null || status=1
done
exit "$status"
