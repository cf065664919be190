"""Single paths against the exact laws of their work, heat and entropy, for traps nobody chose to make them true."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.physics import fluctuations as fl

N = 40_000
TRAPS = {
    "dragged": fl.Trap.drag(1.3, 0.7, distance=1.5, duration=2.0, jumps=12),
    "one jump": fl.Trap(0.4, [0.0, 0.8], 2.0, 0.3),
    "stiffened": fl.Trap(0.7, [0.0] * 6, np.linspace(1, 4, 6), 0.1),
    "both, unevenly": fl.Trap(0.7, np.linspace(0, 1, 9) ** 2, 2 - np.linspace(0, 1, 9), 0.15),
}
EVERY_TRAP = pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)


def mean(x):
    return ink.Estimate(x.mean(), x.std(ddof=1) / math.sqrt(len(x)))


# ---- work


@EVERY_TRAP
@pytest.mark.parametrize("seed", [1, 2])
def test_work_has_its_exact_mean_and_variance(trap, seed):
    work, exact = trap.run(N, seed=seed).work, trap.work_moments()
    assert abs(mean(work).z(exact.mean)) < 5
    assert abs(mean((work - work.mean()) ** 2).z(exact.variance)) < 5


def test_dragged_trap_dissipates_half_its_variance():
    """Gaussian work obeys Jarzynski's equality just if <W> = Var/2."""
    for jumps in (1, 3, 40):
        moments = fl.Trap.drag(0.9, 1.4, distance=1.2, duration=1.0, jumps=jumps).work_moments()
        assert moments.variance == pytest.approx(2 * moments.mean, rel=1e-12)


def test_work_of_a_sudden_jump_and_of_a_slow_one():
    """A jump: k delta^2/2D, all lost. Slowly: friction, distance^2/(D duration), and the free energy of stiffening."""
    assert fl.Trap(0.5, [0, 1], 3.0, 1.0).work_moments().mean == pytest.approx(3 * 1 / (2 * 0.5))
    slow = fl.Trap.drag(0.5, 3.0, distance=1.0, duration=200.0, jumps=500)
    assert slow.work_moments().mean == pytest.approx(1 / (0.5 * 200), rel=0.2)
    squeezed = fl.Trap(0.5, np.zeros(501), np.geomspace(1, 3, 501), 0.4)
    assert squeezed.work_moments().mean == pytest.approx(squeezed.free_energy, rel=0.01)
    assert squeezed.free_energy == pytest.approx(math.log(3) / 2)


@EVERY_TRAP
def test_energy_is_conserved(trap):
    """W = change of energy + heat: the energy at first is kT/2 on average, at last that of the exact Gaussian."""
    runs = trap.run(N, seed=3)
    change = runs.work - runs.heat
    centre, rate = trap.centres[-1], trap.rates[-1]
    m, C = trap._law
    expected = rate / (2 * trap.D) * (C[-1, -1] + (m[-1] - centre) ** 2) - 0.5
    assert abs(mean(change).z(expected)) < 5


# ---- theorems


@EVERY_TRAP
@pytest.mark.parametrize("seed", [4, 5])
def test_jarzynski_both_ways(trap, seed):
    work = trap.run(N, seed=seed).work - trap.free_energy
    assert fl.effective_samples(work) > 100
    assert abs(fl.exponential_average(work).z(1.0)) < 5
    back = trap.reversed().run(N, seed=seed + 10).work + trap.free_energy
    assert abs(fl.exponential_average(back).z(1.0)) < 5


