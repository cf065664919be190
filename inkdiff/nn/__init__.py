r"""Neural networks with hand-written backpropagation, and their optimisation, on NumPy and CuPy arrays alike.

A network is a function F(theta; x) of flat parameters; a loss L(theta) = sum over rows of l(F(theta; x), x) is lessened
by following its gradient, which reverse-mode differentiation gives: for a composition y = f_L(... f_1(x)) of layers
with Jacobians J_1 ... J_L,

    dx = J_1^T ... J_L^T dy,        dL/dW_l = sum_rows (input of layer l)^T (gradient at its output)

One flat buffer holds all parameters, another all gradients; layers are descriptions of which slots they own, and each
returns its output together with the closure that takes a gradient back through it. Rows are split over threads by
their number alone, so a training has the same bits on any number of threads.

    shape       network it builds         a function of                            used by
    MLP         TimeConditionedNetwork    a state, its noise level, a condition    scores (`inkdiff.learned`)
    PlainMLP    PlainNetwork              its input alone                          GANs (`inkdiff.gan`)

    module                    what is inside
    layers                    slots of the flat buffer, Linear, SiLU, one Run of a network
    time_conditioned_mlp      MLP, the network of a score; its forward derivatives
    plain_mlp                 PlainMLP, a network without time; backpropagation through its slope
    optimiser                 AdamW with a running mean of the weights, and the learning rate of every step
    optimisation              the loop's step: loss, gradient, AdamW, and the diagnosis of a loss that is not finite
    gradients                 the gradient of a batch on several threads, in two rounds or summed from shards
    shards, arena             a fixed split of rows over threads, BLAS on one thread each; working memory
    elementwise               SiLU and its slopes, dropout, table look-up: fused loops for float32, else array code

Reference: I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), chapters 6.5 and 8.
"""

from __future__ import annotations

from inkdiff.nn.arena import Arena
from inkdiff.nn.gradients import LossOfRows, ShardedGradient, SummedGradient
from inkdiff.nn.layers import Layout, Linear, Network, Run, SiLU, Slot
from inkdiff.nn.optimisation import Fault, Objective, Optimisation, initial_weights
from inkdiff.nn.optimiser import AdamW, AdamWState, LearningRate, RateSchedule
from inkdiff.nn.plain_mlp import PlainMLP, PlainNetwork
from inkdiff.nn.shards import RowShards, blas, one_thread_each, thread_arena
from inkdiff.nn.time_conditioned_mlp import MLP, TimeConditionedNetwork

__all__ = [
    "MLP",
    "AdamW",
    "AdamWState",
    "Arena",
    "Fault",
    "Layout",
    "LearningRate",
    "Linear",
    "LossOfRows",
    "Network",
    "Objective",
    "Optimisation",
    "PlainMLP",
    "PlainNetwork",
    "RateSchedule",
    "RowShards",
    "Run",
    "ShardedGradient",
    "SiLU",
    "Slot",
    "SummedGradient",
    "TimeConditionedNetwork",
    "blas",
    "initial_weights",
    "one_thread_each",
    "thread_arena",
]
