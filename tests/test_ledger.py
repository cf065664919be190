"""The ledger against exact entropies, and the identities that tie its columns together."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.physics.ledger import Ledger, divergence_rate, entropy_production, entropy_rate, exact_ledger, relaxation

BOX = ink.Box(0, 1)
BOWL = ink.OrnsteinUhlenbeck(1.0, 4.0)
GLASS = ink.Brownian(0.5, BOX)


def normals(n, d, seed, variance=1.0):
    x = ink.normal(n * d, seed=seed, stream=ink.Stream.DATA).reshape(n, d).astype(float)
    return math.sqrt(variance) * x


def uniforms(n, d, seed):
    return ink.uniform(n * d, seed=seed).reshape(n, d).astype(float)


def in_cells(cells, K, n, seed):
    """Ink spread evenly over some of K cells of the unit interval, (n, 1)."""
    return ((np.asarray(cells)[np.arange(n) % len(cells)] + uniforms(n, 1, seed)[:, 0]) / K)[:, None]


def later(process, x, t, seed):
    return ink.simulate(process, x, [0, t], seed=seed, observe={}).last


# Every body: process, score, start (n, d). Two of each kind, free, boxed and harmonic, images' clocks too.
def bodies(n=3000, seed=1):
    cells = np.array([0.0, 1, 1, 0, 0])
    torus = ink.Brownian(0.5, ink.Box(0, 1, "periodic"))
    tube = ink.Brownian(0.5, ink.Box([0, 0], [1, 1.5], ["reflect", "periodic"]))
    one = np.outer([0, 1, 0, 0], [0, 0, 1])
    ve, vp = ink.VarianceExploding(0.05, 3.0, BOX), ink.VariancePreserving.linear()
    free = ink.Brownian(0.5)
    two = {"weights": [1, 2], "means": [[-1.0, 0.0], [1.0, 0.5]], "covariances": 0.2}
    which = np.array(two["means"])[(np.arange(n) % 3 > 0).astype(int)]
    return {
        "free": (free, ink.GaussianScore(free, [0.3, 0.0], 0.1), np.array([0.3, 0.0]) + normals(n, 2, seed, 0.1)),
        "bowl": (BOWL, ink.GaussianScore(BOWL, [0.6], 0.1), 0.6 + normals(n, 1, seed, 0.1)),
        "glass": (GLASS, ink.BoxScore(GLASS, cells), in_cells([1, 2], 5, n, seed)),
        "torus": (torus, ink.BoxScore(torus, cells), in_cells([1, 2], 5, n, seed)),
        "tube": (tube, ink.BoxScore(tube, one), (uniforms(n, 2, seed) + np.array([1, 2])) / 4 * [1, 2]),
        "VE": (ve, ink.BoxScore(ve, cells), in_cells([1, 2], 5, n, seed)),
        "VP": (vp, ink.MixtureScore(vp, **two), which + normals(n, 2, seed, 0.2)),
    }


NAMES = list(bodies(6))
TIMES = {"VE": (0.5, 0.7), "VP": (0.1, 0.4)}


# ---- neighbours


@pytest.mark.parametrize("wall", ["reflect", "periodic", "mixed"])
@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_neighbours_are_unbiased_for_uniform_ink_between_walls(wall, d):
    """Even for few particles: in d = 8 nearly every one of them feels a wall."""
    walls = [("reflect", "periodic")[j % 2] for j in range(d)] if wall == "mixed" else wall
    box = ink.Box([-1.0] * d, [1.5] * d, walls)
    z = [
        ink.neighbour_entropy(-1 + 2.5 * uniforms(400, d, seed), box).z(ink.uniform_entropy(box, d))
        for seed in range(20)
    ]
    assert abs(np.mean(z)) * math.sqrt(len(z)) < 5


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_in_free_space_are_within_their_stated_bias(d, k):
    """2 d (k/n)^(2/d) beyond the error; coordinates of any scale."""
    n, scale = 4000, np.geomspace(1, 100, d)
    estimate = ink.neighbour_entropy(normals(n, d, seed=d) * scale, k=k)
    truth = ink.gaussian_entropy(1.0, d) + np.log(scale).sum()
    assert abs(estimate.value - truth) < 5 * estimate.stderr + 2 * d * (k / n) ** (2 / d)
    assert estimate.stderr < 0.1


def test_walls_matter_to_neighbours():
    """Without the correction the entropy of a full box is overrated by far more than the error."""
    x = uniforms(4000, 3, seed=1)
    assert abs(ink.neighbour_entropy(x, BOX).z(0.0)) < 5
    assert ink.neighbour_entropy(x).z(0.0) > 5


def test_neighbours_standard_error_is_the_spread_of_the_estimate():
    estimates = [ink.neighbour_entropy(normals(500, 2, seed)) for seed in range(60)]
    spread = np.std([e.value for e in estimates], ddof=1)
    # Both sides are known to about 9 %.
    assert 0.6 < np.sqrt(np.mean([e.stderr**2 for e in estimates])) / spread < 1.6


def test_what_neighbours_cannot_do_is_said():
    with pytest.raises(ValueError, match="up to d=8"):
        ink.neighbour_entropy(normals(200, 9, 1))
    with pytest.raises(ValueError, match="needs at least 80"):
        ink.neighbour_entropy(normals(79, 2, 1))
    with pytest.raises(ValueError, match="rows in one place"):
        ink.neighbour_entropy(np.repeat(normals(20, 2, 1), 5, axis=0))
    with pytest.raises(ValueError, match="must lie in the box"):
        ink.neighbour_entropy(normals(100, 2, 1), BOX)


# ---- chi^2


def test_chi2_counts_without_bias():
    """At equilibrium 0, with calibrated errors; of a Gaussian in a bowl its exact value, but for the cells' blur."""
    z = np.array([ink.chi2_to_equilibrium(uniforms(500, 1, seed), GLASS, bins=20).z(0.0) for seed in range(60)])
    assert abs(z.mean()) * math.sqrt(len(z)) < 5 and 0.6 < z.std() < 1.4
    score = ink.GaussianScore(BOWL, [0.3], 0.2)
    estimate = ink.chi2_to_equilibrium(0.3 + normals(40_000, 1, 3, 0.2), BOWL, bins=200)
    assert abs(estimate.value - exact_ledger(score, 0).chi2) < 5 * estimate.stderr + 0.005
    with pytest.raises(ValueError, match="d=4"):
        ink.chi2_to_equilibrium(uniforms(10, 4, 1), GLASS)
    with pytest.raises(ValueError, match="no equilibrium"):
        ink.chi2_to_equilibrium(uniforms(10, 2, 1), ink.Brownian(1.0))


