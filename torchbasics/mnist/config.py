"""What a training can be told: the only home of its defaults.

The defaults train the lesson's network, 784-50-100-10 with sigmoid.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from torchbasics.activations import ActivationName
from torchbasics.data.mnist import Scale
from torchbasics.initialization import InitName, check_suits
from torchbasics.settings import Parsed, Settings

Seed = Annotated[int, Field(ge=0, lt=2**63)]
MAX_WEIGHTS = 100_000_000  # 0.4 GB, and four times that while they are trained


class Model(Settings):
    """The network between 784 pixels and 10 logits."""

    group: ClassVar[str] = "model"
    hidden: tuple[int, ...] = Field(
        (50, 100), description="units in each hidden layer, first to last"
    )
    activation: ActivationName = Field("sigmoid", description="of the hidden units")
    init: InitName = Field(
        "auto", description="how weights are drawn; auto: he for ReLUs, else xavier"
    )
    batch_norm: bool = Field(
        False, description="normalise each weighted sum over the batch"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of each hidden layer zeroed in training"
    )
    input_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the pixels zeroed in training"
    )
    input_noise: float = Field(
        0.0, ge=0, description="standard deviation of noise on pixels in training"
    )

    @model_validator(mode="after")
    def _hidden_can_be_built(self) -> Model:
        if any(units < 1 for units in self.hidden):
            raise ValueError(
                f"model.hidden = {list(self.hidden)}: each layer needs 1 unit or more"
            )
        weights = sum(a * b for a, b in pairwise((784, *self.hidden, 10)))
        if weights > MAX_WEIGHTS:
            raise ValueError(
                f"model.hidden = {list(self.hidden)} makes {weights:,} weights; "
                f"there can be {MAX_WEIGHTS:,}"
            )
        if not self.hidden and (self.input_dropout or self.input_noise):
            raise ValueError("model.input_dropout and input_noise need a hidden layer")
        check_suits(self.init, self.activation)
        return self


class Data(Settings):
    """Which digits are shown, and as what numbers."""

    group: ClassVar[str] = "data"
    scale: Scale = Field(
        "unit", description="unit: pixel/255; standard: also minus mean, over std"
    )
    validation: int = Field(
        0, ge=0, le=59_000, description="last training images held out, 0: none"
    )


class Distort(Settings):
    """How far each training image is changed, anew in each epoch; all 0: not at all."""

    group: ClassVar[str] = "distort"
    rotation: float = Field(0.0, ge=0, le=180, description="most degrees, either way")
    shear: float = Field(0.0, ge=0, le=60, description="most degrees, along x")
    scale: float = Field(0.0, ge=0, lt=1, description="most change of width, of height")
    shift: float = Field(0.0, ge=0, le=28, description="most pixels, along x, along y")
    elastic: float = Field(
        0.0, ge=0, le=28, description="rms displacement along x, along y, in pixels"
    )
    sigma: float = Field(
        5.5, ge=0.5, le=28, description="how smooth elastic is: its blur, in pixels"
    )
    half: tuple[Annotated[int, Field(ge=0, le=9)], ...] = Field(
        (), description="digits that turn and shear half as far, such as 1 and 7"
    )

    def changes(self) -> bool:
        """Whether any image is changed."""
        return any((self.rotation, self.shear, self.scale, self.shift, self.elastic))


class Optim(Settings):
    """How a gradient becomes a step."""

    group: ClassVar[str] = "optim"
    name: Literal["sgd", "adam", "adamw"] = Field("adamw", description="the rule")
    lr: float = Field(
        0.02, gt=0, description="learning rate per step, at the schedule's peak"
    )
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    nesterov: bool = Field(False, description="sgd looks ahead; needs momentum")
    weight_decay: float = Field(
        0.0, ge=0, description="pull of weights towards 0; adamw's is decoupled"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="probability taken from the label, spread on all"
    )
    max_norm: float = Field(
        0.0, ge=0, description="longest that a hidden unit's weights can be, 0: any"
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="memory, per step, of the running mean of weights that is read",
    )

    @model_validator(mode="after")
    def _momentum_is_used(self) -> Optim:
        if self.momentum and self.name != "sgd":
            raise ValueError(
                f"optim.momentum = {self.momentum}: only sgd has it; {self.name} has "
                "its own kind"
            )
        if self.nesterov and not (self.name == "sgd" and self.momentum):
            raise ValueError("optim.nesterov needs optim.name sgd and a momentum")
        return self


class Schedule(Settings):
    """How the learning rate goes over the run."""

    group: ClassVar[str] = "schedule"
    name: Literal["constant", "linear", "cosine", "one-cycle", "exponential"] = Field(
        "one-cycle", description="shape of the fall after the warm-up"
    )
    warmup: float = Field(
        0.3,
        ge=0,
        le=1,
        description="share of all steps in which the rate rises, whatever follows",
    )
    final: float = Field(
        0.001, gt=0, le=1, description="of the peak, where exponential ends"
    )


class Monitor(Settings):
    """What is written down while a training runs; it never changes the training."""

    group: ClassVar[str] = "monitor"
    tensorboard: bool = Field(True, description="write curves for TensorBoard")
    histograms: int = Field(
        1, ge=0, description="epochs between looks into the layers, 0: never"
    )
    scores: int = Field(
        1, ge=1, description="epochs between scores on test and validation images"
    )


class Checkpoint(Settings):
    """What is kept to go on from."""

    group: ClassVar[str] = "checkpoint"
    every: int = Field(1, ge=0, description="epochs between two, 0: at the end only")


class Config(Settings):
    """One training run."""

    seed: Seed = Field(0, description="of weights, order and dropout")
    epochs: int = Field(10, ge=1, description="passes over the training images")
    max_steps: int = Field(0, ge=0, description="stop after so many steps, 0: never")
    batch_size: int = Field(100, ge=1, le=60_000, description="images per step")
    device: str = Field("auto", description="auto, or a device's name in PyTorch")
    threads: int = Field(
        0, ge=0, le=1024, description="CPU threads, 0: PyTorch's choice"
    )
    data_dir: str = Field(
        "auto", min_length=1, description="folder of MNIST, auto: user's cache"
    )
    runs_dir: str = Field(
        "runs", min_length=1, description="folder in which run folders are made"
    )
    quiet: bool = Field(False, description="print the last line only")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="of matrix products; bf16: autocast, weights stay fp32"
    )
    model: Model = Model()
    data: Data = Data()
    optim: Optim = Optim()
    schedule: Schedule = Schedule()
    distort: Distort = Distort()
    monitor: Monitor = Monitor()
    checkpoint: Checkpoint = Checkpoint()

    @model_validator(mode="after")
    def _a_batch_fits(self) -> Config:
        if self.batch_size == 1 and self.model.batch_norm:
            raise ValueError("batch_size = 1: model.batch_norm needs at least 2 images")
        if self.batch_size > 60_000 - self.data.validation:
            raise ValueError(
                f"batch_size = {self.batch_size}: with data.validation = "
                f"{self.data.validation} it must be at most "
                f"{60_000 - self.data.validation}, the training images left"
            )
        return self


FREE = {"device", "threads", "data_dir", "runs_dir", "quiet", "monitor", "checkpoint"}
"""The settings that do not change what is learned: a resumed run may change them."""

DEFAULTS = Parsed(Config(), "lesson")
