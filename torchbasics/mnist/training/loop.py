"""The training loop: order, batches, the step, and what happens after each epoch."""

import time
from collections.abc import Callable, Iterator
from typing import get_args

import torch
from torch import Tensor, nn

from torchbasics import arguments as require
from torchbasics import rng
from torchbasics.command.errors import TrainingError
from torchbasics.command.signals import StopRequest
from torchbasics.data import ImageDataset
from torchbasics.evaluation import Transform, evaluate
from torchbasics.mlp import attach_generator
from torchbasics.mnist.config import Precision
from torchbasics.mnist.training import distort
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.metrics import Metrics
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.optim import (
    NonFiniteGradientError,
    learning_rate,
    make_loss,
    set_learning_rate,
)
from torchbasics.mnist.training.resume import snapshot, state_dict, take_back
from torchbasics.mnist.training.setup import Progress, Training
from torchbasics.probes import first_nonfinite

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
    dataset: ImageDataset, order: Tensor, batch_size: int, transform: Transform
) -> Iterator[tuple[Tensor, Tensor]]:
    """The images in that order, as full batches of what the network reads.

    Shape: images (N, 28, 28), order (M,) -> pairs of (batch_size, 784), (batch_size,).
    """
    whole = len(order) // batch_size * batch_size
    chunk = max(IMAGES_PER_GATHER // batch_size, 1) * batch_size
    for some in order[:whole].to(dataset.labels.device).split(chunk):
        pixels = transform(dataset.images.index_select(0, some))
        labels = dataset.labels.index_select(0, some)
        yield from zip(pixels.split(batch_size), labels.split(batch_size), strict=True)


def epoch_batches(training: Training) -> Iterator[tuple[Tensor, Tensor]]:
    """What is left of the current epoch, distorted if so asked.

    Of several processes each has its part of every batch.

    Shape: pairs of (n, 784), (n,).
    """
    config, progress, plan = training.config, training.progress, training.progress.plan
    dataset = training.splits.train
    epoch, done = divmod(progress.step, plan.steps_per_epoch)
    left = plan.total_steps - progress.step
    if config.distort.enabled:
        dataset = distort.distorted(dataset, config.distort, config.seed, epoch)
    order = epoch_order(config.seed, epoch, len(dataset.labels))
    order = order[done * config.batch_size :][: left * config.batch_size]
    order = training.processes.own_part(order, config.batch_size)
    images = config.batch_size // training.processes.count
    return batches(dataset, order, images, config.data.transform)


def with_autocast(
    model: nn.Module, precision: Precision, device: torch.device
) -> Callable[[Tensor], Tensor]:
    """The model, its matrix products in bfloat16 if so asked, and else never."""
    require.choice(get_args(Precision), precision=precision)
    bf16 = precision == "bf16"
    if not bf16 and not torch.is_autocast_enabled(device.type):
        return model

    def forward(images: Tensor) -> Tensor:
        """(N, 784) -> (N, 10)."""
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits: Tensor = model(images)
        return logits.float()

    return forward


def training_steps(
    training: Training, stop: StopRequest | None = None
) -> Iterator[Progress]:
    """Train until the end or a stop, pausing after each step.

    An epoch's distortions are not waited for when a stop is asked for. Several
    processes stop after the same step, whichever of them was asked.
    """
    stop = stop or StopRequest()
    config, model, progress = training.config, training.model, training.progress
    optimizer, total_steps = training.optimizer, progress.plan.total_steps
    loss_function, processes = make_loss(config.optim), training.processes
    generator = attach_generator(model, (processes.rank, processes.count))
    averaging = processes.averaging_gradients(model)
    forward = with_autocast(averaging, config.precision, training.device)
    model.train()
    while not progress.is_finished():
        epoch = stop.unless_asked(epoch_batches, training)
        if processes.agree(stop, patiently=True) or epoch is None:
            return
        if progress.step % progress.plan.steps_per_epoch == 0:
            progress.start_epoch()
        for images, labels in epoch:
            progress.lr = learning_rate(
                config.schedule, config.optim.lr, progress.step, total_steps
            )
            set_learning_rate(optimizer, progress.lr)
            if generator:
                rng.reseed(generator, config.seed, "dropout", progress.step)
            try:
                loss, logits = training_step(
                    forward, optimizer, loss_function, images, labels
                )
            except NonFiniteGradientError:
                where = first_nonfinite(model, loss_function, images, labels)
                raise TrainingError(diagnosis(progress, where)) from None
            progress.add_batch(loss, logits, labels)
            stopped = processes.agree(stop)
            if stopped or progress.is_epoch_end():
                progress.merge(processes)
            yield progress
            if stopped:
                return
    processes.agree(stop, patiently=True)  # rank 0 may have taken its last step back


def diagnosis(progress: Progress, where: str) -> str:
    """What to tell of a step that was not taken, and what to try."""
    return (
        f"step {progress.step} at learning rate {progress.lr:g} met a number that is "
        f"not finite, first in {where or 'a gradient'}. The step was not taken. "
        "Try a smaller --optim.lr, or a longer --schedule.warmup"
    )


def train(
    training: Training,
    monitor: Monitor,
    checkpoints: CheckpointManager,
    stop: StopRequest,
) -> None:
    """Train to the end or until asked to stop; report and save after each epoch.

    Scoring a large network takes seconds. A stop breaks it off, and the epoch's last
    step is taken back: whoever resumes takes it again, and then scores.
    """
    progress, before = training.progress, snapshot(training)
    started = time.perf_counter()
    for _ in training_steps(training, stop):
        if progress.is_epoch_end():
            seconds = time.perf_counter() - started
            metrics = stop.unless_asked(epoch_metrics, training, seconds)
            if metrics is None:
                take_back(training, before)
                continue
            monitor.after_epoch(metrics)
            if training.should_save():
                accuracy = metrics.get("accuracy/validation")
                checkpoints.save(state_dict(training), accuracy)
            started = time.perf_counter()
        if progress.plan.is_epoch_end(progress.step + 1):
            before = snapshot(training)
        monitor.after_step()  # after the epoch's numbers: it looks to the next step
    if stop.signal and progress.step and not progress.is_finished():
        checkpoints.save(state_dict(training))


def epoch_metrics(training: Training, seconds: float) -> Metrics:
    """All numbers of the epoch that just ended. The test set's select nothing.

    Training loss and accuracy are means over the epoch's batches, each taken before
    its step; the others are exact, taken now.
    """
    config, progress = training.config, training.progress
    images = len(progress.losses) * config.batch_size
    metrics: Metrics = {
        "epoch": progress.epoch,
        "step": progress.step,
        "lr": progress.lr,
        "loss/train": torch.stack(progress.losses).mean().item(),
        "accuracy/train": progress.num_correct() / images,
    }
    for name in ("validation", "test"):
        dataset: ImageDataset | None = getattr(training.splits, name)
        if dataset is not None and training.should_evaluate():
            model, transform = training.eval_model, config.data.transform
            evaluation = evaluate(model, dataset.images, dataset.labels, transform)
            metrics[f"loss/{name}"] = evaluation.loss
            metrics[f"accuracy/{name}"] = evaluation.accuracy
    here = len(progress.logits) * config.batch_size  # without an earlier process's
    metrics["time/images_per_s"] = here / seconds
    return metrics