# ---- exact entries


def test_exact_entries_of_a_gaussian():
    mean, variances = np.array([1.0, -0.5]), np.array([0.2, 0.05])
    score = ink.GaussianScore(BOWL, mean, variances)
    for t in (0.0, 0.2, 1.0):
        c, m, v = np.diag(score.components(t).covariances[0]), score.components(t).means[0], BOWL.equilibrium.variance
        entry = exact_ledger(score, t)
        assert entry.entropy == pytest.approx(np.log(2 * math.pi * math.e * c).sum() / 2, rel=1e-9)
        assert entry.entropy_rate == pytest.approx(2 * BOWL.f(t) + BOWL.g2(t) / 2 * (1 / c).sum(), rel=1e-9)
        assert entry.kl == pytest.approx(((c + m**2) / v - 1 - np.log(c / v)).sum() / 2, rel=1e-9, abs=1e-12)
        r = c / v
        chi2 = np.prod(np.exp(m**2 / (v * (2 - r))) / np.sqrt(r * (2 - r))) - 1
        assert entry.chi2 == pytest.approx(chi2, rel=1e-8)
    assert exact_ledger(ink.GaussianScore(BOWL, [0.0], 0.6), 0).chi2 == math.inf  # 0.6 > 2 * 0.25
    wide = exact_ledger(ink.GaussianScore(BOWL, [1.0], 0.45), 0).chi2  # p^2/p_eq has most of its mass far outside p
    assert wide == pytest.approx(math.exp(1 / (0.25 * 0.2)) / math.sqrt(1.8 * 0.2) - 1, rel=1e-9)
    two = ink.MixtureScore(BOWL, [1, 2], [[-0.5], [0.4]], [0.1, 0.2])
    x = np.linspace(-6, 6, 4001)[:, None]
    p, q = np.exp(two.log_density(x, 0.05)), np.exp(BOWL.equilibrium.log_density(x))
    assert exact_ledger(two, 0.05).chi2 == pytest.approx((p**2 / q).sum() * 12 / 4000 - 1, rel=1e-9)
    free = exact_ledger(ink.GaussianScore(ink.Brownian(1.0), [0.0], 0.6), 0)
    assert math.isnan(free.kl) and free.entropy_rate == free.entropy_production == pytest.approx(1 / 0.6)


