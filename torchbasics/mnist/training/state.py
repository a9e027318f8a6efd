"""Where a training can stand, and exactly what a checkpoint of it holds there.

A digest proves that a file is as it was written, not that its writer meant well: an
optimizer's state of the wrong size lets PyTorch's kernels read and write beside it. So
every tensor is compared with what the run's own configuration makes, before any is
used: names, types, shapes, and values that no training can leave.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from torchbasics.command.settings import shown
from torchbasics.mnist.config import Config, OptimConfig
from torchbasics.mnist.training.checkpoint import Checkpoint

MAX_COUNT = 2**24  # up to which float32, in which Adam counts its steps, knows 1 from 0
LOSSES = "epoch.losses"
NEVER_NEGATIVE = (".exp_avg_sq", ".running_var", LOSSES)


class Plan(NamedTuple):
    """How many steps an epoch and the whole run have; an epoch drops its tail."""

    steps_per_epoch: int
    total_steps: int
    steps_per_pause: int = 1  # as many as one CUDA graph takes

    def is_epoch_end(self, step: int) -> bool:
        """Whether that step, counted from 1, is the last of its epoch or of the run."""
        return step % self.steps_per_epoch == 0 or step == self.total_steps

    def step_of_epoch(self, step: int) -> int:
        """How many steps its epoch has when that step is done."""
        return (step - 1) % self.steps_per_epoch + 1 if step else 0

    def pause_after(self, step: int) -> int:
        """The next step, counted from 1, at which a training pauses.

        An epoch's last step is taken alone: what it changes is looked at, and it may
        be taken back.

        >>> plan = Plan(steps_per_epoch=37, total_steps=74, steps_per_pause=16)
        >>> [plan.pause_after(step) for step in (0, 16, 20, 32, 36, 37)]
        [16, 32, 32, 36, 37, 53]
        """
        done = step % self.steps_per_epoch
        left = min(self.steps_per_epoch - done, self.total_steps - step)
        count = self.steps_per_pause - done % self.steps_per_pause
        return step + max(min(count, left - 1), 1)

    def steps_to_pauses(self, step: int) -> list[int]:
        """How many steps it is from pause to pause, up to the epoch's end."""
        counts: list[int] = []
        while not counts or not self.is_epoch_end(step):
            counts.append(self.pause_after(step) - step)
            step += counts[-1]
        return counts


def plan_steps(config: Config, images: int) -> Plan:
    """The plan of a run over so many training images.

    >>> plan_steps(Config(batch_size=100, epochs=2, max_steps=700), images=60_000)
    Plan(steps_per_epoch=600, total_steps=700, steps_per_pause=1)
    """
    steps_per_epoch = images // config.batch_size
    steps = config.epochs * steps_per_epoch
    return Plan(steps_per_epoch, min(steps, config.max_steps or steps))


def require_state(
    checkpoint: Checkpoint, model: nn.Module, config: Config, plan: Plan
) -> None:
    """Raise ValueError unless it is the checkpoint of such a training, all of it.

    The model may lie on the meta device: of its numbers nothing is asked.
    """
    tensors, step = checkpoint.tensors, checkpoint.metadata["step"]
    _require_counts(checkpoint, config, plan)
    wanted = _network_tensors(model, config)
    if 0 < step < plan.total_steps:
        wanted |= _expected_tensors(model, config.optim)
    if step and not plan.is_epoch_end(step):
        wanted[LOSSES] = torch.empty(plan.step_of_epoch(step), device="meta")
    _require_tensors(tensors, wanted, step)


def require_network(checkpoint: Checkpoint, model: nn.Module, config: Config) -> None:
    """Raise ValueError unless the checkpoint holds this network, and nothing strange.

    How many losses it should hold only knows who trains, on how many images.
    """
    tensors, step = checkpoint.tensors, checkpoint.metadata["step"]
    _require_counts(
        checkpoint, config, plan_steps(config, 60_000 - config.data.validation)
    )
    wanted = _network_tensors(model, config)
    if any(name.startswith("optimizer.") for name in tensors):
        wanted |= _expected_tensors(model, config.optim)
    if LOSSES in tensors:
        count = min(max(tensors[LOSSES].numel(), 1), step, 60_000)
        wanted[LOSSES] = torch.empty(count, device="meta")
    _require_tensors(tensors, wanted, step)


def _require_counts(checkpoint: Checkpoint, config: Config, plan: Plan) -> None:
    """The counters are within what such a training can have counted."""
    step, hits = (checkpoint.metadata[name] for name in ("step", "epoch_hits"))
    if step > plan.total_steps:
        raise ValueError(f"step = {step}; the run has {plan.total_steps} steps")
    images = config.batch_size * plan.step_of_epoch(step)
    if hits > images:
        raise ValueError(f"epoch_hits = {hits}; the epoch has shown {images} images")


def _require_tensors(
    tensors: dict[str, Tensor], wanted: dict[str, Tensor], step: int
) -> None:
    """Each is there and as wanted, and there is no other."""
    for name in sorted(wanted.keys() ^ tensors.keys()):
        wrong = "is missing" if name in wanted else "is none of its tensors"
        raise ValueError(f"{shown(name)} {wrong}")
    for name, like in wanted.items():
        tensor = tensors[name]
        if (tensor.dtype, tensor.shape) != (like.dtype, like.shape):
            raise ValueError(
                f"{name} is {tensor.dtype} {tuple(tensor.shape)}; "
                f"it must be {like.dtype} {tuple(like.shape)}"
            )
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds numbers that are not finite")
        if name.endswith(NEVER_NEGATIVE) and (tensor < 0).any():
            raise ValueError(f"{name} holds numbers below 0")
        _require_count(name, tensor, step)


def _require_count(name: str, tensor: Tensor, step: int) -> None:
    """What counts steps within a tensor tells of the same step."""
    if name.startswith("optimizer.") and name.endswith(".step"):
        right = tensor.item() == min(step, MAX_COUNT)
    elif name.endswith(".num_batches_tracked"):
        averaged = name.startswith("ema.")
        right = 0 <= tensor.item() <= step if averaged else tensor.item() == step
    else:
        return
    if not right:
        raise ValueError(f"{name} = {tensor.item():g}; it must be the step, {step}")


def _network_tensors(model: nn.Module, config: Config) -> dict[str, Tensor]:
    prefixes = ("model.", "ema.") if config.optim.ema else ("model.",)
    return {
        prefix + name: tensor
        for prefix in prefixes
        for name, tensor in model.state_dict().items()
    }


def _expected_tensors(model: nn.Module, optim: OptimConfig) -> dict[str, Tensor]:
    """The state that PyTorch's optimizer of that name keeps of each parameter."""
    kept = ["exp_avg", "exp_avg_sq"]
    if optim.name == "sgd":
        kept = ["momentum_buffer"] if optim.momentum else []
    states: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        states |= {f"optimizer.{name}.{what}": parameter for what in kept}
        if optim.name != "sgd":
            states[f"optimizer.{name}.step"] = torch.empty((), device="meta")
    return states
