"""Data sets are values: points x of shape (n, d) in natural units, with labels, image shape and, where known, density.

    x_1 ... x_n  ~  p(x)   independent,        S = -int p ln p dx

Where p is written in a formula it travels with the points, and so does its entropy S, against which a learned model's
negative log-likelihood is to be held: NLL - S is the Kullback-Leibler divergence from the truth to the model. A data
set knows nothing of processes or networks. Digits and pictures lie in [0, 1], plane figures have the size written in
their formula; scaling to process coordinates is the business of the learned score. Synthetic sets take all their
randomness from the counter-based noise (stream DATA), so (n, seed) names the same points on every machine, and the
first m of n points are the m points of the same seed.

| module | what is in it |
|---|---|
| `dataset` | `Dataset`, the value, and `Density`: what a known density must say |
| `catalogue` | `names` of all registered sets; one's own by `inkdiff.register(kind="dataset")` |
| `loading` | `read`: by a name, from a NumPy or IDX file, from a folder of pictures |
| `plane` | figures of the plane whose density is known: `swiss_roll`, `moons`, `eight_gaussians`, `fractal` ... |
| `densities` | `GaussianMixture` and the checkerboard, with their entropies |
| `population`, `anthropometry` | `people`: height, weight and more, with a known density, from growth charts |
| `sequences` | `heartbeat`: sequences of bits of known probability |
| `handwriting` | `digits` and `idx` files |
| `stroke_features` | `stroke_features`: stroke weight, slant and width of digits |
| `prompts` | `captions` of digits in words, prompts in English and Italian |
| `dead_leaves` | `dead_leaves`: pictures of fallen discs with known correlations |
| `pictures` | `image` files as points, or as the shape of a drop |
| `drops` | `drop`: ink uniform in a ball |
| `obstacles` | `labyrinth`, `letters`: solid cells for a maze |
| `scaling` | the affine map between natural units and process coordinates |

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed. (2006), chapter 8.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
