#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs ctest and pytest, both in any case, and ends with the closing lines of both: `tools/test.sh [--long]`.
set -euo pipefail
cd "$(dirname "$0")/.."

ctest_args=(--label-exclude '^long$' --no-tests=error)
pytest_args=(-n "$(nproc)")
if [ "${1:-}" = --long ]; then
    ctest_args=(--label-regex '^long$' --no-tests=ignore)
    pytest_args=(-m long)
fi
mkdir -p build/test-results
ctest_log=build/test-results/ctest.log
status=0

# The shipped scenarios are tests too, and one of them boots the distribution's kernel.
echo "==> Guest kernel and busybox (hvlab fixtures fetch)"
.venv/bin/hvlab fixtures fetch </dev/null

echo "==> ctest"
# The lines of tests that passed are left out, they are many; the log has them all.
set +e
ctest --test-dir build/release -j "$(nproc)" --output-on-failure "${ctest_args[@]}" \
    --output-junit "$PWD/build/test-results/ctest.xml" </dev/null 2>&1 | tee "$ctest_log" |
    grep --line-buffered -v -E '^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test .* Passed '
ctest_status=${PIPESTATUS[0]}
set -e

echo "==> pytest"
.venv/bin/python -m pytest --junit-xml=build/test-results/pytest.xml "${pytest_args[@]}" </dev/null || status=$?

# The closing lines of ctest once more, beside pytest's; copied from its log, not made up.
echo "==> ctest said:"
grep -E '^[0-9]+% tests passed|^Total Test time|^No tests were found' "$ctest_log" ||
    echo "nothing: ctest broke off (exit code $ctest_status, log $ctest_log)"
[ "$ctest_status" -eq 0 ] || status=$ctest_status
exit "$status"
