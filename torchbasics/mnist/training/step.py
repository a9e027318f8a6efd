"""The training step, five verbs, and how it is taken: alone, or on CUDA in a graph."""

from collections.abc import Callable
from functools import partial
from typing import get_args

import torch
from torch import Generator, Tensor, nn

from torchbasics import arguments as require
from torchbasics.command.errors import TrainingError
from torchbasics.mnist.config import Precision
from torchbasics.mnist.training import graphs
from torchbasics.mnist.training.optim import make_loss
from torchbasics.mnist.training.schedule import learning_rate, set_learning_rate
from torchbasics.mnist.training.setup import Training
from torchbasics.probes import first_nonfinite


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


class OneStep:
    """Takes the training's next step. It raises TrainingError instead of a bad one."""

    def __init__(self, training: Training) -> None:
        config = training.config
        self.training = training
        self.loss_function = make_loss(config.optim)
        averaging = training.processes.averaging_gradients(training.model)
        self.forward = with_autocast(averaging, config.precision, training.device)

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: images (N, 784), labels (N,) -> loss (), logits (N, 10)."""
        progress = self.training.progress
        progress.lr = rate_of(self.training, progress.step)
        taken = self.step(images, labels, progress.lr)
        if self.training.refusals.found_inf:
            raise refusal(self.training, images, labels)
        return taken

    def step(
        self, images: Tensor, labels: Tensor, lr: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """The step at this learning rate.

        Shape: images (N, 784), labels (N,), lr () -> loss (), logits (N, 10).
        """
        optimizer, loss_function = self.training.optimizer, self.loss_function
        set_learning_rate(optimizer, lr)
        return training_step(self.forward, optimizer, loss_function, images, labels)


class SeveralSteps:
    """Takes the steps up to the next pause, the same ones, as one CUDA graph.

    What differs from one step to the next lies on the device, and nothing is read from
    there: neither a learning rate, nor whether a gradient is finite.
    """

    def __init__(self, training: Training, generator: Generator | None) -> None:
        self.training = training
        steps = partial(several_steps, OneStep(training).step)
        capture = graphs.capture if training.config.graphs else None
        self.graphed = graphs.Graphed(steps, generator, capture)
        self.rates = {-1: torch.empty(0)}  # of one epoch, by its number

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: images (K N, 784), labels (K N,) -> losses (K,), logits (K N, 10)."""
        progress, plan = self.training.progress, self.training.progress.plan
        epoch, done = divmod(progress.step, plan.steps_per_epoch)
        count = plan.pause_after(progress.step) - progress.step
        if epoch not in self.rates:  # all at once: to send some waits for the device
            self.rates = {epoch: self.epoch_rates(epoch).to(images.device)}
        progress.lr = rate_of(self.training, progress.step + count - 1)
        rates = self.rates[epoch][done : done + count]
        losses, logits = self.graphed(images, labels, rates)
        return losses, logits

    def epoch_rates(self, epoch: int) -> Tensor:
        """The learning rates of an epoch's steps. Shape: (steps,)."""
        plan = self.training.progress.plan
        first = epoch * plan.steps_per_epoch
        steps = range(first, min(first + plan.steps_per_epoch, plan.total_steps))
        return torch.tensor([rate_of(self.training, step) for step in steps])


def several_steps(
    step: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]],
    images: Tensor,
    labels: Tensor,
    rates: Tensor,
) -> tuple[Tensor, Tensor]:
    """A step for each learning rate: what a graph records.

    Shape: images (K N, 784), labels (K N,), rates (K,) -> (K,), (K N, 10).
    """
    batches = (x.chunk(len(rates)) for x in (images, labels))
    taken = map(step, *batches, rates.unbind())
    losses, logits = zip(*taken, strict=True)
    return torch.stack(losses), torch.cat(logits)


def rate_of(training: Training, step: int) -> float:
    """The learning rate of a step, counted from 0."""
    config, plan = training.config, training.progress.plan
    return learning_rate(config.schedule, config.optim.lr, step, plan.total_steps)


def refusal(training: Training, images: Tensor, labels: Tensor) -> TrainingError:
    """What is raised of a step that was not taken. Shape: (N, 784), (N,)."""
    loss_function = make_loss(training.config.optim)
    where = first_nonfinite(training.model, loss_function, images, labels)
    progress = training.progress
    return TrainingError(
        f"step {progress.step} at learning rate {progress.lr:g} met a number that is "
        f"not finite, first in {where or 'a gradient'}. The step was not taken. "
        "Try a smaller --optim.lr, or a longer --schedule.warmup"
    )
