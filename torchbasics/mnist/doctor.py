"""Why is my accuracy not the book's? One network, with each of the usual mistakes.

A mistake in what is fed to a network, or in how its weights are copied, raises no
error: the accuracy is only lower. Each has figures of its own, so one's own tell which:
the textbook's weights read 93.52 % of the test digits right, 92.07 % from raw pixels
and 89.57 % from standardised ones.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mlp import MLP, StochasticModule
from torchbasics.mnist.network import Network

BATCH = 100  # images at a time in train mode, where batch norm mixes them


class Finding(NamedTuple):
    """What comes of one way to use the network, and what there is to say of it."""

    done: str
    evaluation: Evaluation
    note: str = ""


def raw_pixels(images: Tensor) -> Tensor:
    """Pixels as they are, 0 to 255. Shape: uint8 (N, 28, 28) -> float32 (N, 784)."""
    return images.flatten(1).float()


PIXELS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "unit": ("pixels / 255", scale_pixels),
    "standard": ("pixels standardised", partial(scale_pixels, scale="standard")),
    "raw": ("pixels raw, 0 to 255", raw_pixels),
}


def findings(network: Network, digits: ImageDataset) -> Iterator[Finding]:
    """The network used rightly, then with each mistake; it is left as it is."""
    model, config = network
    images, labels = digits
    own = config.data.scale
    for scale in sorted(PIXELS, key=lambda scale: scale != own):
        done, transform = PIXELS[scale]
        note = "as it was trained" if scale == own else ""
        yield Finding(done, evaluate(model, images, labels, transform), note)
    read = config.data.transform
    inverted = evaluate(model, 255 - images, labels, read)
    yield Finding("images inverted, ink 0", inverted)
    copied = evaluate(reshaped(model), images, labels, read)
    yield Finding("weights reshaped, not transposed", copied)
    logits = train_mode_logits(model, read(images))
    kinds = StochasticModule, nn.BatchNorm1d
    differs = any(isinstance(part, kinds) for part in model.modules())
    note = "" if differs else "equal in this network"
    yield Finding("train mode", evaluate(nn.Identity(), logits, labels), note)
    twice = nn.Sequential(model, nn.Softmax(dim=1))
    note = "only the loss tells"
    yield Finding("softmax twice", evaluate(twice, images, labels, read), note)


def table(network: Network, digits: ImageDataset) -> str:
    """The findings as text, a row each."""
    lines = [f"{'what is done':<33}{'accuracy':>9}{'loss':>11}"]
    for done, evaluation, note in findings(network, digits):
        score = f"{100 * evaluation.accuracy:7.2f} %{evaluation.loss:11.4g}"
        lines.append(f"{done:<33}{score}  {note}".rstrip())
    return "\n".join(lines)


@torch.no_grad()
def reshaped(model: MLP) -> MLP:
    """A copy as who holds weights (in, out) may make it: reshaped to (out, in)."""
    changed = deepcopy(model)
    for linear in changed.linears().values():
        held = linear.weight.T.contiguous()
        linear.weight.copy_(held.view(linear.weight.shape))
    return changed


@torch.no_grad()
def train_mode_logits(model: MLP, inputs: Tensor) -> Tensor:
    """The logits of a model on which nobody called `eval()`. Shape: (N, D) -> (N, C).

    Dropout drops, and batch norm goes by the images beside each, in batches of 100.
    """
    training = deepcopy(model).train()
    return torch.cat([training(some) for some in inputs.split(BATCH)])
