"""`inkdiff verify`: every listed identity holds, at a few particles and another seed; and a wrong one is seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from inkdiff.cli import main
from inkdiff.metrics import Estimate
from inkdiff.verification import Identity, Row, family_wise_p, identities, identity, verify

NAMES = [one.name for one in identities()]
FEW = 10_000  # the least that is taken


def test_there_are_thirty_and_each_says_what_it_states():
    assert len(NAMES) >= 30
    assert all(one.statement.endswith(".") and len(one.statement) > 20 for one in identities())


@pytest.mark.parametrize("name", NAMES)
def test_identity(name):
    (outcome,) = verify([name], particles=20_000, seed=12345)
    json.dumps(outcome.rows)
    assert outcome.passed, [row for row in outcome.rows if not row.passed]


@pytest.mark.parametrize("name", ["uniform_equilibrium", "first_passage"])
def test_empty_cells_and_nobody_gone_have_an_error(name):
    """Of 300 walkers some of 200 cells see none, and hardly one is absorbed by t = 0.02."""
    rows = [row for seed in range(5) for row in identity._REGISTER[name].measure(300, seed)]
    assert all(row.measured.stderr > 0 and np.isfinite(row.z) for row in rows), rows


def test_noise_is_its_own():
    first, second = verify(["reflecting_modes_one_step", "reflecting_modes_many_steps"], particles=FEW)
    again, other = (next(verify(["reflecting_modes_one_step"], particles=FEW, seed=seed)) for seed in (0, 1))
    assert first.rows == again.rows != other.rows
    assert first.rows[0].measured != second.rows[0].measured


def test_a_false_statement_fails(monkeypatch, capsys):
    def false(n, seed):
        yield Row("one", Estimate(1.0, 0.1), 1.2)
        yield Row("two", Estimate(1.0, 0.1), 2.0)

    def empty(n, seed):
        yield from ()

    for name, measure in (("false", false), ("empty", empty)):
        measure.__module__ = "inkdiff.verification.random_numbers"
        monkeypatch.setitem(identity._REGISTER, name, Identity(name, "Wrong.", measure))
        assert main(["verify", name]) == 1
    said = capsys.readouterr().out
    assert "FAIL" in said and "PASS" in said and "not: false" in said


@pytest.mark.parametrize(
    ("flags", "named"),
    [(["nonsense"], "names"), (["--particles", "9999"], "particles must be >= 10000"), (["--seed", "-1"], "seed")],
)
def test_bad_flags(flags, named, capsys):
    assert main(["verify", *flags]) == 2
    assert named in capsys.readouterr().err


def test_list(capsys):
    assert main(["verify", "--list"]) == 0
    assert all(name in capsys.readouterr().out for name in NAMES[:1])


def test_json_holds_what_the_table_shows(capsys):
    assert main(["verify", "fick_law", "msd_from_a_uniform_start", "--particles", str(FEW), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["identities"]) == 2  # NumPy's scalars are no JSON
    assert main(["verify", "independence", "--particles", str(FEW), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    (outcome,) = verify(["independence"], particles=FEW)
    (one,) = record["identities"]
    assert record["passed"] and one["passed"] and one["name"] == "independence"
    assert [(r["measured"], r["exact"]) for r in one["rows"]] == [(r.measured.value, r.exact) for r in outcome.rows]
    assert record["family_wise_p"] == family_wise_p(outcome.rows)


def test_family_wise_p_is_uniform_if_all_is_true():
    z = np.random.default_rng(1).standard_normal((400, 12))
    p = [family_wise_p([Row("r", Estimate(v, 1.0), 0.0) for v in row]) for row in z]
    assert stats.kstest(p, "uniform").pvalue > 1e-4
    assert family_wise_p([Row("r", Estimate(6.0, 1.0), 0.0)] * 10) < 1e-6
    exact = Row("bits", Estimate(0.0, 0.0), 0.0)
    assert family_wise_p([exact]) == 1.0 and family_wise_p([exact, Row("bits", Estimate(1.0, 0.0), 0.0)]) == 0.0
