"""Write a page on which you draw a digit against a run's network, every layer alive.

It is one file that holds the network: it opens by a double click, asks for nothing from
elsewhere, and can be mailed to a friend. With two runs, both answer.
"""

import base64
import webbrowser
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from tyro.conf import FlagCreatePairsOff, Positional, arg

from torchbasics import data
from torchbasics.activations import softmax
from torchbasics.command import cli
from torchbasics.command.errors import UserError, command, run, warn
from torchbasics.command.output import visible
from torchbasics.data import ImageDataset
from torchbasics.evaluation import most_confident_errors
from torchbasics.mnist import PROGRAM, export, network
from torchbasics.mnist.subjects import PageOptions, Subject, write_page

MAX_WEIGHTS = 3_700_000  # in float16, as text, they fill a page of 10 MB
MAX_FLOAT32 = 1_000_000
MISTAKES = 10
FORM = Path(__file__).with_name("pages") / "playground.html"

Json = dict[str, Any]


class Options(PageOptions):
    """Which networks, and where the page goes."""

    run: Positional[network.RunName] = "pretrained-best"
    opened: Annotated[FlagCreatePairsOff[bool], arg(name="open")] = False
    """open the page in a browser"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, say where it is, and open it if that is asked for."""
    options = cli.parse_options(Options(), argv, f"{PROGRAM}.playground", __doc__)
    subjects = options.find()
    path = options.place(FORM, subjects)
    shown = playground(subjects, data.load("test", options.data_dir))
    write_page(path, FORM, "Draw a digit", subjects, shown)
    print(f"the playground is in {visible(path)}: open it in a browser")
    if options.opened and not webbrowser.open(path.resolve().as_uri()):
        warn("no browser could be started: open the page yourself")
    return 0


def playground(subjects: Sequence[Subject], test: ImageDataset) -> Json:
    """All that the page holds, as JSON can hold it. Raises UserError."""
    count = sum(one.network.config.model.num_weights for one in subjects)
    if count > MAX_WEIGHTS:
        names = " and ".join(one.name for one in subjects)
        raise UserError(
            f"{names}: {count:,} weights; a page of 10 MB holds {MAX_WEIGHTS:,}"
        )
    dtype = torch.float32 if count <= MAX_FLOAT32 else torch.float16
    held = [rounded(one, dtype) for one in subjects]
    probs = [softmax(one.logits(test.images)) for one in held]
    some = digits(probs[0], test.labels)
    return {
        "digits": [[index, int(test.labels[index])] for index in some],
        "pictures": block(test.images[some]),
        "networks": [
            {
                "name": one.name,
                "architecture": network.architecture(one.network.config),
                "accuracy": (each.argmax(1) == test.labels).float().mean().item(),
                **packed(one, dtype),
            }
            for one, each in zip(held, probs, strict=True)
        ],
    }


def digits(probs: Tensor, labels: Tensor) -> list[int]:
    """The first of each class that is read right, then the surest mistakes.

    Shape: probs (N, 10), labels (N,).
    """
    right = probs.argmax(1) == labels
    firsts = [(right & (labels == digit)).nonzero()[:1, 0] for digit in range(10)]
    wrong = most_confident_errors(probs, labels, MISTAKES)
    return torch.cat([*firsts, wrong]).tolist()


@torch.no_grad()
def rounded(subject: Subject, dtype: torch.dtype) -> Subject:
    """The network that a page holds, without batch norm: its numbers are of that type.

    Raises UserError where one is too large for it.
    """
    model = export.fused(subject.network.model)
    for numbers in model.parameters():
        if (numbers.abs() > torch.finfo(dtype).max).any():
            raise UserError(f"{subject.name}: a weight is too large for {dtype}")
        numbers.copy_(numbers.to(dtype))
    return subject._replace(network=subject.network._replace(model=model))


def packed(subject: Subject, dtype: torch.dtype) -> Json:
    """A rounded network as `pages/playground/network.js` unpacks it."""
    model, config = subject.network
    layers = [
        {
            "name": name,
            "inputs": linear.in_features,
            "outputs": linear.out_features,
            "activation": "identity" if name == "logits" else config.model.activation,
        }
        for name, linear in model.linears().items()
    ]
    numbers = [each.flatten() for each in model.parameters()]
    return {
        "scale": config.data.scale,
        "layers": layers,
        "dtype": str(dtype).removeprefix("torch."),
        "numbers": block(torch.cat(numbers).to(dtype)),
    }


def block(numbers: Tensor) -> Json:
    """Their bytes as text, and what shows whether they arrive whole. Shape: (*)."""
    content = numbers.detach().numpy().tobytes()
    return {
        "base64": base64.b64encode(content).decode(),
        "adler32": zlib.adler32(content),
    }


if __name__ == "__main__":
    run(main)
