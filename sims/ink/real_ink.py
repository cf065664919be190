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


def run(p: Parameters, report: Report) -> None:
    dye = ink.materials.find(p.substance)
    tau = ink.materials.mixing_time(dye.at(p.temperature + ink.materials.CELSIUS), p.length)
    fig, axes = viz.figure(2, 2, width=15, height=10.8)
    mixing(axes[0], p, report, tau)
    name = viz.say(dye.name, COMPARED.get(dye.name, (dye.name,))[0])
    axes[0, 0].set_title(comma(f"{name}: {1e3 * p.length:g} mm, {p.temperature:g} °C"))
    vessels(axes[1, 0])
    number = perrin(axes[1, 1], p, report)
    report.figure(fig)
    fall, mixed = spell(tau), spell(tau * math.log(2 / EVEN))
    report.sentence(
        f"{name}, {1e3 * p.length:g} mm: the unevenness falls by e in {fall}; within 1 % everywhere after {mixed}. So "
        f"in still water: a real glass is mixed by convection. Grains like Perrin's, simulated, give back {number:.2e} "
        "molecules per mole.",
        f"{name}, {1e3 * p.length:g} mm: il contrasto cala di e in {fall}; ovunque entro l'1 % dopo {mixed}. Così in "
        f"acqua ferma: un bicchiere vero lo mescola la convezione. Granelli come quelli di Perrin, simulati, "
        f"ridanno {number:.2e} molecole per mole.",
    )


def comma(text: str) -> str:
    """Decimals as the language writes them."""
    return re.sub(r"(?<=\d)\.(?=\d)", viz.say(".", ","), text)


def spell(seconds: float) -> str:
    return ink.durations.in_words(seconds=seconds, lang=viz.language())


def mixing(axes, p: Parameters, report: Report, tau: float) -> None:
    """Profiles along the cell, and its unevenness over time, beside the exact ones."""
    cell = ink.Box(0, p.length)
    process = ink.Brownian(p.length**2 / (math.pi**2 * tau), cell)
    x = p.length * p.layer * ink.uniform(p.particles, seed=p.seed).reshape(-1, 1).astype(np.float64)
    exact = ink.BoxScore(process, np.clip(p.layer * FINE - np.arange(FINE), 0, 1))
    times = np.unique([0, *PROFILES, *np.linspace(0.5, 5.5, 11)])  # in tau

    def observe(x):
        wave = np.cos(np.pi * x / p.length)
        return wave.mean(), wave.std() / math.sqrt(len(x)), *ink.concentration(x, cell, BINS)

    seen = ink.simulate(process, x, tau * times, seed=p.seed, observe={"seen": observe}).observed["seen"]
    wave = math.sin(math.pi * p.layer) / (math.pi * p.layer) * np.exp(-times)
    place = 1e3 * p.length * (np.arange(BINS) + 0.5) / BINS
    for i in np.searchsorted(times, [1, 2, 4]):
        report.check(f"slowest_mode_at_{times[i]:g}_tau", ink.Estimate(*seen[i, :2]), wave[i])
    for share, color in PROFILES.items():
        counts = seen[np.searchsorted(times, share), 2:]
        density = exact.cell_averages(share * tau).reshape(BINS, -1).mean(1) * p.length
        mean = p.particles / BINS * density
        chi2 = ((counts - mean) ** 2 / mean)[mean > 10]
        report.check(f"chi2_per_cell_at_{share:g}_tau", ink.Estimate(chi2.mean(), math.sqrt(2 / len(chi2))), 1.0)
        viz.theory(axes[0], place, density)
        axes[0].plot(place, counts * BINS / p.particles, ".", color=viz.COLORS[color], label=spell(share * tau))
    axes[0].xaxis.set_major_formatter(lambda x, _: comma(f"{x:.3g}"))
    axes[0].set(xlabel=viz.say("place (mm)", "posizione (mm)"), ylim=(0, None))
    axes[0].set_ylabel(viz.say("concentration / mean", "concentrazione / media"))
    axes[0].legend()
    viz.theory(axes[1], times * tau / 60, wave, viz.label("exact") + r" $\propto e^{-t/\tau}$")
    viz.with_errors(axes[1], times * tau / 60, seen[:, :2], viz.label("measured"), "blue")
    even = viz.say("even within 1 %", "uniforme entro l'1 %")
    axes[1].axhline(EVEN / 2, linestyle=":", color=viz.COLORS["red"], label=even)  # the concentration is 1 + 2 wave
    axes[1].set(yscale="log", ylim=(2e-3, 1.3), xlabel=viz.say("time (min)", "tempo (min)"))
    axes[1].set_ylabel(viz.say("unevenness", "contrasto") + r" $\langle\cos\,\pi x/L\rangle$")
    axes[1].set_title(rf"$\tau = L^2/\pi^2 D = $ {spell(tau)}")
    axes[1].legend()


def vessels(ax) -> None:
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


def perrin(ax, p: Parameters, report: Report) -> float:
    """Paths of three grains, and Avogadro's number from the jumps of many: N = R T t / (3 pi eta r <x^2>)."""
    grain = ink.Brownian(ink.materials.stokes_einstein(GRAIN, WATER))
    gas, eta = ink.materials.BOLTZMANN * AVOGADRO, ink.materials.water_viscosity(WATER)
    square = ink.msd(ink.diffuse(grain, np.zeros((p.grains, 1)), INTERVAL, seed=p.seed), np.zeros((p.grains, 1))).value
    number, error = gas * WATER * INTERVAL / (3 * math.pi * eta * GRAIN * square) * np.array([1, (2 / p.grains) ** 0.5])
    report.check("avogadro_number", ink.Estimate(number, error), AVOGADRO)
    paths = ink.simulate(grain, np.zeros((3, 2)), np.arange(41) * INTERVAL, seed=p.seed).x * 1e6
    for k, color in enumerate(("blue", "red", "green")):
        ax.plot(*(paths[:, k] + [60 * k, 0]).T, ".-", linewidth=1, color=viz.COLORS[color])
    ax.set_aspect("equal", adjustable="datalim")
    note = viz.say("a dot every 30 s; paths set 60 µm apart", "un punto ogni 30 s; cammini distanziati di 60 µm")
    ax.set(xlabel=f"µm ({note})", ylabel="µm")
    value = f"$N_A = ({number / 1e23:.2f} \\pm {error / 1e23:.2f})\\times 10^{{23}}$"
    ax.set_title(viz.say("simulated grains: ", "granelli simulati: ") + comma(value).replace(",", "{,}"))
    return number


if __name__ == "__main__":
    run_script(__file__)
