r"""What a learned score consists of, before and after any training.

    sigma score(x, t) = m(y, l) + g(l) R(y, l) F(features, c; words) + moments(y, l),     y = x/alpha_t

m and R are exact: what each coordinate knows of its own start, and how much it does not know. F is the network, whose
task they bring to unit size at every noise level l = ln(sigma/alpha); the last term restores means and covariances. In
other parameterisations F predicts noise, data, v or velocity, and the score follows.

    network_score.py        the whole, as a function of x and t
    preconditioning.py      features, known part and scales of the network's part
    predictions.py          parameterisations: noise, data, v, velocity
    marginals.py            m, R and the guess of every coordinate by itself, as tables
    noise_levels.py         ln(sigma/alpha): the clock that all processes share
    word_conditioning.py    labels and words, and how they are dropped in training
    guidance.py             the network's output with classifier-free guidance
    moment_matching.py      the correction by Stein's identity; lyapunov.py, the equation it solves
    data_density.py         ln p in units of the data

Reference: T. Karras et al. (2022), arXiv:2206.00364, section 5.
"""

__all__: list[str] = []
