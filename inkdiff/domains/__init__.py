"""Where walkers live, and what its walls do to a step that would leave it,

    x  <-  fold(x + c eps).

A domain owns its geometry: the fold, what lies inside, its volume, how a walk in it is carried, and the density of a
step where that has a closed form. Reflection at the flat walls of a box is exact at any step without a drift (the
method of images), so that one jump replaces a walk; at other walls it is of first order in the step.

| module | what is in it |
|---|---|
| `base` | `Domain`: what a domain must say, and what follows |
| `free` | `Free`, unbounded space |
| `box` | `Box`, a product of intervals with reflecting, periodic or absorbing walls |
| `box_sides` | the sides of a box as they are given |
| `maze` | `Maze`, a box of which some cells are solid |
| `walks` | `Walk`: steps from one recorded time to the next, and what their numbers can hold |
| `fixed_point` | walks in integers, which lose no step and can be undone |
| `boundaries` | walks whose walls act on whole walkers: absorbing walls, obstacles |
| `heat_kernel` | the density of a step folded into a box |

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from inkdiff.domains.base import Domain, StateSpace
from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.maze import Maze

__all__ = ["Box", "Domain", "Free", "Maze", "StateSpace"]
