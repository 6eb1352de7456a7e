# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cluster is made of, and what is wrong with a description of one.

`description` has the models that Python and documents share, `choices` those of `NAME` or
`{NAME: {parameters}}`, `kinds` the schedulers and workloads there are, `quantities` the numbers,
and `consistency` all that no type can say.
"""
