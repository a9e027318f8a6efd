"""What a training can be told: the only home of its defaults.

The defaults train the lesson's network, 784-50-100-10 with sigmoid.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from torchbasics.activations import ActivationName
from torchbasics.command.settings import Settings, shown
from torchbasics.data import TRAINING_IMAGES, Scale, scale_pixels
from torchbasics.evaluation import Transform
from torchbasics.initialization import InitName, init_variance

MAX_WEIGHTS = 100_000_000  # 0.4 GB, and four times that while they are trained
MAX_HIDDEN = 200  # layers, each of which costs time to build and to step through

Precision = Literal["fp32", "bf16"]
ScheduleName = Literal["constant", "linear", "cosine", "one-cycle", "exponential"]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Units = Annotated[int, Field(ge=1, le=MAX_WEIGHTS)]
Digit = Annotated[int, Field(ge=0, le=9)]
Often = Annotated[int, Field(le=1_000_000)]  # epochs; steps have no other bound
Share = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]


class ModelConfig(Settings, group="model"):
    """The network between 784 pixels and 10 logits."""

    hidden: tuple[Units, ...] = Field((50, 100), max_length=MAX_HIDDEN)
    """units in each hidden layer, first to last"""
    activation: ActivationName = "sigmoid"
    """of the hidden units"""
    init: InitName = "auto"
    """how weights are drawn; auto: he for ReLU and its kin, else xavier"""
    batch_norm: bool = False
    """normalise each weighted sum over the batch"""
    dropout: Share = 0.0
    """share of each hidden layer zeroed in training"""
    input_dropout: Share = 0.0
    """share of the pixels zeroed in training"""
    input_noise: NotNegative = 0.0
    """standard deviation of noise on pixels in training"""

    @model_validator(mode="after")
    def _hidden_can_be_built(self) -> ModelConfig:
        if self.num_weights > MAX_WEIGHTS:
            raise ValueError(
                f"model.hidden = {shown([*self.hidden])} makes {self.num_weights:,} "
                f"weights; there can be {MAX_WEIGHTS:,}"
            )
        if not self.hidden and (self.input_dropout or self.input_noise):
            raise ValueError("model.input_dropout and input_noise need a hidden layer")
        init_variance(self.init, self.activation, 1, 1)
        return self

    @property
    def num_weights(self) -> int:
        """How many numbers the layers multiply with; their biases are not counted."""
        return sum(a * b for a, b in pairwise((784, *self.hidden, 10)))


class DataConfig(Settings, group="data"):
    """Which digits are shown, and as what numbers."""

    scale: Scale = "unit"
    """unit: pixel/255; standard: also minus mean, over std"""
    validation: int = Field(0, ge=0, le=59_000)
    """last training images held out, 0: none"""

    @property
    def transform(self) -> Transform:
        """What makes of images the numbers that the network reads."""
        return partial(scale_pixels, scale=self.scale)


class DistortConfig(Settings, group="distort"):
    """How far each training image is changed, anew in each epoch; all 0: not at all."""

    rotation: float = Field(0.0, ge=0, le=180)
    """largest rotation, either way, in degrees"""
    shear: float = Field(0.0, ge=0, le=60)
    """largest shear along x, in degrees"""
    scale: Share = 0.0
    """largest relative change of width, of height"""
    shift: float = Field(0.0, ge=0, le=28)
    """largest shift along x, along y, in pixels"""
    elastic: float = Field(0.0, ge=0, le=28)
    """rms displacement along x, along y, in pixels"""
    sigma: float = Field(5.5, ge=0.5, le=28)
    """how smooth elastic is: its blur, in pixels"""
    half: tuple[Digit, ...] = Field((), max_length=10)
    """digits that turn and shear half as far, such as 1 and 7"""

    @property
    def enabled(self) -> bool:
        """Whether any image is changed."""
        return any((self.rotation, self.shear, self.scale, self.shift, self.elastic))


class OptimConfig(Settings, group="optim"):
    """How a gradient becomes a step."""

    name: Literal["sgd", "adam", "adamw"] = "adamw"
    """update rule"""
    lr: float = Field(0.02, gt=0)
    """learning rate per step, at the schedule's peak"""
    momentum: Share = 0.0
    """of sgd, per step"""
    nesterov: bool = False
    """Nesterov's form of sgd; needs momentum"""
    weight_decay: NotNegative = 0.0
    """pull of weights towards 0; adamw's is decoupled"""
    label_smoothing: Share = 0.0
    """probability taken from the label, spread on all"""
    max_norm: NotNegative = 0.0
    """largest norm of a hidden unit's weights, 0: no limit"""
    ema: Share = 0.0
    """decay of the moving average of the weights, 0: off"""

    @model_validator(mode="after")
    def _momentum_is_used(self) -> OptimConfig:
        if self.momentum and self.name != "sgd":
            raise ValueError(
                f"optim.momentum = {self.momentum}: only sgd has it; {self.name} has "
                "its own kind"
            )
        if self.nesterov and not (self.name == "sgd" and self.momentum):
            raise ValueError("optim.nesterov needs optim.name sgd and a momentum")
        return self


class ScheduleConfig(Settings, group="schedule"):
    """How the learning rate goes over the run."""

    name: ScheduleName = "one-cycle"
    """shape of the fall after the warm-up"""
    warmup: float = Field(0.3, ge=0, le=1)
    """share of all steps in which the rate rises, whatever follows"""
    final: float = Field(0.001, gt=0, le=1)
    """share of lr at which exponential ends"""


class MonitorConfig(Settings, group="monitor"):
    """What is written down while a training runs; it never changes the training."""

    tensorboard: bool = True
    """write curves for TensorBoard"""
    histograms: Often = Field(1, ge=0)
    """epochs between histograms of the layers, 0: none"""
    scores: Often = Field(1, ge=1)
    """epochs between evaluations on validation and test images"""


class CheckpointConfig(Settings, group="checkpoint"):
    """How often the training's state is saved."""

    every: Often = Field(1, ge=0)
    """epochs between checkpoints, 0: at the end only"""


class Config(Settings):
    """One training run."""

    seed: Seed = 0
    """of weights, order and dropout"""
    epochs: Often = Field(10, ge=1)
    """passes over the training images"""
    max_steps: int = Field(0, ge=0, lt=10**11)
    """stop after so many steps, 0: never"""
    batch_size: int = Field(100, ge=1, le=TRAINING_IMAGES)
    """images per step"""
    device: str = "auto"
    """auto, or a device's name in PyTorch"""
    threads: int = Field(0, ge=0, le=1024)
    """CPU threads, 0: PyTorch's choice"""
    data_dir: str = Field("auto", min_length=1)
    """folder of MNIST, auto: user's cache"""
    runs_dir: str = Field("runs", min_length=1)
    """folder in which run folders are made"""
    quiet: bool = False
    """print the last line only"""
    precision: Precision = "fp32"
    """of matrix products; bf16: autocast, weights stay fp32"""
    graphs: bool = True
    """on CUDA, take several steps as one graph, the same numbers"""
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    distort: DistortConfig = DistortConfig()
    monitor: MonitorConfig = MonitorConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _a_batch_fits(self) -> Config:
        if self.batch_size == 1 and self.model.batch_norm:
            raise ValueError("batch_size = 1: model.batch_norm needs at least 2 images")
        left = TRAINING_IMAGES - self.data.validation
        if self.batch_size > left:
            raise ValueError(
                f"batch_size = {self.batch_size}: with data.validation = "
                f"{self.data.validation} it must be at most {left}, the training "
                "images left"
            )
        return self
