"""Where a training's numbers go: the console, metrics.jsonl and TensorBoard.

None of it changes the training: what looks into the layers looks at a copy of the
model, with random numbers of its own. And none of it can end the training: a place
that cannot be written to is named once and left alone.
"""

from __future__ import annotations

import json
import math
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from rich import progress as bars
from rich.console import Console
from torch import Tensor

from torchbasics.command.events import Attempts
from torchbasics.command.files import write_atomic
from torchbasics.evaluation import Evaluation
from torchbasics.mnist.training import metrics as metrics_file
from torchbasics.mnist.training.board import LAYOUT, Board
from torchbasics.mnist.training.metrics import Metrics
from torchbasics.mnist.training.setup import Training
from torchbasics.probes import Probes, update_ratio

STEPS_PER_REFRESH = 50


class Monitor(Attempts):
    """Tells and writes down what a training does, from `with` to the end of it."""

    def __init__(
        self,
        console: Console,
        folder: Path,
        training: Training,
        is_complete: bool = False,
    ) -> None:
        super().__init__()
        self.console = console
        self.training = training
        self.is_complete = is_complete  # nothing more is to be written
        self.metrics_path = folder / "metrics.jsonl"
        self.board = Board(folder, LAYOUT, purge_step=training.progress.step + 1)
        self.head_printed = False
        self.bar = bars.Progress(
            *("step", bars.MofNCompleteColumn(), bars.BarColumn()),
            *("{task.fields[rate]}", bars.TimeRemainingColumn()),
            console=console,
            transient=True,
            disable=not console.is_terminal or console.quiet,
        )

    def __enter__(self) -> Monitor:
        super().__enter__()
        progress = self.training.progress
        if not self.is_complete:
            self.attempt("metrics.jsonl", self._cut_back, progress.step)
            self.attempt("TensorBoard", self.board.come_last)
        self.bar.start()
        total = progress.plan.total_steps
        self.task = self.bar.add_task("", total=total, completed=progress.step, rate="")
        self.after_step()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()
        self.close(self.board)
        super().__exit__(*exception)

    def after_step(self) -> None:
        """Called after each step; costs next to nothing."""
        progress = self.training.progress
        if progress.step % STEPS_PER_REFRESH == 0:
            speed = self.bar.tasks[self.task].speed
            images = (speed or 0) * self.training.config.batch_size
            rate = f"{images:,.0f} images/s" if speed else ""
            self.bar.update(self.task, completed=progress.step, rate=rate)

    def after_epoch(self, metrics: Metrics, before: dict[str, Tensor]) -> None:
        """Called after each epoch, with its numbers.

        `before` is the model's state before its last step. Shape: (*).
        """
        monitor = self.training.config.monitor
        probes = None
        if monitor.histograms and metrics["epoch"] % monitor.histograms == 0:
            probes = self.training.probe()
            metrics = metrics | self._layer_metrics(probes, before)
        if self.training.should_evaluate():
            self._print(metrics)
        self.attempt("metrics.jsonl", metrics_file.append, self.metrics_path, metrics)
        if monitor.tensorboard:
            self.attempt("TensorBoard", self.board.write_epoch, metrics, probes)
        if "MLFLOW_RUN_ID" in os.environ:
            self.attempt("MLflow", send_to_job, metrics)

    def _print(self, metrics: Metrics) -> None:
        if not self.head_printed:
            self.console.print(table_head(metrics), soft_wrap=True)
            self.head_printed = True
        self.console.print(table_line(metrics), soft_wrap=True)

    def after_training(self, evaluation: Evaluation) -> None:
        """Called once, when the training is done and scored on the test set."""
        if self.training.config.monitor.tensorboard:
            training = self.training
            self.attempt("TensorBoard", self.board.write_final, training, evaluation)

    def _layer_metrics(self, probes: Probes, before: dict[str, Tensor]) -> Metrics:
        """The statistics of every layer, by tag."""
        statistics, model = probes.statistics(), self.training.model
        names: dict[Tensor, str] = {w: name for name, w in model.named_parameters()}
        statistics["update_ratio"] = {
            layer: update_ratio(before[names[weight]], weight.detach())
            for layer, weight in Probes(model).weights().items()
        }
        return {
            f"{statistic}/{layer}": value
            for statistic, layers in statistics.items()
            for layer, value in layers.items()
        }

    def _cut_back(self, step: int) -> None:
        """Cut metrics.jsonl back to what was known after that step."""
        if self.metrics_path.exists():
            lines = metrics_file.read(self.metrics_path)
            kept = (f"{json.dumps(line)}\n" for line in lines if line["step"] <= step)
            write_atomic(self.metrics_path, "".join(kept).encode())


def send_to_job(metrics: Metrics) -> None:
    """Make them metrics of the job that trains here, if MLflow is there to send them.

    A platform that runs a job names its run in `MLFLOW_RUN_ID`.
    """
    if find_spec("mlflow"):
        finite = {tag: n for tag, n in metrics.items() if math.isfinite(n)}
        import_module("mlflow").log_metrics(finite, step=int(metrics["step"]))


COLUMNS = {
    "epoch": ("epoch", "{:.0f}"),
    "loss/train": ("  loss", "{:.4f}"),
    "accuracy/train": ("train acc", "{:.2%}"),
    "accuracy/validation": ("validation acc", "{:.2%}"),
    "accuracy/test": ("test acc", "{:.2%}"),
    "time/images_per_s": ("images/s", "{:,.0f}"),
}


def table_head(metrics: Metrics) -> str:
    """The names over the columns of `table_line`."""
    return "  ".join(name for tag, (name, _) in COLUMNS.items() if tag in metrics)


def table_line(metrics: Metrics) -> str:
    """An epoch's numbers under their names, in less than 80 columns.

    >>> metrics = {"epoch": 3, "loss/train": 0.25, "accuracy/train": 0.9312}
    >>> print(table_head(metrics)); print(table_line(metrics))
    epoch    loss  train acc
        3  0.2500     93.12%
    """
    return "  ".join(
        form.format(metrics[tag]).rjust(len(name))
        for tag, (name, form) in COLUMNS.items()
        if tag in metrics
    )
