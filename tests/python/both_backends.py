# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests of machines that hold on every backend: `@pytest.fixture(params=BACKENDS)`."""

from __future__ import annotations

import pytest

from hvlab.backends import kvm_status

BACKENDS = [
    "unicorn",
    pytest.param(
        "kvm", marks=pytest.mark.skipif(not kvm_status().available, reason=kvm_status().reason)
    ),
]
