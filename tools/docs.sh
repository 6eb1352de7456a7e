#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the documentation into build/site, by mkdocs.yml. A warning is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p build
# Not --quiet: strict mode counts what is logged.
NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict </dev/null >build/docs.log 2>&1 ||
    { grep -v '^INFO' build/docs.log >&2; exit 1; }
echo "==> build/site/index.html"
