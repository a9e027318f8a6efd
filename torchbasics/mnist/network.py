"""The network of a run: built from its configuration, saved, found and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torchbasics import rng
from torchbasics.errors import UserError
from torchbasics.mlp import MLP
from torchbasics.mnist import checkpoint
from torchbasics.mnist.checkpoint import Checkpoint
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


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where a run keeps the weights it had after so many steps."""
    return folder / "checkpoints" / f"step-{step:08d}.safetensors"


def save(path: Path, model: MLP, config: Config) -> None:
    """Write the network, with its configuration, as one file."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    facts = {"config": config.model_dump(mode="json")}
    checkpoint.write(path, Checkpoint(tensors, facts))


def load(run: str) -> Network:
    """The network of a run folder, or `pretrained`, the one that is shipped."""
    path = find(run)
    tensors, facts = checkpoint.read(path)
    try:
        config = from_table(Config, facts["config"])
        model = build(config)
        weights = {
            name.removeprefix("model."): value
            for name, value in tensors.items()
            if name.startswith("model.")
        }
        model.load_state_dict(weights)
        if not all(value.isfinite().all() for value in weights.values()):
            raise RuntimeError("some of its weights are no finite numbers")
    except (UserError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} holds no network: {reason}") from None
    return Network(model.eval(), config)


def find(run: str) -> Path:
    """The newest checkpoint of a run."""
    if run == "pretrained":
        return PRETRAINED
    folder = Path(run)
    if not folder.is_dir():
        raise UserError(f"there is no run {run!r}: give a run's folder or 'pretrained'")
    checkpoints = sorted((folder / "checkpoints").glob("step-*.safetensors"))
    if not checkpoints:
        raise UserError(f"{folder} holds no checkpoint: is it the folder of a run?")
    return checkpoints[-1]
