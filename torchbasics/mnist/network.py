"""The network of a run: built from its configuration, found and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from torchbasics import rng, runs
from torchbasics.errors import UserError
from torchbasics.mlp import MLP
from torchbasics.mnist import checkpoint
from torchbasics.mnist.checkpoint import Keeper
from torchbasics.mnist.config import Config
from torchbasics.settings import from_table

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
        generator=rng.generator(config.seed, "weights"),
    )


def describe(config: Config) -> str:
    """For example `784-50-100-10 sigmoid`."""
    widths = "-".join(map(str, [784, *config.model.hidden, 10]))
    extras: list[str] = [config.model.activation]
    extras += ["batch norm"] if config.model.batch_norm else []
    extras += [f"dropout {config.model.dropout}"] if config.model.dropout else []
    return f"{widths} {', '.join(extras)}"


def load(run: str, runs_dir: str = "runs") -> Network:
    """The network of a run folder, of the `latest` run, or the shipped `pretrained`."""
    path = find(run, runs_dir)
    tensors, facts = checkpoint.read(path)
    try:
        config = from_table(Config, facts["config"])
        model = build(config)
        load_weights(model, tensors)
    except (UserError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} holds no network: {reason}") from None
    return Network(model.eval(), config)


def load_weights(model: MLP, tensors: dict[str, Tensor]) -> None:
    """Take the weights `model.*` over. Shape: (*), as the model has them.

    Raises RuntimeError if they are not its own.
    """
    weights = {
        name.removeprefix("model."): value
        for name, value in tensors.items()
        if name.startswith("model.")
    }
    model.load_state_dict(weights)
    if not all(value.isfinite().all() for value in weights.values()):
        raise RuntimeError("some of its weights are not finite")


def find(run: str, runs_dir: str = "runs") -> Path:
    """The newest checkpoint of a run."""
    if run == "pretrained":
        return PRETRAINED
    folder = runs.find(run, runs_dir)
    checkpoints = Keeper(folder).paths()
    if not checkpoints:
        raise UserError(f"{folder} holds no checkpoint: is it the folder of a run?")
    return checkpoints[-1]