@pytest.mark.parametrize("name", NAMES)
def test_entropy_and_kl_change_at_the_rates_the_score_says(name):
    """de Bruijn with drift, dS/dt = rate; and production = -dKL/dt: slopes by quadrature, no particles."""
    process, score, _ = bodies(6)[name]
    t = TIMES.get(name, (0.03, 0.1))[0]
    h = 1e-3 * t
    before, now, after = (exact_ledger(score, s) for s in (t - h, t, t + h))
    assert (after.entropy - before.entropy) / (2 * h) == pytest.approx(now.entropy_rate, rel=1e-4)
    if process.equilibrium is not None:
        assert (before.kl - after.kl) / (2 * h) == pytest.approx(now.entropy_production, rel=1e-4)
        assert now.entropy_production > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != "free"])
def test_distance_falls_at_least_as_the_slowest_mode(name):
    process, score, x = bodies(6)[name]
    s, t = TIMES.get(name, (0.03, 0.1))
    early, late = exact_ledger(score, s), exact_ledger(score, t)
    factor = relaxation(process, s, t, x.shape[1])
    assert 0 < late.kl <= early.kl * factor * (1 + 1e-9)
    assert 0 < late.chi2 <= early.chi2 * factor * (1 + 1e-9)


def test_the_bound_is_reached():
    """chi^2 of the slowest mode alone, and KL of a cloud of equilibrium's own width, fall by exactly this factor."""
    x = (np.arange(4000) + 0.5) / 4000
    mode = ink.BoxScore(GLASS, 1 + 0.2 * np.cos(math.pi * x))
    assert exact_ledger(mode, 0.2).chi2 / exact_ledger(mode, 0.05).chi2 == pytest.approx(
        relaxation(GLASS, 0.05, 0.2, 1), rel=1e-5
    )
    cloud = ink.GaussianScore(BOWL, [0.7], 0.25)
    assert exact_ledger(cloud, 0.3).kl / exact_ledger(cloud, 0).kl == pytest.approx(relaxation(BOWL, 0, 0.3, 1))


