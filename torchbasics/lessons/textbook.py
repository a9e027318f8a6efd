"""What the source says: truth tables, its networks with all their numbers, the digits.

The numbers are those of "Deep Learning from Scratch", chapters 2 to 5, and of the
lesson after it. Lessons, figures and exercises read them here.
"""

from functools import cache
from typing import Literal

import torch
from torch import Tensor

from torchbasics import data
from torchbasics.activations import ActivationName
from torchbasics.data import ImageDataset
from torchbasics.mlp import MLP
from torchbasics.perceptron import Perceptron


def float64(*values: float) -> Tensor:
    """Values in float64, so that the digits shown are those of the formula."""
    return torch.tensor(values, dtype=torch.float64)


TRUTH_TABLES = {
    "AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0), "XOR": (0, 1, 1, 0),
}  # fmt: skip
"""The answers to (0, 0), (1, 0), (0, 1), (1, 1)."""


def parameters(gate: Perceptron) -> tuple[float, float, float]:
    """(b, w1, w2) as the textbook writes them, without the digits that float32 adds."""
    b, w1, w2 = (round(float(p), 6) for p in (gate.bias, *gate.weight))
    return b, w1, w2


CHAIN: dict[ActivationName, dict[int, float]] = {
    "sigmoid": {
        1: 1.966119e-1, 2: 4.312916e-2, 3: 9.641585e-3,
        5: 4.861426e-4, 10: 2.784767e-7, 20: 9.139104e-14,
    },
    "tanh": {
        1: 4.199743e-1, 2: 2.468680e-1, 3: 1.677069e-1,
        5: 9.609569e-2, 10: 4.091204e-2, 20: 1.610982e-2,
    },
    "relu": dict.fromkeys((1, 2, 3, 5, 10, 20), 1),
}  # fmt: skip
"""d out / d in of layers of one unit (w = 1, b = 0) in a row, from x = 1, by depth."""

# The 2-3-2-2 network of chapter 3.4, row by row as the book writes it, x W + b.

X = float64(1.0, 0.5).view(1, 2)
WEIGHTS = ((0.1, 0.3, 0.5, 0.2, 0.4, 0.6), (0.1, 0.4, 0.2, 0.5, 0.3, 0.6))
BIASES = ((0.1, 0.2, 0.3), (0.1, 0.2), (0.1, 0.2))
LAST_WEIGHT = {"book": (0.1, 0.3, 0.2, 0.4), "source": (0.1, 0.4, 0.2, 0.5)}
"""W3: the book's, and the one inferred from the source's 37 % and 63 %."""

PRE_ACTIVATIONS = {
    "hidden1": (0.3, 0.7, 1.1), "hidden2": (0.51615984, 1.21402696),
    "logits": (0.31682708, 0.69627909),
}  # fmt: skip
OUTPUTS = {
    "hidden1": (0.57444252, 0.66818777, 0.75026011),
    "hidden2": (0.62624937, 0.77101070),
}
SOURCE_LOGITS, SOURCE_PERCENT = (0.31682708, 0.83600510), (37, 63)
"""What the inferred W3 makes of the input, and what the source says of it."""

PROBS = {"book": (0.40625907, 0.59374093), "source": (0.37304446, 0.62695554)}
"""Softmax of the logits: 41 % and 59 %, and with the source's W3 37 % and 63 %."""

LABELS = torch.tensor([0])  # lesson 5: it should answer 0, and answers 1


@torch.no_grad()
def network(last: Literal["book", "source"] = "book") -> MLP:
    """The 2-3-2-2 sigmoid network, in float64.

    >>> network()(X)
    tensor([[0.3168, 0.6963]], dtype=torch.float64, grad_fn=<AddmmBackward0>)
    """
    model, weights = MLP(2, [3, 2], 2).double(), (*WEIGHTS, LAST_WEIGHT[last])
    layers = zip(model.linears().values(), weights, BIASES, strict=True)
    for linear, weight, bias in layers:
        linear.weight.copy_(float64(*weight).view(linear.weight.T.shape).T)  # (out, in)
        linear.bias.copy_(float64(*bias))
    return model


TWO = float64(0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
TWO_READ = {
    0.6: float64(0.1, 0.05, 0.6, 0, 0.05, 0.1, 0, 0.1, 0, 0),
    0.1: float64(0.1, 0.05, 0.1, 0, 0.05, 0.1, 0, 0.6, 0, 0),
}
"""Chapter 4's answers to a picture of a 2, by the probability that they give it."""

SIMPLE_X = float64(0.6, 0.9).view(1, 2)
SIMPLE_WEIGHT = float64(
    0.47355232, 0.9977393, 0.84668094, 0.85557411, 0.03563661, 0.69422093
).view(2, 3)
SIMPLE_LABEL = torch.tensor([2])
"""Chapter 4's simpleNet, one layer, and the example that it is shown."""


@cache
def load(split: Literal["train", "test"], data_dir: str = "auto") -> ImageDataset:
    """The training or the test digits of MNIST, read once."""
    return data.load(split, data_dir)
