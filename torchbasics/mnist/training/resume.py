"""All of resuming: what a training must remember, and what may differ when it goes on.

Order, dropout and learning rate are functions of the step, so beside the weights and
the optimizer's state only counters are kept. With the same number of threads on the
same machine, a run that was stopped ends equal to one that was not, bit for bit.
"""

import copy
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchbasics.command import settings
from torchbasics.command.errors import TrainingError, UserError, as_user_error, warn
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import metrics, state
from torchbasics.mnist.training.checkpoint import (
    Checkpoint,
    CheckpointManager,
    deserialized,
    serialized,
)
from torchbasics.mnist.training.processes import Processes
from torchbasics.mnist.training.setup import Training
from torchbasics.mnist.training.state import LOSSES

RESUME_OVERRIDES = {
    "device", "threads", "graphs", "data_dir", "runs_dir", "quiet", "monitor",
    "checkpoint",
}  # fmt: skip
"""What a resumed run may change: where it runs and what it shows.

On another device, or with other threads or processes, it does not end bit-equal.
"""


def fixed_settings(config: Config) -> dict[str, Any]:
    """The settings that decide what is learned, as JSON can hold them."""
    return config.model_dump(mode="json", exclude=RESUME_OVERRIDES)


def check_resume_config(config: Config, folder: Path) -> None:
    """Raise UserError unless the folder's run has the same fixed settings."""
    require_same_settings(config, settings.read_config(Config, folder / "config.toml"))


def require_same_settings(config: Config, before: Config) -> None:
    """Raise UserError where a setting that must not differ does."""
    old, new = (settings.flatten(fixed_settings(c)) for c in (before, config))
    for key in old:
        if new[key] != old[key]:
            raise UserError(
                f"{key} = {new[key]}, but the run to go on with has {old[key]}; "
                f"only {', '.join(sorted(RESUME_OVERRIDES))} may differ"
            )


def override_options(config: Config) -> list[str]:
    """The settings that a resumed run may change, as options of its command line.

    >>> override_options(Config(threads=2))[:6]
    ['--device', 'auto', '--threads', '2', '--data-dir', 'auto']
    """
    free = config.model_dump(
        mode="json", include=RESUME_OVERRIDES - {"runs_dir", "quiet"}
    )
    return as_options(settings.flatten(free))


def as_options(values: Mapping[str, bool | str | float]) -> list[str]:
    """Settings by their dotted names, as options of the command line.

    >>> as_options({"model.batch_norm": True, "optim.lr": 0.1})
    ['--model.batch-norm', '--optim.lr', '0.1']
    """
    options: list[str] = []
    for name, value in values.items():
        group, _, last = name.replace("_", "-").rpartition(".")
        prefix = f"--{group}." if group else "--"
        if isinstance(value, bool):
            options.append(f"{prefix}{'' if value else 'no-'}{last}")
        else:
            options += [f"{prefix}{last}", str(value)]
    return options


def resume(training: Training, folder: Path) -> None:
    """Put the training where its run's latest good checkpoint was taken, if any.

    Raises UserError, before anything is changed, if the run's files are not as a
    training leaves them.
    """
    metrics.read(folder / "metrics.jsonl")
    checkpoints = CheckpointManager(folder)
    checkpoints.require_places()
    checkpoint = checkpoints.latest()
    if checkpoint is None:
        return
    with as_user_error(UserError, f"{checkpoints.path(checkpoint.metadata['step'])}: "):
        load_state_dict(training, checkpoint)
    with suppress(OSError):  # a kill may have left one too many
        checkpoints.prune(training.progress.step)
    for what, here in _environment(training.processes).items():
        before = checkpoint.metadata.get(what, 1)
        if before != here and not training.progress.is_finished():
            warn(
                f"{what} was {before} and is {here} now: "
                "the run will not end bit-equal to an unbroken one"
            )


def share(training: Training) -> None:
    """Put all processes' trainings where rank 0's is."""
    processes = training.processes
    if processes.count == 1:
        return
    is_first = processes.rank == 0 and training.progress.step > 0
    content = serialized(state_dict(training)) if is_first else b""
    content = processes.from_rank_0(content)
    if content and processes.rank:
        load_state_dict(training, deserialized(content))


def state_dict(training: Training) -> Checkpoint:
    """The state of a training between two steps; of a finished one, its network alone.

    Raises TrainingError if a number in it is not finite: such a state is never kept.
    """
    progress = training.progress
    tensors = _prefixed("model.", training.model.state_dict())
    if training.averaged:
        tensors |= _prefixed("ema.", training.averaged.module.state_dict())
    if not progress.is_finished():
        tensors |= _optimizer_tensors(training)
    if progress.losses and not progress.is_epoch_end():
        tensors[LOSSES] = torch.hstack(progress.losses)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise TrainingError(
                f"after step {progress.step} {name} holds numbers that are not finite; "
                "try a smaller --optim.lr"
            )
    metadata = {
        "config": fixed_settings(training.config),
        "step": progress.step,
        "epoch_hits": progress.num_correct(),
        **_environment(training.processes),
    }
    return Checkpoint(tensors, metadata)


def load_state_dict(training: Training, checkpoint: Checkpoint) -> None:
    """Put a training that was set up from the same config where its state was taken.

    Raises UserError if the state is not one of such a training, before any is used.
    """
    progress, (tensors, metadata) = training.progress, checkpoint
    config = settings.from_table(Config, metadata["config"])
    with as_user_error(UserError, "config: "):
        require_same_settings(training.config, config)
    with as_user_error(ValueError, "it does not fit the run: "):
        state.require_state(checkpoint, training.model, training.config, progress.plan)
    network.load_weights(training.model, tensors)
    progress.step = metadata["step"]
    if training.averaged:
        network.load_weights(training.averaged.module, tensors, "ema.")
        training.averaged.n_averaged.fill_(progress.step)
    if not progress.is_finished():
        _load_optimizer(training, tensors)
    if LOSSES in tensors:
        progress.losses = [tensors[LOSSES].to(training.device)]
        progress.num_correct_before = metadata["epoch_hits"]


def snapshot(training: Training) -> list[Any]:
    """A copy of what a step changes, for `take_back`."""
    return [copy.deepcopy(part.state_dict()) for part in _changed_by_a_step(training)]


def take_back(training: Training, before: list[Any]) -> None:
    """Undo the last step, before which `snapshot` was called."""
    for part, old in zip(_changed_by_a_step(training), before, strict=True):
        part.load_state_dict(old)
    training.progress.drop_batch()


def _changed_by_a_step(training: Training) -> list[Any]:
    averaged = [training.averaged] if training.averaged else []
    return [training.model, training.optimizer, *averaged]


def _environment(processes: Processes) -> dict[str, Any]:
    """What decides whether sums are rounded alike."""
    return {
        "processes": processes.count,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _optimizer_tensors(training: Training) -> dict[str, Tensor]:
    """The optimizer's state, as `optimizer.<parameter>.<state>`."""
    return {
        f"optimizer.{name}.{what}": value
        for name, parameter in training.model.named_parameters()
        for what, value in training.optimizer.state[parameter].items()
        if value is not None
    }


def _load_optimizer(training: Training, tensors: dict[str, Tensor]) -> None:
    for name, parameter in training.model.named_parameters():
        prefix = f"optimizer.{name}."
        training.optimizer.state[parameter] = {
            key.removeprefix(prefix): value.to(parameter.device)
            for key, value in tensors.items()
            if key.startswith(prefix)
        }