@pytest.mark.parametrize("name", ["bowl", "glass", "VP"])
def test_two_solutions_of_one_process_grow_alike(name):
    """dKL(p_t || q_t)/dt = -(g^2/2) E_p|grad ln(p/q)|^2, by quadrature; with q at equilibrium it is the production."""
    process, p, _ = bodies(6)[name]
    if name == "glass":
        q = ink.BoxScore(process, np.array([1.0, 0.5, 0, 2, 1]))
        x = ((np.arange(2000) + 0.5) / 2000)[:, None]
    else:
        d = p.means.shape[1]
        q = ink.GaussianScore(process, [0.2] * d, 0.9)
        axis = np.linspace(-5, 5, 2001 if d == 1 else 301)
        x = np.stack(np.meshgrid(*[axis] * d), -1).reshape(-1, d)
    t = TIMES.get(name, (0.03, 0.1))[0]

    def weights(t):
        w = np.exp(p.log_density(x, t))
        return w / w.sum()

    def kl(t):
        return float(weights(t) @ (p.log_density(x, t) - q.log_density(x, t)))

    h = 1e-3 * t
    rate = float(weights(t) @ divergence_rate(process, t, p(x, t), q(x, t)))
    assert (kl(t + h) - kl(t - h)) / (2 * h) == pytest.approx(rate, rel=1e-4)
    at_equilibrium = 2 * process.f(t) / process.g2(t) * x
    production = entropy_production(process, x, t, p(x, t))
    assert np.allclose(divergence_rate(process, t, p(x, t), at_equilibrium), -production)


def test_exact_entries_say_what_they_cannot_do():
    assert exact_ledger(bodies(6)["glass"][1], 0).entropy_rate == math.inf
    assert exact_ledger(ink.BoxScore(GLASS, np.ones(4)), 0) == (0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="d=4"):
        exact_ledger(ink.GaussianScore(BOWL, [0.0] * 4, 1.0), 1)
    with pytest.raises(ValueError, match="too early"):
        exact_ledger(ink.BoxScore(ink.Brownian(1.0, BOX), np.eye(2)), 1e-9)
    with pytest.raises(TypeError, match="BoxScore, GaussianScore and MixtureScore"):
        exact_ledger(lambda x, t: x, 1)


# ---- the book


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_columns_against_exact_entries(name, seed):
    """What the score and the neighbours say, for every process: |z| < 5, beyond the neighbours' stated bias."""
    process, score, x = bodies(seed=seed)[name]
    times = TIMES.get(name, (0.03, 0.1))
    book = Ledger(process, score=score)
    ink.simulate(process, x, [0, *times], seed=seed, callback=book, observe={})
    n, d = x.shape
    bias = {"entropy_neighbours": 2 * d * (4 / n) ** (2 / d)}
    for i, t in enumerate(times, start=1):
        exact = exact_ledger(score, t)
        for column in set(book.names) - {"entropy", "entropy_coordinates", "kl", "chi2"}:
            truth = getattr(exact, column.removesuffix("_density").removesuffix("_neighbours"))
            estimate = book[column][i]
            assert abs(estimate.value - truth) < 5 * estimate.stderr + bias.get(column, 0.0), column


@pytest.mark.parametrize("name", NAMES)
def test_what_is_counted_is_what_the_metrics_count(name):
    process, _, x = bodies()[name]
    book, t = Ledger(process, bins=12), TIMES.get(name, (0.03,))[0]
    x = later(process, x, t, seed=1)
    book.record(x, t)
    assert book["entropy"][0] == ink.entropy(x, process.domain, bins=12)
    assert book["entropy_coordinates"][0] == ink.entropy(x, process.domain, bins=12, joint=False)
    assert book["entropy_neighbours"][0] == ink.neighbour_entropy(x, process.domain)
    if process.equilibrium is None:
        assert not any(column.startswith(("kl", "chi2")) for column in book.names)
    else:
        assert book["kl"][0] == ink.kl_to_equilibrium(x, process, bins=12)
        assert book["chi2"][0] == ink.chi2_to_equilibrium(x, process, bins=12)


