# SPDX-License-Identifier: GPL-2.0-or-later
"""What `hvlab explain` and the documentation say about experiments: made of the models, and of the
descriptions of schedulers and workloads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import BaseModel

from hvlab.scenario.reference import Topic, collect, topic_of
from hvlab.sim.experiments.experiment import Experiment
from hvlab.sim.model.choices import Distribution, OneOf, Scheduler, Workload

SECTION = "experiment"
EXAMPLES: Mapping[str, str] = {
    SECTION: """\
schema: 1
name: ready-time
seed: 7
matrix: {ratio: [1, 2, 4]}
experiment:
  duration: 60s
  warmup: 10s
  hosts: [{name: node, cores: 8, scheduler: credit2}]
  vms:
    - name: web
      overcommit: "${matrix.ratio}"
      workload: {closed: {think: {exponential: 100ms}, service: {exponential: 50ms}}}
  measures: [ready, utilisation, web.response.p99]
  assert: ["ready < 0.9"]
  plots: [{y: ready, x: ratio}]
""",
    f"{SECTION}.hosts": "hosts: [{name: node, count: 4, sockets: 2, cores: 8, threads: 2}]\n",
    f"{SECTION}.vms": """\
vms:
  - {name: quiet, count: 4, vcpus: 2, weight: 2048, workload: {constant: {load: 0.3}}}
  - {name: noisy, overcommit: 2, vcpus: 2, limit: 1.5, workload: {constant: {load: 1}}}
""",
    f"{SECTION}.replications": "replications: {least: 5, most: 30}\n",
    f"{SECTION}.precision": "precision: {measure: ready, relative: 5%}\n",
    f"{SECTION}.compare": "compare: [{factor: scheduler, of: [eevdf, gang], measure: ready}]\n",
    f"{SECTION}.plots": "plots: [{y: ready, x: ratio, by: scheduler}]\n",
}


@cache
def topics() -> tuple[Topic, ...]:
    """The sections of an experiment, then the distributions, schedulers and workloads there are."""
    found: dict[type[BaseModel], Topic] = {}
    collect(Experiment, (SECTION,), found, EXAMPLES)
    return (*found.values(), *_kinds(Distribution), *_kinds(Scheduler), *_kinds(Workload))


def _kinds(kind: type[OneOf]) -> Iterator[Topic]:
    for name, body in kind.bodies().items():
        yield topic_of(body, (kind.what, name), {})
