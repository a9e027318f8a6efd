"""Deep networks on real digits: their gradients at the start, and how they learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn, optim

from torchbasics import mean_field, rng, trace
from torchbasics.activations import ActivationName
from torchbasics.data import Digits, scale_pixels
from torchbasics.initialization import InitName, check_suits, spread
from torchbasics.losses import cross_entropy_gradient
from torchbasics.mlp import MLP
from torchbasics.probes import Probes, update_ratio
from torchbasics.settings import Settings

PROBED = 256  # training images on which gradients are looked at
FEW = 64  # of them where many networks are looked at
LOOKS = 12  # at least, in a training
EARLY = 400  # a step at which every training is looked at


class Lab(Settings):
    """The experiment: which networks, how deep, trained how."""

    command: ClassVar[str] = "torchbasics vanishing"
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
    def _inits_suit_activations(self) -> Lab:
        for activation, init in product(self.activations, self.inits):
            check_suits(init, activation)
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
    Variant("sigmoid", "default"),
    Variant("sigmoid", "xavier"),
    Variant("relu", "default"),
    Variant("relu", "he"),
    Variant("tanh", "he"),
)
"""Networks whose depth is varied: from vanishing to exploding."""


class Start(NamedTuple):
    """Gradients by the sums of each hidden layer, before any training.

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


def start(variant: Variant, depth: int, width: int, seed: int, probed: Digits) -> Start:
    """Measure a network's gradients before training, beside what theory says."""
    x = scale_pixels(probed.images).double()
    model = variant.build(depth, width, seed).double()
    logits = trace.forward(model, x)[-1].sums
    back = trace.backward(model, x, cross_entropy_gradient(logits, probed.labels))
    sizes = torch.stack([layer.sums.square().mean().sqrt() for layer in back[:0:-1]])
    theory = mean_field.predict(
        x, [width] * depth, variant.activation,
        partial(spread, variant.init, variant.activation),
    )  # fmt: skip
    return Start(sizes / sizes[-1], theory.gradients)


class Moment(NamedTuple):
    """How a training stands; `left` is the first layer's gradient over the last's."""

    step: int
    loss: float
    accuracy: float
    left: float
    update_ratio: float

    def in_words(self, first: Moment) -> tuple[str, ...]:
        """As the lab's table shows it; the gradient is that of the start."""
        numbers = (f"{first.left:.0e}", f"{self.update_ratio:.0e}", f"{self.loss:.3f}")
        return (f"{self.step:,}", *numbers, f"{100 * self.accuracy:.1f} %")


class Swept(NamedTuple):
    """A depth, and the start of each of SWEPT at it."""

    depth: int
    starts: list[Start]


Look = Callable[[MLP, int, float, float], None]
"""What is told of a step: the model, the step's number, its loss, its update ratio."""


def train(variant: Variant, lab: Lab, digits: Digits, look: Look) -> MLP:
    """Train a deep network on the digits; `look` at it now and then."""
    model = variant.build(lab.depth, lab.width, lab.seed)
    optimizer, steps = make_optimizer(variant, lab, model)
    images, labels = scale_pixels(digits.images), digits.labels
    order = rng.generator(lab.seed, "order")
    first = model.get_submodule("hidden1.linear").get_parameter("weight")
    looked_at = {1, EARLY, steps, *(k * steps // LOOKS for k in range(1, LOOKS))}
    for step in range(1, steps + 1):
        watched = step in looked_at
        before = first.detach().clone() if watched else first
        batch = torch.randint(len(labels), (lab.batch_size,), generator=order)
        optimizer.zero_grad()
        logits = model(images[batch])
        loss = nn.functional.cross_entropy(logits, labels[batch])
        loss.backward()
        optimizer.step()
        if watched:
            look(model, step, loss.item(), update_ratio(before, first.detach()))
    return model


def make_optimizer(
    variant: Variant, lab: Lab, model: MLP
) -> tuple[optim.Optimizer, int]:
    """What moves the weights of this variant, and how many steps it gets."""
    if variant.optimizer == "adam":
        adam = optim.Adam(model.parameters(), lab.adam_lr, fused=True)
        return adam, lab.adam_steps
    return optim.SGD(model.parameters(), lab.lr), lab.steps


def look_inside(model: MLP, probed: Digits) -> Probes:
    """A look into a copy of the model: its activations and gradients on some digits."""
    model = copy.deepcopy(model).train()
    images, labels = scale_pixels(probed.images), probed.labels
    with Probes(model) as probes:
        loss = nn.functional.cross_entropy(model(images), labels)
    model.zero_grad()
    loss.backward()
    return probes


@torch.no_grad()
def accuracy(model: MLP, digits: Digits) -> float:
    """Share of the digits that the model reads right; its mode is as before after."""
    was_training = model.training
    answers = model.eval()(scale_pixels(digits.images)).argmax(1)
    model.train(was_training)
    return float((answers == digits.labels).float().mean())
