"""The vanishing-gradient lab: sigmoid against ReLU, predicted and measured.

Deep networks on real digits. At the start: how much each layer shrinks the gradient,
beside what theory predicts. Then the same networks in training: who learns, who does
not, what mends it, and what only hides it. Leaves a figure, tables as CSV, and a run
for TensorBoard of each network.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console, RenderableType
from rich.progress import track
from rich.text import Text
from torch import Tensor

from torchbasics import data, runs, settings
from torchbasics.activations import DERIVATIVES, ActivationName
from torchbasics.data import Digits
from torchbasics.errors import command
from torchbasics.events import Events
from torchbasics.lessons import leave, prose
from torchbasics.lessons.activations import CHAIN, FUNCTIONS, chain, numbers, slope
from torchbasics.lessons.checks import Check, Part, Words, grid
from torchbasics.lessons.deep import (
    EARLY,
    FEW,
    PROBED,
    SWEPT,
    VARIANTS,
    Lab,
    Moment,
    Start,
    Swept,
    Variant,
    accuracy,
    look_inside,
    start,
    train,
)
from torchbasics.lessons.exercises.vanishing import check
from torchbasics.lessons.tell import a_console, conclude, tell
from torchbasics.mlp import MLP
from torchbasics.settings import Parsed

__all__ = ["PARTS", "check", "main"]

PAIR = ("sigmoid", "relu")
LAYOUT = {
    "all networks in one chart": {
        "gradient norm, first layer": ["Multiline", ["gradient_norm/hidden1$"]],
        "update : weight, first layer": ["Multiline", ["update_ratio/hidden1$"]],
        "test accuracy": ["Multiline", ["accuracy/test"]],
    }
}


class Laboratory:
    """The lesson's parts for one experiment. It trains only if it has a folder."""

    def __init__(self, lab: Lab, folder: Path | None = None) -> None:
        self.lab, self.folder = lab, folder
        self.starts: dict[str, Start] = {}
        self.sweep: list[Swept] = []
        self.histories: dict[str, list[Moment]] = {}

    def parts(self) -> tuple[Part, ...]:
        """What the lesson's text has places for, in order."""
        return (self.chain, self.pair, self.inits, self.depth, self.trained)

    def chain(self, words: Words) -> Iterable[Check | RenderableType]:
        """One unit a layer, weight 1: the gradient as a product of slopes, exactly."""
        names: tuple[ActivationName, ...] = ("sigmoid", "tanh", "relu")
        for name in names:
            for depth, value in CHAIN[name].items():
                product = product_of_slopes(name, depth)
                label = f"{name}, {depth} {words['layers']}"
                yield Check(label, [value], [product], "numbers", 5e-7 * value)
        for name in names:
            gaps = [
                product_of_slopes(name, depth) / through_chain(name, depth) - 1
                for depth in CHAIN[name]
            ]
            label = f"{name}: {words['to autograd']}"
            yield Check(label, [0] * len(gaps), gaps, "chain rule", 1e-14)

    def pair(self, words: Words) -> Iterable[Check | RenderableType]:
        """Sigmoid with Xavier beside ReLU with He, layer by layer, before training."""
        starts = {name: self.start(VARIANTS[name], self.lab.depth) for name in PAIR}
        table = grid(
            words["layer"], *("sigmoid", words["predicted"], words["bound"]),
            *("ReLU", words["predicted"]),
        )  # fmt: skip
        for layer in reversed(range(self.lab.depth)):
            bound = 0.25 ** (self.lab.depth - 1 - layer)
            cells: list[float] = []
            for name in PAIR:
                cells += [float(sizes[layer]) for sizes in starts[name]]
            cells.insert(2, bound)
            table.add_row(f"hidden{layer + 1}", *(f"{cell:.1e}" for cell in cells))
        yield table
        self.starts |= starts

    def inits(self, words: Words) -> Iterable[Check | RenderableType]:
        """Each activation from each initialisation: the factor per layer."""
        heads = ("activation", "init", "measured", "predicted", "off", "left")
        table = grid(*(words[head] for head in heads))
        checks = []
        for activation in self.lab.activations:
            for init in self.lab.inits:
                at = self.start(Variant(activation, init), self.lab.depth)
                off = f"{100 * (at.factor / at.theory - 1):+.1f} %"
                factors = (f"{at.factor:.3f}", f"{at.theory:.3f}")
                table.add_row(activation, init, *factors, off, f"{at.left:.1e}")
                name = f"{words['factor']} {activation}, {init}"
                size = 0.05 * at.theory
                checks.append(
                    Check(name, [at.theory], [at.factor], words["theory"], size)
                )
        yield table
        if self.folder is None:  # of other widths and seeds nothing is promised
            yield from checks

    def depth(self, words: Words) -> Iterable[Check | RenderableType]:
        """The same for networks of other depths: what is left at the first layer."""
        table = grid(words["depth"], *(f"{v.activation} {v.init}" for v in SWEPT))
        for depth in self.lab.depths:
            starts = [self.start(variant, depth, FEW) for variant in SWEPT]
            self.sweep.append(Swept(depth, starts))
            table.add_row(str(depth), *(f"{start.left:.1e}" for start in starts))
        yield table

    def trained(self, words: Words) -> Iterable[Check | RenderableType]:
        """Who learns, and what a look inside says; then what it comes to."""
        if self.folder is None:
            yield Text(words["only in the lab"])
            return
        heads = ("network", "steps", "left", "update", "loss", "accuracy")
        table = grid(*(words[head] for head in heads))
        for key in watched(VARIANTS, words["training"]):
            self.histories[key] = self.train(key)
        for key, history in self.histories.items():
            early = min(history, key=lambda moment: abs(moment.step - EARLY))
            ends = [early, history[-1]] if key == "adam" else history[-1:]
            for moment in ends:
                table.add_row(str(VARIANTS[key]), *moment.in_words(history[0]))
        yield table
        yield Text(self.verdict(words))

    def start(self, variant: Variant, depth: int, count: int = PROBED) -> Start:
        """A network's gradients before training, on the first training digits."""
        probed, lab = self.digits("train", count), self.lab
        return start(variant, depth, lab.width, lab.seed, probed)

    def train(self, key: str) -> list[Moment]:
        """Train one network, and keep what was seen, in memory and for TensorBoard."""
        assert self.folder is not None
        test, probed = self.digits("test"), self.digits("train", PROBED)
        events = Events(self.folder / key, LAYOUT, purge_step=0)
        history: list[Moment] = []

        def look(model: MLP, step: int, loss: float, ratio: float) -> None:
            probes = look_inside(model, probed)
            norms = probes.statistics()["gradient_norm"]
            last = norms[f"hidden{self.lab.depth}"]
            left = norms["hidden1"] / last if last else math.nan
            moment = Moment(step, loss, accuracy(model, test), left, ratio)
            history.append(moment)
            if self.lab.tensorboard:
                leave.write(events, moment, norms, probes)

        train(VARIANTS[key], self.lab, self.digits("train"), look)
        events.close()
        return history

    def digits(
        self, split: Literal["train", "test"], count: int | None = None
    ) -> Digits:
        """The digits of MNIST, or the first so many of them."""
        images, labels = load(split, self.lab.data_dir)
        return Digits(images[:count], labels[:count])

    def verdict(self, words: Words) -> str:
        """One sentence with the numbers that were measured."""
        ends = {key: history[-1] for key, history in self.histories.items()}
        facts = {
            key.replace("-", "_"): f"{100 * m.accuracy:.0f}" for key, m in ends.items()
        }
        sigmoid, relu = (self.starts[name] for name in PAIR)
        return words["verdict"].format(
            **facts,
            depth=self.lab.depth,
            steps=self.lab.steps,
            adam_steps=f"{self.lab.adam_steps:,}",
            factor=f"{sigmoid.factor:.2f}",
            theory=f"{sigmoid.theory:.2f}",
            left=f"{sigmoid.left:.0e}",
            relu_factor=f"{relu.factor:.2f}",
            adam_left=f"{self.histories['adam'][0].left:.0e}",
        )


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the lab: tell the lesson, train, and leave figure, tables and curves."""
    lab, name, *_ = settings.parse(
        Parsed(Lab(), "vanishing"), argv, prog="python -m torchbasics vanishing",
        about=__doc__,
    )  # fmt: skip
    if lab.threads:
        torch.set_num_threads(lab.threads)
    torch.set_flush_denormal(True)  # vanished gradients are slow to compute with
    console, lang = a_console(), prose.language(lab.lang)
    folder = runs.create(lab.runs_dir, "vanishing", f"{name}-s{lab.seed}")
    with runs.locked(folder):
        manifest = runs.new_manifest("vanishing", name, lab.seed)
        runs.describe(folder, settings.to_toml(lab), manifest)
        laboratory = Laboratory(lab, folder)
        if lab.experiment() != Lab().experiment():
            words = prose.read("vanishing", lang).words
            console.print(words["other settings"])
        checks = tell(console, "vanishing", lang, laboratory.parts())
        results = laboratory.starts, laboratory.sweep, laboratory.histories
        leave.write_tables(folder, *results)
        leave.draw(folder / "vanishing.png", lang, *results)
        console.print(prose.read("vanishing", lang).words["left behind"])
        console.print(f"  {folder}", soft_wrap=True)
        console.print(
            f"  tensorboard --logdir {shlex.quote(str(folder))}", soft_wrap=True
        )
    return conclude(console, checks, lang)


def product_of_slopes(name: ActivationName, depth: int) -> Tensor:
    """d out / d in of layers of one unit in a row, from x = 1, by the chain rule.

    Shape: ().
    """
    x, product = numbers(1), numbers(1)
    for _ in range(depth):
        product = product * DERIVATIVES[name](x)
        x = FUNCTIONS[name](x)
    return product[0]


def through_chain(name: ActivationName, depth: int) -> Tensor:
    """The same by autograd. Shape: ()."""
    return slope(partial(chain, FUNCTIONS[name], depth=depth), numbers(1))[0]


@cache
def load(split: Literal["train", "test"], data_dir: str) -> Digits:
    """MNIST, read once."""
    return data.load(split, data_dir)


def watched(names: Iterable[str], doing: str) -> Iterator[str]:
    """The names, with a bar on a terminal; elsewhere with a line for each done."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        yield from track(list(names), doing, console=console, transient=True)
        return
    for name in names:
        start = time.perf_counter()
        yield name
        console.print(f"{doing}: {name}, {time.perf_counter() - start:.1f} s")


PARTS: tuple[Part, ...] = Laboratory(Lab()).parts()
