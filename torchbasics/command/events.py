"""TensorBoard's event files: curves and histograms, of finite values only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

BINS = 64


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

            self._writer = SummaryWriter(self.folder, purge_step=self.purge_step)
            self._writer.add_custom_scalars(self.layout)
        return self._writer

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
