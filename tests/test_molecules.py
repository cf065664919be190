"""Molecules: every bit comes back, lists and threads change none, and what Newton, Maxwell and Einstein say holds."""

from __future__ import annotations

import math
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy import integrate

import inkdiff as ink
from inkdiff import viz
from inkdiff.kernels.molecules import BITS

mol = ink.molecules
QUANTA = 1 << BITS


def ready(n=300, density=0.5, seed=1, relax=2.0, **options):
    return mol.start(mol.Fluid(n, density, **options), seed=seed, relax=relax)


def same(a, b):
    return a.differing_bits(b) == 0


def z(samples, truth):
    samples = np.asarray(samples, float)
    return (samples.mean() - truth) / (samples.std(ddof=1) / math.sqrt(samples.size))


def placed(fluid, positions, velocities):
    """A state from positions (sigma) and velocities (sigma/tau)."""
    x = np.rint(np.asarray(positions) / fluid.quantum).astype(np.int64) % QUANTA
    return mol.State(fluid, x, np.rint(np.asarray(velocities) * fluid.dt / fluid.quantum).astype(np.int64))


# ---- reversibility


@pytest.mark.parametrize(
    ("n", "density", "temperature", "dt"),
    [(300, 0.5, 1.0, 0.005), (97, 0.8, 0.3, 0.01), (1000, 0.1, 4.0, 0.002), (9, 0.05, 1.0, 0.005)],
)
def test_turned_round_every_bit_comes_back(n, density, temperature, dt):
    start = ready(n, density, temperature=temperature, dt=dt)
    there = mol.run(start, 3000)
    assert there.differing_bits(start) > 20 * n  # of 2 n positions and 2 n velocities
    assert same(mol.run(there.reversed(), 3000).reversed(), start)


@pytest.mark.parametrize("quanta", [1, -1])
def test_one_quantum_at_the_reversal_and_they_never_meet_again(quanta):
    start = ready()
    there = mol.run(start, 4000)
    back = mol.run(there.reversed().displaced(17, quanta), 4000).reversed()
    assert back.distance(start) > math.sqrt(start.fluid.molecules)
    nearly = mol.run(there.reversed().displaced(17, quanta), 100).reversed()
    assert 0 < nearly.distance(mol.run(start, 3900)) < 1e-6


def test_cutting_a_run_changes_nothing():
    start = ready()
    whole = mol.run(start, 100)
    assert same(mol.run(mol.run(start, 37), 63), whole)
    seen = mol.trajectory(start, 20, 5)
    assert same(seen.last, whole)
    assert same(mol.State(start.fluid, seen.x[0], seen.v[0]), start)
    assert same(mol.State(start.fluid, seen.x[7], seen.v[7]), mol.run(start, 35))
    watched = mol.observables(start, 20, 5, {"p": lambda s: s.momentum})
    assert same(watched.last, whole) and watched.observed["p"].shape == (21, 2)
    np.testing.assert_allclose(seen.times, watched.times)
    assert same(mol.run(start, 0), start)


@pytest.mark.parametrize(("n", "density"), [(14, 0.5), (300, 0.5), (200, 0.85), (64, 0.02)])
def test_lists_give_the_bits_of_all_pairs(n, density):
    start = ready(n, density, relax=0.5)
    assert same(mol.run(start, 200), mol.run(start, 200, all_pairs=True))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_threads_change_no_bit():
    start = ready(2500, relax=0.0)  # enough for two threads
    before, ends = numba.get_num_threads(), []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        ends.append(mol.run(start, 60))
        assert numba.get_num_threads() == threads
    numba.set_num_threads(before)
    assert same(*ends)


def test_the_order_of_molecules_does_not_matter():
    start = ready()
    order = np.argsort(ink.uniform(300, seed=4))
    mixed = mol.run(mol.State(start.fluid, start.x[order], start.v[order]), 500)
    straight = mol.run(start, 500)
    assert np.array_equal(mixed.x, straight.x[order]) and np.array_equal(mixed.v, straight.v[order])


