"""What the tests share: hypothesis without a clock or a memory, and a stand-in for a GPU."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import strict_array
from hypothesis import HealthCheck, settings

settings.register_profile(
    "inkdiff", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("inkdiff")

# A shell ignores Ctrl-C for what it starts in the background, and children inherit that; the tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def device(monkeypatch):
    """The module of a pretended GPU: `device.asarray(x)` puts x there; see strict_array.py."""
    return strict_array.install(monkeypatch)


@pytest.fixture
def z_score():
    """z = (estimate - truth)/stderr of a mean over independent samples."""

    def z(samples, truth):
        samples = np.asarray(samples, dtype=np.float64)
        return (samples.mean() - truth) / (samples.std(ddof=1) / np.sqrt(samples.size))

    return z
