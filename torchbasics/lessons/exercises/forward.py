"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable, Sequence

from torch import Tensor

from torchbasics.activations import sigmoid, softmax
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise
from torchbasics.lessons.textbook import network

(W1, B1), (W2, B2), (W3, B3) = (
    (layer.weight.detach().T, layer.bias.detach())
    for layer in network().linears().values()
)
INFERRED = network("source").linears()["logits"].weight.detach().T


def _forward(
    x: Tensor,
    hidden: Callable[[Tensor], Tensor] = sigmoid,
    out: Callable[[Tensor], Tensor] = softmax,
    biases: Sequence[int] = (1, 1, 1),
    last: Tensor = W3,
) -> Tensor:
    """The network's answer, with something of it changed."""
    z = hidden(x @ W1 + biases[0] * B1)
    z = hidden(z @ W2 + biases[1] * B2)
    return out(z @ last + biases[2] * B3)


EXERCISES = (
    Exercise(
        "layer",
        lambda x, weight, bias: x @ weight + bias,
        batched=1,
        fresh=drawn("normal N D", "normal D H", "normal H", N=2, D=2, H=2),
    ),
    Exercise(
        "forward",
        _forward,
        batched=1,
        fresh=drawn("normal N 2"),
        words={
            **{"forward": _forward, "inferred": INFERRED},
            **{"W1": W1, "W2": W2, "W3": W3, "b1": B1, "b2": B2, "b3": B3},
        },
    ),
)
