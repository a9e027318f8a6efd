"""The training loop: order, batches, the step, and what happens after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from torchbasics import rng
from torchbasics.data import Digits, scale_pixels
from torchbasics.data.mnist import Scale
from torchbasics.errors import TrainingError
from torchbasics.mlp import share_noise
from torchbasics.mnist import distort
from torchbasics.mnist.checkpoint import Keeper
from torchbasics.mnist.evaluate import evaluate
from torchbasics.mnist.monitor import Monitor, Record
from torchbasics.mnist.optim import (
    NonFiniteGradientError,
    learning_rate,
    loss_of,
    set_learning_rate,
)
from torchbasics.mnist.state import Progress, Training, capture
from torchbasics.probes import first_nonfinite
from torchbasics.signals import StopRequest

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


def training_steps(training: Training) -> Iterator[Progress]:
    """Train from where the training stands to its end, pausing after each step."""
    config, model, progress = training.config, training.model, training.progress
    splits, plan = training.splits, progress.plan
    digits = splits.train
    loss_function = loss_of(config.optim)
    forward = in_precision(model, config.precision, training.device)
    noise = share_noise(model)
    model.train()
    while not progress.is_finished():
        epoch, done = divmod(progress.step, plan.steps_per_epoch)
        if done == 0:
            progress.start_epoch()
        if config.distort.changes():
            digits = distort.epoch_of(splits.train, config.distort, config.seed, epoch)
        left = plan.total_steps - progress.step
        order = epoch_order(config.seed, epoch, len(digits.labels))
        order = order[done * config.batch_size :][: left * config.batch_size]
        for images, labels in batches(
            digits, order, config.batch_size, config.data.scale
        ):
            progress.lr = learning_rate(
                config.schedule, config.optim.lr, progress.step, plan.total_steps
            )
            set_learning_rate(training.optimizer, progress.lr)
            if noise:
                rng.reseed(noise, config.seed, "dropout", progress.step)
            try:
                loss, logits = training_step(
                    forward, training.optimizer, loss_function, images, labels
                )
            except NonFiniteGradientError:
                where = first_nonfinite(model, loss_function, images, labels)
                raise TrainingError(diagnosis(progress, where)) from None
            progress.step += 1
            progress.losses.append(loss)
            progress.logits.append(logits)
            progress.labels.append(labels)
            yield progress


def diagnosis(progress: Progress, where: str) -> str:
    """What to tell of a step that was not taken, and what to try."""
    return (
        f"step {progress.step} at learning rate {progress.lr:g} met a number that is "
        f"not finite, first in {where or 'a gradient'}. The step was not taken. "
        "Try a smaller --optim.lr, or a longer --schedule.warmup"
    )


def train(
    training: Training, monitor: Monitor, keeper: Keeper, stop: StopRequest
) -> None:
    """Train to the end or until asked to stop; report and save after each epoch."""
    progress = training.progress
    started = time.perf_counter()
    for _ in training_steps(training):
        monitor.watch()
        if progress.ends_epoch():
            seconds = time.perf_counter() - started
            record = epoch_record(training, seconds)
            monitor.epoch(record)
            if training.wants_checkpoint():
                keeper.save(capture(training), record.get("accuracy/validation"))
            started = time.perf_counter()
        if stop.signal and not progress.is_finished():
            keeper.save(capture(training))
            return


def epoch_record(training: Training, seconds: float) -> Record:
    """All numbers of the epoch that just ended. The test set's select nothing.

    Training loss and accuracy are means over the epoch's batches, each taken before
    its step; the others are exact, taken now.
    """
    config, progress = training.config, training.progress
    images = len(progress.losses) * config.batch_size
    record: Record = {
        "epoch": -(-progress.step // progress.plan.steps_per_epoch),
        "step": progress.step,
        "lr": progress.lr,
        "loss/train": torch.stack(progress.losses).mean().item(),
        "accuracy/train": progress.hits() / images,
    }
    for name in ("validation", "test"):
        digits: Digits | None = getattr(training.splits, name)
        if digits is not None and training.wants_scores():
            result = evaluate(training.result, digits, config.data.scale)
            record[f"loss/{name}"] = result.loss
            record[f"accuracy/{name}"] = result.accuracy
    here = len(progress.logits) * config.batch_size  # without an earlier process's
    record["time/images_per_s"] = here / seconds
    return record
