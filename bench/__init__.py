"""Benchmarks: inkdiff beside its peers and beside the machine's own limits, interleaved in one run.

A rate measured alone says little; what is measured here are ratios of times taken in turn, on one machine, in
one process:

    ratio_i = (t_i / w_i)_peer / (t_i / w_i)_inkdiff,      i = 1 ... repeats,

w being the work done, so that what slows the machine for a while slows both. `inkdiff bench` (or `python -m
bench`) runs them, writes `bench/results/<machine>-<what>.json` and, with `--table`, the table of
docs/performance.md.

Reference: T. Hoefler and R. Belli, Scientific benchmarking of parallel computing systems (SC15).
"""

from __future__ import annotations

BENCHMARKS = ("normals", "walks", "scale", "noising", "mixture", "network", "generation", "startup", "memory")

__all__ = ["BENCHMARKS"]
