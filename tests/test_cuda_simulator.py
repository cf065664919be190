"""CUDA without a GPU: every CUDA shell, run by Numba's simulator, gives the CPU shell's bits; and the shells
compile to PTX.

The simulator takes over the whole process, so it runs in another one (cuda_simulator_cases.py). What neither
test sees: launches, streams, memory, and how a real device rounds; PTX shows at least that every multiply-add
that must be fused is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHELLS = [
    "normal", "uniform", "philox", "walk", "walk_box", "walk_free", "affine_step", "histogram", "moments", "absorb",
    "obstruct",
]  # fmt: skip


def run_apart(script, **environment):
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, str(HERE / script)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def disagreements():
    return run_apart("cuda_simulator_cases.py", NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.parametrize("shell", SHELLS)
def test_cuda_shell_gives_the_bits_of_its_cpu_twin(disagreements, shell):
    cases = {name: wrong for name, wrong in disagreements.items() if name.split()[0] == shell}
    assert cases, f"no case for {shell}"
    assert not {name: wrong for name, wrong in cases.items() if wrong}


def test_every_cuda_shell_has_a_twin_and_a_case(disagreements):
    from inkdiff.kernels import cpu

    assert set(SHELLS) == set(cpu.__all__)
    assert {name.split()[0] for name in disagreements} == set(SHELLS)


@pytest.mark.slow
def test_all_shells_compile_to_ptx_with_fused_multiply_adds():
    missing = [m for m in ("numba_cuda", "nvidia.cu13") if not _importable(m)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: pip install 'inkdiff[ptx]'")
    compiled = run_apart("ptx_cases.py")
    assert {name.split()[0].lstrip("_") for name in compiled} == set(SHELLS)
    for name, counts in compiled.items():
        shell = name.split()[0].lstrip("_")
        if shell in ("normal", "walk", "walk_box", "walk_free", "affine_step"):
            assert counts["fma.rn.f32"] >= 2 * 19, (name, counts)  # Box-Muller alone is 19 fused operations a pair
        assert counts["approx"] == 0, (name, counts)
        if shell not in ("absorb", "obstruct"):
            assert counts["local"] == 0, (name, counts)  # states stay in registers
        # libdevice's log and log1p have one place each that is contracted, and absorbing walls call both
        assert counts["contracted"] == (2 if shell == "absorb" else 0), (name, counts)


def _importable(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
