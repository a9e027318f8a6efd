"""Where a training's numbers go while it runs: for now, the console.

On a terminal a bar shows how far the run is; everywhere each epoch leaves one line.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

STEPS_PER_REFRESH = 50

Record = dict[str, float]
"""One epoch's numbers, by their TensorBoard tags, with `epoch` and `step`."""


class Monitor:
    """Tells what a training does. A context manager: the bar ends with it."""

    def __init__(self, console: Console, total_steps: int, batch_size: int) -> None:
        self.console = console
        self.batch_size = batch_size
        self.told = False
        self.bar = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal or console.quiet,
            refresh_per_second=5,
        )
        self.task = self.bar.add_task("train", total=total_steps, rate="")

    def __enter__(self) -> Monitor:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def step(self, step: int) -> None:
        """Called after each step; must cost next to nothing."""
        if step % STEPS_PER_REFRESH == 0:
            speed = self.bar.tasks[self.task].speed
            rate = f"{speed * self.batch_size:,.0f} images/s" if speed else ""
            self.bar.update(self.task, completed=step, rate=rate)

    def epoch(self, record: Record) -> None:
        """Called after each epoch, with all its numbers."""
        if not self.told:
            self.console.print(table_head(record), soft_wrap=True)
        self.told = True
        self.console.print(table_line(record), soft_wrap=True)


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
