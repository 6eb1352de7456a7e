#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Boots Debian's (on Ubuntu: Ubuntu's) own kernel to a shell on the embedded engine, by a shipped scenario.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "==> Guest kernel and busybox: fetched once with apt, not installed (hvlab fixtures fetch)"
.venv/bin/hvlab fixtures fetch </dev/null
echo "==> hvlab run -v --backend unicorn scenarios/linux.hvlab.yaml"
exec .venv/bin/hvlab run -v --backend unicorn scenarios/linux.hvlab.yaml </dev/null