def test_three_ways_to_feed_it_agree():
    process, score, x = bodies(500)["bowl"]
    times = [0, 0.1, 0.2]
    a, b = (Ledger(process, score=score) for _ in range(2))
    walk = ink.simulate(process, x, times, seed=1, callback=a)
    seen = ink.simulate(process, x, times, seed=1, observe={"book": b.record}).observed["book"]
    c = Ledger(process, score=score).read(walk)
    assert a.names == b.names == c.names and list(a.times) == times
    for i, name in enumerate(a.names):
        assert np.array_equal(a[name].value, b[name].value) and np.array_equal(a[name].stderr, c[name].stderr)
        assert np.array_equal(seen[:, i, 0], a[name].value) and np.array_equal(seen[:, i, 1], a[name].stderr)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [3, 4])
def test_the_book_balances(name, seed):
    """The rate, integrated, is the change in entropy; the production what KL loses: measured and exact."""
    process, score, x = bodies(1500, seed)[name]
    end = {"VE": (0.3, 1.0), "VP": (0.01, 1.0)}.get(name, (0.003, 0.5))
    times = np.geomspace(*end, 24)
    book = Ledger(process, score=score, neighbours=0)
    x = later(process, x, times[0], seed)
    ink.simulate(process, x, times, seed=seed, first_step=1, callback=book, observe={})
    first, last = exact_ledger(score, times[0]), exact_ledger(score, times[-1])
    kept = {"entropy": last.entropy - first.entropy, "kl": last.kl - first.kl}
    for of in ("entropy",) if process.equilibrium is None else ("entropy", "kl"):
        balance = book.balance(of)
        assert balance.quadrature < balance.integrated.stderr
        assert abs(balance.integrated.z(kept[of])) < 5
        assert abs(balance.change.z(kept[of])) < 5
        assert abs(balance.gap.z(0.0)) < 5
        assert balance.gap.value == pytest.approx(balance.integrated.value - balance.change.value)


def test_all_the_entropy_a_drop_can_gain():
    """From its first blur on, the rate adds up to ln V - S; before, the density's edge gains what quadrature says."""
    _, score, x = bodies(2000, seed=5)["glass"]
    times = np.geomspace(2e-4, 2.0, 30)
    book = Ledger(GLASS, score=score, neighbours=0)
    ink.simulate(GLASS, x, [0, *times], seed=5, callback=book, observe={})
    assert exact_ledger(score, 0).entropy == pytest.approx(math.log(2 / 5))
    head = exact_ledger(score, times[0]).entropy - math.log(2 / 5)
    assert 0 < head < 0.1
    assert abs(book.balance().integrated.z(-math.log(2 / 5) - head)) < 5


def test_images_have_a_joint_entropy_through_the_score():
    """d = 20, beyond cells and neighbours: the surprise is unbiased, the sum over pixels exceeds it."""
    vp, d, n = ink.VariancePreserving.linear(), 20, 2000
    data = np.repeat(normals(40, 2, 6), d // 2, axis=1)  # pixels that repeat each other
    score = ink.EmpiricalScore(vp, data)
    x = data[np.arange(n) % 40]
    book = Ledger(vp, score=score)
    times = np.geomspace(0.05, 1, 16)
    start = later(vp, x, times[0], seed=6)
    ink.simulate(vp, start, times, seed=6, first_step=1, callback=book, observe={})
    assert "entropy_neighbours" not in book.names and "chi2" not in book.names
    excess = book["entropy_coordinates"].value - book["entropy_density"].value
    assert (excess[:8] > 1).all()
    assert abs(book["entropy_density"][-1].z(ink.gaussian_entropy(1.0, d))) < 5  # alpha^2 = 4e-5: all but Gaussian
    assert abs(book.balance().gap.z(0.0)) < 5 and abs(book.balance("kl").gap.z(0.0)) < 5


def test_second_law_where_entropy_falls():
    score = ink.GaussianScore(BOWL, [0.5], 1.5)
    book = Ledger(BOWL, score=score)
    for t in (0.02, 0.1):
        book.record(later(BOWL, 0.5 + normals(3000, 1, 7, 1.5), t, seed=7), t)
    assert (book["entropy_rate"].value < -5 * book["entropy_rate"].stderr).all()
    assert (book["entropy_production"].value > 5 * book["entropy_production"].stderr).all()
    assert np.diff(book["kl_density"].value)[0] < 0


def test_bound_starts_where_told_and_falls_as_the_process_says():
    process, score, x = bodies(500)["bowl"]
    book = Ledger(process, score=score)
    ink.simulate(process, x, [0.0, 0.1, 0.3], seed=1, callback=book, observe={})
    bound = book.bound("kl_density", since=1)
    assert math.isnan(bound[0]) and bound[1] == book["kl_density"].value[1]
    assert bound[2] == pytest.approx(bound[1] * math.exp(-2 * BOWL.k * 0.2))
    assert book.bound("chi2", at=0.05) == pytest.approx(book["chi2"].value[0] * math.exp(-2 * BOWL.k * 0.05))


def test_rows_of_the_rates():
    """The formulas, once by hand: one particle in two dimensions."""
    x, u = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0]])
    assert entropy_rate(BOWL, x, 0.1, u) == pytest.approx(2 * -4 + 1.25)
    assert entropy_production(BOWL, x, 0.1, u) == pytest.approx(4.5**2 + 7.0**2)
    assert divergence_rate(BOWL, 0.1, u, x) == pytest.approx(-(0.5**2) - 3.0**2)