def test_a_run_leaves_its_argument_alone():
    start = ready()
    x, v = start.x.copy(), start.v.copy()
    mol.run(start, 50)
    mol.run(start, 5, all_pairs=True)
    assert np.array_equal(start.x, x) and np.array_equal(start.v, v)


# ---- mechanics


def test_momentum_is_conserved_exactly():
    start = ready(seed=3)
    assert start.momentum == (0, 0)
    pushed = mol.State(start.fluid, start.x, start.v + np.array([12345, -6]))
    assert mol.run(pushed, 2000).momentum == (12345 * 300, -6 * 300)


def test_the_box_has_no_edge():
    """Moving every molecule by the same quanta, across the edge too, moves the whole history with them."""
    start = ready()
    shift = np.array([QUANTA // 3, QUANTA - 5])
    moved = mol.State(start.fluid, (start.x + shift) % QUANTA, start.v)
    a, b = mol.run(start, 800), mol.run(moved, 800)
    assert np.array_equal((a.x + shift) % QUANTA, b.x) and np.array_equal(a.v, b.v)


def test_axes_are_alike():
    start = ready()
    turned = mol.State(start.fluid, start.x[:, ::-1].copy(), start.v[:, ::-1].copy())
    assert np.array_equal(mol.run(start, 500).x[:, ::-1], mol.run(turned, 500).x)


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_a_collision_follows_newton(offset):
    """Two discs, the others at rest out of reach, against an independent solution; the error is of order dt^2."""

    def force(r):
        s6 = 1 / (r @ r) ** 3
        return 24 * (2 * s6 * s6 - s6) / (r @ r) * r if r @ r < 2 ** (1 / 3) else 0 * r

    def newton(_, y):
        f = force(y[:2] - y[2:4])
        return np.concatenate([y[4:8], f, -f])

    fluid = mol.Fluid(9, 0.05)
    first, second = np.array([12.9, 1.0]), np.array([14.6 - fluid.side, 1.0 + offset])  # across the edge
    others = [(1.5 + 1.3 * i, 8.0) for i in range(7)]
    speeds = [(1.2, 0.1), (-0.9, 0.0)] + [(0.0, 0.0)] * 7
    steps = 300
    y0 = np.concatenate([first, second + np.array([fluid.side, 0]), *speeds[:2]])
    exact = integrate.solve_ivp(newton, (0, 1.5), y0, rtol=1e-10, atol=1e-10, max_step=0.01).y[:, -1]
    errors = []
    for dt in (0.005, 0.0025):
        fluid = replace(fluid, dt=dt)
        state = mol.run(placed(fluid, [first, second, *others], speeds), round(steps * 0.005 / dt))
        away = state.positions[:2] - exact[:4].reshape(2, 2)
        away -= fluid.side * np.rint(away / fluid.side)
        errors.append(math.hypot(np.abs(away).max(), np.abs(state.velocities[:2] - exact[4:].reshape(2, 2)).max()))
        assert not state.v[2:].any()
    assert errors[0] < 2e-3
    assert 2.5 < errors[0] / errors[1] < 6.5


def test_energy_wavers_by_dt_squared_and_does_not_drift():
    spread = []
    for dt in (0.005, 0.0025):
        state = placed(mol.Fluid(400, 0.5, dt=dt), (s := ready(400, seed=5)).positions, s.velocities)
        every = round(0.01 / dt)
        energy = mol.observables(state, 500, every, {"E": lambda s: s.energy.total}).observed["E"]
        spread.append(energy.std())
        slope = np.polyfit(np.arange(501), energy, 1)[0] * 500
        assert abs(slope) < 3e-4 * energy.mean()
    assert 2.5 < spread[0] / spread[1] < 6.5


def test_potential_and_forces_are_those_of_the_formula():
    state = ready(200, 0.8)
    r = state.positions[:, None] - state.positions[None]
    r -= state.fluid.side * np.rint(r / state.fluid.side)
    square = (r**2).sum(-1) + np.where(np.eye(200), np.inf, 0)
    s6 = np.where(square < 2 ** (1 / 3), square, np.inf) ** -3.0
    assert state.energy.potential == pytest.approx(
        (np.where(s6 > 0, 4 * (s6**2 - s6) + 1, 0)).sum() / 2 / 200, rel=1e-12
    )
    force = (24 * (2 * s6**2 - s6) / square)[:, :, None] * r
    laplacian = (4 * (144 * s6**2 - 36 * s6) / square).sum()  # (d^2/dr^2 + d/(r dr)) of 4 (r^-12 - r^-6)
    expected = (force.sum(1) ** 2).sum() / laplacian
    assert state.configurational_temperature == pytest.approx(expected, rel=1e-10)


# ---- statistics


@pytest.mark.parametrize(("n", "density"), [(10, 0.3), (99, 0.5), (1000, 0.85), (2500, 0.01)])
def test_the_lattice_has_no_overlaps_and_no_holes(n, density):
    state = ready(n, density, relax=0)
    r = state.positions[:, None] - state.positions[None]
    r -= state.fluid.side * np.rint(r / state.fluid.side)
    nearest = np.sqrt((r**2).sum(-1) + np.where(np.eye(n), np.inf, 0)).min(1)
    assert nearest.min() > 0.95
    assert nearest.max() < 1.7 / math.sqrt(density)


def test_maxwells_velocities():
    state = ready(20_000, temperature=2.0, relax=0)
    assert state.temperature == pytest.approx(2.0, rel=1e-9)
    assert state.momentum == (0, 0)
    v = state.velocities
    assert abs(z(v[:, 0] ** 2, 2.0)) < 5 and abs(z(v[:, 0] ** 4, 3 * 2.0**2)) < 5 and abs(z(v[:, 0] * v[:, 1], 0)) < 5
    other = ready(20_000, temperature=2.0, relax=0, seed=2).velocities
    assert abs(z(v[:, 0] * other[:, 0], 0)) < 5


@pytest.mark.parametrize(("density", "temperature"), [(0.5, 1.0), (0.75, 0.5)])
def test_two_thermometers_agree(density, temperature):
    """|grad U|^2 / laplacian U and the kinetic energy, over independent starts; equal to O(1/n)."""
    difference, kinetic = [], []
    for seed in range(12):
        state = ready(1000, density, seed=seed, relax=3.0, temperature=temperature)
        for _ in range(6):
            state = mol.run(state, 60)
            difference.append(state.configurational_temperature / state.temperature)
            kinetic.append(state.temperature)
    per_start = np.reshape(difference, (12, 6)).mean(1)
    assert abs(z(per_start, 1.0)) < 5
    assert abs(np.mean(kinetic) / temperature - 1) < 0.05


def test_correlations_equal_their_sums():
    from inkdiff.physics.molecules.motion import _correlations
    from inkdiff.physics.molecules.state import shortest

    state = ready(40, 0.3)
    seen = mol.trajectory(state, 30, 40)
    msd, vacf = _correlations(seen, 15)
    r = np.cumsum(np.concatenate([np.zeros((1, 40, 2)), shortest(np.diff(seen.x, axis=0))]), 0) * state.fluid.quantum
    v = seen.v * state.fluid.quantum / state.fluid.dt
    for k in (0, 1, 7, 15):
        last = len(r) - k
        assert msd[k] == pytest.approx(((r[k:] - r[:last]) ** 2).sum(-1).mean(), rel=1e-9, abs=1e-12)
        assert vacf[k] == pytest.approx((v[k:] * v[:last]).sum(-1).mean(), rel=1e-9)


def test_D_by_two_routes():
    walk = mol.transport(ready(1000, 0.4, seed=6), blocks=12, frames=100, window=(1.0, 2.5))
    assert walk.window == pytest.approx((1.0, 2.5))
    a, b = walk.from_msd, walk.from_vacf
    assert abs(a.value - b.value) < 5 * math.hypot(a.stderr, b.stderr)
    assert abs(walk.difference.z(0)) < 5
    assert a.stderr < 0.1 * a.value and b.stderr < 0.1 * b.value
    assert min(a.value, b.value) <= walk.D.value <= max(a.value, b.value)
    assert walk.D.stderr < min(a.stderr, b.stderr)
    # ballistic at first: <v^2> t^2, <v^2> = 2 T; slower soon after
    assert walk.msd[1, 0] == pytest.approx(walk.vacf[0, 0] * walk.times[1] ** 2, rel=0.03)
    assert walk.msd[-1, 0] < 0.5 * walk.vacf[0, 0] * walk.times[-1] ** 2
    assert walk.vacf[0, 0] == pytest.approx(2 * 1.0, rel=0.1)
    # D(t) by both routes, at every lag of the window
    slope, memory = walk.running
    inside = slice(round(1.0 / walk.times[1]), -1)
    np.testing.assert_allclose(slope[inside], memory[inside], rtol=0.1)


def test_free_flight_has_no_D():
    """Molecules that never meet: MSD = v^2 t^2 and C = v^2 at every lag, exactly."""
    fluid = mol.Fluid(9, 0.01)
    lanes = [(1.0, 2.0 + 2.5 * i) for i in range(9)]
    speeds = [(0.5 + 0.1 * i, 0.0) for i in range(9)]
    state = placed(fluid, lanes, speeds)
    walk = mol.transport(state, blocks=4, frames=20, window=(0.0, 0.5))
    mean = float((state.velocities**2).sum(-1).mean())
    np.testing.assert_allclose(walk.msd[:, 0], mean * walk.times**2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(walk.vacf[:, 0], mean, rtol=1e-9)


def test_entropy_of_a_drop_grows_and_comes_back():
    start = ready(2000, 0.4, seed=7)
    box = start.fluid.box
    ink_molecules = start.within((box.hi / 2, box.hi / 2), 10.0)

    def entropy(state):
        return ink.entropy(state.positions[ink_molecules], box, bins=6)

    there = mol.run(start, 6000)
    grown = entropy(there).value - entropy(start).value
    assert grown > 5 * math.hypot(entropy(there).stderr, entropy(start).stderr)
    assert entropy(mol.run(there.reversed(), 6000)) == entropy(start)


# ---- divergence


def test_two_worlds_part_exponentially_both_ways():
    state = ready(500, 0.5, seed=8, relax=4.0)
    rates = []
    for begin in (state, state.reversed()):  # chaos has no arrow: backwards is as unstable
        others = [begin.displaced(i) for i in (0, 100, 200, 300)]
        times, distances = mol.divergence(begin, others, 120, 50)
        assert distances.shape == (4, 121) and times[-1] == pytest.approx(30.0)
        np.testing.assert_allclose(distances[:, 0], state.fluid.quantum)
        rates.append(mol.lyapunov(times, distances))
    for rate in rates:
        assert 0.5 < rate.value < 10 and 0 < rate.stderr < rate.value / 3


def test_lyapunov_of_an_exponential_is_its_rate():
    times = np.linspace(0, 20, 81)
    curves = np.array([1e-12 * np.exp(rate * times) for rate in (1.9, 2.1)])
    rate = mol.lyapunov(times, curves)
    assert rate.value == pytest.approx(2.0) and rate.stderr == pytest.approx(0.1)


# ---- doors


def test_bits_are_counted():
    state = ready(50)
    other = state.displaced(3, quanta=QUANTA // 2)
    assert state.differing_bits(other) == 1
    assert state.distance(other) == pytest.approx(state.fluid.side / 2)
    assert state.displaced(0, -(2**47)).x[0, 0] == (state.x[0, 0] + QUANTA // 2) % QUANTA
    assert same(state.reversed().reversed(), state)


def test_states_are_equal_by_their_bits():
    start = ready(50)
    assert mol.run(mol.run(start, 20).reversed(), 20).reversed() == start
    assert start != start.displaced(3) and start != start.reversed() and start != "start"
    other = mol.Fluid(50, start.fluid.density, dt=start.fluid.dt / 2)
    assert start != replace(start, fluid=other)
    with pytest.raises(TypeError, match="unhashable"):
        hash(start)


def test_within_goes_around_the_edge():
    fluid = mol.Fluid(9, 0.05)
    places = [(0.1, 0.1), (fluid.side - 0.1, fluid.side - 0.2), (1.4, 0.0)] + [(5.0, 2.0 + i) for i in range(6)]
    state = placed(fluid, places, np.zeros((9, 2)))
    assert state.within((0, 0), 1.0).tolist() == [True, True] + [False] * 7


def test_few_molecules_and_short_integers_will_do():
    assert mol.start(mol.Fluid(2, 0.01), seed=1, relax=1.0).x.shape == (2, 2)
    assert mol.Fluid(3, 0.1).cells(mol.fluid.CUTOFF + mol.fluid.SKIN) == 3
    fluid = mol.Fluid(np.int16(20_000), np.float32(0.5))
    assert fluid == mol.Fluid(20_000) and type(fluid.molecules) is int and type(fluid.density) is float


def test_overlaps_are_refused():
    fluid = mol.Fluid(9, 0.05)
    places = [(1.0, 1.0), (1.2, 1.0)] + [(2.5 + 1.2 * i, 6.0) for i in range(7)]
    with pytest.raises(ValueError, match=r"state .*nearer than 0.5 sigma.*start\(\)"):
        mol.run(placed(fluid, places, np.zeros((9, 2))), 1)
    heap = mol.Fluid(300)
    with pytest.raises(ValueError, match="state"):
        mol.run(placed(heap, np.full((300, 2), 3.0), np.zeros((300, 2))), 1)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda s: mol.Fluid(0), ValueError, "molecules must be"),
        (lambda s: mol.Fluid(1, 0.01), ValueError, "molecules must be from 2 to"),
        (lambda s: mol.Fluid(2, 0.1), ValueError, "molecules must be at least 3 at density 0.1, got 2"),
        (lambda s: mol.Fluid(100.0), TypeError, "molecules must be an integer"),
        (lambda s: mol.Fluid(11, 0.5), ValueError, "molecules must be at least 12 at density 0.5, got 11"),
        (lambda s: mol.Fluid(100, 0.9), ValueError, "density must be at most 0.85"),
        (lambda s: mol.Fluid(100, -1), ValueError, "density must be > 0"),
        (lambda s: mol.Fluid(100, dt=0.02), ValueError, "dt must be at most 0.01"),
        (lambda s: mol.Fluid(100, temperature=4.0, dt=0.008), ValueError, "dt must be at most 0.005"),
        (lambda s: mol.Fluid(100, temperature=math.nan), ValueError, "temperature must be finite"),
        (lambda s: mol.Fluid(100, 1e-20, dt=1e-5), ValueError, "dt=1e-05 is too short"),
        (lambda s: mol.start(s.fluid, seed=-1), ValueError, "seed must be"),
        (lambda s: mol.start(s.fluid, seed=1, relax=-1), ValueError, "relax must be"),
        (lambda s: mol.start(100, seed=1), TypeError, "fluid must be a Fluid"),
        (lambda s: mol.State(s.fluid, s.x[:5], s.v), ValueError, "x must be"),
        (lambda s: mol.State(s.fluid, s.x, s.v.astype(float)), ValueError, "v must be"),
        (lambda s: mol.State(s.fluid, s.x - QUANTA, s.v), ValueError, "x must hold phases"),
        (lambda s: mol.run(s, -1), ValueError, "steps must be"),
        (lambda s: mol.run(s, 1.5), TypeError, "steps must be an integer"),
        (lambda s: mol.run("x", 1), TypeError, "state must be a State of molecules"),
        (lambda s: mol.trajectory(s.x, 1), TypeError, "state must be a State of molecules"),
        (lambda s: mol.observables(None, 1, 1, {}), TypeError, "state must be a State of molecules"),
        (lambda s: mol.transport(3), TypeError, "state must be a State of molecules"),
        (lambda s: mol.divergence(s, [s.x], 1, 1), TypeError, "others must be a State of molecules"),
        (lambda s: s.distance("x"), TypeError, "other must be a State of molecules"),
        (lambda s: mol.lyapunov(np.arange(2.0), ["a", "b"]), TypeError, "distances must be"),
        (lambda s: mol.trajectory(s, 0), ValueError, "frames must be"),
        (lambda s: mol.trajectory(s, 10**8), ValueError, "frames=100000000 of 100 molecules do not fit"),
        (lambda s: mol.observables(s, 1, 1, lambda s: 0), TypeError, "observe must map names"),
        (lambda s: mol.transport(s, blocks=2), ValueError, "blocks must be"),
        (lambda s: mol.transport(s, frames=10), ValueError, "window must be two times within half a block"),
        (lambda s: mol.transport(s, window=(3, 1)), ValueError, "window must strictly increase"),
        (lambda s: mol.transport(s, window=(1, 2, 3)), ValueError, "window must be two times"),
        (lambda s: mol.divergence(s, [], 1, 1), ValueError, "others is empty"),
        (lambda s: s.distance(ready(99, relax=0)), ValueError, "other must be a state of the same fluid"),
        (lambda s: s.displaced(100), ValueError, "molecule must be"),
        (lambda s: s.within((0, 0, 0), 1), ValueError, "center must be two numbers"),
        (lambda s: s.within((0, 0), -1), ValueError, "radius must be > 0"),
        (lambda s: mol.lyapunov(np.arange(9.0), np.ones((2, 9))), ValueError, "distances must grow"),
        (lambda s: mol.lyapunov(np.arange(9.0), np.ones(9)), ValueError, "at least two curves"),
    ],
)
def test_bad_input_is_told_before_any_work(make, error, words):
    with pytest.raises(error, match=words):
        make(ready(100, relax=0))


def test_discs_are_drawn_where_they_are_and_as_large():
    ax = viz.figure()[1][0, 0]
    x, dark = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 1.0]]), np.array([True, False, True])
    viz.discs(ax, x, 6.0, dark, diameter=1.5)
    water, ink_discs = ax.collections
    np.testing.assert_array_equal(water.get_offsets(), x[~dark])
    np.testing.assert_array_equal(ink_discs.get_offsets(), x[dark])
    assert ink_discs.get_widths().tolist() == [1.5, 1.5] and ink_discs._units == "xy"
    assert ax.get_xlim() == ax.get_ylim() == (0, 6)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 2\) and ink \(n,\)"):
        viz.discs(ax, x, 6.0, dark[:2])


# ---- the whole


@pytest.mark.slow
def test_ten_thousand_molecules_ten_thousand_steps_and_back():
    start = ready(10_000, seed=9)
    there = mol.run(start, 10_000)
    assert same(mol.run(there.reversed(), 10_000).reversed(), start)
    back = mol.run(there.reversed().displaced(5000), 10_000).reversed()
    assert back.distance(start) > 100


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.3, 0.7])
def test_D_by_two_routes_at_length(density):
    walk = mol.transport(ready(4000, density, seed=10, relax=10.0))
    a, b = walk.from_msd, walk.from_vacf
    assert abs(a.value - b.value) < 5 * math.hypot(a.stderr, b.stderr)
    assert abs(walk.difference.z(0)) < 5
