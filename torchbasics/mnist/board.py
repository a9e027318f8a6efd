"""TensorBoard: curves, histograms of every layer, pictures, and the final figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torchbasics import settings
from torchbasics.mnist import pictures
from torchbasics.mnist.config import FREE
from torchbasics.mnist.evaluate import Evaluation, read_digits
from torchbasics.mnist.state import Training
from torchbasics.probes import Probes

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

BINS = 64

LAYOUT = {
    "all layers in one chart": {
        "gradient norm": ["Multiline", ["gradient_norm/.*"]],
        "update : weight": ["Multiline", ["update_ratio/.*"]],
        "activation std": ["Multiline", ["activation_std/.*"]],
        "saturated share": ["Multiline", ["saturated/.*"]],
        "dead share": ["Multiline", ["dead/.*"]],
    },
    "training and test": {
        "loss": ["Multiline", ["loss/.*"]],
        "accuracy": ["Multiline", ["accuracy/.*"]],
    },
}


class Board:
    """Writes a run's event file; opened when the first numbers come.

    `purge_step` is the first step that an earlier process must not have written of.
    """

    def __init__(self, folder: Path, purge_step: int) -> None:
        self.folder = folder
        self.purge_step = purge_step
        self._writer: SummaryWriter | None = None

    @property
    def writer(self) -> SummaryWriter:
        """PyTorch's writer of event files."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow

            self._writer = SummaryWriter(self.folder, purge_step=self.purge_step)
            self._writer.add_custom_scalars(LAYOUT)
        return self._writer

    def epoch(self, record: dict[str, float], probes: Probes | None) -> None:
        """An epoch's numbers as curves; what the layers hold as histograms."""
        step = int(record["step"])
        for tag, value in record.items():
            if "/" in tag or tag == "lr":
                self.scalar(tag, value, step)
        if probes is not None:
            for kind, tensors in (
                ("activations", probes.activations),
                ("gradients", probes.gradients()),
                ("weights", probes.weights()),
            ):
                for layer, values in tensors.items():
                    self.histogram(f"{kind}/{layer}", values, step)
        self.writer.flush()

    def finish(self, training: Training, result: Evaluation) -> None:
        """Pictures of what was learned and what not, and the settings with figures."""
        step, test = training.progress.step, training.splits.test
        config = training.config
        probs = read_digits(training.model, test.images, config.data.scale)
        first = next(iter(Probes(training.model).weights().values()))
        for name, picture in (
            ("first_layer_weights", pictures.weights(first)),
            ("confusion_matrix", pictures.confusion(result.confusion)),
            ("misread", pictures.misread(test.images, test.labels, probs)),
        ):
            self.writer.add_image(f"figures/{name}", picture, step, dataformats="HWC")
        self.writer.add_hparams(
            settings.flat(config.model_dump(mode="json", exclude=FREE)),
            {"accuracy/test": result.accuracy, "loss/test": result.loss},
            run_name="hparams",
            global_step=step,
        )
        self.writer.flush()

    def close(self) -> None:
        """Write out what is waiting."""
        if self._writer is not None:
            self._writer.close()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of a curve, if it is finite."""
        if math.isfinite(value):
            self.writer.add_scalar(tag, value, step)

    def histogram(self, tag: str, values: Tensor, step: int) -> None:
        """How the finite values are spread, in equal bins. Shape: values (*)."""
        values = values.detach().flatten().float()
        values = values[values.isfinite()]
        if not len(values):
            return
        low, high = values.min().item(), values.max().item()
        if low == high:
            low, high = low - 0.5, high + 0.5
        self.writer.add_histogram_raw(
            tag,
            min=low,
            max=high,
            num=len(values),
            sum=values.sum().item(),
            sum_squares=values.square().sum().item(),
            bucket_limits=torch.linspace(low, high, BINS + 1)[1:].tolist(),
            bucket_counts=torch.histc(values.cpu(), BINS, low, high).tolist(),
            global_step=step,
        )
