"""TensorBoard's event files: curves and histograms, of finite values only."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torchbasics.command.errors import warn

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

BINS = 64


class Attempts:
    """A context in which no place that is written to ends the work: a bad one is left.

    TensorBoard writes in a thread; its next call raises what failed there.
    """

    def __init__(self) -> None:
        self.broken: set[str] = set()

    def __enter__(self) -> Attempts:
        self.excepthook = threading.excepthook
        threading.excepthook = self._leave_to_attempt
        return self

    def __exit__(self, *exception: object) -> None:
        threading.excepthook = self.excepthook

    def attempt(self, place: str, write: Callable[..., object], *what: object) -> None:
        """Write to a place; the first time that fails is told, and also the last."""
        if place in self.broken:
            return
        try:
            write(*what)
        except Exception as error:
            self.broken.add(place)
            warn(f"nothing more goes to {place}: {error}")

    def close(self, events: Events) -> None:
        """Write out what is waiting; of a broken place the thread ends, too."""
        self.attempt("TensorBoard", events.close)
        with suppress(OSError):
            events.close()

    def _leave_to_attempt(self, failure: threading.ExceptHookArgs) -> None:
        if not isinstance(failure.exc_value, OSError):
            self.excepthook(failure)


class Events:
    """Writes an event file into a folder; opened when the first numbers come.

    `layout` is that of TensorBoard's custom scalars; `purge_step` the first step that
    an earlier process must not have written of.
    """

    def __init__(self, folder: Path, layout: dict[str, Any], purge_step: int) -> None:
        self.folder, self.layout, self.purge_step = folder, layout, purge_step
        self._writer: SummaryWriter | None = None

    @property
    def writer(self) -> SummaryWriter:
        """PyTorch's writer of event files."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow

            self.folder.mkdir(exist_ok=True)  # theirs would also make a run's anew
            self._writer = SummaryWriter(self.folder, purge_step=self.purge_step)
            self._writer.add_custom_scalars(self.layout)
        return self._writer

    def come_last(self) -> None:
        """Let the files of earlier processes come before the one that is to be written.

        TensorBoard reads files in the order of their names, which hold the time, and a
        clock may be set back. What those tell of `purge_step` or later, it forgets.
        """
        paths = sorted(self.folder.glob("events.out.tfevents.*"))
        for number, path in enumerate(paths):
            path.rename(path.with_name(f"events.out.tfevents.0000000000.{number:06}"))

    def close(self) -> None:
        """Write out what is waiting."""
        if self._writer is not None:
            self._writer.close()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of a curve, if it is finite."""
        if math.isfinite(value):
            self.writer.add_scalar(tag, value, step)

    def histogram(self, tag: str, values: Tensor, step: int) -> None:
        """How the finite values are spread, in equal bins. Shape: values (*).

        What share of them is not finite, if any, is a curve `nonfinite/<tag>`.
        """
        values = values.detach().flatten().float().cpu()
        finite = values[values.isfinite()]
        if len(finite) < len(values):
            self.scalar(f"nonfinite/{tag}", 1 - len(finite) / len(values), step)
        if len(finite):
            counts, edges = torch.histogram(finite, BINS)
            self.writer.add_histogram_raw(
                tag,
                min=edges[0].item(),
                max=edges[-1].item(),
                num=len(finite),
                sum=finite.sum().item(),
                sum_squares=finite.square().sum().item(),
                bucket_limits=edges[1:].tolist(),
                bucket_counts=counts.tolist(),
                global_step=step,
            )
