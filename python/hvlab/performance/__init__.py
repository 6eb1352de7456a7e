# SPDX-License-Identifier: GPL-2.0-or-later
"""Performance over time: runs that are kept, compared, and held against a baseline.

    runs        a run as it is kept: the samples of each case's measures, and what they were taken on
    collect     CaseResult, or a results file -> a run
    files       runs by name in .hvlab/runs, or by path
    statistics  rank tests against a margin, intervals, Holm's correction
    compare     two runs -> a verdict for each case and measure
    table       the comparison for a person
    interleave  two executables, or two backends, run in turns
    baseline    NAME.baseline.json beside a scenario

numpy and scipy are imported by `statistics` alone, and that by `compare`. docs/design/performance.md says why
things are as they are.
"""
