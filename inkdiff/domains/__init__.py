"""Where walkers live: free space, boxes between walls, and boxes with obstacles.

A domain owns its geometry: how a step that leaves it is folded back, what lies inside, how large it is, the transition
density of driftless diffusion in it where one is known in closed form.

| module | what is in it |
|---|---|
| `base` | `Domain`: what a domain must say, and what follows from it |
| `free` | `Free`, unbounded space |
| `box` | `Box`, a product of intervals with reflecting, periodic or absorbing walls |
| `maze` | `Maze`, a box of which some cells are solid |
| `heat_kernel` | the density of a Gaussian step folded into a box |
"""

from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.maze import Maze

__all__ = ["Box", "Domain", "Free", "Maze"]
