"""The training loop: order, batches, steps, and what happens after each epoch."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from torchbasics import rng
from torchbasics.command.signals import StopRequest
from torchbasics.data import ImageDataset
from torchbasics.evaluation import Transform
from torchbasics.mlp import attach_generator
from torchbasics.mnist.training import distort
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.metrics import Metrics
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.progress import Progress
from torchbasics.mnist.training.resume import snapshot, state_dict, take_back
from torchbasics.mnist.training.setup import Training
from torchbasics.mnist.training.step import OneStep, SeveralSteps, rate_of, refusal

IMAGES_PER_GATHER = 1024  # one gather for many batches, few enough for the cache


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
    for pixels, labels in gathered(dataset, order[:whole], chunk, transform):
        yield from zip(pixels.split(batch_size), labels.split(batch_size), strict=True)


def gathered(
    dataset: ImageDataset, order: Tensor, sizes: int | list[int], transform: Transform
) -> Iterator[tuple[Tensor, Tensor]]:
    """The images in that order, so many at a time.

    Shape: images (N, 28, 28), order (M,) -> pairs of (size, 784), (size,).
    """
    for some in order.to(dataset.labels.device).split(sizes):
        pixels = transform(dataset.images.index_select(0, some))
        yield pixels, dataset.labels.index_select(0, some)


def epoch_batches(training: Training) -> Iterator[tuple[Tensor, Tensor]]:
    """What is left of the current epoch, distorted if so asked, from pause to pause.

    Of several processes each has its part of every batch.

    Shape: pairs of (n, 784), (n,); on CUDA n is of several batches.
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
    if plan.steps_per_pause == 1:
        return batches(dataset, order, images, config.data.transform)
    sizes = [images * count for count in plan.steps_to_pauses(progress.step)]
    return gathered(dataset, order[: sum(sizes)], sizes, config.data.transform)


def training_steps(
    training: Training, stop: StopRequest | None = None
) -> Iterator[Progress]:
    """Train until the end or a stop, pausing after each step.

    On CUDA it pauses after several, which are one graph. What a pause to the next draws
    is keyed by the step at which it begins. An epoch's distortions are not waited for
    when a stop is asked for. Several processes stop after the same step, whichever of
    them was asked.
    """
    stop = stop or StopRequest()
    config, model, progress = training.config, training.model, training.progress
    processes, several = training.processes, progress.plan.steps_per_pause > 1
    generator = attach_generator(model, (processes.rank, processes.count))
    take = SeveralSteps(training, generator) if several else OneStep(training)
    model.train()
    while not progress.is_finished():
        epoch = stop.unless_asked(epoch_batches, training)
        if processes.agree(stop, patiently=True) or epoch is None:
            return
        if progress.step % progress.plan.steps_per_epoch == 0:
            progress.start_epoch()
        for images, labels in epoch:
            if generator:
                rng.reseed(generator, config.seed, "dropout", progress.step)
            loss, logits = take(images, labels)
            progress.add_batch(loss, logits, labels)
            stopped = processes.agree(stop)
            if stopped or progress.is_epoch_end():
                require_no_refusal(training)
                progress.merge(processes)
            yield progress
            if stopped:
                return
    processes.agree(stop, patiently=True)  # rank 0 may have taken its last step back


def require_no_refusal(training: Training) -> None:
    """Raise TrainingError if the device refused a step since."""
    if refused := int(training.refusals.steps):
        progress, size = training.progress, training.config.batch_size
        progress.step -= refused
        progress.lr = rate_of(training, progress.step)
        images, labels = next(epoch_batches(training))
        raise refusal(training, images[:size], labels[:size])


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
            monitor.after_epoch(metrics, before[0])
            if training.should_save():
                accuracy = metrics.get("accuracy/validation")
                checkpoints.save(state_dict(training), accuracy)
            started = time.perf_counter()
        if progress.plan.is_epoch_end(progress.step + 1):
            before = snapshot(training)
        monitor.after_step()
    if stop.signal and progress.step and not progress.is_finished():
        checkpoints.save(state_dict(training))


def train_along(training: Training) -> int:
    """What a process other than rank 0 does: its part of each step, and no more."""
    with StopRequest() as stop:
        for _ in training_steps(training, stop):
            pass
    return 128 + stop.signal if stop.signal else 0


def epoch_metrics(training: Training, seconds: float) -> Metrics:
    """All numbers of the epoch that just ended. The test set's select nothing.

    Training loss and accuracy are means over the epoch's batches, each taken before
    its step; the others are exact, taken now.
    """
    config, progress = training.config, training.progress
    losses = torch.hstack(progress.losses)
    images = len(losses) * config.batch_size
    metrics: Metrics = {
        "epoch": progress.epoch,
        "step": progress.step,
        "lr": progress.lr,
        "loss/train": losses.mean().item(),
        "accuracy/train": progress.num_correct() / images,
    }
    for name in ("validation", "test"):
        dataset: ImageDataset | None = getattr(training.splits, name)
        if dataset is not None and training.should_evaluate():
            evaluation = training.evaluate(dataset)
            metrics[f"loss/{name}"] = evaluation.loss
            metrics[f"accuracy/{name}"] = evaluation.accuracy
    here = sum(map(len, progress.logits))  # without an earlier process's
    metrics["time/images_per_s"] = here / seconds
    return metrics