# ---- the start, and what is wrong


def test_the_start_is_honest():
    process, score, x = bodies(200)["glass"]
    book = Ledger(process, score=score)
    book.record(x, 0)
    assert math.isnan(book["entropy_rate"].value[0]) and math.isnan(book["entropy_density"].value[0])
    assert math.isfinite(book["entropy"].value[0])
    point = Ledger(BOWL)
    point.record(np.zeros((100, 1)), 0)
    assert point["entropy"].value[0] == point["entropy_neighbours"].value[0] == -math.inf
    gaussian = Ledger(BOWL, score=ink.GaussianScore(BOWL, [0.0], 1.0))
    gaussian.record(normals(200, 1, 1), 0)
    assert math.isfinite(gaussian["entropy_rate"].value[0])


def test_a_score_without_a_density_gives_the_rates_alone():
    process, score, x = bodies(500)["bowl"]
    book = Ledger(process, score=lambda x, t: score(x, t))
    ink.simulate(process, x, [0, 0.1, 0.2], seed=1, callback=book, observe={})
    assert "entropy_rate" in book.names and "entropy_density" not in book.names
    assert math.isnan(book.balance().gap.value) and math.isfinite(book.balance().integrated.value)


def test_float32_states_in_any_order_are_welcome():
    process, score, x = bodies(500)["bowl"]
    times = [0.1, 0.3, 0.5]
    walk = ink.simulate(process, x, [0, *times], seed=1)
    book = Ledger(process, score=score)
    for i in (3, 2, 1):
        book.record(walk.x[i].astype(np.float32), walk.times[i])
    assert list(book.times) == times[::-1]
    assert abs(book["entropy_density"][2].z(exact_ledger(score, 0.1).entropy)) < 5
    first, last = exact_ledger(score, 0.1).entropy, exact_ledger(score, 0.5).entropy
    assert abs(book.balance().change.z(last - first)) < 5


def test_few_or_rounded_rows_leave_the_neighbours_out():
    """What nobody asked for is left out where it cannot be had; what was asked for says how to do without."""
    process, score, x = bodies(200)["bowl"]
    few, enough = Ledger(process, score=score), Ledger(process)
    few.record(x[:79], 0.1)
    enough.record(x[:80], 0.1)
    assert "entropy_neighbours" not in few.names and few["entropy_density"].stderr[0] > 0
    assert math.isfinite(enough["entropy_neighbours"].value[0])
    rounded, alone = Ledger(process), x.copy()
    alone[:5] = x[0]
    rounded.record(x, 0.1)
    rounded.record(alone, 0.2)
    assert np.isnan(rounded["entropy_neighbours"].value).tolist() == [False, True]
    assert np.isfinite(rounded["entropy"].value).all()
    for rows, why in ((x[:79], "at least 80"), (alone, "5 or more rows in one place")):
        with pytest.raises(ValueError, match=rf"neighbours=4 .*{why}.*neighbours=0 leaves it out"):
            Ledger(process, neighbours=4).record(rows, 0.1)
        assert "entropy_neighbours" not in Ledger(process, neighbours=0).names


