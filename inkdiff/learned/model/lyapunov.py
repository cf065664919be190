r"""The symmetric matrix that pushes second moments as asked: Lyapunov's equation, and its kin between walls.

    sum_i (M_i B u_i u_i^T + transposed) = R,       B = B^T (r, r),   u_i (r,) the columns of u, u u^T = 1

M_i is the covariance of the components as coordinate i of the force feels it. Where all are one M this is Lyapunov's
M B + B M = R, solved by the eigenvectors of M. Otherwise that solution with the mean M preconditions conjugate
gradients: the left side is symmetric and positive in B, being a mean square of forces.

References: A. Lyapunov (1892); R. H. Bartels, G. W. Stewart (1972), Comm. ACM 15, 820; J. R. Shewchuk (1994), An
introduction to the conjugate gradient method.
"""

from __future__ import annotations

from collections.abc import Callable

from inkdiff._core.backend import Array, array_module

__all__ = ["solve_symmetric"]

_ITERATIONS, _ACCURACY = 20, 1e-3  # far below the errors of what is measured on walkers


def solve_symmetric(masses: Array, u: Array, target: Array) -> Array:
    """B (r, r) for M_i = `masses` (d, r, r), or (1, r, r) if all are the same, u (r, d) and R = `target` (r, r)."""
    xp = array_module(masses)
    if len(masses) == 1:
        return _lyapunov(masses[0])(target)
    mean = ((u**2).sum(0)[:, None, None] * masses).sum(0) / len(u)

    def left(square: Array) -> Array:
        half = (masses @ (square @ u).T[:, :, None])[:, :, 0].T @ u.T
        return half + half.T

    return _conjugate_gradients(left, _lyapunov(mean), target, xp.zeros_like(target))


def _lyapunov(mass: Array) -> Callable[[Array], Array]:
    """R -> B of M B + B M = R."""
    values, vectors = array_module(mass).linalg.eigh(mass)
    sums = values[:, None] + values
    return lambda target: vectors @ ((vectors.T @ target @ vectors) / sums) @ vectors.T


def _conjugate_gradients(
    left: Callable[[Array], Array], nearly: Callable[[Array], Array], residual: Array, found: Array
) -> Array:
    """`found` improved until left(found) = residual, as asked at the start; `nearly` is about the inverse of `left`."""
    direction = step = nearly(residual)
    size = first = float((residual * step).sum())
    for _ in range(_ITERATIONS):
        if size <= _ACCURACY**2 * first:
            break
        along = left(direction)
        share = size / float((direction * along).sum())
        found, residual = found + share * direction, residual - share * along
        step, before = nearly(residual), size
        size = float((residual * step).sum())
        direction = step + (size / before) * direction
    return found
