# SPDX-License-Identifier: GPL-2.0-or-later
"""What queueing theory says about models that the simulator can run too. Times in any one unit."""

from __future__ import annotations

import math


def mmc_response(arrivals: float, service: float, servers: int) -> float:
    """Mean response time of M/M/c: Poisson arrivals (a unit of time), exponential service of that mean.

    Erlang's C formula (Kleinrock: Queueing Systems, vol. 1, s. 3.5). Infinite if it is not stable.
    """
    load = arrivals * service
    if load >= servers:
        return math.inf
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    waits = last / (sum(terms) + last)
    return service + waits * service / (servers - load)


def mg1_ps_response(arrivals: float, service: float) -> float:
    """Mean response time of M/G/1 with processor sharing, whatever the distribution of service
    (Kleinrock: Queueing Systems, vol. 2, s. 4.4). Infinite if it is not stable.
    """
    load = arrivals * service
    return service / (1 - load) if load < 1 else math.inf


def closed_response(clients: int, servers: int, think: float, service: float) -> float:
    """Mean response time of `clients` that think and ask, both exponential, of `servers` servers
    (M/M/c//N, the machine repairman: Kleinrock, vol. 1, s. 3.8).
    """
    # weight[n]: of n requests in the system.
    weight = [1.0]
    for present in range(1, clients + 1):
        born = (clients - present + 1) / think
        gone = min(present, servers) / service
        weight.append(weight[-1] * born / gone)
    total = sum(weight)
    mean = sum(n * w for n, w in enumerate(weight)) / total
    throughput = sum((clients - n) / think * w for n, w in enumerate(weight)) / total
    return mean / throughput
