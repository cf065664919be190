"""Real matter: SI values, the water they are in, Einstein's numbers of 1905, and sources for every entry."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.physics import materials

NAMES = [s.name for s in materials.TABLE]


def value(name):
    return materials.find(name).D


def test_einstein_1905():
    """A sphere of 1 um in water at 17 C with eta = 1.35 mPa s moves 0.8 um in a second, 6 um in a minute (one axis)."""
    D = materials.stokes_einstein(0.5e-6, 290.15, viscosity=1.35e-3)
    n = 200_000
    for t, published in ((1.0, 0.8e-6), (60.0, 6e-6)):
        assert math.sqrt(2 * D * t) == pytest.approx(published, rel=0.05)
        jump = ink.msd(ink.diffuse(ink.Brownian(D), np.zeros((n, 1)), t, seed=1), np.zeros((n, 1)))
        assert abs(jump.z(2 * D * t)) < 5
    # Water at 17 C is less viscous than the value he had: today's number is larger by a tenth.
    today = materials.stokes_einstein(0.5e-6, 290.15)
    assert math.sqrt(today / D) == pytest.approx(math.sqrt(1.35e-3 / materials.water_viscosity(290.15)))
    assert 1.05 < math.sqrt(today / D) < 1.2


@pytest.mark.parametrize("celsius, mPas", [(0, 1.7921), (10, 1.3097), (20, 1.0020), (25, 0.8949), (39, 0.6661)])
def test_viscosity_of_water(celsius, mPas):
    """Within 1 % of Kestin, Sokolov and Wakeham (1978) at 20 C, and of the International Critical Tables (1929)."""
    assert materials.water_viscosity(celsius + materials.CELSIUS) == pytest.approx(1e-3 * mPas, rel=0.01)


def test_stokes_einstein_and_its_inverse():
    for T in (280.0, 298.15, 330.0):
        for r in (1e-10, 5e-7):
            assert materials.stokes_radius(materials.stokes_einstein(r, T), T) == pytest.approx(r)
    assert materials.stokes_einstein(1e-9, 300, viscosity=1e-3) == pytest.approx(1.380649e-23 * 300 / (6e-12 * math.pi))


@pytest.mark.parametrize("length, seconds", [(1e-4, 2.4), (1e-3, 240), (1e-2, 6.6 * 3600), (5e-2, 7 * 86400)])
def test_fluorescein_mixes_in_these_times(length, seconds):
    assert materials.find("fluorescein").mixing_time(length) == pytest.approx(seconds, rel=0.02)


def test_a_layer_is_even_when_it_was_foretold():
    """After tau ln(2/q) no place is further than q from the mean, and just before it one is: the exact profile."""
    D, L, q = 4.25e-10, 1e-3, 0.01
    tau = materials.mixing_time(D, L)
    score = ink.BoxScore(ink.Brownian(D, ink.Box(0, L)), np.r_[1.0, np.zeros(199)])
    for share, even in ((1.001, True), (0.99, False)):
        c = score.cell_averages(share * tau * math.log(2 / q)) * L
        assert (np.abs(c - 1).max() <= q) == even


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_whole(name):
    s = materials.find(name)
    assert 1e-10 < s.D < 1e-8 and s.temperature == 298.15
    assert 1e-11 < s.radius < 1e-9 and s.at(s.temperature) == pytest.approx(s.D)
    assert s.at(310.15) > s.D > s.at(283.15)
    assert len(s.source) > 20 and any(ch.isdigit() for ch in s.source)
    assert materials.find(s.formula) == s
    assert s.uncertainty is None or 1e-3 < s.uncertainty / s.D < 0.1  # Taylor dispersion is no better than 0.1 %
    with pytest.raises(AttributeError):
        s.D = 1.0


def test_names_and_the_table():
    assert len(set(NAMES)) == len(NAMES) == len({s.formula for s in materials.TABLE})
    lines = materials.table().splitlines()
    assert len(lines) == 1 + len(NAMES)
    for s, line in zip(materials.TABLE, lines[1:], strict=True):
        assert line.startswith(s.name) and s.source in line
        assert ("source not checked" in line) == (not s.checked)


def test_values_that_formulas_give():
    """Where the source is a formula, the entry is its value: Nernst-Einstein for ions, two fits in T."""
    gas, faraday, T = 8.314462618, 96485.33212, 298.15
    for name, conductivity in (("sodium", 50.10e-4), ("chloride", 76.35e-4)):
        assert value(name) == pytest.approx(gas * T / faraday**2 * conductivity, rel=5e-4)
    assert value("oxygen") == pytest.approx(1e-4 * 10 ** (-4.410 + 773.8 / T - (506.4 / T) ** 2), rel=2e-3)
    assert value("water") == pytest.approx(1.635e-8 * (T / 215.05 - 1) ** 2.063, rel=1e-3)


def test_scaling_with_temperature_predicts_oxygen():
    """D eta/T = constant, against Han and Bartels' own fit over 10 to 40 C: within 10 %, as such scaling is."""
    oxygen = materials.find("oxygen")
    for T in (283.15, 313.15):
        assert oxygen.at(T) == pytest.approx(1e-4 * 10 ** (-4.410 + 773.8 / T - (506.4 / T) ** 2), rel=0.1)


def test_salts_diffuse_between_their_ions():
    ions = {name: materials.find(name) for name in ("sodium", "potassium", "calcium", "chloride", "hydrogen ion")}
    table_salt = materials.salt(ions["sodium"], ions["chloride"])
    assert table_salt == pytest.approx(2 / (1 / value("sodium") + 1 / value("chloride")))
    for cation in ("sodium", "potassium", "calcium", "hydrogen ion"):
        ends = sorted((ions[cation].D, ions["chloride"].D))
        assert ends[0] <= materials.salt(ions[cation], ions["chloride"]) <= ends[1]


@pytest.mark.parametrize("cation", ["sodium", "calcium"])
def test_a_salt_moves_without_a_current(cation):
    """Nernst and Planck: J = -D (grad c + z c E); the field E that forbids a current gives both ions one D."""
    plus, minus = materials.find(cation), materials.find("chloride")
    c = np.array([1.0, plus.charge])  # ions per molecule of salt, also their gradients
    z, ions = np.array([plus.charge, -1.0]), np.array([plus.D, minus.D])
    field = -(z * ions * c).sum() / (z**2 * ions * c).sum()
    flux = ions * (c + z * c * field)
    assert flux / c == pytest.approx([materials.salt(plus, minus)] * 2)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: materials.water_viscosity(25.0), "273.15"),
        (lambda: materials.water_viscosity(math.nan), "temperature"),
        (lambda: materials.stokes_einstein(0.0), "radius"),
        (lambda: materials.stokes_einstein(1e-9, -3.0, viscosity=1e-3), "temperature"),
        (lambda: materials.stokes_einstein(1e-9, viscosity=0), "viscosity"),
        (lambda: materials.stokes_radius(-1.0), "D"),
        (lambda: materials.mixing_time(1e-9, 0), "length"),
        (lambda: materials.mixing_time("fast", 1.0), "D"),
        (lambda: materials.find("fluoresceine"), "fluorescein"),
        (lambda: materials.find("gold"), "name"),
        (lambda: materials.salt(materials.find("Cl-"), materials.find("Na+")), "cation"),
        (lambda: materials.find("sodium").at(500), "temperature"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises((ValueError, TypeError), match=name):
        call()
