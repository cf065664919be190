"""Parts written outside the house work everywhere their kin do: the example package, imported from its folder."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

import inkdiff as ink
from inkdiff.cli import main

PACKAGE = Path(__file__).parent / "extension_package"
FILES = sorted((PACKAGE / "inkdiff_extension_example").glob("*.py"))
sys.path.insert(0, str(PACKAGE))

from inkdiff_extension_example.disc import Disc, J  # noqa: E402
from inkdiff_extension_example.disc_score import LeaningInk  # noqa: E402
from inkdiff_extension_example.square import square  # noqa: E402
from inkdiff_extension_example.square_score import SquareScore  # noqa: E402
from inkdiff_extension_example.stochastic_heun import StochasticHeun  # noqa: E402
from inkdiff_extension_example.warming_bowl import WarmingBowl  # noqa: E402

BOWL = WarmingBowl(D=0.7, k=1.3, tau=0.8)
DISC = Disc(1.5)
GLASS = ink.Brownian(D=0.4, domain=DISC)
PUBLIC = {"inkdiff", "inkdiff.cli", "inkdiff.viz"}


def variance_z(x, truth):
    """z of the mean square against the variance of a centred Gaussian."""
    return (np.mean(np.square(x, dtype=np.float64)) / truth - 1) / math.sqrt(2 / np.size(x))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_part_is_short_and_keeps_to_the_public_face(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert {name for name in imported if name.startswith("inkdiff") and "extension" not in name} <= PUBLIC
    private = [node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    assert not [name for name in private if name.startswith("_")]


# ---- the process: five formulas ---------------------------------------------------------------------------------


@pytest.mark.parametrize("s", [0.0, 0.3])
def test_the_bowl_says_five_formulas_and_the_transition_follows(s):
    t = 1.1
    assert BOWL.clock(s, t) == pytest.approx(quad(BOWL.g2, s, t)[0], rel=1e-12)
    gained = quad(lambda r: math.exp(-2 * BOWL.k * (t - r)) * BOWL.g2(r), s, t)[0]
    ratio, variance = BOWL.transition(s, t)
    assert ratio == pytest.approx(math.exp(-BOWL.k * (t - s)), rel=1e-12)
    assert variance == pytest.approx(gained, rel=1e-10)


def test_jump_walk_and_formula_agree():
    start = np.full((50_000, 1), 0.5)
    truth, mean = BOWL.variance(0.9), 0.5 * BOWL.alpha(0.9)
    jumped = ink.diffuse(BOWL, start, 0.9, seed=1)
    walked = ink.simulate(BOWL, start, [0.0, 0.2, 0.9], seed=2, steps=3).last
    for x in (jumped, walked):
        assert abs(variance_z(x - mean, truth)) < 5
    noise_free = ink.diffuse(BOWL, start[:1], np.array([0.9]), seed=1, return_noise=True)
    np.testing.assert_allclose(noise_free[0], mean + math.sqrt(truth) * noise_free[1], rtol=1e-6)


def test_times_are_checked_for_it():
    for bad in (-1.0, math.nan):
        with pytest.raises(ValueError, match="t must"):
            BOWL.variance(bad)


@pytest.mark.parametrize("sampler", [None, "ddim", "heun", "dpm_solver", StochasticHeun(gamma=0.1)])
def test_samplers_walk_it_back(sampler):
    """From the exact law at t = 2 to that at t = 0.05, N(0, 0.25 alpha^2 + sigma^2); steps fine enough for 5 %."""
    score = ink.GaussianScore(BOWL, [0.0], 0.25)
    total = lambda t: 0.25 * BOWL.alpha(t) ** 2 + BOWL.variance(t)  # noqa: E731
    x = math.sqrt(total(2.0)) * ink.normal(20_000, seed=3).reshape(-1, 1).astype(np.float64)
    times = ink.time_grids.log_snr(BOWL, 300, start=2.0, end=0.05, to_zero=False)
    last = ink.reverse(BOWL, score, x, times, seed=4, sampler=sampler).last
    assert np.mean(last**2) == pytest.approx(total(0.05), rel=0.05)


def test_likelihood_of_a_score_of_ones_own():
    score = SquareScore(BOWL)
    x = ink.diffuse(BOWL, square(40, seed=1).x.astype(np.float64), 0.05, seed=1)
    found = ink.log_likelihood(BOWL, score, x, start=0.05, until=8.0)
    np.testing.assert_allclose(found.values, score.log_density(x, 0.05), atol=2e-4)


def test_the_score_is_the_slope_of_its_density():
    score, x, h = SquareScore(BOWL), np.linspace(-2.0, 2.0, 10).reshape(5, 2), 1e-5
    for axis in np.eye(2):
        up, down = (score.log_density(x + sign * h * axis, 0.3) for sign in (1, -1))
        u, Jv = score.jvp(x, 0.3, np.broadcast_to(axis, (1, 5, 2)))
        np.testing.assert_allclose((u * axis).sum(1), (up - down) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(Jv[0], (score(x + h * axis, 0.3) - score(x - h * axis, 0.3)) / (2 * h), atol=1e-5)


def test_the_ledger_balances():
    ledger = ink.Ledger(BOWL, score=SquareScore(BOWL))
    times = np.linspace(0.0, 1.0, 41)[1:]
    start = ink.diffuse(BOWL, square(20_000, seed=2).x.astype(np.float64), times[0], seed=2)
    ink.simulate(BOWL, start, times, seed=3, callback=ledger)
    balance = ledger.balance()
    assert abs(balance.gap.value) < 5 * balance.gap.stderr + balance.quadrature
    assert {"entropy_rate", "entropy_density"} <= set(ledger.names)


# ---- the sampler -------------------------------------------------------------------------------------------------


def test_without_churn_it_is_the_house_s_heun():
    process = ink.VariancePreserving.linear()
    score = ink.GaussianScore(process, [0.3], 0.2)
    x = ink.normal(100, seed=1).reshape(-1, 1).astype(np.float64)
    walks = [
        ink.reverse(process, score, x, [1.0, 0.5, 0.1, 0.0], seed=1, steps=5, sampler=sampler).last
        for sampler in (StochasticHeun(gamma=0.0), "heun")
    ]
    np.testing.assert_allclose(*walks, rtol=1e-12)


@pytest.mark.parametrize("process", [ink.VariancePreserving.linear(), BOWL], ids=["vp", "bowl"])
def test_with_churn_the_chain_has_the_variance_of_its_algorithm(process):
    """For Gaussian data every step is linear: variance -> M^2 (a^2 variance + S_noise^2 gained), M that of Heun."""
    sampler, still = StochasticHeun(gamma=0.3, S_min=0.2, S_max=3.0, S_noise=1.05), StochasticHeun(gamma=0.0)
    score = ink.GaussianScore(process, [0.0], 0.2)
    times = ink.time_grids.karras(process, 8, start=1.0, end=0.02)
    expected = first = 0.2 * process.alpha(1.0) ** 2 + process.variance(1.0)
    without_noise = lambda x, u, a, b, c: a * x + b * u  # noqa: E731
    churned = 0
    for t, s in pairwise(map(float, times)):
        t_hat = sampler.noisier(process, t)
        churned += t_hat > t
        a, gained = process.transition(t, t_hat)
        M = still.advance(process, score, np.ones((1, 1)), t_hat, s, without_noise).item()
        expected = M**2 * (a**2 * expected + 1.05**2 * gained)
    x = math.sqrt(first) * ink.normal(100_000, seed=2).reshape(-1, 1).astype(np.float64)
    last = ink.reverse(process, score, x, times, seed=3, sampler=sampler).last
    assert 0 < churned < 8
    assert abs(variance_z(last, expected)) < 5


# ---- the domain --------------------------------------------------------------------------------------------------


def test_the_fold_mirrors_at_the_circle():
    y = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, -1.6], [4.0, 0.0], [0.0, 0.0]])
    folded = DISC.fold(y)
    np.testing.assert_allclose(folded, [[1.0, 0.0], [1.0, 0.0], [0.0, -1.4], [-1.0, 0.0], [0.0, 0.0]], atol=1e-12)
    with pytest.raises(ValueError, match="must lie in the disc"):
        ink.simulate(GLASS, y, [0.0, 1.0], seed=1)
    with pytest.raises(ValueError, match="plane"):
        ink.simulate(GLASS, np.zeros((4, 3)), [0.0, 1.0], seed=1)


def test_ink_in_a_round_glass_stays_uniform(z_score):
    start = GLASS.equilibrium.sample(40_000, 2, seed=1)
    assert (np.hypot(*start.T) <= DISC.R).all()
    x = ink.simulate(GLASS, start, [0.0, 0.2], seed=2, steps=200).last
    for cloud in (start, x):
        assert abs(z_score((cloud.astype(np.float64) ** 2).sum(1), DISC.R**2 / 2)) < 5


def test_the_slowest_mode_decays_at_its_rate(z_score):
    start = np.tile([[1.0, 0.2]], (20_000, 1))
    times = np.array([0.0, 0.5, 1.0, 2.0])
    walk = ink.simulate(GLASS, start, times, seed=3, steps=400)
    for t, x in zip(times[1:], walk.x[1:], strict=True):
        truth = DISC.mode(start[:1]).item() * math.exp(-GLASS.D * (J / DISC.R) ** 2 * t)
        assert abs(z_score(DISC.mode(x), truth)) < 5


def test_the_reverse_walk_leans_again(z_score):
    score = LeaningInk(DISC, GLASS.D, c=1.5)
    uniform = GLASS.equilibrium.sample(20_000, 2, seed=4, dtype=np.float64)
    back = ink.reverse(GLASS, score, uniform, np.linspace(5.0, 0.0, 21), seed=5, steps=50)
    assert abs(z_score(DISC.mode(back.last), score.mean_mode(0.0))) < 5
    with pytest.raises(ValueError, match="Ancestral"):
        ink.reverse(GLASS, score, uniform, [1.0, 0.5], seed=5, sampler="ancestral")


# ---- names: saved, loaded, asked for ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned():
    return ink.fit(BOWL, square(500), steps=20, seed=1, net=ink.MLP(width=16, depth=1), batch=64)


def test_a_learned_score_is_saved_and_loaded(learned, tmp_path):
    learned.save(tmp_path / "bowl.safetensors")
    again = ink.load(tmp_path / "bowl.safetensors")
    assert again.process == BOWL
    x = square(50).x
    np.testing.assert_array_equal(again(x, 0.5), learned(x, 0.5))
    samples = again.sample(20, seed=1, steps=5, sampler=StochasticHeun(gamma=0.2))
    assert samples.shape == (20, 2) and np.isfinite(samples).all()


def test_a_file_says_what_to_import_first_and_imports_nothing(learned, tmp_path):
    learned.save(tmp_path / "bowl.safetensors")
    code = f"import inkdiff as ink; ink.load({str(tmp_path / 'bowl.safetensors')!r})"
    paths = os.pathsep.join([str(PACKAGE), str(PACKAGE.parents[1])])  # the module could be found, and is not looked for
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert "WarmingBowl" in message and "inkdiff_extension_example.warming_bowl" in message and "import" in message


def test_the_command_line_knows_the_names(tmp_path, capsys):
    out = tmp_path / "bowl.safetensors"
    flags = ["--steps", "10", "--net-width", "8", "--net-depth", "1", "--points", "200", "--pictures", "0", "--quiet"]
    assert main(["train", "square", "--process", "WarmingBowl(D=0.5, tau=2)", "--out", str(out), *flags]) == 0
    assert "WarmingBowl" in capsys.readouterr().out
    assert ink.load(out).process == WarmingBowl(D=0.5, tau=2)


def test_a_simulation_runs_from_its_file(tmp_path, capsys):
    script = PACKAGE / "inkdiff_extension_example" / "warming_drop.py"
    assert main(["run", str(script), "--quick", "--tau", "0.5", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "CHECK mean_square" in out and "PASS" in out
    assert (tmp_path / "warming_drop.png").is_file()
