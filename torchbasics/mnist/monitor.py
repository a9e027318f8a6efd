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
        self.console.print(epoch_line(record), soft_wrap=True)


def epoch_line(record: Record) -> str:
    """One aligned line of at most 80 columns.

    >>> epoch_line({"epoch": 3, "loss/train": 0.25, "accuracy/train": 0.9312,
    ...             "accuracy/test": 0.9287, "time/images_per_s": 118_000.0})
    'epoch   3  loss 0.2500  train 93.12 %  test 92.87 %  118,000 images/s'
    """
    splits = [
        f"{split} {100 * record[f'accuracy/{split}']:5.2f} %"
        for split in ("train", "validation", "test")
        if f"accuracy/{split}" in record
    ]
    return "  ".join(
        [
            f"epoch {record['epoch']:3.0f}",
            f"loss {record['loss/train']:.4f}",
            *splits,
            f"{record['time/images_per_s']:7,.0f} images/s",
        ]
    )
