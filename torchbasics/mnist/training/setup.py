"""What a training consists of, before its first step: data, model, optimizer, plan."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from torchbasics.command.errors import TrainingError, UserError
from torchbasics.data import ImageDataset, load
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import graphs
from torchbasics.mnist.training.optim import (
    Refusals,
    add_ema,
    add_max_norm,
    add_refusals,
    make_loss,
    make_optimizer,
)
from torchbasics.mnist.training.processes import Processes
from torchbasics.mnist.training.progress import Progress
from torchbasics.mnist.training.state import plan_steps
from torchbasics.probes import Probes, probe_copy

PROBE_IMAGES = 256  # the first training images, always the same


class Splits(NamedTuple):
    """The images to learn from, to decide with (maybe none), and to report on."""

    train: ImageDataset
    validation: ImageDataset | None
    test: ImageDataset


def load_splits(config: Config, device: torch.device) -> Splits:
    """MNIST on the device, the last `data.validation` training images held out."""
    train, test = (
        ImageDataset(*(tensor.to(device) for tensor in load(split, config.data_dir)))
        for split in ("train", "test")
    )
    count = len(train.labels) - config.data.validation
    held_out = train.subset(slice(count, None)) if config.data.validation else None
    return Splits(train.subset(slice(count)), held_out, test)


@dataclass
class Training:
    """What a training consists of: all that `training_steps` reads and changes."""

    config: Config
    splits: Splits
    model: MLP
    optimizer: torch.optim.Optimizer
    refusals: Refusals
    progress: Progress
    averaged: AveragedModel | None
    processes: Processes

    @property
    def eval_model(self) -> nn.Module:
        """The network that is scored, shown and read: the average, if one is kept."""
        return self.averaged.module if self.averaged else self.model

    @property
    def device(self) -> torch.device:
        """Where the images, the labels and the model are."""
        return self.splits.train.labels.device

    def probe(self) -> Probes:
        """What a training step on always the same images would see, in a copy."""
        config = self.config
        images, labels = self.splits.train.subset(slice(PROBE_IMAGES))
        inputs, loss = config.data.transform(images), make_loss(config.optim)
        return probe_copy(self.model, loss, inputs, labels, config.seed)

    def evaluate(self, dataset: ImageDataset) -> Evaluation:
        """What the network that is scored makes of these images."""
        return evaluate(self.eval_model, *dataset, self.config.data.transform)

    def should_evaluate(self) -> bool:
        """Whether the network is to be scored at the end of this epoch."""
        return self._is_due(self.config.monitor.scores)

    def should_save(self) -> bool:
        """Whether the state at the end of this epoch is to be kept."""
        return self._is_due(self.config.checkpoint.every)

    def _is_due(self, every: int) -> bool:
        progress = self.progress
        return progress.is_finished() or (every > 0 and progress.epoch % every == 0)


def setup(
    config: Config, splits: Splits, processes: Processes | None = None
) -> Training:
    """A training before its first step. Raises UserError if it cannot be shared so."""
    processes = processes or Processes()
    require_equal_parts(config, processes.count)
    device = splits.train.labels.device
    model = network.build(config).to(device)
    optimizer = make_optimizer(config.optim, model)
    together = graphs.steps_per_pause(device) if processes.count == 1 else 1
    refusals = add_refusals(optimizer, model)
    optim, averaged = config.optim, None
    if optim.max_norm:
        add_max_norm(optimizer, model, optim.max_norm)
    if optim.ema:  # after what else a step changes
        averaged = add_ema(optimizer, model, optim.ema)
    plan = plan_steps(config, len(splits.train.labels))
    progress = Progress(plan._replace(steps_per_pause=together))
    return Training(
        config, splits, model, optimizer, refusals, progress, averaged, processes
    )


def require_equal_parts(config: Config, count: int) -> None:
    """Raise UserError unless so many processes can share each batch.

    >>> require_equal_parts(Config(batch_size=100), 3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    torchbasics.command.errors.UserError: batch_size = 100: 3 processes cannot ...
    """
    batch_size, least = config.batch_size, count * (1 + config.model.batch_norm)
    below = batch_size // count * count
    if batch_size < least:
        raise UserError(
            f"batch_size = {batch_size}: for {count} processes it must be at least "
            f"{least}, so that each has {least // count}"
        )
    if below != batch_size:
        raise UserError(
            f"batch_size = {batch_size}: {count} processes cannot share it equally; "
            f"they could {below} or {below + count}"
        )


@contextmanager
def enough_memory(config: Config) -> Iterator[None]:
    """Where a device's memory does not do, the CPU's too, name the setting to change.

    >>> with enough_memory(Config(batch_size=512)):  # doctest: +ELLIPSIS
    ...     torch.empty(2**60)
    Traceback (most recent call last):
    torchbasics.command.errors.TrainingError: batch_size = 512 needs more memory ...
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        is_accelerators = isinstance(error, torch.OutOfMemoryError)
        # of the CPU's memory PyTorch has no word of its own
        is_cpus = isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)
        if not (is_accelerators or is_cpus):
            raise
        elsewhere = ", or --device cpu" if is_accelerators else ""
        raise TrainingError(
            f"batch_size = {config.batch_size} needs more memory than the device has: "
            f"try a smaller --batch-size{elsewhere}"
        ) from None


def bf16_hint(config: Config, device: torch.device) -> str:
    """What to tell one who asked for bfloat16 on that device; nothing if it pays."""
    if config.precision != "bf16":
        return ""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
        return "this card has no bfloat16, so it is slow: try --precision fp32\n\n"
    if device.type != "cpu":
        return ""
    if (gain := bf16_gain()) > 0.9:
        return ""
    return (
        f"bf16 is {1 / gain:.1f} times as slow as fp32 on this CPU: "
        "try --precision fp32\n\n"
    )


def bf16_gain() -> float:
    """How many times as fast as in float32 this CPU multiplies matrices in bfloat16.

    Measured, as no name of an instruction tells: up to 8 with AMX, 2.6 on AMD's Zen 4,
    0.6 where AVX-512 has the instruction but does it slowly, far less without it. The
    factors are of a hidden layer's size, and each counts with the best of ten, in turn.

    >>> bf16_gain() > 0
    True
    """
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _, dtype in product(range(10), best):
        a, b = torch.ones(256, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
        start = time.perf_counter()
        a @ b
        best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best[torch.float32] / best[torch.bfloat16]
