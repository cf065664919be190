"""Can the tests fail? Each mutant is a small lie in a copy of the package, compiled into an empty kernel cache; a few
identities of `inkdiff verify` must find it out. The unchanged copy must pass them all.

A mutant counts as killed only if a measured number is off (a FAIL line), not if the program breaks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parent.parent / "inkdiff"

# name: (file, what stands there, the lie, identities that must notice)
MUTANTS = {
    "clamp for fold": (
        "kernels/formulas.py", "y = lo + (mirrored if reflects & (mirrored < y) else y)", "y = min(max(x, lo), hi)",
        ["jump_has_the_law_of_the_walk"],
    ),
    "half the quanta": (
        "kernels/formulas.py", "(4294967296.0 if wall == PERIODIC else 2147483648.0) / length",
        "(4294967296.0 if wall == PERIODIC else 1073741824.0) / length", ["reflecting_modes_one_step"],
    ),
    "reflecting walls that are circles": (
        "kernels/formulas.py", "sheet_bits = np.uint64(wall == REFLECT)", "sheet_bits = np.uint64(0)",
        ["reflecting_modes_many_steps"],
    ),
    "steps cut at half the box": (
        "kernels/formulas.py", "_WIDEST = 2.0 * 2.0**32", "_WIDEST = 2.0**28", ["steps_longer_than_the_box"],
    ),
    "positions that stall in float32": (
        "kernels/cpu/walks.py", "advance_phase4_short(\n            p0[i], p1[i], p2[i], p3[i], c,",
        "advance_phase4_short(np.int32(np.float32(p0[i])), np.int32(np.float32(p1[i])), "
        "np.int32(np.float32(p2[i])), np.int32(np.float32(p3[i])), c,", ["small_steps_accumulate"],
    ),
    "no wall at the far end": (
        "kernels/formulas.py", "return x if (x >= lo) & (x <= hi) else y", "return x if x >= lo else y",
        ["jump_has_the_law_of_the_walk"],
    ),
    "uniform for normal noise": (
        "_core/rng.py", "return r * (s * t), r * c", "return np.float32(1.41) * (s * t), np.float32(1.41) * c",
        ["normal_moments"],
    ),
    "one pair of normals twice": (
        "_core/rng.py", "z2, z3 = normal_pair(w2, w3)", "z2, z3 = z0, z1", ["independence"],
    ),
    "streams that share noise": (
        "_core/rng.py", "w0, w1, w2, w3 = philox4(call, call >> _32, step, stream, k0, k1)",
        "w0, w1, w2, w3 = philox4(call, call >> _32, step, _32, k0, k1)", ["independence"],
    ),
    "the same noise at every step": (
        "kernels/cpu/walks.py", "np.uint64(first_step + k)", "np.uint64(first_step)", ["reflecting_modes_many_steps"],
    ),
    "seed + step": (
        "kernels/__init__.py", "np.uint64(step), np.uint64(stream), *_key(seed))",
        "np.uint64(0), np.uint64(stream), *_key(seed + step))", ["independence"],
    ),
    "half of D in steps": (
        "processes/brownian.py", "return 2 * self.D * (t - s)", "return self.D * (t - s)",
        ["reflecting_modes_one_step"],
    ),
    "half of D in the variance": (
        "processes/brownian.py", "return 2 * self.D * t", "return self.D * t",
        ["gaussian_entropy_and_its_rate"],
    ),
    "half of D in jumps": (
        "processes/base.py", "sigma = array_module(t).sqrt(variance)", "sigma = array_module(t).sqrt(variance / 2)",
        ["jump_has_the_law_of_the_walk"],
    ),
    "half the relaxation": (
        "processes/brownian.py", "return -self.k * t", "return -self.k / 2 * t",
        ["ornstein_uhlenbeck_relaxation"],
    ),
    "the clock taken for the variance": (
        "processes/base.py", "xp.maximum(self.variance(t) - ratio**2 * self.variance(s), 0.0)", "self.clock(s, t)",
        ["transitions_of_a_linear_process"],
    ),
    "a push too strong on the way back": (
        "processes/base.py", "return float(1 / ratio), float(gained / ratio)",
        "return float(1 / ratio), 1.1 * float(gained / ratio)", ["reverse_diffusion"],
    ),
    "no bridge at absorbing walls": (
        "kernels/first_passage.py", "return (b <= 0) | (u < math.exp(-2 * a * max(b, 0.0) / (c * c)))", "return b <= 0",
        ["first_passage"],
    ),
    "absorbed at the end of the step": (
        "kernels/first_passage.py", "return r / (1 + r)", "return 0.999999", ["first_passage"],
    ),
    "walls of paper": (
        "kernels/cpu/boundaries.py", "allowed &= not solid[flat]", "allowed &= True", ["uniform_among_obstacles"],
    ),
    "an image with the wrong sign": (
        "domains/heat_kernel.py", "(x - low) + (x0 - low)", "(x - low) - (x0 - low)",
        ["mutual_information_with_the_start"],
    ),
    "an urn that does not care": (
        "physics/ehrenfest.py", "np.where(drawn < n, -1, 1)", "np.where(2 * drawn < self.balls, -1, 1)",
        ["ehrenfest_urn"],
    ),
    "work that forgets the stiffening": (
        "physics/fluctuations/trap.py", "work += (k[j] * y**2 - k[j - 1] * (x - c[j - 1]) ** 2)[:, 0]",
        "work += (k[j] * y**2 - k[j] * (x - c[j - 1]) ** 2)[:, 0]", ["jarzynski_and_crooks"],
    ),
    "undone twice over": (
        "domains/fixed_point.py", "(begin, self._width[begin:end]) if begin <= end else (end, -self._width[end:begin])",
        "(begin, self._width[begin:end]) if begin <= end else (end, self._width[end:begin])",
        ["replay_is_exact"],
    ),
}  # fmt: skip


def verify(folder, names, cache):
    environment = {**os.environ, "PYTHONPATH": str(folder), "INKDIFF_CACHE_DIR": str(cache)}
    code = "import sys; from inkdiff.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "verify", *names, "--particles", "100000", "--seed", "99"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def copy(folder):
    shutil.copytree(PACKAGE, folder / "inkdiff", ignore=shutil.ignore_patterns("__pycache__", "_sims"))
    return folder / "inkdiff"


def test_the_unchanged_copy_passes(tmp_path):
    copy(tmp_path)
    names = sorted({name for *_, names in MUTANTS.values() for name in names})
    done = verify(tmp_path, names, tmp_path / "cache")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed(name, tmp_path):
    path, stands, lie, names = MUTANTS[name]
    source = copy(tmp_path) / path
    text = source.read_text(encoding="utf-8")
    assert stands in text, f"{path} no longer holds {stands!r}: write the mutant anew"
    source.write_text(text.replace(stands, lie), encoding="utf-8")
    done = verify(tmp_path, names, tmp_path / "cache")
    assert done.returncode == 1 and " FAIL" in done.stdout, f"survived or broke: {done.stdout}\n{done.stderr}"
