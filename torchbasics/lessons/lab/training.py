"""The training of the lab's networks, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn, optim

from torchbasics import rng
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.lessons.lab.networks import LabConfig, Variant
from torchbasics.mlp import MLP
from torchbasics.probes import update_ratio

NUM_SNAPSHOTS = 12  # at least, in a training
EARLY = 400  # a step at which a snapshot of every training is taken


class Snapshot(NamedTuple):
    """How a training stands; `left` is the first layer's gradient over the last's."""

    step: int
    loss: float
    accuracy: float
    left: float
    update_ratio: float

    def cells(self, first: Snapshot) -> tuple[str, ...]:
        """As the lab's table shows it; the gradient is that of the start."""
        numbers = (f"{first.left:.0e}", f"{self.update_ratio:.0e}", f"{self.loss:.3f}")
        return (f"{self.step:,}", *numbers, f"{100 * self.accuracy:.1f} %")


OnSnapshot = Callable[[MLP, int, float, float], None]
"""What is called with the model, the step's number, its loss, its update ratio."""


def train_variant(
    variant: Variant, lab: LabConfig, dataset: ImageDataset, on_snapshot: OnSnapshot
) -> MLP:
    """Train a deep network on the digits, with a snapshot now and then."""
    model = variant.build(lab.depth, lab.width, lab.seed)
    optimizer, steps = make_optimizer(variant, lab, model)
    images, labels = scale_pixels(dataset.images), dataset.labels
    order = rng.generator(lab.seed, "order")
    first = model.get_submodule("hidden1.linear").get_parameter("weight")
    due = {1, EARLY, steps}
    due |= {k * steps // NUM_SNAPSHOTS for k in range(1, NUM_SNAPSHOTS)}
    for step in range(1, steps + 1):
        before = first.detach().clone() if step in due else first
        batch = torch.randint(len(labels), (lab.batch_size,), generator=order)
        optimizer.zero_grad()
        logits = model(images[batch])
        loss = nn.functional.cross_entropy(logits, labels[batch])
        loss.backward()
        optimizer.step()
        if step in due:
            on_snapshot(model, step, loss.item(), update_ratio(before, first.detach()))
    return model


def make_optimizer(
    variant: Variant, lab: LabConfig, model: MLP
) -> tuple[optim.Optimizer, int]:
    """What moves the weights of this variant, and how many steps it gets."""
    if variant.optimizer == "adam":
        adam = optim.Adam(model.parameters(), lab.adam_lr, fused=True)
        return adam, lab.adam_steps
    return optim.SGD(model.parameters(), lab.lr), lab.steps
