"""Absorbing walls and obstacles against exact results: first passages at coarse steps, rest among solid cells."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import inkdiff as ink

L, D = 1.5, 0.4
ABSORBING = ink.Brownian(D, ink.Box(0, L, "absorb"))
END = 6.0  # of 2.5 relaxation times L^2/(pi^2 D): one walker in 10^5 is still alive after 12 of them


def leave(n, start, steps, seed=0, dtype=np.float64, process=ABSORBING):
    return ink.simulate(process, np.full((n, 1), start, dtype), [0, END], seed=seed, steps=steps)


def survival(t, start):
    """Share alive: (4/pi) sum over odd n of sin(n pi x0/L)/n exp(-D (n pi/L)^2 t)."""
    n = np.arange(1, 400, 2)
    return float((4 / (math.pi * n) * np.sin(n * math.pi * start / L) * np.exp(-D * (n * math.pi / L) ** 2 * t)).sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("start", [0.1 * L, 0.5 * L])
@pytest.mark.parametrize("steps", [40, 400])
def test_first_passage_at_any_step(start, steps, dtype, z_score):
    """The mean x0 (L - x0)/(2 D), the splitting x0/L and the whole law; 40 steps are a quarter of the side each."""
    n = 100_000
    run = leave(n, start, steps, dtype=dtype)
    gone = np.isfinite(run.absorbed)
    late = survival(END, start)
    assert abs((~gone).mean() - late) < 5 * math.sqrt(late * (1 - late) / n) + 1e-12
    # Those still alive have, from where they are, an exact mean to go.
    x = run.last[:, 0].astype(np.float64)
    passage = np.where(gone, run.absorbed, END + x * (L - x) / (2 * D))
    assert abs(z_score(passage, start * (L - start) / (2 * D))) < 5
    assert abs(z_score(x[gone] > L / 2, start / L)) < 5 * 1.001
    for t in (0.02, 0.1, 0.5, 2.0):
        alive, p = (run.absorbed > t).mean(), survival(t, start)
        assert abs(alive - p) < 5 * math.sqrt(max(p * (1 - p), 1 / n) / n)
    ends = set(np.unique(run.last[gone]).tolist())
    assert ends == {0.0, float(dtype(L))}


def test_absorbed_walkers_stay_and_continue_to():
    whole = ink.simulate(ABSORBING, np.full((5000, 1), 0.3), [0, 0.2, 0.4, 0.6], seed=3, steps=30)
    first = ink.simulate(ABSORBING, np.full((5000, 1), 0.3), [0, 0.2], seed=3, steps=30)
    rest = ink.simulate(ABSORBING, first.last, [0.2, 0.4, 0.6], seed=3, steps=30, first_step=first.next_step)
    assert np.array_equal(rest.x[1:], whole.x[2:])
    gone = np.isfinite(first.absorbed)
    assert gone.any() and (rest.absorbed[gone] == 0.2).all()
    assert np.array_equal(rest.absorbed[~gone], whole.absorbed[~gone])
    part = ink.simulate(ABSORBING, np.full((100, 1), 0.3), [0, 0.2, 0.4, 0.6], seed=3, steps=30, first_row=700)
    assert np.array_equal(part.x, whole.x[:, 700:800]) and np.array_equal(part.absorbed, whole.absorbed[700:800])


def test_walls_of_all_kinds(z_score):
    """Absorbed across x only: y keeps its own law, at the end or at the moment of absorption."""
    box = ink.Box([0, -1, 0], [L, 1, 2], ["absorb", "reflect", "periodic"])
    n, t = 100_000, 0.3
    run = ink.simulate(ink.Brownian(D, box), np.full((n, 3), 0.5), [0, t], seed=1, steps=10)
    alive = ~np.isfinite(run.absorbed)
    assert abs(alive.mean() - survival(t, 0.5)) < 5 / math.sqrt(n) / 2
    rest = run.last[alive]
    for k, low, side, start in ((1, -1, 2, 1.5), (2, 0, 1, 0.5)):
        wave = math.pi / side
        c = np.cos(wave * (rest[:, k] - low))
        assert abs(z_score(c, math.cos(wave * start) * math.exp(-D * wave**2 * t))) < 5
        gone = np.cos(wave * (run.last[~alive, k] - low)) * np.exp(D * wave**2 * run.absorbed[~alive])
        assert abs(z_score(gone, math.cos(wave * start))) < 5  # the place where each was absorbed, in its own time


def test_place_beside_a_corner_at_the_longest_steps(z_score):
    """Start near a corner of absorbing walls: where on the wall x = 0 they end, against flux times survival."""
    n, start, T = 200_000, 0.1, 0.125
    square = ink.Brownian(1.0, ink.Box((0, 0), (1, 1), "absorb"))
    run = ink.simulate(square, np.full((n, 2), start), [0, T], seed=1, steps=4)
    k = np.arange(1, 1200)[:, None] * math.pi
    t = np.geomspace(1e-6, T, 4001)
    decay = np.exp(-(k**2) * t)
    flux = 2 * (k * np.sin(k * start) * decay).sum(0)  # through x = 0

    def integral(y_moment):  # int flux(t) E[y^m; alive] dt, by y's own sine series
        of_y = 2 * (np.sin(k * start) * decay * y_moment).sum(0)
        return np.trapezoid(flux * of_y * t, np.log(t))

    sign = np.cos(k)
    mass, first, second = ((1 - sign) / k, -sign / k, -sign / k + 2 * (sign - 1) / k**3)
    p = integral(mass)
    gone = np.isfinite(run.absorbed)
    at_wall = gone & (run.last[:, 0] == 0) & (run.last[:, 1] > 0) & (run.last[:, 1] < 1)
    assert abs(at_wall.mean() - p) < 5 * math.sqrt(p * (1 - p) / n)
    y = run.last[at_wall, 1]
    assert abs(z_score(y, integral(first) / p)) < 5
    assert abs(z_score(y**2, integral(second) / p)) < 5
    in_corner = gone & ((run.last == 0) | (run.last == 1)).all(axis=1)
    assert in_corner.mean() < 1e-4


@pytest.mark.parametrize("steps", [1, 8])
def test_times_follow_the_clock_of_the_process(steps):
    """Noise that grows in time: survival at a time within a step."""
    process, n, x0 = ink.VarianceExploding(0.01, 0.5, ink.Box(0, 1, "absorb")), 50_000, 0.1
    run = ink.simulate(process, np.full((n, 1), x0), [0, 0.82], seed=1, steps=steps)
    k = np.arange(1, 2000, 2) * math.pi
    for t in (0.3, 0.5, 0.75):
        p = float((4 / k * np.sin(k * x0) * np.exp(-process.variance(t) / 2 * k**2)).sum())
        assert abs((run.absorbed > t).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_too_long_a_step_and_what_has_no_closed_form():
    x = np.full((10, 1), 0.3)
    with pytest.raises(ValueError, match=r"steps=1 are too few.*quarter of a side.*at least steps=\d+"):
        ink.simulate(ABSORBING, x, [0, 10], seed=1)
    for call in (
        lambda: ink.diffuse(ABSORBING, x, 1, seed=1),
        lambda: ink.reverse(ABSORBING, lambda x, t: x, x, [1, 0], seed=1),
        lambda: ink.replay(ABSORBING, x, [0, 1], seed=1),
        lambda: ABSORBING.log_transition(x, 1.0, x),
        lambda: ink.BoxScore(ABSORBING, np.ones(4)),
        lambda: ink.EmpiricalScore(ABSORBING, x),
        lambda: ink.fit(ABSORBING, x, steps=1, seed=1),
    ):
        with pytest.raises(ValueError, match=r"absorbing walls.*no closed form.*simulate"):
            call()
    assert ABSORBING.equilibrium is None


# ---- obstacles

RNG = np.random.default_rng(5)
SOLID = np.zeros((12, 10), bool)
SOLID[4, :8] = SOLID[8, 2:] = SOLID[1, 4] = True  # two walls with gaps, and a pillar
MAZE = ink.Maze(ink.Box([0, 0], [1.2, 1.0]), SOLID)


def free_places(n, maze=MAZE, seed=0):
    rng = np.random.default_rng(seed)
    cells = np.argwhere(~maze.solid)
    low = maze.box.low(maze.solid.ndim)
    return low + (cells[rng.integers(len(cells), size=n)] + rng.uniform(0, 1, (n, maze.solid.ndim))) * maze.cell


def counts_of(x, maze=MAZE):
    return ink.Histogram(maze.box, maze.solid.shape)(x)


@pytest.mark.parametrize("steps", [200, 6500])
def test_uniform_on_the_free_part(steps):
    """Uniform stays uniform at any step, and one corner fills the maze evenly; nobody is ever inside a wall."""
    n, process = (40_000 if steps == 200 else 8_000), ink.Brownian(1.0, MAZE)
    time = steps * (0.02**2 / 2) if steps == 200 else 2.0
    start = free_places(n) if steps == 200 else np.full((n, 2), 0.05)
    x = ink.simulate(process, start, [0, time], seed=2, steps=steps).last
    counts = counts_of(x)
    assert counts[SOLID].sum() == 0
    if steps == 200:
        assert stats.chisquare(counts[~SOLID]).pvalue > 1e-6
    else:
        assert (counts[~SOLID] > 0).all()
        # Through both gaps, and not yet more than its share.
        right = counts[9:].sum() / n
        assert 0.1 < right < (~SOLID)[9:].sum() / (~SOLID).sum() + 5 / math.sqrt(n)
    MAZE.check_inside(x)


def test_entropy_among_obstacles():
    """ln of the free volume at equilibrium, counted in cells of which none is partly solid."""
    x = free_places(100_000)
    truth = ink.uniform_entropy(MAZE, 2)
    assert truth == pytest.approx(math.log(MAZE.free_volume))
    for bins in (None, (24, 20)):
        measured = ink.entropy(x, MAZE, bins=bins)
        assert abs(measured.value - truth) < 5 * measured.stderr
    assert np.array_equal(ink.concentration(x, MAZE, SOLID.shape), counts_of(x))
    for bad in ({"bins": 7}, {"joint": False}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            ink.entropy(x, MAZE, **bad)
    with pytest.raises(TypeError, match="domain"):
        ink.neighbour_entropy(x, MAZE)


def test_a_sealed_room_keeps_its_ink():
    solid = np.zeros((9, 9, 3), bool)
    solid[4] = True  # a wall one cell thick
    solid[4, 4, :] = False
    solid[3, 4, :] = solid[5, 4, :] = True  # a niche: free, but its ways out are corners of solid cells
    solid[3, 3:6, :] = True
    maze = ink.Maze(ink.Box(0, 1, "reflect"), solid)
    start = np.full((5_000, 3), 0.1)
    x = ink.simulate(ink.Brownian(1.0, maze), start, [0, 0.5], seed=1, steps=3000).last
    assert x[:, 0].max() < 4 / 9
    assert counts_of(x, maze)[solid].sum() == 0


def test_free_of_obstacles_is_the_box():
    """The law of the box, to the order of the refused steps (longer than a cell)."""
    maze = ink.Maze(ink.Box(0, 1), np.zeros((4, 4), bool))
    n, t = 100_000, 0.05
    x = ink.simulate(ink.Brownian(0.5, maze), np.full((n, 2), 0.3), [0, t], seed=4, steps=100).last
    for k in (1, 2):
        c = np.cos(k * math.pi * x).mean(1)
        truth = math.cos(k * math.pi * 0.3) * math.exp(-0.5 * (k * math.pi) ** 2 * t)
        assert abs(c.mean() - truth) < 5 * c.std() / math.sqrt(n)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ink.Maze(ink.Free(), SOLID), "box"),
        (lambda: ink.Maze(ink.Box(0, 1, "absorb"), SOLID), "box"),
        (lambda: ink.Maze(ink.Box(0, 1), SOLID.astype(int)), "solid"),
        (lambda: ink.Maze(ink.Box(0, 1), np.ones((3, 3), bool)), "solid"),
        (lambda: ink.simulate(ink.Brownian(1.0, MAZE), np.full((3, 2), 0.45), [0, 1e-4], seed=1), "x"),
        (lambda: ink.simulate(ink.Brownian(1.0, MAZE), np.full((3, 3), 0.05), [0, 1e-4], seed=1), "x"),
        (lambda: ink.simulate(ink.Brownian(1.0, MAZE), np.full((3, 2), 0.05), [0, 1], seed=1), "steps"),
        (lambda: ink.diffuse(ink.Brownian(1.0, MAZE), np.full((3, 2), 0.05), 1, seed=1), "obstacles"),
    ],
)
def test_bad_input_is_named(make, named):
    with pytest.raises((ValueError, TypeError), match=rf"\b{named}\b"):
        make()
