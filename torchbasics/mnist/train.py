"""The training loop: order, batches, the step, and what happens after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from torchbasics import rng
from torchbasics.data import Digits, load, scale_pixels
from torchbasics.data.mnist import Scale
from torchbasics.mlp import MLP, share_noise
from torchbasics.mnist.config import Config
from torchbasics.mnist.evaluate import evaluate
from torchbasics.mnist.monitor import Monitor, Record
from torchbasics.mnist.optim import learning_rate, make_optimizer, set_learning_rate

IMAGES_PER_GATHER = 1024  # one gather for many batches, few enough for the cache


def training_step(
    forward: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    loss_function: nn.Module,
    images: Tensor,
    labels: Tensor,
) -> tuple[Tensor, Tensor]:
    """One step of gradient descent; returns the batch's loss and its logits.

    Shape: images (N, 784), labels (N,) -> loss (), logits (N, 10).
    """
    optimizer.zero_grad()
    logits = forward(images)
    loss = loss_function(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.detach(), logits.detach()


class Splits(NamedTuple):
    """The digits to learn from, to decide with (maybe none), and to report on."""

    train: Digits
    validation: Digits | None
    test: Digits


def load_splits(config: Config, device: torch.device) -> Splits:
    """MNIST on the device, the last `data.validation` training images held out."""
    train, test = (
        Digits(*(tensor.to(device) for tensor in load(split, config.data_dir)))
        for split in ("train", "test")
    )
    count = len(train.labels) - config.data.validation
    held_out = Digits(train.images[count:], train.labels[count:])
    return Splits(
        train=Digits(train.images[:count], train.labels[:count]),
        validation=held_out if config.data.validation else None,
        test=test,
    )


class Plan(NamedTuple):
    """How many steps an epoch and the whole run have; an epoch drops its tail."""

    steps_per_epoch: int
    total_steps: int


def plan_steps(config: Config, images: int) -> Plan:
    """The plan of a run over so many training images.

    >>> plan_steps(Config(batch_size=100, epochs=2, max_steps=700), images=60_000)
    Plan(steps_per_epoch=600, total_steps=700)
    """
    steps_per_epoch = images // config.batch_size
    steps = config.epochs * steps_per_epoch
    return Plan(steps_per_epoch, min(steps, config.max_steps or steps))


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """The order in which an epoch shows the images. Shape: (images,)."""
    return torch.randperm(images, generator=rng.generator(seed, "order", epoch))


def batches(
    digits: Digits, order: Tensor, batch_size: int, scale: Scale
) -> Iterator[tuple[Tensor, Tensor]]:
    """The digits in that order, as full batches of what the network reads.

    Shape: images (N, 28, 28), order (M,) -> pairs of (batch_size, 784), (batch_size,).
    """
    whole = len(order) // batch_size * batch_size
    chunk = max(IMAGES_PER_GATHER // batch_size, 1) * batch_size
    for some in order[:whole].to(digits.labels.device).split(chunk):
        pixels = scale_pixels(digits.images.index_select(0, some), scale)
        labels = digits.labels.index_select(0, some)
        yield from zip(pixels.split(batch_size), labels.split(batch_size), strict=True)


def in_precision(
    model: nn.Module, precision: str, device: torch.device
) -> Callable[[Tensor], Tensor]:
    """The model, its matrix products in bfloat16 if so asked; float32 comes out."""
    if precision == "fp32":
        return model

    def forward(images: Tensor) -> Tensor:
        """(N, 784) -> (N, 10)."""
        with torch.autocast(device.type, torch.bfloat16):
            logits: Tensor = model(images)
        return logits.float()

    return forward


@dataclass
class Progress:
    """Where a training stands: the steps done, and the current epoch's batches."""

    plan: Plan
    step: int = 0
    lr: float = 0.0
    losses: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)

    def ends_epoch(self) -> bool:
        """Whether the last step was the last of its epoch, or of the run."""
        whole_epoch = self.step % self.plan.steps_per_epoch == 0
        return whole_epoch or self.step == self.plan.total_steps

    def means(self) -> Record:
        """Loss and accuracy over the epoch's batches, each taken before its step."""
        hits = torch.cat(self.logits).argmax(1) == torch.cat(self.labels)
        return {
            "loss/train": torch.stack(self.losses).mean().item(),
            "accuracy/train": hits.sum().item() / len(hits),
        }

    def start_epoch(self) -> None:
        """Forget the batches of the epoch before."""
        self.losses, self.logits, self.labels = [], [], []


def training_steps(
    config: Config, model: MLP, optimizer: torch.optim.Optimizer, train: Digits
) -> Iterator[Progress]:
    """Train `model` in place, pausing after each step, to the end of the plan."""
    forward = in_precision(model, config.precision, train.labels.device)
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.optim.label_smoothing)
    noise = share_noise(model)
    plan = plan_steps(config, len(train.labels))
    progress = Progress(plan)
    model.train()
    for epoch in range(config.epochs):
        order = epoch_order(config.seed, epoch, len(train.labels))
        progress.start_epoch()
        for images, labels in batches(
            train, order, config.batch_size, config.data.scale
        ):
            progress.lr = learning_rate(
                config.schedule, config.optim.lr, progress.step, plan.total_steps
            )
            set_learning_rate(optimizer, progress.lr)
            if noise:
                rng.reseed(noise, config.seed, "dropout", progress.step)
            loss, logits = training_step(
                forward, optimizer, loss_function, images, labels
            )
            progress.step += 1
            progress.losses.append(loss)
            progress.logits.append(logits)
            progress.labels.append(labels)
            yield progress
            if progress.step == plan.total_steps:
                return


def train(config: Config, model: MLP, splits: Splits, monitor: Monitor) -> None:
    """Train `model` in place; the monitor hears of each step and each epoch."""
    optimizer = make_optimizer(config.optim, model)
    started = time.perf_counter()
    for progress in training_steps(config, model, optimizer, splits.train):
        monitor.step(progress.step)
        if progress.ends_epoch():
            seconds = time.perf_counter() - started
            monitor.epoch(epoch_record(config, model, splits, progress, seconds))
            started = time.perf_counter()


def epoch_record(
    config: Config, model: MLP, splits: Splits, progress: Progress, seconds: float
) -> Record:
    """All numbers of the epoch that just ended. The test set's select nothing."""
    images = len(progress.losses) * config.batch_size
    record: Record = {
        "epoch": -(-progress.step // progress.plan.steps_per_epoch),
        "step": progress.step,
        "lr": progress.lr,
        **progress.means(),
    }
    for name in ("validation", "test"):
        digits: Digits | None = getattr(splits, name)
        if digits is not None:
            result = evaluate(model, digits, config.data.scale)
            record[f"loss/{name}"] = result.loss
            record[f"accuracy/{name}"] = result.accuracy
    record["time/images_per_s"] = images / seconds
    return record
