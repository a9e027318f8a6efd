"""TensorBoard's event files: curves and histograms, of finite values only."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from torchbasics.command.errors import warn
from torchbasics.command.files import read_regular, write_atomic

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

BINS = 64
MAX_BYTES = 2**27  # of an event file that is read
FIRST = "events.out.tfevents.0000000000.first"
"""Before all other event files: the others' names hold the time."""


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

    def cut_back(self, step: int, forget: str) -> None:
        """Cut what earlier processes wrote back to that step, each number once.

        What stays is put into one file that comes first: TensorBoard reads files in
        the order of their names, which hold the time, and a clock may be set back.
        Tags that begin with `forget` and the layout, which is written again, go.
        """
        paths = sorted(self.folder.glob("events.out.tfevents.*"))
        if not paths:
            return
        write_atomic(self.folder / FIRST, _up_to(step, forget, paths))
        for path in paths:
            if path.name != FIRST:
                path.unlink()

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
        values = values.detach().flatten().float()
        finite = values[values.isfinite()]
        if len(finite) < len(values):
            self.scalar(f"nonfinite/{tag}", 1 - len(finite) / len(values), step)
        if not len(finite):
            return
        low, high = finite.min().item(), finite.max().item()
        if low == high:
            low, high = low - 0.5, high + 0.5
        self.writer.add_histogram_raw(
            tag,
            min=low,
            max=high,
            num=len(finite),
            sum=finite.sum().item(),
            sum_squares=finite.square().sum().item(),
            bucket_limits=torch.linspace(low, high, BINS + 1)[1:].tolist(),
            bucket_counts=torch.histc(finite.cpu(), BINS, low, high).tolist(),
            global_step=step,
        )


def _up_to(step: int, forget: str, paths: list[Path]) -> bytes:
    """The events of these files from step 1 to `step`, as one file would hold them."""
    from tensorboard.compat.proto import event_pb2  # noqa: PLC0415 - slow

    content, seen = bytearray(), set()
    for record in chain.from_iterable(
        _records(read_regular(path, MAX_BYTES)) for path in paths
    ):
        try:
            event = event_pb2.Event.FromString(record[12:-4])
        except DecodeError:
            continue
        tags = [value.tag for value in event.summary.value]
        key = (event.step, event.file_version, *tags)
        wanted = 1 <= event.step <= step and tags and not tags[0].startswith(forget)
        if key not in seen and (wanted or event.file_version):
            seen.add(key)
            content += record
    return bytes(content)


def _records(content: bytes) -> Iterator[bytes]:
    """The whole records of an event file: length, checksum, event, checksum each."""
    start = 0
    while start + 12 <= len(content):
        length = int.from_bytes(content[start : start + 8], "little")
        end = start + 16 + length
        if not length or end > len(content):  # no record, or one torn by a kill
            return
        yield content[start:end]
        start = end
