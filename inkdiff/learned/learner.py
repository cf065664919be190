r"""What a training yields, and how a kind of process brings its own.

    process  ->  learner  ->  [ begin, objective, trained, finished ]  ->  the thing learned, which saves itself

For processes with Gaussian steps that is a score (`score.py`), for bits it is log-odds (`binomial_score.py`). A kind of
process of one's own, whose way back asks for something else, brings a class derived from `Learner` and says of which
processes it learns:

    @learns(MyProcess)
    class MyScore(Learner): ...

`fit`, `resume`, `load` and the training cache ask nothing else of it. The most derived class of a process decides.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, for two kinds of process under one training.
"""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array
from inkdiff._core.descriptions import describe
from inkdiff.learned.checkpoint.file_format import write_file
from inkdiff.learned.model.word_conditioning import LabelsOrWords
from inkdiff.learned.training.settings import Fingerprint, Settings
from inkdiff.learned.training.sharded_objective import DenoisingLoss
from inkdiff.nn import TimeConditionedNetwork
from inkdiff.processes.forward import check_forward_process

__all__ = ["Learner", "Tensors", "learner_of", "learns", "notes"]

Tensors: TypeAlias = dict[str, npt.NDArray[np.float32]]
C = TypeVar("C", bound="type[Learner]")

_LEARNERS: dict[type, dict[str, type[Learner]]] = {}


class Learner(ABC):
    """What is learned of data under a process; a frozen dataclass.

    Attributes
    ----------
    process : the forward process.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    about : what it was trained on, and how.
    """

    process: Any
    network: TimeConditionedNetwork
    theta: Array
    about: dict[str, Any]

    # Settings that mean nothing to it, at the values that they must have.
    fixed_settings: ClassVar[Mapping[str, object]] = {}

    @classmethod
    @abstractmethod
    def default_settings(cls, d: int) -> dict[str, Any]:
        """The settings of `inkdiff.fit` that suit data of d coordinates."""

    @classmethod
    @abstractmethod
    def begin(
        cls, process: Any, data: Any, condition: LabelsOrWords | None, settings: Settings
    ) -> tuple[Learner, Array]:
        """What is trained, before its first step, and the data (n, d) in its coordinates, float32."""

    @abstractmethod
    def prepared(self, data: Any) -> Array:
        """The rows of a data set or array in its coordinates, checked, float32 (n, d)."""

    @abstractmethod
    def objective(self, x: Array, settings: Settings) -> DenoisingLoss[Any]:
        """What a training lessens, on data x (n, d) in its coordinates."""

    @abstractmethod
    def trained(self, theta: Array, about: dict[str, Any]) -> Self:
        """The same with other weights."""

    def finished(self, theta: Array, x: Array, settings: Settings) -> Self:
        """What it is after the last step, with the weights theta."""
        return self.trained(theta, self.about)

    @abstractmethod
    def describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What it has besides process, network, theta and notes: plain data by name, and arrays by name."""

    @classmethod
    @abstractmethod
    def restore(cls, process: Any, config: dict[str, Any], tensors: Tensors) -> Learner:
        """What `contents` described, with its process."""

    @abstractmethod
    def on_device(self, device: str) -> Self:
        """The same with its arrays on "cuda" or "cpu"."""

    def row_codes(self, condition: LabelsOrWords | None, x: Array) -> Array | None:
        """The codes of what is known of the rows of x; by default nothing may be.

        Raises
        ------
        ValueError
            If something is given.
        """
        if condition is not None:
            raise ValueError(f"condition: {type(self).__name__} cannot be conditioned on anything; leave it out.")
        return None

    def conditioned_on(self, codes: Array | None) -> Self:
        """The same for rows of these codes, as it is trained."""
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file with everything needed to use it; see `inkdiff.load`. Whole or not at all.

        Raises
        ------
        FileNotFoundError
            If the folder of `path` does not exist.
        TypeError
            If the process has no registered name.
        """
        write_file(path, *self.contents())

    def contents(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """All that `load` needs: plain data by name, and arrays by name."""
        config, tensors = self.describe()
        common = {
            "process": describe(self.process),
            "network": dataclasses.asdict(self.network.shape),
            "about": self.about,
        }
        return common | config, {"theta": self.theta} | tensors


def learns(process: type, *parameterisations: str) -> Callable[[C], C]:
    """A decorator of a `Learner`: `inkdiff.fit` with processes of this class, or derived from it, yields it.

    If `parameterisations` are given, only with those; by default with the default one, "score".
    """

    def added(kind: C) -> C:
        _LEARNERS.setdefault(process, {}).update(dict.fromkeys(parameterisations or ("score",), kind))
        return kind

    return added


def learner_of(process: object, parameterisation: str = "score") -> type[Learner]:
    """The class that is learned of data under this process, its network predicting this.

    Raises
    ------
    ValueError, TypeError
        If it is no process, or of a kind of which nothing is learned, or nothing by this parameterisation.
    """
    for base in type(process).__mro__:
        if base in _LEARNERS:
            known = _LEARNERS[base]
            if parameterisation not in known:
                choice = ", ".join(map(repr, known))
                raise ValueError(f"parameterisation must be {choice} for {base.__name__}, got {parameterisation!r}.")
            return known[parameterisation]
    check_forward_process(process)
    raise TypeError(f"process: nothing is learned of a {type(process).__name__}; see inkdiff.learned.learns.")


def notes(data: Any, x: Array, settings: Settings) -> dict[str, Any]:
    """What it keeps of its training: which data, x (n, d) in its coordinates, and the settings."""
    named = {"data": str(getattr(data, "name", "array")), "n": len(x), "sha256": Fingerprint.of(x).sha256}
    return named | settings.about()
