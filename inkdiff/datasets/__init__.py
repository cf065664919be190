"""Data sets are values: points x of shape (n, d) in natural units, with labels, image shape and, where known, density.

A data set knows nothing of processes or networks. Digits and pictures lie in [0, 1], plane figures have the size
written in their formula; a model that needs other units maps them with `scaling.py`. Synthetic sets take all
their randomness from the counter-based noise (stream DATA), so (n, seed) names the same points on every machine, and
the first m of n points are the m points of the same seed.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
