"""The training of the lab's networks, and what is seen of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import nn, optim

from torchbasics import rng
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.lessons.checks import short
from torchbasics.lessons.lab.networks import LabConfig, Variant
from torchbasics.mean_field import root_mean_square
from torchbasics.mlp import MLP
from torchbasics.probes import Probes, update_ratio

NUM_SNAPSHOTS = 12  # at least, in a training
EARLY = 250  # a step at which a snapshot of every training is taken
CHANCE = 0.2  # accuracy up to which next to nothing was learned; a guess has 0.1
LEARNED = 0.8  # accuracy from which on we say so
LOST = 0.7  # share of its best accuracy below which a network lost what it had
DEAD = 0.99  # share of a layer's units that answer 0, above which it is dead
GUESS = math.log(10)  # the loss of one who guesses

Outcome = Literal["learned", "lost", "partly", "stuck", "died", "diverged"]


class Snapshot(NamedTuple):
    """How a training stands.

    `left` is the size of the gradient of the first layer's weights over that of the
    last hidden layer's, `gradient` the root mean square of the first one's, and `dead`
    the largest share of a layer's units that answer 0 to everything.
    """

    step: int
    loss: float
    accuracy: float
    left: float
    gradient: float
    update_ratio: float
    dead: float

    @classmethod
    def of(
        cls, probes: Probes, step: int, loss: float, accuracy: float, ratio: float
    ) -> Snapshot:
        """A snapshot of what the probes saw."""
        seen, gradients = probes.statistics(), probes.gradients()
        norms = [*seen["gradient_norm"].values()]
        left = norms[0] / norms[-2] if norms[-2] else 0.0  # nothing of nothing
        size = float(root_mean_square(gradients["hidden1"].flatten()))
        dead = max(seen["dead"].values())
        return cls(step, loss, accuracy, left, size, ratio, dead)

    def cells(self) -> tuple[str, ...]:
        """As the lab's table shows it."""
        sizes = map(short, (self.left, self.gradient, self.update_ratio))
        accuracy = f"{100 * self.accuracy:.1f} %"
        return (f"{self.step:,}", *sizes, f"{self.loss:.3f}", accuracy)


def milestones(variant: Variant, history: Sequence[Snapshot]) -> list[Snapshot]:
    """The start and the end of a training; of Adam's, two moments between, too."""
    between = (EARLY, 1000) if variant.optimizer == "adam" else ()
    steps = (0, *between, history[-1].step)
    taken = [snapshot.step for snapshot in history]
    nearest = {min(taken, key=lambda at: abs(at - step)) for step in steps}
    return [snapshot for snapshot in history if snapshot.step in nearest]


OnSnapshot = Callable[[MLP, int, float, float], None]
"""What is called with the model, the step's number, its loss, its update ratio."""


def train_variant(
    variant: Variant, lab: LabConfig, dataset: ImageDataset, on_snapshot: OnSnapshot
) -> MLP:
    """Train a deep network on the digits; a snapshot before it, and now and then.

    It ends at the first loss or gradient that is not finite: that step is not taken,
    and its snapshot has the loss nan.
    """
    model = variant.build(lab.depth, lab.width, lab.seed)
    optimizer, steps = make_optimizer(variant, lab, model)
    images, labels = scale_pixels(dataset.images), dataset.labels
    order = rng.generator(lab.seed, "order")
    first = model.get_submodule("hidden1.linear").get_parameter("weight")
    due = {EARLY, steps}
    due |= {k * steps // NUM_SNAPSHOTS for k in range(1, NUM_SNAPSHOTS)}
    for step in range(1, steps + 1):
        before = first.detach().clone() if step in due else first
        batch = torch.randint(len(labels), (lab.batch_size,), generator=order)
        optimizer.zero_grad()
        logits = model(images[batch])
        loss = nn.functional.cross_entropy(logits, labels[batch])
        loss.backward()
        if step == 1:
            on_snapshot(model, 0, loss.item(), 0.0)
        gradients = [parameter.grad for parameter in model.parameters()]
        size = nn.utils.get_total_norm([g for g in gradients if g is not None])
        if not (loss + size).isfinite():
            on_snapshot(model, step, math.nan, 0.0)
            break
        optimizer.step()
        if step in due:
            on_snapshot(model, step, loss.item(), update_ratio(before, first.detach()))
    return model


def make_optimizer(
    variant: Variant, lab: LabConfig, model: MLP
) -> tuple[optim.Optimizer, int]:
    """What moves the weights of this variant, and how many steps it gets."""
    if variant.optimizer == "adam":
        adam = optim.Adam(model.parameters(), lab.adam_lr, eps=lab.adam_eps, fused=True)
        return adam, lab.adam_steps
    return optim.SGD(model.parameters(), lab.lr), lab.steps


def outcome(history: Sequence[Snapshot]) -> Outcome:
    """What came of a training, by what was measured.

    >>> outcome([Snapshot(9, math.nan, 0.1, 0.5, 0.1, 0.0, 0.0)])
    'diverged'
    """
    last, worst = history[-1], max(snapshot.loss for snapshot in history)
    blown_up = 2.5 * max(GUESS, history[0].loss)  # large weights guess badly at first
    if math.isnan(last.loss) or last.loss > blown_up:
        return "diverged"
    if last.accuracy >= LEARNED:
        return "learned"
    best = max(snapshot.accuracy for snapshot in history)
    lost = best > 2 * CHANCE and last.accuracy < LOST * best
    if not lost and (last.accuracy > CHANCE or last.loss < 0.9 * GUESS):
        return "partly"
    if last.dead > DEAD:
        return "died"
    if worst > blown_up:
        return "diverged"
    return "lost" if lost else "stuck"
