"""The ledger of any process: fed snapshots, and a score if there is one, it keeps at each time

    entropy               -int p ln p counted in cells (beyond d = 3 the sum over coordinates, an upper bound)
    entropy_coordinates   the sum over coordinates at any d; its excess over the joint entropy is the total correlation
    entropy_neighbours    from k-th neighbours, d <= 8 and rows enough, walls accounted for
    entropy_density       -E ln p_t, where the score knows its density: unbiased
    entropy_rate          E[div f] + (g^2/2) E|s|^2 from the score: dS/dt
    entropy_production    (g^2/2) E|s - 2 f x/g^2|^2: what of it is irreversible, -dKL/dt
    kl, kl_density        KL(p_t || p_eq), in cells (a lower bound) and from the density
    chi2, chi2_density    chi^2(p_t || p_eq), likewise, d <= 3

each with its standard error over independent rows. Because every row's own rate and surprise -ln p are kept, the ledger
can be balanced: the time integral of the rate against the change in entropy, row by row,

    gap = (1/n) sum_i [ int r_i dt - (ln p_1(x_i) - ln p_k(x_i)) ],        E gap = 0,

so that its error accounts for one row's being seen at all times. The integral runs over a cubic spline through the
recorded times, in t or ln t, whichever has the more even steps.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory (2006), 17.7; U. Seifert, Rep. Prog. Phys. 75
(2012) 126001, section 2, for the entropy of a trajectory.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff import metrics
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module, asnumpy
from inkdiff.metrics import Column, Estimate
from inkdiff.metrics.cells import JOINT_UP_TO, Bins
from inkdiff.metrics.neighbours import MOST_DIMENSIONS, SamePlaceError, least_rows
from inkdiff.physics.ledger.balance import Balance, balanced
from inkdiff.physics.ledger.rates import entropy_production, entropy_rate, relaxation
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import HasDensity, Score, ScoreFunction
from inkdiff.simulation.trajectory import Trajectory

__all__ = ["Ledger"]

_MOST_NEIGHBOURS = 2**15  # rows among which neighbours are sought; a tree of a million takes ten seconds
_USUAL_NEIGHBOUR = 4
_UNKNOWN = Estimate(math.nan, math.nan)
_POINT = Estimate(-math.inf, 0.0)


class Ledger:
    """Entropy, its rate and production, and the distance to equilibrium, from snapshots; see the module's text.

    Parameters
    ----------
    process : any process
    score : a function score(x, t) = grad ln p_t(x), exact or learned; one that declares its density, by deriving from
        `inkdiff.HasDensity`, tells more. Without a score the ledger holds what can be counted
    bins : cells per axis for what is counted, as in `inkdiff.entropy`
    neighbours : which neighbour; 0 leaves their entropy out; by default 4 up to d = 8, and none beyond or for fewer
        than 80 rows, too few to tell. At most 32,768 rows (evenly taken) are used

    Feed it in any of three ways:

        ink.simulate(..., callback=ledger)                    while walking, nothing stored
        ink.simulate(..., observe={"ledger": ledger.record})  the same
        ledger.read(trajectory)                               afterwards

    Every snapshot must hold the same rows. `ledger["entropy"]` is then a Column with `.value` and `.stderr`, (k,);
    `ledger.names` lists what there is. At t = 0, where most densities have no score, entries that need one are NaN
    (except for scores that declare `defined_at_zero`, as Gaussian mixtures do), and the entropy of a cloud with several
    rows in one place is -infinity; later, where rounding has put k + 1 rows in one place, the default's neighbours tell
    nothing: NaN. In a bowl the error of chi2_density can be trusted only where p_t is narrower than sqrt(1.5) times
    equilibrium. A ledger keeps up to five float64 per row and time for its balances.

    Raises
    ------
    ValueError, TypeError
        If `process` or `score` is not one, or `neighbours` is given for more than 8 coordinates, for too few rows or
        for too many in one place (when recording).
    """

    def __init__(
        self,
        process: Process,
        *,
        score: ScoreFunction | None = None,
        bins: Bins | None = None,
        neighbours: int | None = None,
    ) -> None:
        check_process(process)
        self._domain = closed_form_domain(process, "the ledger")
        if score is not None and not callable(score):
            raise TypeError(f"score must be a function score(x, t), got {checks.show(score)}.")
        if neighbours is not None:
            checks.count(neighbours, "neighbours", least=0)
        self.process, self.score = process, score
        self._bins, self._neighbours = bins, neighbours
        self._shape: tuple[int, ...] | None = None
        self._times: list[float] = []
        self._entries: dict[str, list[Estimate]] = {}
        self._rows: dict[str, list[Floats]] = {}

    @property
    def times(self) -> Floats:
        """When something was recorded, (k,), in the order of recording."""
        return np.array(self._times)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""
        return tuple(self._entries)

    def __getitem__(self, name: str) -> Column:
        """The column called `name`."""
        if name not in self._entries:
            raise KeyError(f"no column is called {name!r}; there are {', '.join(self._entries) or 'none yet'}.")
        pairs = np.array(self._entries[name], np.float64)
        return Column(pairs[:, 0], pairs[:, 1])

    def __call__(self, i: int, t: float, x: Array) -> None:
        """Record a snapshot: the form of `callback`."""
        self.record(x, t)

    def read(self, trajectory: Trajectory) -> Ledger:
        """Record all snapshots of a stored walk; returns the ledger itself."""
        if trajectory.x is None:
            raise ValueError(
                "trajectory holds no states (it was made with observe=...): pass callback=ledger to the walk itself."
            )
        for t, x in zip(trajectory.times, trajectory.x, strict=True):
            self.record(x, float(t))
        return self

    def record(self, x: Array, t: float) -> Floats:
        """Enter the snapshot x (n, d) at time t.

        Returns
        -------
        (len(names), 2): value and standard error of every column.

        Raises
        ------
        ValueError
            If x is not (n, d), finite, inside the domain and of the shape of the first snapshot; n < 2; t is outside
            the process or was recorded before; or the score returns another shape or what is not finite.
        """
        x, t = self.process.check_state(x, "x"), float(self.process.check_time(t))
        if self._shape not in (None, x.shape):
            raise ValueError(f"x must hold the same bodies at every time, {self._shape}, got {tuple(x.shape)}.")
        if len(x) < 2:
            raise ValueError("x holds one row: a standard error needs at least two.")
        if t in self._times:
            raise ValueError(f"t = {t:g} is in the ledger already; use a new Ledger for another walk.")
        counted, rows = self._count(x, t), self._by_score(x, t)
        self._shape = tuple(x.shape)
        self._times.append(t)
        for name, row in rows.items():
            self._rows.setdefault(name, []).append(row)
        entries = counted | {name: Estimate.of_mean(row) for name, row in rows.items()}
        for name, estimate in entries.items():
            self._entries.setdefault(name, []).append(estimate)
        return np.array(list(entries.values()), np.float64)

    def bound(self, name: str, since: int = 0, at: Time | None = None) -> Floats:
        """What column `name` (a kl or chi2) may be at most, from its value at the `since`-th time on.

        value exp(-2 int lam_1), by the inequalities of log-Sobolev (kl) and Poincare (chi2), at the times `at`, by
        default the recorded ones; NaN at earlier times. Negative `since` counts from the last.
        """
        if not name.startswith(("kl", "chi2")):
            raise ValueError(f"name must be a kl or a chi2, which fall towards equilibrium, got {name!r}.")
        column = self[name]
        since = checks.count(since, "since", least=-len(column), most=len(column) - 1)
        start, value = self.times[since], column.value[since]
        times = np.atleast_1d(np.asarray(self.times if at is None else self.process.check_time(at, "at")))
        later, d = times >= start, (self._shape or (0, 1))[1]
        bound: Floats = np.full(len(times), np.nan)
        bound[later] = [value * relaxation(self.process, start, t, d) for t in times[later]]
        return bound

    def balance(self, of: str = "entropy") -> Balance:
        """Balance the ledger between the first and the last time at which the score was known.

        `of` = "entropy": int dS/dt against the change of entropy_density; "kl": -int production against the change of
        kl_density. Where the score knows no density, `change` and `gap` are NaN.

        Raises
        ------
        ValueError
            If `of` is neither, the ledger has no score, or it holds fewer than two times with one.
        """
        if of not in ("entropy", "kl"):
            raise ValueError(f"of must be 'entropy' or 'kl', got {of!r}.")
        name, sign = ("entropy_rate", 1.0) if of == "entropy" else ("entropy_production", -1.0)
        if name not in self._rows:
            raise ValueError("the ledger has no score, so no rate to integrate; pass score=...")
        order = np.argsort(self.times)
        order = order[[bool(np.isfinite(self._rows[name][i]).all()) for i in order]]
        if len(order) < 2:
            raise ValueError(f"the score is known at {len(order)} of the recorded times: an integral needs two.")
        density = self._rows.get(f"{of}_density")
        change = None if density is None else density[order[-1]] - density[order[0]]
        return balanced(self.times[order], sign * np.stack([self._rows[name][i] for i in order]), change)

    # ---- entries ------------------------------------------------------------------------------------------------

    def _count(self, x: Array, t: float) -> dict[str, Estimate]:
        """What needs no score."""
        d, domain = x.shape[1], self._domain
        spread = domain.as_box is not None or bool((x.max(axis=0) > x.min(axis=0)).all())
        entries = {}
        for name, joint in (("entropy", None), ("entropy_coordinates", False)):
            entries[name] = metrics.entropy(x, domain, bins=self._bins, joint=joint) if spread else _POINT
        neighbours = self._by_neighbours(x, t)
        if neighbours is not None:
            entries["entropy_neighbours"] = neighbours
        if self.process.equilibrium is not None:
            entries["kl"] = metrics.kl_to_equilibrium(x, self.process, bins=self._bins)
            if d <= JOINT_UP_TO:
                entries["chi2"] = metrics.chi2_to_equilibrium(x, self.process, bins=self._bins)
        return entries

    def _by_neighbours(self, x: Array, t: float) -> Estimate | None:
        """Entropy from neighbours; None where there is no such column."""
        asked, (n, d) = self._neighbours, x.shape
        k = _USUAL_NEIGHBOUR if asked is None else asked
        some = asnumpy(x[:: -(-n // _MOST_NEIGHBOURS)])
        if k == 0 or (asked is None and (d > MOST_DIMENSIONS or n < least_rows(k))):
            return None
        if t == 0 and len(np.unique(some, axis=0)) < len(some):
            return _POINT
        try:
            return metrics.neighbour_entropy(some, self._domain, k=k)
        except ValueError as error:
            if isinstance(error, SamePlaceError) and (t == 0 or asked is None):
                return _POINT if t == 0 else _UNKNOWN
            raise ValueError(f"neighbours={k} tell no entropy here ({error}) neighbours=0 leaves it out.") from None

    def _by_score(self, x: Array, t: float) -> dict[str, Floats]:
        """What the score tells of every row: name -> (n,) on the host."""
        if self.score is None:
            return {}
        x = x.astype(np.float64)
        known = t > 0 or (isinstance(self.score, Score) and self.score.defined_at_zero)
        nothing = np.full(len(x), np.nan)
        rows = {"entropy_rate": nothing, "entropy_production": nothing}
        if known:
            u = self.score(x, t)
            if getattr(u, "shape", None) != x.shape:
                raise ValueError(f"score(x, t) must return an array like x, {x.shape}, got {checks.show(u)}.")
            checks.finite_array(u, "score(x, t)")
            rows = {
                "entropy_rate": asnumpy(entropy_rate(self.process, x, t, u)),
                "entropy_production": asnumpy(entropy_production(self.process, x, t, u)),
            }
        if not isinstance(self.score, HasDensity):
            return rows
        log_p = self.score.log_density(x, t) if known else array_module(x).asarray(nothing)
        rows["entropy_density"] = asnumpy(-log_p)
        if self.process.equilibrium is not None:
            log_ratio = log_p - self.process.equilibrium.log_density(x)
            rows["kl_density"] = asnumpy(log_ratio)
            if x.shape[1] <= JOINT_UP_TO:  # beyond, a mean of exponentials has no error to speak of
                rows["chi2_density"] = asnumpy(array_module(x).expm1(log_ratio))
        return rows
