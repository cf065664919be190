"""Which matrix kernels OpenBLAS takes: on AMD processors with AVX-512 it may miss the widest ones.

A network's training time is matrix products, 2 m n k floating-point operations each. OpenBLAS chooses kernels
by the model of the processor; NumPy's wheels carry few sets of them, and on AVX-512 Zen processors the choice
can fall on Haswell's (256 bits wide; measured on Zen 5: 122 instead of 240 GFLOP/s per core). The variable
OPENBLAS_CORETYPE overrides the choice, if it is set before NumPy is imported: so the command line sets it
first thing. `python sims/NAME.py` imports NumPy earlier and runs with what OpenBLAS chose; results then agree
to rounding, not to the bit.

Reference: OpenBLAS, driver/others/dynamic.c; and `inkdiff info`, which shows what is in use.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["choose_blas_kernels", "processor"]

_NEEDED_BY_SKYLAKEX = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def processor(cpuinfo: str | None = None) -> dict[str, str]:
    """The first processor's entries of /proc/cpuinfo (or of the given text); none where it is not Linux."""
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return {}
    first = cpuinfo.partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def choose_blas_kernels(cpu: dict[str, str] | None = None) -> str | None:
    """Set OPENBLAS_CORETYPE=SkylakeX on AMD processors with AVX-512; returns it, or None if nothing was set.

    A value that is set already stays, and once NumPy is loaded it is too late.
    """
    if "OPENBLAS_CORETYPE" in os.environ or "numpy" in sys.modules:
        return None
    cpu = processor() if cpu is None else cpu
    features = set(cpu.get("flags", "").split())
    if cpu.get("vendor_id") != "AuthenticAMD" or not features >= _NEEDED_BY_SKYLAKEX:
        return None
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    return "SkylakeX"
