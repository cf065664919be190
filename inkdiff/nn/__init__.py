"""A small neural network with hand-written backpropagation, on NumPy and CuPy arrays alike.

One flat buffer holds all parameters, another all gradients; layers are descriptions of which slots they own, and each
returns its output together with the closure that takes a gradient back through it (reverse-mode differentiation,
dx = J^T dy). The same bits on any number of threads.

Reference: I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), chapter 6.5.
"""

from __future__ import annotations

from inkdiff.nn.arena import Arena
from inkdiff.nn.layers import Layout, Linear, Run, SiLU, Slot
from inkdiff.nn.mlp import MLP, Network
from inkdiff.nn.optimiser import AdamW, AdamWState, learning_rate
from inkdiff.nn.perceptron import Perceptron, PerceptronNetwork
from inkdiff.nn.shards import RowShards, ShardedGradient, blas, one_thread_each

__all__ = [
    "MLP",
    "AdamW",
    "AdamWState",
    "Arena",
    "Layout",
    "Linear",
    "Network",
    "Perceptron",
    "PerceptronNetwork",
    "RowShards",
    "Run",
    "ShardedGradient",
    "SiLU",
    "Slot",
    "blas",
    "learning_rate",
    "one_thread_each",
]