def test_two_times_do_not_tell_how_good_the_integral_is():
    """Between two times far apart the spline is a straight line, and far from the truth: nothing vouches for it."""
    process, score, x = bodies(2000)["glass"]
    quadratures = []
    for k in (2, 3, 40):
        book = Ledger(process, score=score, neighbours=0)
        times = np.geomspace(0.001, 0.5, k)
        ink.simulate(process, later(process, x, times[0], 2), times, seed=2, first_step=1, callback=book, observe={})
        quadratures.append(book.balance().quadrature)
    assert math.isnan(quadratures[0]) and quadratures[1] > 0.1 > 0.01 > quadratures[2]


def test_what_is_wrong_is_said():
    process, score, x = bodies(200)["bowl"]
    with pytest.raises(TypeError, match="process must be"):
        Ledger("bowl")
    with pytest.raises(TypeError, match="score must be a function"):
        Ledger(process, score=3)
    book = Ledger(process, score=score)
    with pytest.raises(KeyError, match="none yet"):
        book["entropy"]
    book.record(x, 0.1)
    with pytest.raises(ValueError, match=r"in the ledger already"):
        book.record(x, 0.1)
    with pytest.raises(ValueError, match="same bodies"):
        book.record(x[:50], 0.2)
    with pytest.raises(KeyError, match="no column is called 'entropi'"):
        book["entropi"]
    with pytest.raises(ValueError, match="an integral needs two"):
        book.balance()
    with pytest.raises(ValueError, match="of must be"):
        book.balance("chi2")
    with pytest.raises(ValueError, match="a kl or a chi2"):
        book.bound("entropy")
    with pytest.raises(ValueError, match="since must be from -1 to 0, got 7"):
        book.bound("kl", since=7)
    with pytest.raises(TypeError, match="since must be an integer"):
        book.bound("kl", since="first")
    with pytest.raises(KeyError, match="no column is called 'kl'"):
        Ledger(process).bound("kl")
    assert book.bound("kl", since=-1)[0] == book["kl"].value[0]
    with pytest.raises(ValueError, match="has no score"):
        Ledger(process).read(ink.simulate(process, x, [0, 1], seed=1)).balance()
    with pytest.raises(ValueError, match="holds no states"):
        Ledger(process).read(ink.simulate(process, x, [0, 1], seed=1, observe={}))
    with pytest.raises(ValueError, match="up to d=8"):
        Ledger(process, neighbours=3).record(normals(200, 9, 1), 1.0)
    with pytest.raises(ValueError, match="must return an array like x"):
        Ledger(process, score=lambda x, t: x[:1]).record(x, 0.1)
    with pytest.raises(ValueError, match="must be finite"):
        Ledger(process, score=lambda x, t: x * np.nan).record(x, 0.1)
    with pytest.raises(ValueError, match="no equilibrium"):
        relaxation(ink.Brownian(1.0), 0, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_device_follows_the_array(device, name):
    """On a (pretended) GPU the same numbers, and nothing moves there silently."""
    process, score, x = bodies(200)[name]
    t = TIMES.get(name, (0.03,))[0]
    x = later(process, x, t, seed=1)
    here, there = Ledger(process, score=score), Ledger(process, score=score)
    here.record(x, t)
    there.record(device.asarray(x), t)
    assert here.names == there.names
    for column in here.names:
        assert there[column][0] == pytest.approx(here[column][0], rel=1e-12), column
