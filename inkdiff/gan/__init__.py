r"""Generative adversarial networks: a generator turns noise into data, a discriminator tells them from real ones.

    min over G max over D   E ln D(x) + E ln(1 - D(G(z)))          x real, z ~ N(0, I), D a probability

For a given G the best discriminator is D = p/(p + p_G), and with it the game's value is 2 JS(p, p_G) - 2 ln 2, which is
least where p_G = p: there D = 1/2 everywhere, and its accuracy is a half. Each is trained against the other, in turns
and from the same parts as a learned score (`inkdiff.nn`). A generator draws in one evaluation and has no density.

    name                          what it is
    fit                           data -> Generator: the GAN loop with the R1 penalty, also under conditions
    Generator                     x = G(z): `.sample`, `.history`, and the last `.discriminator`
    Discriminator                 log odds that a point is real
    History                       losses, and the discriminator's accuracy on points held out
    classifier_two_sample_test    a fresh classifier between any two sets of points -> TwoSampleTest
    PlainMLP                      the shape of all these networks

    module                        what is inside
    generator, discriminator      the two networks as callable objects
    two_sample_test, history      the classifier two-sample test; what a training leaves
    losses                        both losses and their gradients
    loop, fitting                 the turns, batches and evaluations; `fit` about them
    hyperparameters, conditions   what a training depends on; words of the rows as inputs of both networks

References: I. Goodfellow et al., Generative adversarial nets (2014), arXiv:1406.2661; L. Mescheder, A. Geiger,
S. Nowozin (2018), arXiv:1801.04406; D. Lopez-Paz, M. Oquab (2017), arXiv:1610.06545.
"""

from __future__ import annotations

from inkdiff.gan.discriminator import Discriminator
from inkdiff.gan.fitting import fit
from inkdiff.gan.generator import Generator
from inkdiff.gan.history import History
from inkdiff.gan.two_sample_test import TwoSampleTest, classifier_two_sample_test
from inkdiff.nn import PlainMLP

__all__ = [
    "Discriminator",
    "Generator",
    "History",
    "PlainMLP",
    "TwoSampleTest",
    "classifier_two_sample_test",
    "fit",
]
