"""Real ink: diffusion coefficients of dyes, ions, sugars and gases in water, in SI units, each with its source.

A sphere of radius r in a liquid of viscosity eta diffuses with the coefficient of Stokes and Einstein,

    D = k T / (6 pi eta r),

and a vessel of length L is mixed at the rate of its slowest cosine mode, whose time is

    tau = L^2 / (pi^2 D).

A molecule is no sphere and water no continuum at its scale: read backwards, r = kT/(6 pi eta D) is a *hydrodynamic*
radius. What the formula does well is temperature: D eta / T hardly changes over some tens of kelvin.

Every value carries the place it was taken from; `checked` says whether that place was read (the text, its table or its
abstract) when the value was entered here, or the value is quoted at second hand.

Reference: A. Einstein, Annalen der Physik 17 (1905) 549. J. Patek, J. Hruby, J. Klomfar, M. Souckova and A. H. Harvey,
Reference correlations for thermophysical properties of liquid water at 0.1 MPa, J. Phys. Chem. Ref. Data 38 (2009) 21.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

from inkdiff._core import checks

__all__ = [
    "BOLTZMANN", "CELSIUS", "TABLE", "Substance", "find", "mixing_time", "salt", "stokes_einstein", "stokes_radius",
    "table", "water_viscosity",
]  # fmt: skip

BOLTZMANN = 1.380649e-23  # J/K, exact since 2019
CELSIUS = 273.15  # K at 0 degrees Celsius
_ROOM = 25 + CELSIUS

# Patek et al. 2009: eta = sum a (T/300 K)^b micropascal seconds, liquid water at 0.1 MPa, within 1 %.
_VISCOSITY = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))
_COLDEST, _HOTTEST = 253.15, 383.15


def water_viscosity(temperature: float) -> float:
    """Viscosity of liquid water at 0.1 MPa, Pa s; `temperature` in kelvin, 253.15 to 383.15.

    Within 1 % (Patek et al. 2009); 1.0016e-3 at 20 C. Coefficients checked in public code that quotes the paper.

    Raises
    ------
    ValueError
        Outside that range.
    """
    T = checks.real(temperature, "temperature")
    if not _COLDEST <= T <= _HOTTEST:
        raise ValueError(
            f"temperature must lie between {_COLDEST} and {_HOTTEST} K (liquid water), got {T:g}; "
            "add 273.15 to degrees Celsius."
        )
    return sum(1e-6 * a * math.pow(T / 300, b) for a, b in _VISCOSITY)


def stokes_einstein(radius: float, temperature: float = _ROOM, *, viscosity: float | None = None) -> float:
    """D = k T / (6 pi eta r), m^2/s, of a sphere; by default in water.

    Parameters
    ----------
    radius : m, > 0
    temperature : K
    viscosity : Pa s, > 0; that of water at `temperature` by default

    Raises
    ------
    ValueError
        For numbers that are not positive, or a temperature at which water is not liquid (without `viscosity`).
    """
    r = checks.positive(radius, "radius", unit="metres")
    return _thermal(temperature, viscosity) / r


def stokes_radius(D: float, temperature: float = _ROOM, *, viscosity: float | None = None) -> float:
    """The hydrodynamic radius k T / (6 pi eta D), m, of what diffuses with D (m^2/s); the inverse of
    `stokes_einstein`."""
    return _thermal(temperature, viscosity) / checks.positive(D, "D", unit="m^2/s")


def _thermal(temperature: float, viscosity: float | None) -> float:
    T = checks.positive(temperature, "temperature", unit="kelvin")
    eta = water_viscosity(T) if viscosity is None else checks.positive(viscosity, "viscosity", unit="Pa s")
    return BOLTZMANN * T / (6 * math.pi * eta)


def mixing_time(D: float, length: float) -> float:
    """tau = L^2/(pi^2 D), s: the slowest unevenness between walls L apart falls by e in this time.

    After t, what is left of it is exp(-t/tau); from a layer at one end the ink is even within a share q everywhere
    after tau ln(2/q).
    """
    return checks.positive(length, "length", unit="metres") ** 2 / (math.pi**2 * checks.positive(D, "D", unit="m^2/s"))


@dataclass(frozen=True)
class Substance:
    """A substance in water at great dilution (unless its source says otherwise).

    D in m^2/s at `temperature` (K); `uncertainty` of D in m^2/s, None where the source read gives none; `charge` in
    elementary charges; `checked` whether the source was read for this value.
    """

    name: str
    formula: str
    D: float
    source: str
    checked: bool
    kind: str
    temperature: float = _ROOM
    uncertainty: float | None = None
    charge: int = 0

    @property
    def radius(self) -> float:
        """Hydrodynamic (Stokes) radius, m."""
        return stokes_radius(self.D, self.temperature)

    def at(self, temperature: float) -> float:
        """D (m^2/s) in water at another temperature (K), by D eta / T = constant: a few per cent within 20 K."""
        return stokes_einstein(self.radius, temperature)

    def mixing_time(self, length: float) -> float:
        """tau = L^2/(pi^2 D), s, in a vessel of `length` metres in still water."""
        return mixing_time(self.D, length)


_RIBEIRO = "A. C. F. Ribeiro et al., J. Chem. Eng. Data 51 (2006) 1836, table 5: D0 (Taylor dispersion) and its fit"
_VANYSEK = "P. Vanysek, Ionic conductivity and diffusion at infinite dilution, CRC Handbook, section 5"
_ROBINSON = "D = (RT/F^2) lambda with lambda = {} S cm^2/mol, R. A. Robinson and R. H. Stokes, Electrolyte Solutions"
_JAEHNE = "CRC Handbook, Diffusion of gases in water (from B. Jaehne et al., J. Geophys. Res. 92 (1987) 10767)"

TABLE: tuple[Substance, ...] = (
    Substance(
        "fluorescein", "C20H12O5", 4.25e-10, "C. T. Culbertson, S. C. Jacobson and J. M. Ramsey, Talanta 56 "
        "(2002) 365; its abstract says that fluorescein was measured, the value is quoted at second hand", False, "dye",
    ),
    Substance(
        "rhodamine 6G", "C28H31N2O3Cl", 4.0e-10, "P.-O. Gendron, F. Avaltroni and K. J. Wilkinson, J. Fluoresc. 18 "
        "(2008) 1093, abstract, by NMR and FCS; 25 C assumed", True, "dye",
    ),
    Substance(
        "rhodamine 110", "C20H15N2O3Cl", 4.4e-10, "P.-O. Gendron, F. Avaltroni and K. J. Wilkinson, J. Fluoresc. 18 "
        "(2008) 1093, abstract, by NMR and FCS; 25 C assumed", True, "dye",
    ),
    Substance(
        "methylene blue", "C16H18N3SCl", 8.3e-10, "D. G. Leaist, Can. J. Chem. 66 (1988) 2452, abstract: the dye with "
        "its chloride at 0.6 mmol/dm^3 (6.3e-10 at 20 mmol/dm^3, where it aggregates)", True, "dye",
    ),
    Substance("permanganate", "MnO4-", 1.632e-9, _VANYSEK, False, "dye", charge=-1),
    Substance("hydrogen ion", "H+", 9.311e-9, _VANYSEK, True, "ion", charge=1),
    Substance("sodium", "Na+", 1.334e-9, _ROBINSON.format("50.10"), True, "ion", charge=1),
    Substance("potassium", "K+", 1.957e-9, _VANYSEK, True, "ion", charge=1),
    Substance("calcium", "Ca2+", 0.792e-9, _VANYSEK, True, "ion", charge=2),
    Substance("chloride", "Cl-", 2.033e-9, _ROBINSON.format("76.35"), True, "ion", charge=-1),
    Substance("sucrose", "C12H22O11", 0.523e-9, _RIBEIRO, True, "sugar", uncertainty=0.002e-9),
    Substance(
        "glucose", "C6H12O6", 0.679e-9, _RIBEIRO + "; its error for glucose, a tenth of that for sucrose by the same "
        "method, is not adopted", True, "sugar",
    ),
    Substance(
        "oxygen", "O2", 2.00e-9, "P. Han and D. M. Bartels, J. Phys. Chem. 100 (1996) 5597: log10 D/(cm^2/s) = "
        "-4.410 + 773.8/T - (506.4/T)^2", True, "gas",
    ),
    Substance("carbon dioxide", "CO2", 1.91e-9, _JAEHNE, True, "gas"),
    Substance("hydrogen", "H2", 5.11e-9, _JAEHNE, True, "gas"),
    Substance(
        "water", "H2O", 2.299e-9, "M. Holz, S. R. Heil and A. Sacco, Phys. Chem. Chem. Phys. 2 (2000) 4740, "
        "self-diffusion: 1.635e-8 (T/215.05 - 1)^2.063; formula read where it is quoted", True, "water",
    ),
)  # fmt: skip


def find(name: str) -> Substance:
    """The substance of that name or formula in `TABLE` ("fluorescein", "Na+").

    Raises
    ------
    ValueError
        If there is none, with the nearest names.
    """
    known = {key: s for s in TABLE for key in (s.name, s.formula)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=3)
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"known are {', '.join(s.name for s in TABLE)}."
    raise ValueError(f"name must be a substance of the table, got {name!r}; {hint}")


def salt(cation: Substance, anion: Substance) -> float:
    """D of a salt (m^2/s), whose ions pull one another along: (z+ + |z-|) D+ D- / (z+ D+ + |z-| D-), Nernst-Hartley.

    At infinite dilution; 1.61e-9 for sodium chloride, between its ions' values.

    Raises
    ------
    ValueError
        Unless the charges are positive and negative, in that order, and the temperatures equal.
    """
    if not cation.charge > 0 > anion.charge:
        raise ValueError(f"cation and anion must have charges > 0 and < 0, got {cation.charge} and {anion.charge}.")
    if cation.temperature != anion.temperature:
        raise ValueError(
            f"cation and anion must be at one temperature, got {cation.temperature:g} and {anion.temperature:g} K."
        )
    plus, minus = cation.charge, -anion.charge
    return (plus + minus) * cation.D * anion.D / (plus * cation.D + minus * anion.D)


def table() -> str:
    """All substances as text: name, D and its uncertainty, temperature, Stokes radius, mixing time of 1 mm, source
    and whether it was checked."""
    rows = [f"{'substance':15} {'D (m^2/s)':>10} {'+-':>7} {'T (C)':>6} {'r (nm)':>7} {'1 mm (s)':>9}  source"]
    for s in TABLE:
        note = s.source if s.checked else f"{s.source} [source not checked]"
        spread = "?" if s.uncertainty is None else f"{s.uncertainty:.0e}"
        rows.append(
            f"{s.name:15} {s.D:10.3g} {spread:>7} {s.temperature - CELSIUS:6.1f} {1e9 * s.radius:7.3f} "
            f"{s.mixing_time(1e-3):9.0f}  {note}"
        )
    return "\n".join(rows)
