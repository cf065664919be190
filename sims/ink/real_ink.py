"""Real ink in still water: fluorescein mixes through a millimetre in minutes, through a glass only in weeks.

In SI units, with diffusion coefficients from the literature (sources: `ink.materials.table()`). A layer of dye at one
end of a cell of 1 mm evens out as exp(-t/tau), tau = L^2/(pi^2 D): 2.4 s at 0.1 mm, 4 min at 1 mm, 6.6 h at 1 cm, 7
days at 5 cm. A real glass is faster by far, since the least warmth or motion stirs it: it mixes by convection. Grains
like those of Perrin's experiment, simulated with Boltzmann's constant, give Avogadro's number back by his reasoning.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    substance: str = "fluorescein"
    """name or formula, from the table of substances"""
    length: float = 1e-3
    """length of the cell, m"""
    layer: float = 0.1
    """share of the cell that holds the ink at first"""
    temperature: float = 25.0
    """degrees Celsius"""
    particles: int = 1_000_000
    """molecules followed"""
    grains: int = 2000
    """jumps of Perrin's grains measured"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 100_000}
TOUR = {"particles": 300_000}
LIMITS = {"particles": (1000, None), "grains": (3, None), "temperature": (-20, 110), "layer": (1e-3, 1)}
EVEN = 0.01  # mixed: nowhere further than 1 % from the mean
PROFILES = {0.02: "red", 0.1: "orange", 0.4: "green", 1: "purple", 3: "blue"}  # times in tau, and their colours
BINS, FINE = 50, 1000  # cells counted; cells of the exact profile
VESSELS = {1e-5: "10 µm", 1e-4: "0.1 mm", 1e-3: "1 mm", 1e-2: "1 cm", 5e-2: "5 cm"}
COMPARED = {"fluorescein": ("fluoresceina", "blue"), "sodium": ("sodio", "green"), "hydrogen ion": ("H⁺", "orange")}
# J. Perrin 1909: mastic grains of radius 0.53 um, their places noted every 30 s. The temperature is assumed: 17 C.
GRAIN, INTERVAL, WATER = 0.53e-6, 30.0, 290.15
AVOGADRO = 6.02214076e23


@dataclass(frozen=True)
class Result:
    """A layer of dye in its cell, and jumps of grains."""

    dye: ink.materials.Substance
    tau: float
    """time in which the unevenness falls by e, s"""
    times: np.ndarray
    """(k,) in tau"""
    profiles: np.ndarray
    """(k, BINS) particles in equal parts of the cell"""
    unevenness: list[ink.Estimate]
    """k means of cos(pi x/L)"""
    exact_profiles: dict[float, np.ndarray]
    """times of PROFILES -> concentration over its mean"""
    exact_unevenness: np.ndarray
    """(k,)"""
    avogadro: ink.Estimate
    """from the grains"""
    paths: np.ndarray
    """(times, 3, 2) of three grains, um"""


def compute(p: Parameters) -> Result:
    dye = ink.materials.find(p.substance)
    tau = ink.materials.mixing_time(dye.at(p.temperature + ink.materials.CELSIUS), p.length)
    cell = ink.Box(0, p.length)
    process = ink.Brownian(p.length**2 / (math.pi**2 * tau), cell)
    x = p.length * p.layer * ink.uniform(p.particles, seed=p.seed).reshape(-1, 1).astype(np.float64)
    times = np.unique([0, *PROFILES, *np.linspace(0.5, 5.5, 11)])

    def wave(x):
        wave = np.cos(np.pi * x / p.length)
        return wave.mean(), wave.std() / math.sqrt(len(x))

    observe = {"wave": wave, "profile": lambda x: ink.concentration(x, cell, BINS)}
    seen = ink.simulate(process, x, tau * times, seed=p.seed, observe=observe).observed
    drop = ink.BoxScore(process, np.clip(p.layer * FINE - np.arange(FINE), 0, 1))
    exact = {t: drop.cell_averages(t * tau).reshape(BINS, -1).mean(1) * p.length for t in PROFILES}
    exact_wave = math.sin(math.pi * p.layer) / (math.pi * p.layer) * np.exp(-times)
    waves = [ink.Estimate(*pair) for pair in seen["wave"]]
    return Result(dye, tau, times, seen["profile"], waves, exact, exact_wave, *perrin(p))


def perrin(p: Parameters) -> tuple[ink.Estimate, np.ndarray]:
    """Avogadro's number from the jumps of many grains, N = R T t / (3 pi eta r <x^2>); and paths of three, um."""
    grain = ink.Brownian(ink.materials.stokes_einstein(GRAIN, WATER))
    gas, eta = ink.materials.BOLTZMANN * AVOGADRO, ink.materials.water_viscosity(WATER)
    square = ink.msd(ink.diffuse(grain, np.zeros((p.grains, 1)), INTERVAL, seed=p.seed), np.zeros((p.grains, 1))).value
    number, error = gas * WATER * INTERVAL / (3 * math.pi * eta * GRAIN * square) * np.array([1, (2 / p.grains) ** 0.5])
    paths = ink.simulate(grain, np.zeros((3, 2)), np.arange(41) * INTERVAL, seed=p.seed).x * 1e6
    return ink.Estimate(number, error), paths


