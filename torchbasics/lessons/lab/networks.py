"""The lab's experiment: which deep networks, and what trains them."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from torchbasics import rng
from torchbasics.activations import ActivationName
from torchbasics.command.settings import Settings
from torchbasics.initialization import InitName, init_variance
from torchbasics.mlp import MLP


class Variant(NamedTuple):
    """A deep network, and what trains it."""

    activation: ActivationName
    init: InitName
    optimizer: Literal["sgd", "adam"] = "sgd"
    batch_norm: bool = False
    residual: bool = False

    @classmethod
    def parse(cls, name: str) -> Variant:
        """The variant of that name. Raises ValueError if there is none.

        >>> Variant.parse("tanh-he-adam") == Variant("tanh", "he", "adam")
        True
        """
        activation, _, rest = name.partition("-")
        init, *extras = rest.split("-")
        if set(extras) - {"batch_norm", "residual", "adam"} or not init:
            raise ValueError(
                f"{name!r} is no network: write ACTIVATION-INIT, then any of "
                "-batch_norm, -residual, -adam; for example tanh-he-adam"
            )
        optimizer = "adam" if "adam" in extras else "sgd"
        fixes = "batch_norm" in extras, "residual" in extras
        variant = cls(activation, init, optimizer, *fixes)  # type: ignore[arg-type]
        try:
            init_variance(variant.init, variant.activation, 1, 1)
        except ValueError as error:
            raise ValueError(f"{name!r} is no network: {error}") from None
        return variant

    @property
    def name(self) -> str:
        """As an option spells it.

        >>> Variant("sigmoid", "xavier", batch_norm=True).name
        'sigmoid-xavier-batch_norm'
        """
        extras = [name for name in ("batch_norm", "residual") if getattr(self, name)]
        extras += ["adam"] if self.optimizer == "adam" else []
        return "-".join([self.activation, self.init, *extras])

    def build(self, depth: int, width: int, seed: int) -> MLP:
        """The untrained network, 784 inputs, `depth` hidden layers, 10 outputs."""
        return MLP(
            784, [width] * depth, 10, self.activation,
            init=self.init, batch_norm=self.batch_norm, residual=self.residual,
            generator=rng.generator(seed, "weights"),
        )  # fmt: skip


PAIR = Variant("sigmoid", "xavier"), Variant("relu", "he")
"""The two that the lesson is about."""

TRAINED = (
    *PAIR, PAIR[0]._replace(batch_norm=True), PAIR[0]._replace(residual=True),
    Variant("sigmoid", "critical"), PAIR[0]._replace(optimizer="adam"),
)  # fmt: skip
"""The pair, three things that mend the sigmoid's, and one that hides it."""

SWEPT = (
    Variant("sigmoid", "default"), Variant("sigmoid", "xavier"),
    Variant("relu", "default"), Variant("relu", "he"), Variant("tanh", "he"),
)  # fmt: skip
"""Networks whose depth is varied: from vanishing to exploding."""


class LabConfig(Settings):
    """The experiment: which networks, how deep, trained how."""

    depth: int = Field(10, ge=2, le=100, description="hidden layers")
    width: int = Field(128, ge=2, le=4096, description="units in each")
    batch_size: int = Field(128, ge=2, le=10_000, description="images per step")
    steps: int = Field(1000, ge=1, le=100_000, description="of SGD")
    lr: float = Field(0.2, gt=0, le=100, description="learning rate of SGD")
    adam_steps: int = Field(3000, ge=1, le=100_000, description="of Adam")
    adam_lr: float = Field(0.001, gt=0, le=100, description="learning rate of Adam")
    adam_eps: float = Field(
        1e-8, gt=0, le=1, description="what Adam adds to a gradient's size"
    )
    networks: tuple[str, ...] = Field(
        tuple(variant.name for variant in TRAINED), min_length=1, max_length=6,
        description="trained: ACTIVATION-INIT, then any of -batch_norm -residual -adam",
    )  # fmt: skip
    activations: tuple[ActivationName, ...] = Field(
        ("sigmoid", "tanh", "relu"),
        min_length=1,
        description="compared before training",
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
    def _networks_can_be(self) -> LabConfig:
        for activation, init in product(self.activations, self.inits):
            try:
                init_variance(init, activation, 1, 1)
            except ValueError as error:
                reason = str(error).partition(";")[0]
                raise ValueError(f"{reason}: leave {init} out of inits") from None
        if len({Variant.parse(name) for name in self.networks}) < len(self.networks):
            raise ValueError(f"networks = {list(self.networks)}: name each one once")
        return self

    def experiment(self) -> dict[str, Any]:
        """What decides the results: all but where and how they are shown."""
        return self.model_dump(
            exclude={"threads", "lang", "tensorboard", "data_dir", "runs_dir"}
        )
