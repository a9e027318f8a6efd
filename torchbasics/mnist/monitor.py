"""Where a training's numbers go: the console, metrics.jsonl and TensorBoard.

None of it changes the training: what looks into the layers looks at a copy of the
model, with random numbers of its own. And none of it can end the training: a place
that cannot be written to is named once and left alone.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from torch import Tensor

from torchbasics import rng
from torchbasics.data import scale_pixels
from torchbasics.mlp import share_noise
from torchbasics.mnist.board import LAYOUT, Board
from torchbasics.mnist.evaluate import Evaluation
from torchbasics.mnist.optim import loss_of
from torchbasics.mnist.state import Training
from torchbasics.probes import Probes, update_ratio

STEPS_PER_REFRESH = 50
PROBE_IMAGES = 256  # the first training images, always the same

Record = dict[str, float]
"""One epoch's numbers, by their TensorBoard tags, with `epoch` and `step`."""


class Monitor:
    """Tells and writes down what a training does, from `with` to the end of it."""

    def __init__(self, console: Console, folder: Path, training: Training) -> None:
        self.console = console
        self.training = training
        self.metrics = folder / "metrics.jsonl"
        self.board = Board(folder, LAYOUT, purge_step=training.progress.step + 1)
        self.broken: set[str] = set()
        self.before_step: dict[str, Tensor] = {}
        self.told_head = False
        self.bar = Bar(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal or console.quiet,
        )

    def __enter__(self) -> Monitor:
        progress = self.training.progress
        self.excepthook = threading.excepthook
        threading.excepthook = self._leave_to_attempt
        self.attempt("metrics.jsonl", self._forget_after, progress.step)
        self.bar.start()
        total = progress.plan.total_steps
        self.task = self.bar.add_task("", total=total, completed=progress.step, rate="")
        self.watch()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()
        self.attempt("TensorBoard", self.board.close)
        threading.excepthook = self.excepthook

    def _leave_to_attempt(self, failure: threading.ExceptHookArgs) -> None:
        """TensorBoard writes in a thread; its next call raises what failed there."""
        if not isinstance(failure.exc_value, OSError):
            self.excepthook(failure)

    def watch(self) -> None:
        """Called before the first step and after each; costs next to nothing."""
        progress = self.training.progress
        if progress.step % STEPS_PER_REFRESH == 0:
            speed = self.bar.tasks[self.task].speed or 0
            rate = f"{speed * self.training.config.batch_size:,.0f} images/s"
            self.bar.update(self.task, completed=progress.step, rate=rate)
        if progress.is_before_end_of_epoch():
            weights = Probes(self.training.model).weights()
            self.before_step = {
                name: weight.detach().clone() for name, weight in weights.items()
            }

    def epoch(self, record: Record) -> None:
        """Called after each epoch, with all its numbers."""
        settings = self.training.config.monitor
        probes = None
        if settings.histograms and record["epoch"] % settings.histograms == 0:
            probes = self._look()
            record = record | self._layers(probes)
        if self.training.wants_scores():
            self._tell(record)
        self.attempt("metrics.jsonl", self._append, record)
        if settings.tensorboard:
            self.attempt("TensorBoard", self.board.epoch, record, probes)

    def _tell(self, record: Record) -> None:
        if not self.told_head:
            self.console.print(table_head(record), soft_wrap=True)
            self.told_head = True
        self.console.print(table_line(record), soft_wrap=True)

    def finish(self, result: Evaluation) -> None:
        """Called once, when the training is done and scored on the test set."""
        if self.training.config.monitor.tensorboard:
            self.attempt("TensorBoard", self.board.finish, self.training, result)

    def _look(self) -> Probes:
        """What a training step on always the same images would see, in a copy."""
        training, config = self.training, self.training.config
        twin = copy.deepcopy(training.model).train()
        if noise := share_noise(twin):
            rng.reseed(noise, config.seed, "probe")
        images, labels = (part[:PROBE_IMAGES] for part in training.splits.train)
        with Probes(twin) as probes:
            logits = twin(scale_pixels(images, config.data.scale))
            loss_of(config.optim)(logits, labels).backward()
        return probes

    def _layers(self, probes: Probes) -> Record:
        """The statistics of every layer, by tag."""
        statistics = probes.statistics()
        after = Probes(self.training.model).weights()
        statistics["update_ratio"] = {
            name: update_ratio(before, after[name].detach())
            for name, before in self.before_step.items()
        }
        return {
            f"{statistic}/{layer}": value
            for statistic, layers in statistics.items()
            for layer, value in layers.items()
        }

    def _append(self, record: Record) -> None:
        """One more line of metrics.jsonl; what is not finite becomes null."""
        finite = {
            tag: value if math.isfinite(value) else None
            for tag, value in record.items()
        }
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finite) + "\n")

    def _forget_after(self, step: int) -> None:
        """Cut metrics.jsonl back to what was known after that step."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):  # torn by a kill
                break
        part = self.metrics.with_name(".metrics.jsonl")
        part.write_text("".join(kept), encoding="utf-8")
        part.replace(self.metrics)

    def attempt(self, place: str, write: Callable[..., None], *what: object) -> None:
        """Write to a place; the first time that fails is also the last."""
        if place in self.broken:
            return
        try:
            write(*what)
        except Exception as error:
            self.broken.add(place)
            print(f"warning: nothing more goes to {place}: {error}", file=sys.stderr)


COLUMNS = {
    "epoch": ("epoch", "{:.0f}"),
    "loss/train": ("  loss", "{:.4f}"),
    "accuracy/train": ("train acc", "{:.2%}"),
    "accuracy/validation": ("validation acc", "{:.2%}"),
    "accuracy/test": ("test acc", "{:.2%}"),
    "time/images_per_s": ("images/s", "{:,.0f}"),
}


def table_head(record: Record) -> str:
    """The names over the columns of `table_line`."""
    return "  ".join(name for tag, (name, _) in COLUMNS.items() if tag in record)


def table_line(record: Record) -> str:
    """An epoch's numbers under their names, in less than 80 columns.

    >>> record = {"epoch": 3, "loss/train": 0.25, "accuracy/train": 0.9312}
    >>> print(table_head(record)); print(table_line(record))
    epoch    loss  train acc
        3  0.2500     93.12%
    """
    return "  ".join(
        form.format(record[tag]).rjust(len(name))
        for tag, (name, form) in COLUMNS.items()
        if tag in record
    )
