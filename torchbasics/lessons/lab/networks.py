"""The lab's deep networks, and their gradients before any training."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor

from torchbasics import rng
from torchbasics.activations import ActivationName
from torchbasics.command.settings import Settings
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.initialization import InitName, init_variance
from torchbasics.losses import cross_entropy_gradient
from torchbasics.mean_field import signal_propagation
from torchbasics.mlp import MLP
from torchbasics.trace import backward_trace, forward_trace


class LabConfig(Settings):
    """The experiment: which networks, how deep, trained how."""

    depth: int = Field(10, ge=2, le=100, description="hidden layers")
    width: int = Field(128, ge=2, le=4096, description="units in each")
    batch_size: int = Field(128, ge=2, le=10_000, description="images per step")
    steps: int = Field(1000, ge=1, le=100_000, description="of SGD")
    lr: float = Field(0.2, gt=0, le=100, description="learning rate of SGD")
    adam_steps: int = Field(3000, ge=1, le=100_000, description="of Adam")
    adam_lr: float = Field(0.001, gt=0, le=100, description="learning rate of Adam")
    activations: tuple[ActivationName, ...] = Field(
        ("sigmoid", "tanh", "relu"), min_length=1, description="compared at the start"
    )
    inits: tuple[InitName, ...] = Field(
        ("default", "xavier", "he", "critical"), min_length=1, description="of each"
    )
    depths: tuple[Annotated[int, Field(ge=2, le=100)], ...] = Field(
        (2, 5, 10, 20, 30, 50), min_length=1, description="of the sweep over depth"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="of weights and order")
    threads: int = Field(0, ge=0, le=1024, description="CPU threads, 0: PyTorch's own")
    lang: Literal["auto", "en", "ko"] = Field(
        "auto", description="language, auto: the environment's"
    )
    tensorboard: bool = Field(True, description="write a run for each network")
    data_dir: str = Field("auto", min_length=1, description="folder of MNIST")
    runs_dir: str = Field("runs", min_length=1, description="where results go")

    @model_validator(mode="after")
    def _inits_suit_activations(self) -> LabConfig:
        for activation, init in product(self.activations, self.inits):
            init_variance(init, activation, 1, 1)
        return self

    def experiment(self) -> dict[str, Any]:
        """What decides the results: all but where and how they are shown."""
        return self.model_dump(
            exclude={"threads", "lang", "tensorboard", "data_dir", "runs_dir"}
        )


class Variant(NamedTuple):
    """A deep network, and what trains it."""

    activation: ActivationName
    init: InitName
    optimizer: Literal["sgd", "adam"] = "sgd"
    batch_norm: bool = False
    residual: bool = False

    def __str__(self) -> str:
        fixes = " + batch norm" * self.batch_norm + " + residual" * self.residual
        return f"{self.activation}, {self.init}{fixes}, {self.optimizer.upper()}"

    def build(self, depth: int, width: int, seed: int) -> MLP:
        """The untrained network, 784 inputs, `depth` hidden layers, 10 outputs."""
        return MLP(
            784, [width] * depth, 10, self.activation,
            init=self.init, batch_norm=self.batch_norm, residual=self.residual,
            generator=rng.generator(seed, "weights"),
        )  # fmt: skip


VARIANTS = {
    "sigmoid": Variant("sigmoid", "xavier"),
    "relu": Variant("relu", "he"),
    "batch-norm": Variant("sigmoid", "xavier", batch_norm=True),
    "residual": Variant("sigmoid", "xavier", residual=True),
    "critical": Variant("sigmoid", "critical"),
    "adam": Variant("sigmoid", "xavier", optimizer="adam"),
}
"""The pair, three things that mend the sigmoid's, and one that hides it."""

SWEPT = (
    Variant("sigmoid", "default"), Variant("sigmoid", "xavier"),
    Variant("relu", "default"), Variant("relu", "he"), Variant("tanh", "he"),
)  # fmt: skip
"""Networks whose depth is varied: from vanishing to exploding."""


class Start(NamedTuple):
    """Gradients by the pre-activations of each hidden layer, before any training.

    Root mean squares over the batch and the units, the last hidden layer's taken as 1.
    Shapes: (depth,), the first layer first.
    """

    measured: Tensor
    predicted: Tensor

    @property
    def factor(self) -> float:
        """By how much one layer multiplies the gradient, on its way back."""
        return self._per_layer(self.measured)

    @property
    def theory(self) -> float:
        """The same as mean-field theory has it."""
        return self._per_layer(self.predicted)

    @property
    def left(self) -> float:
        """What the first layer gets of the last one's gradient."""
        return float(self.measured[0])

    @staticmethod
    def _per_layer(sizes: Tensor) -> float:
        return float(sizes[0] ** (1 / (len(sizes) - 1)))


def start(
    variant: Variant, depth: int, width: int, seed: int, probed: ImageDataset
) -> Start:
    """Measure a network's gradients before training, beside what theory says."""
    x = scale_pixels(probed.images).double()
    model = variant.build(depth, width, seed).double()
    logits = forward_trace(model, x)[-1].outputs
    asked = cross_entropy_gradient(logits, probed.labels)
    back = backward_trace(model, x, asked)[:0:-1]  # hidden layers, the first first
    gradients = [layer.pre_activations for layer in back]
    sizes = torch.stack([gradient.square().mean().sqrt() for gradient in gradients])
    variances = partial(init_variance, variant.init, variant.activation)
    theory = signal_propagation(x, [width] * depth, variant.activation, variances)
    return Start(sizes / sizes[-1], theory.gradients)


class Swept(NamedTuple):
    """A depth, and the start of each of SWEPT at it."""

    depth: int
    starts: list[Start]
