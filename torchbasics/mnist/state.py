"""What a training consists of, and what it must remember to go on exactly.

Order, dropout and learning rate are functions of the step, so beside the weights and
the optimizer's memory only counters are kept. With the same number of threads on the
same machine, a run that was stopped ends equal to one that was not, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from torchbasics import settings
from torchbasics.data import Digits, load
from torchbasics.errors import TrainingError, UserError
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.mnist.checkpoint import Checkpoint
from torchbasics.mnist.config import FREE, Config
from torchbasics.mnist.optim import (
    average,
    limit_norms,
    make_optimizer,
    refuse_nonfinite,
)


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


@dataclass
class Progress:
    """Where a training stands: the steps done, and the current epoch's batches."""

    plan: Plan
    step: int = 0
    lr: float = 0.0
    losses: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    hits_before: int = 0  # of batches of this epoch that an earlier process showed

    def start_epoch(self) -> None:
        """Forget the batches of the epoch before."""
        self.losses, self.logits, self.labels, self.hits_before = [], [], [], 0

    def ends_epoch(self) -> bool:
        """Whether the last step was the last of its epoch, or of the run."""
        return self.step % self.plan.steps_per_epoch == 0 or self.is_finished()

    def is_before_end_of_epoch(self) -> bool:
        """Whether the next step is the last of its epoch, or of the run."""
        after = self.step + 1
        whole_epoch = after % self.plan.steps_per_epoch == 0
        return whole_epoch or after == self.plan.total_steps

    def is_finished(self) -> bool:
        """Whether the last step was the last of the run."""
        return self.step >= self.plan.total_steps

    def hits(self) -> int:
        """How many images of the epoch were read right, each before its step."""
        if not self.logits:
            return self.hits_before
        hits = torch.cat(self.logits).argmax(1) == torch.cat(self.labels)
        return self.hits_before + int(hits.sum())


@dataclass
class Training:
    """What a training consists of: all that `training_steps` reads and changes."""

    config: Config
    splits: Splits
    model: MLP
    optimizer: torch.optim.Optimizer
    progress: Progress
    averaged: AveragedModel | None = None

    @property
    def result(self) -> nn.Module:
        """The network that is scored, shown and read: the average, if one is kept."""
        return self.averaged.module if self.averaged else self.model

    @property
    def device(self) -> torch.device:
        """Where the images, the labels and the model are."""
        return self.splits.train.labels.device

    def wants_scores(self) -> bool:
        """Whether the network is to be scored at the end of this epoch."""
        progress = self.progress
        epoch = progress.step // progress.plan.steps_per_epoch
        return progress.is_finished() or epoch % self.config.monitor.scores == 0

    def wants_checkpoint(self) -> bool:
        """Whether the state at the end of this epoch is to be kept."""
        every, progress = self.config.checkpoint.every, self.progress
        epoch = progress.step // progress.plan.steps_per_epoch
        return progress.is_finished() or (every > 0 and epoch % every == 0)


def prepare(config: Config, splits: Splits) -> Training:
    """A training before its first step."""
    model = network.build(config).to(splits.train.labels.device)
    optimizer = make_optimizer(config.optim, model)
    refuse_nonfinite(optimizer, model)
    optim, averaged = config.optim, None
    if optim.max_norm:
        limit_norms(optimizer, model, optim.max_norm)
    if optim.ema:  # after what else a step changes
        averaged = average(optimizer, model, optim.ema)
    progress = Progress(plan_steps(config, len(splits.train.labels)))
    return Training(config, splits, model, optimizer, progress, averaged)


def capture(training: Training) -> Checkpoint:
    """The state of a training between two steps; of a finished one, its network alone.

    Raises TrainingError if a number in it is not finite: such a state is never kept.
    """
    model, progress = training.model, training.progress
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if training.averaged:
        average = training.averaged.module.state_dict()
        tensors |= {f"ema.{name}": value for name, value in average.items()}
    if not progress.is_finished():
        tensors |= _optimizer_tensors(training)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise TrainingError(
                f"after step {progress.step} {name} holds numbers that are not finite; "
                "try a smaller --optim.lr"
            )
    if progress.losses and not progress.ends_epoch():
        tensors["epoch.losses"] = torch.stack(progress.losses)
    facts = {
        "config": training.config.model_dump(mode="json", exclude=FREE),
        "step": progress.step,
        "epoch_hits": progress.hits(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }
    return Checkpoint(tensors, facts)


def restore(training: Training, state: Checkpoint) -> None:
    """Put a training that was prepared from the same config where `state` was taken.

    Raises UserError if the state is not one of such a training.
    """
    progress = training.progress
    try:
        network.load_weights(training.model, state.tensors)
        progress.step = int(state.facts["step"])
        if training.averaged:
            network.load_weights(training.averaged.module, state.tensors, "ema.")
            training.averaged.n_averaged.fill_(progress.step)
        if not progress.is_finished():
            _restore_optimizer(training, state.tensors)
        if "epoch.losses" in state.tensors:
            losses = state.tensors["epoch.losses"].to(training.device)
            progress.losses = list(losses.unbind())
            progress.hits_before = int(state.facts["epoch_hits"])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"the checkpoint does not fit the run: {error}") from None


def refuse_changes(config: Config, folder: Path) -> None:
    """A run goes on as it was started, but for where it runs and what it shows."""
    before = settings.read_config(Config, folder / "config.toml")
    old = settings.flat(before.model_dump(mode="json", exclude=FREE))
    new = settings.flat(config.model_dump(mode="json", exclude=FREE))
    for key in old:
        if new[key] != old[key]:
            raise UserError(
                f"{key} = {new[key]}, but the run to go on with has {old[key]}; "
                f"only {', '.join(sorted(FREE))} may differ"
            )


def _optimizer_tensors(training: Training) -> dict[str, Tensor]:
    """The optimizer's memory, as `optimizer.<parameter>.<what>`."""
    states = training.optimizer.state_dict()["state"]
    names = [name for name, _ in training.model.named_parameters()]
    return {
        f"optimizer.{names[index]}.{what}": value
        for index, state in states.items()
        for what, value in state.items()
        if value is not None
    }


def _restore_optimizer(training: Training, tensors: dict[str, Tensor]) -> None:
    states: dict[int, dict[str, Any]] = {}
    for index, (name, _) in enumerate(training.model.named_parameters()):
        prefix = f"optimizer.{name}."
        states[index] = {
            key.removeprefix(prefix): value
            for key, value in tensors.items()
            if key.startswith(prefix)
        }
    groups = training.optimizer.state_dict()["param_groups"]
    training.optimizer.load_state_dict({"state": states, "param_groups": groups})
