r"""Training: from data to weights, as a pure function.

    theta_{k+1} = AdamW(theta_k, d/dtheta E |F_theta - target|^2),        theta = training(process, data, settings)

Batches, noise and dropout are addressed by (seed, step), gradients are added in a fixed order: threads, pauses and
restarts change no bit.

    fitting.py              `fit`, the door; resuming.py, `resume`; training_loop.py, the loop behind both
    settings.py             what the result depends on; run_options.py, what it does not depend on
    denoising_objective.py  denoising score matching; posterior_target.py, its target with less noise
    sharded_objective.py    a batch's rows split over threads
    binomial_objective.py   the variational bound of bits; binomial_levels.py, how often each step is drawn
    weighting.py            how much each noise level counts, and the base for one's own
    interruption.py         Ctrl-C between two steps

References: P. Vincent (2011), Neural Computation 23, 1661; I. Loshchilov, F. Hutter (2019), arXiv:1711.05101.
"""

__all__: list[str] = []
