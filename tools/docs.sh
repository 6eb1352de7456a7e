#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the documentation into build/site, by mkdocs.yml. A warning is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet </dev/null
echo "==> build/site/index.html"
