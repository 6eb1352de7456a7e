# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments, in the order in which one goes through them.

- The document: `experiment` (what it may say), `document` (its cells), `checks` (its `assert`),
  `reference` (its documentation).
- The runs: `sweep` plans them, `jobs` says what one is, `simulate` does it, `executor` has the
  processes, `store` keeps what was done; `warmup` and `statistics` decide how long and how many.
- What came of it: `study`, told in a terminal by `summary` and made into frames by `outcome`;
  `results` is what users, plots and reports get, `saved` writes and reads it, `folder` all files.
- `running` is all of that in one call, for Python.
"""
