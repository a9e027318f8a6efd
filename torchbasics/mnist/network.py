"""The network of a run: built from its configuration, found, loaded."""

import os
import shlex
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from torchbasics import rng
from torchbasics.command import runs
from torchbasics.command.errors import UserError, as_user_error
from torchbasics.command.settings import from_table
from torchbasics.data.image_files import SUFFIXES
from torchbasics.evaluation import predict_logits, predict_probs
from torchbasics.mlp import MLP
from torchbasics.mnist import PROGRAM
from torchbasics.mnist.config import Config
from torchbasics.mnist.textbook_weights import TextbookWeights
from torchbasics.mnist.training import checkpoint, state
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager

SHIPPED = ("pretrained", "pretrained-best")
"""The lesson's own network, and one that reads other people's digits better."""
RunName = Annotated[
    str,
    Field(description="a run's folder, latest, pretrained, or pretrained-best"),
]
"""What a command line may name as its run, and `load` finds."""
RunsDir = Annotated[str, Field(description="folder of runs, for latest")]
DataDir = Annotated[str, Field(description="folder of MNIST, auto: user's cache")]
MAX_NAMED = 12  # hidden layers


class Network(NamedTuple):
    """A trained model, and the configuration that made it."""

    model: MLP
    config: Config

    def logits(self, images: Tensor) -> Tensor:
        """Its scores, in the scale it was trained in. Shape: (N, 28, 28) -> (N, 10)."""
        return predict_logits(self.model, images, self.config.data.transform)

    def probs(self, images: Tensor) -> Tensor:
        """The probability of each digit. Shape: (N, 28, 28) -> (N, 10)."""
        return predict_probs(self.model, images, self.config.data.transform)


def build(config: Config) -> MLP:
    """The untrained network: 784 pixels in, the logits of 10 digits out."""
    shape, random = config.model.model_dump(), rng.generator(config.seed, "weights")
    return MLP(784, out_features=10, **shape, generator=random).float()


def architecture(config: Config) -> str:
    """For example `784-50-100-10 sigmoid`; of many layers the first and the last."""
    hidden = [*map(str, config.model.hidden)]
    if len(hidden) > MAX_NAMED:
        hidden[3:-1] = [f"...({len(hidden) - 4} more)..."]
    widths = "-".join(["784", *hidden, "10"])
    extras: list[str] = [config.model.activation]
    extras += ["batch norm"] if config.model.batch_norm else []
    extras += [f"dropout {config.model.dropout}"] if config.model.dropout else []
    return f"{widths} {', '.join(extras)}"


def load(run: str, runs_dir: str = "runs") -> Network:
    """The network of a run folder, of the `latest` run, or a shipped one, by name."""
    return from_checkpoint(*find_checkpoint(run, runs_dir))


def from_checkpoint(path: Path, checkpoint: Checkpoint) -> Network:
    """The network that a checkpoint holds, which was read at that place."""
    config = from_table(Config, checkpoint.metadata["config"])
    with torch.device("meta"):  # nothing is drawn or allocated before all is compared
        model = build(config)
    with as_user_error(ValueError, f"{path} holds no network: "):
        state.require_network(checkpoint, model, config)
    model = model.to_empty(device="cpu")
    load_weights(model, checkpoint.tensors, "ema." if config.optim.ema else "model.")
    return Network(model.eval(), config)


@torch.no_grad()
def from_textbook(weights: TextbookWeights) -> Network:
    """The textbook's network, 784-50-100-10 sigmoid, with these weights."""
    model = build(Config())
    for number, linear in enumerate(model.linears().values(), start=1):
        linear.weight.copy_(weights.arrays[f"W{number}"].T)  # nn.Linear's are (out, in)
        linear.bias.copy_(weights.arrays[f"b{number}"])
    return Network(model.eval(), Config())


def load_weights(
    model: nn.Module, tensors: dict[str, Tensor], prefix: str = "model."
) -> None:
    """Take over the weights whose names begin so. Shape: (*), as the model has them."""
    model.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
    )


def find_checkpoint(run: str, runs_dir: str = "runs") -> tuple[Path, Checkpoint]:
    """A run's latest checkpoint that is whole, and the place it comes from."""
    if run in SHIPPED:
        path = Path(__file__).with_name(f"{run}.safetensors")
        held = checkpoint.read(path)  # one of them in float16, half as large so
        full = {
            n: t.float() if t.is_floating_point() else t
            for n, t in held.tensors.items()
        }
        return path, held._replace(tensors=full)
    if run.lower().endswith(SUFFIXES) and os.path.isfile(run):
        raise UserError(
            f"{run} is a picture, no run: {PROGRAM}.predict {shlex.quote(run)} reads "
            "it, explain takes it by --picture"
        )
    if run != "latest" and not os.path.isdir(run):
        raise UserError(
            f"there is no run {run!r}: give a run's folder, 'latest', 'pretrained' or "
            "'pretrained-best'"
        )
    folder = runs.find_run(run, runs_dir, "mnist")
    checkpoints = CheckpointManager(folder)
    latest = checkpoints.latest()
    if latest is None:
        raise UserError(f"{folder} holds no checkpoint: is it the folder of a run?")
    return checkpoints.path(latest.metadata["step"]), latest
