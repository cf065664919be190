"""Smoldyn's turn: particles in a reflecting square, timed by itself; run by an interpreter that has smoldyn.

    python smoldyn_walk.py PARTICLES STEPS D DT L

Prints SECONDS and the time of STEPS steps: that of 2 STEPS less that of STEPS, so that what a run does once
before its first step does not count."""

import sys
import time

import smoldyn


def main(n: int, steps: int, diffusion: float, dt: float, length: float) -> None:
    """Build the square, walk once to set up, walk again against the clock."""
    simulation = smoldyn.Simulation(low=[0, 0], high=[length, length], boundary_type="r")
    ink = simulation.addSpecies("ink", difc=diffusion)
    simulation.addMolecules(ink, n)
    now = 0.0

    def run(count: int) -> float:
        nonlocal now
        begin, now = now, now + count * dt
        start = time.perf_counter()
        simulation.run(start=begin, stop=now, dt=dt, display=False, overwrite=True)
        return time.perf_counter() - start

    run(1)
    once = run(steps)
    print(f"\nSECONDS {run(2 * steps) - once}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *(float(argument) for argument in sys.argv[3:6]))
