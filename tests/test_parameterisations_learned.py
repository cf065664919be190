"""Learned scores in other parameterisations: flow matching from t = 1, and files of processes of one's own."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import inkdiff as ink
from inkdiff._core import descriptions, registry
from inkdiff.learned.model.preconditioning import Preconditioning
from inkdiff.learned.model.predictions import PREDICTIONS

NET = ink.MLP(width=64, depth=3, dropout=0.0)
TINY = {"steps": 3, "seed": 1, "net": ink.MLP(8, 1), "batch": 32, "progress": False}
MOONS = ink.datasets.moons(2000, 1).x


@ink.register(name="tests.Slow")
@dataclasses.dataclass(frozen=True)
class Slow(ink.OrnsteinUhlenbeck):
    """A process of one's own."""

    label: str = "slow"


def test_flow_matching_keeps_the_moments_of_the_data():
    score = ink.fit(
        ink.Straight(), MOONS, steps=400, seed=1, batch=256, net=NET, parameterisation="velocity", progress=False
    )
    assert isinstance(score, ink.LearnedVelocity) and score.times(10)[0] == 1.0
    x = score.sample(2000, seed=2, steps=50).astype(np.float64)
    for moment in (lambda z: z, lambda z: z**2, lambda z: z[:, :1] * z[:, 1:]):
        found, real = moment(x), moment(MOONS.astype(np.float64))
        stderr = np.sqrt(found.var(0) / len(found) + real.var(0) / len(real))
        assert (np.abs(found.mean(0) - real.mean(0)) < 5 * stderr).all()


@pytest.mark.parametrize("name", ["noise", "data", "v", "velocity"])
def test_a_prediction_gives_score_velocity_and_derivative(name, tmp_path):
    process = ink.VariancePreserving.linear()
    score = ink.fit(process, MOONS, parameterisation=name, **TINY)
    x, t = score.encode(MOONS[:20]).astype(np.float64), 0.4
    u = score(x, t)
    if name != "noise":
        flow = process.f(t) * x - process.g2(t) / 2 * u
        np.testing.assert_allclose(score.velocity(x, t), flow, rtol=1e-3, atol=1e-3)
    v = np.ones((1, 20, 2))
    difference = (score(x + 1e-2 * v[0], t) - score(x - 1e-2 * v[0], t)) / 2e-2
    np.testing.assert_allclose(score.jvp(x, t, v)[1][0], difference, rtol=0.05, atol=0.05)
    score.save(tmp_path / "score")
    assert np.array_equal(ink.load(tmp_path / "score")(x, t), u)
    assert set(PREDICTIONS) == {"score", "noise", "data", "v", "velocity"} and PREDICTIONS["score"] is Preconditioning


def test_a_process_of_ones_own_is_saved_loaded_and_resumed(tmp_path, monkeypatch):
    process, path = Slow(D=1.0, k=1.0), tmp_path / "run"
    score = ink.fit(process, MOONS, checkpoint=path, **TINY)
    assert ink.load(path).process == process
    assert np.array_equal(ink.resume(path, MOONS, progress=False).theta, score.theta)
    monkeypatch.delitem(registry._ENTRIES, "tests.Slow")
    with pytest.raises(
        ValueError, match=r"nothing is registered as 'tests.Slow'.*import test_parameterisations_learned"
    ):
        ink.load(path)


def test_descriptions_hold_plain_data_of_registered_classes():
    described = descriptions.describe(Slow(D=1.0, k=2.0))
    assert descriptions.restore(json.loads(json.dumps(described))) == Slow(D=1.0, k=2.0)
    assert described["type"] == "tests.Slow" and described["module"] == Slow.__module__
    with pytest.raises(TypeError, match=r"process: label: .* cannot be saved"):
        descriptions.describe(Slow(D=1.0, k=2.0, label=np.zeros(3)))
    with pytest.raises(descriptions.UnknownTypeError, match="import nowhere first"):
        descriptions.restore({"type": "os.system", "module": "nowhere", "version": "1"})