def check(p: Parameters, result: Result, report: Report) -> None:
    for i in np.searchsorted(result.times, [1, 2, 4]):
        name = f"slowest_mode_at_{result.times[i]:g}_tau"
        report.check(name, result.unevenness[i], result.exact_unevenness[i])
    for t, density in result.exact_profiles.items():
        counts, mean = result.profiles[np.searchsorted(result.times, t)], p.particles / BINS * density
        chi2 = ((counts - mean) ** 2 / mean)[mean > 10]
        report.check(f"chi2_per_cell_at_{t:g}_tau", ink.Estimate(chi2.mean(), math.sqrt(2 / len(chi2))), 1.0)
    report.check("avogadro_number", result.avogadro, AVOGADRO)
    name, number = name_of(result.dye), result.avogadro.value
    fall, mixed = spell(result.tau), spell(result.tau * math.log(2 / EVEN))
    report.sentence(
        f"{name}, {1e3 * p.length:g} mm: the unevenness falls by e in {fall}; within 1 % everywhere after {mixed}. So "
        f"in still water: a real glass is mixed by convection. Grains like Perrin's, simulated, give back {number:.2e} "
        "molecules per mole.",
        f"{name}, {1e3 * p.length:g} mm: il contrasto cala di e in {fall}; ovunque entro l'1 % dopo {mixed}. Così in "
        f"acqua ferma: un bicchiere vero lo mescola la convezione. Granelli come quelli di Perrin, simulati, "
        f"ridanno {number:.2e} molecole per mole.",
    )


def name_of(dye: ink.materials.Substance) -> str:
    return viz.say(dye.name, COMPARED.get(dye.name, (dye.name,))[0])


def comma(text: str) -> str:
    """Decimals as the language writes them."""
    return re.sub(r"(?<=\d)\.(?=\d)", viz.say(".", ","), text)


def spell(seconds: float) -> str:
    return ink.durations.in_words(seconds=seconds, lang=viz.language())


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 2, width=15, height=10.8)
    draw_profiles(axes[0, 0], p, result)
    draw_unevenness(axes[0, 1], result)
    draw_vessels(axes[1, 0])
    draw_grains(axes[1, 1], result)
    return fig


def draw_profiles(ax, p: Parameters, result: Result) -> None:
    """Concentration along the cell, measured and exact, at the times of PROFILES."""
    place = 1e3 * p.length * (np.arange(BINS) + 0.5) / BINS
    for t, color in PROFILES.items():
        measured = result.profiles[np.searchsorted(result.times, t)] * BINS / p.particles
        viz.theory(ax, place, result.exact_profiles[t])
        ax.plot(place, measured, ".", color=viz.COLORS[color], label=spell(t * result.tau))
    ax.xaxis.set_major_formatter(lambda x, _: comma(f"{x:.3g}"))
    ax.set(xlabel=viz.say("place (mm)", "posizione (mm)"), ylim=(0, None))
    ax.set_ylabel(viz.say("concentration / mean", "concentrazione / media"))
    ax.set_title(comma(f"{name_of(result.dye)}: {1e3 * p.length:g} mm, {p.temperature:g} °C"))
    ax.legend()


def draw_unevenness(ax, result: Result) -> None:
    minutes = result.times * result.tau / 60
    viz.theory(ax, minutes, result.exact_unevenness, viz.label("exact") + r" $\propto e^{-t/\tau}$")
    viz.with_errors(ax, minutes, result.unevenness, viz.label("measured"), "blue")
    even = viz.say("even within 1 %", "uniforme entro l'1 %")
    ax.axhline(EVEN / 2, linestyle=":", color=viz.COLORS["red"], label=even)  # the concentration is 1 + 2 wave
    ax.set(yscale="log", ylim=(2e-3, 1.3), xlabel=viz.say("time (min)", "tempo (min)"))
    ax.set_ylabel(viz.say("unevenness", "contrasto") + r" $\langle\cos\,\pi x/L\rangle$")
    ax.set_title(rf"$\tau = L^2/\pi^2 D = $ {spell(result.tau)}")
    ax.legend()


def draw_vessels(ax) -> None:
    """Mixing times of vessels from 10 um to 10 cm."""
    L = np.array([1e-5, 1e-1])
    for name, (italian, color) in COMPARED.items():
        D = ink.materials.find(name).D
        ax.plot(L, L**2 / (math.pi**2 * D), color=viz.COLORS[color], label=viz.say(name, italian))
    for length in list(VESSELS)[1:]:
        tau = ink.materials.find("fluorescein").mixing_time(length)
        ax.plot(length, tau, "o", color=viz.COLORS["blue"])
        ax.annotate(spell(tau), (length, tau), (-9, 7), textcoords="offset points", ha="right")
    ax.set(xscale="log", yscale="log", ylabel=viz.say("mixing time $\\tau$ (s)", "tempo $\\tau$ (s)"))
    ax.set_xticks(list(VESSELS), [comma(name) for name in VESSELS.values()])
    ax.set_xlabel(viz.say("length of the vessel", "lunghezza del recipiente"))
    ax.minorticks_off()
    ax.set_title(viz.say("still water (a real glass: convection)", "acqua ferma (bicchiere vero: convezione)"))
    ax.legend(loc="lower right")


def draw_grains(ax, result: Result) -> None:
    for k, color in enumerate(("blue", "red", "green")):
        ax.plot(*(result.paths[:, k] + [60 * k, 0]).T, ".-", linewidth=1, color=viz.COLORS[color])
    ax.set_aspect("equal", adjustable="datalim")
    note = viz.say("a dot every 30 s; paths set 60 µm apart", "un punto ogni 30 s; cammini distanziati di 60 µm")
    ax.set(xlabel=f"µm ({note})", ylabel="µm")
    number, error = np.array(result.avogadro) / 1e23
    value = f"$N_A = ({number:.2f} \\pm {error:.2f})\\times 10^{{23}}$"
    ax.set_title(viz.say("simulated grains: ", "granelli simulati: ") + comma(value).replace(",", "{,}"))


if __name__ == "__main__":
    run_script(__file__)
