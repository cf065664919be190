"""inkdiff: ink in water and images in noise are one process, run forwards and backwards by one kernel.

    x  <-  fold(a x + b u + s eps)

Forward in time b = 0; backward in time u = score(x, t) = grad log p_t(x). See README.md for a first page and
docs/ for the rest. Everything public is reached as ``import inkdiff as ink``; submodules load on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

__version__ = "0.1.0"