@EVERY_TRAP
def test_crooks(trap):
    there, back = trap.run(N, seed=6).work, trap.reversed().run(N // 2, seed=7).work
    assert abs(fl.crooks_gap(there, back, trap.free_energy).z(0.0)) < 5
    assert abs(fl.free_energy(there, back).z(trap.free_energy)) < 5
    overlap = np.linspace(np.quantile(there, 0.002), np.quantile(-back, 0.998), 11)
    works, ratios = fl.crooks_ratio(there, back, overlap)
    assert len(works) >= 5
    for work, ratio in zip(works, ratios, strict=True):
        assert abs(ratio.z(work - trap.free_energy)) < 5


def test_crooks_sees_a_wrong_free_energy_and_a_wrong_direction():
    trap = TRAPS["both, unevenly"]
    there, back = trap.run(N, seed=6).work, trap.reversed().run(N, seed=7).work
    assert abs(fl.crooks_gap(there, back, trap.free_energy + 0.1).z(0.0)) > 5
    assert abs(fl.crooks_gap(there, there, trap.free_energy).z(0.0)) > 5


@EVERY_TRAP
def test_entropy_of_driven_paths(trap):
    """<exp(-dS)> = 1 and <dS> > 0; W - dF exceeds <dS> by what the last relaxation would still produce, KL >= 0."""
    runs = trap.run(N, seed=8)
    assert fl.effective_samples(runs.entropy) > 100
    assert abs(fl.exponential_average(runs.entropy).z(1.0)) < 5
    assert mean(runs.entropy).z(0.0) > 5
    m, C = trap._law
    v = trap.D / trap.rates[-1]
    kl = ((C[-1, -1] + (m[-1] - trap.centres[-1]) ** 2) / v - 1 - math.log(C[-1, -1] / v)) / 2
    assert abs(mean(runs.work - runs.entropy).z(kl + trap.free_energy)) < 5


@pytest.mark.parametrize("t", [0.05, 1.0])
@pytest.mark.parametrize("steps", [1, 3])
def test_entropy_of_a_relaxing_cloud(t, steps):
    """Undriven: <exp(-dS)> = 1, <dS> = KL(p_0 || eq) - KL(p_t || eq); however often the path is looked at."""
    bowl = ink.OrnsteinUhlenbeck(1.0, 3.0)
    cloud = ink.GaussianScore(bowl, [0.5, 0.0], 0.45)
    x = (0.5, 0.0) + math.sqrt(0.45) * ink.normal(2 * N, seed=9, stream=ink.Stream.DATA).reshape(N, 2).astype(float)
    path = ink.simulate(bowl, x, np.linspace(0, t, steps + 1), seed=9)
    entropy = fl.path_entropy(bowl, path, cloud.log_density(x, 0), cloud.log_density(path.last, t))
    assert abs(fl.exponential_average(entropy).z(1.0)) < 5
    produced = ink.exact_ledger(cloud, 0).kl - ink.exact_ledger(cloud, t).kl
    assert abs(mean(entropy).z(produced)) < 5


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_a_drop_returns_with_the_chance_its_paths_say(wall):
    """The drop's density ends at an edge: <exp(-dS)> = P(x_2t in the drop), V_0/V in the end."""
    glass = ink.Brownian(1.0, ink.Box(0, 1, wall))
    cells = np.zeros(8)
    cells[[1, 2, 5]] = 1
    drop = ink.BoxScore(glass, cells)
    places = np.array([1, 2, 5])[np.arange(N) % 3]
    x = ((places + ink.uniform(N, seed=10).astype(float)) / 8)[:, None]
    for t in (0.001, 0.02, 1.0):
        path = ink.simulate(glass, x, [0, t], seed=10)
        entropy = fl.path_entropy(glass, path, np.full(N, math.log(8 / 3)), drop.log_density(path.last, t))
        average = fl.exponential_average(entropy)
        chance = drop.cell_averages(2 * t)[cells > 0].sum() / 8
        # At equilibrium all paths weigh the same and the error is that of rounding.
        assert abs(average.value - chance) < 5 * average.stderr + 1e-9
    assert chance == pytest.approx(3 / 8, abs=1e-6)


# ---- honesty


def test_effective_samples_of_gaussian_work():
    """n exp(-Var): 1 kT of dissipation costs a factor e^2."""
    entropy = 1 + math.sqrt(2) * ink.normal(400_000, seed=11).astype(float)
    assert fl.effective_samples(entropy) / 400_000 == pytest.approx(math.exp(-2), rel=0.1)
    assert fl.effective_samples(np.zeros(7)) == pytest.approx(7)


def test_averages_whose_weights_would_over_or_underflow():
    """A common shift cancels, or comes out as a factor; what no float64 holds is said."""
    S = np.array([0.3, -1.0, 2.0, 0.5])
    for shift in (-1e5, -800.0, 800.0, 1e5):
        assert fl.effective_samples(S + shift) == pytest.approx(fl.effective_samples(S), rel=1e-9)
    for shift in (-690.0, 300.0, 500.0):
        there, here = fl.exponential_average(S + shift), fl.exponential_average(S)
        assert tuple(there) == pytest.approx([math.exp(-shift) * number for number in here], rel=1e-9, abs=0.0)
    with pytest.raises(ValueError, match="entropy must be above -700, got -900"):
        fl.exponential_average([-800.0, -900.0])


PAIR = [0.5, 1.0]
AT_THE_DOOR = {
    "one run": (lambda: fl.crooks_gap([1.0], [2.0], 0.0), "forward must have shape"),
    "no run": (lambda: fl.free_energy([], PAIR), "forward must have shape"),
    "no run back": (lambda: fl.free_energy(PAIR, []), "backward must have shape"),
    "texts": (lambda: fl.crooks_gap(np.array(["a", "b"]), PAIR, 0.0), "forward must be"),
    "texts back": (lambda: fl.crooks_ratio(PAIR, ["a", "b"], [0, 1]), "backward must be"),
    "no edges": (lambda: fl.crooks_ratio(PAIR, PAIR, [0]), "edges must be"),
    "free energy": (lambda: fl.crooks_gap(PAIR, PAIR, "0"), "free_energy must be a real number"),
    "no overlap": (lambda: fl.free_energy([900.0, 901.0], [900.0, 901.0]), "do not overlap"),
    "infinite": (lambda: fl.effective_samples([0.0, math.inf]), "entropy must be finite"),
    "duration": (lambda: fl.Trap.drag(1.0, 1.0, distance=1.0, duration="1", jumps=3), "duration"),
    "path": (lambda: fl.path_entropy(ink.Brownian(1.0), "path", PAIR, PAIR), "path must be a Trajectory"),
}


@pytest.mark.parametrize(("call", "words"), AT_THE_DOOR.values(), ids=AT_THE_DOOR)
def test_bad_works_are_told_at_the_door(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("what", ["obstacles", "absorbing walls"])
def test_paths_between_walls_without_a_closed_form_have_no_entropy(what):
    box = ink.Box(0, 1)
    solid = np.zeros((4, 4), bool)
    solid[1, 1] = True
    walls = ink.Maze(box, solid) if what == "obstacles" else ink.Box(0, 1, "absorb")
    process = ink.Brownian(1.0, walls)
    path = ink.simulate(process, np.full((3, 2), 0.6), [0, 1e-4], seed=1, steps=4)
    with pytest.raises(ValueError, match=f"process has {what}, .*a path's entropy"):
        fl.path_entropy(process, path, np.zeros(3), np.zeros(3))


def test_runs_are_functions_of_the_seed():
    trap = TRAPS["dragged"]
    a, b, c = trap.run(100, seed=1), trap.run(100, seed=1), trap.run(100, seed=2)
    assert np.array_equal(a.work, b.work) and np.array_equal(a.entropy, b.entropy)
    assert not np.array_equal(a.work, c.work)
    assert trap.reversed().reversed() == trap


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="centres must be at least two"):
        fl.Trap(1.0, [0.0], 1.0, 0.1)
    with pytest.raises(ValueError, match="rates must be one positive number or 2"):
        fl.Trap(1.0, [0.0, 1.0], [1.0, -1.0], 0.1)
    with pytest.raises(ValueError, match="wait must be > 0"):
        fl.Trap(1.0, [0.0, 1.0], 1.0, 0)
    with pytest.raises(ValueError, match="jumps"):
        fl.Trap.drag(1.0, 1.0, distance=1.0, duration=1.0, jumps=0)
    with pytest.raises(ValueError, match="entropy must have shape"):
        fl.exponential_average(np.zeros((3, 2)))
    bowl = ink.OrnsteinUhlenbeck(1.0, 1.0)
    with pytest.raises(ValueError, match="path holds no states"):
        nothing = ink.simulate(bowl, np.zeros((1, 1)), [0, 1], seed=1, observe={})
        fl.path_entropy(bowl, nothing, np.zeros(1), np.zeros(1))
    path = ink.simulate(bowl, np.zeros((3, 1)), [0, 1], seed=1)
    with pytest.raises(ValueError, match="log_start must have the shape"):
        fl.path_entropy(bowl, path, np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("process", [ink.OrnsteinUhlenbeck(1.0, 3.0), ink.Brownian(1.0, ink.Box(0, 1))])
def test_paths_on_a_device_give_the_same_entropy(device, process):
    x = ink.uniform(60, seed=1).reshape(30, 2).astype(float)
    path = ink.simulate(process, x, [0, 0.1, 0.3], seed=1)
    zero = np.zeros(30)
    here = fl.path_entropy(process, path, zero, zero + 1)
    moved = replace(path, x=device.asarray(path.x))
    there = fl.path_entropy(process, moved, device.asarray(zero), device.asarray(zero + 1))
    assert isinstance(there, type(moved.x))
    assert fl.exponential_average(there) == pytest.approx(fl.exponential_average(here), rel=1e-12)
