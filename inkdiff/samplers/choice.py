"""Which sampler is meant, and whether it fits the process: names are those of the registry.

Reference: see `inkdiff.samplers`.
"""

from __future__ import annotations

from inkdiff._core import checks
from inkdiff._core.registry import find
from inkdiff.processes.base import Process
from inkdiff.processes.forward import ForwardProcess
from inkdiff.samplers.base import Sampler

__all__ = ["choose"]


def choose(sampler: Sampler | str | None, process: ForwardProcess) -> Sampler:
    """The sampler meant by a name, an object or None, checked against the process and ready for one walk.

    Raises
    ------
    ValueError, TypeError
        If it is no sampler, or one that needs Gaussian steps or posteriors which the process has not.
    """
    if sampler is None:
        sampler = process.default_sampler
    if isinstance(sampler, str):
        sampler = find(sampler, "sampler", what="sampler")()
    if not isinstance(sampler, Sampler):
        raise TypeError(
            f"sampler must be a name or an inkdiff.Sampler such as DDIM(eta=0.0), got {checks.show(sampler)}."
        )
    if not isinstance(process, Process):
        if not sampler.any_process:
            raise ValueError(
                f"sampler must be {process.default_sampler!r} for {type(process).__name__}, whose steps have no "
                f"gradients, got {checks.show(sampler)}."
            )
    elif sampler.gaussian_posterior and not process.domain.free:
        raise ValueError(
            f"sampler {type(sampler).__name__} needs Gaussian posteriors, which walls destroy; in a box use "
            "EulerMaruyama() or ProbabilityFlow()."
        )
    return sampler.begin()
