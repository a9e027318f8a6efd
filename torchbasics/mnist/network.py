"""The network of a run: built from its configuration, found and loaded."""

import os
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from torchbasics import rng
from torchbasics.command import runs
from torchbasics.command.errors import UserError
from torchbasics.command.settings import from_table
from torchbasics.mlp import MLP
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager

PRETRAINED = Path(__file__).with_name("pretrained.safetensors")


class Network(NamedTuple):
    """A trained model, and the configuration that made it."""

    model: MLP
    config: Config


def build(config: Config) -> MLP:
    """The untrained network: 784 pixels in, the logits of 10 digits out."""
    return MLP(
        in_features=784,
        hidden=config.model.hidden,
        out_features=10,
        activation=config.model.activation,
        init=config.model.init,
        batch_norm=config.model.batch_norm,
        dropout=config.model.dropout,
        input_dropout=config.model.input_dropout,
        input_noise=config.model.input_noise,
        generator=rng.generator(config.seed, "weights"),
    ).float()


def architecture(config: Config) -> str:
    """For example `784-50-100-10 sigmoid`."""
    widths = "-".join(map(str, [784, *config.model.hidden, 10]))
    extras: list[str] = [config.model.activation]
    extras += ["batch norm"] if config.model.batch_norm else []
    extras += [f"dropout {config.model.dropout}"] if config.model.dropout else []
    return f"{widths} {', '.join(extras)}"


def load(run: str, runs_dir: str = "runs") -> Network:
    """The network of a run folder, of the `latest` run, or the shipped `pretrained`."""
    path, (tensors, metadata) = find_checkpoint(run, runs_dir)
    try:
        config = from_table(Config, metadata["config"])
        model = build(config)
        averaged = any(name.startswith("ema.") for name in tensors)
        load_weights(model, tensors, "ema." if averaged else "model.")
    except (UserError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} holds no network: {reason}") from None
    return Network(model.eval(), config)


def load_weights(
    model: nn.Module, tensors: dict[str, Tensor], prefix: str = "model."
) -> None:
    """Take over the weights whose names begin so. Shape: (*), as the model has them.

    Raises RuntimeError if they are not its own.
    """
    weights = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    wanted = {name: value.dtype for name, value in model.state_dict().items()}
    for name, value in weights.items():
        if value.dtype != wanted.get(name, value.dtype):
            raise RuntimeError(f"{name} is {value.dtype}, not {wanted[name]}")
    model.load_state_dict(weights)
    if not all(value.isfinite().all() for value in weights.values()):
        raise RuntimeError("some of its weights are not finite")


def find_checkpoint(run: str, runs_dir: str = "runs") -> tuple[Path, Checkpoint]:
    """A run's latest checkpoint that is whole, and the place it comes from."""
    if run == "pretrained":
        return PRETRAINED, checkpoint.read(PRETRAINED)
    if run != "latest" and not os.path.isdir(run):
        raise UserError(
            f"there is no run {run!r}: give a run's folder, 'latest' or 'pretrained'"
        )
    folder = runs.find_run(run, runs_dir, "mnist")
    latest = CheckpointManager(folder).latest()
    if latest is None:
        raise UserError(f"{folder} holds no checkpoint: is it the folder of a run?")
    return folder, latest
