"""inkdiff: ink in water and images in noise are one process, run forwards and backwards by one kernel.

    x  <-  fold(a x + b u + c eps)

Forward in time b = 0; backward in time u = score(x, t) = grad log p_t(x). See README.md for a first page and
docs/ for the rest. Everything public is reached as ``import inkdiff as ink``; submodules load on first use.

The folders, from the top down; each imports only from those below it, which a test reads off this table:

    cli/                    commands, and what a simulation script needs of them
    viz/                    arrays -> figures, in two languages; no physics
    verification/           statements with exact values, measured
    gan/                    generator and discriminator
    learned/                scores fitted by denoising score matching
    physics/                entropy, fluctuations, molecules, microstates, information
    likelihood/             probability flow and evidence lower bound
    metrics/                entropies and distances of clouds of points, each with its standard error
    simulation/             the loops over time: forward, reverse, replay, inpainting
    samplers/               one step back in time
    scores/                 exact scores
    nn/                     layers with hand-written backpropagation
    datasets/               data as values
    processes/              stochastic differential equations, schedules, equilibria, time grids
    domains/                where walkers live
    kernels/                scalar formulas, written once, and thin shells for CPU and CUDA
    _core/                  backend, compilation, noise by address, checks, files
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

__version__ = "0.1.0"
