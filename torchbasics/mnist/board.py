"""TensorBoard: curves, histograms of every layer, pictures, and the final figures."""

from __future__ import annotations

import torch
from torch import Tensor

from torchbasics import settings
from torchbasics.data import Digits
from torchbasics.events import Events
from torchbasics.mnist import distort, pictures
from torchbasics.mnist.config import FREE
from torchbasics.mnist.evaluate import Evaluation, read_digits
from torchbasics.mnist.state import Training
from torchbasics.probes import Probes

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


class Board(Events):
    """The event file of a training run."""

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
        probs = read_digits(training.result, test.images, config.data.scale)
        first = next(iter(Probes(training.result).weights().values()))
        figures = {
            "first_layer_weights": pictures.weights(first),
            "confusion_matrix": pictures.confusion(result.confusion),
            "misread": pictures.misread(test.images, test.labels, probs),
        }
        if config.distort.changes():
            figures["redrawn"] = pictures.redrawn(redrawn(training))
        for name, picture in figures.items():
            self.writer.add_image(f"figures/{name}", picture, step, dataformats="HWC")
        self.writer.add_hparams(
            settings.flat(config.model_dump(mode="json", exclude=FREE)),
            {"accuracy/test": result.accuracy, "loss/test": result.loss},
            run_name="hparams",
            global_step=step,
        )
        self.writer.flush()


def redrawn(training: Training, epochs: int = 8) -> Tensor:
    """Two examples of each digit, and what the first epochs make of them.

    Shape: (20, epochs + 1, 28, 28).
    """
    config, (images, labels) = training.config, training.splits.train
    shown = torch.cat([(labels == digit).nonzero()[:2, 0] for digit in range(10)])
    some = Digits(images[shown], labels[shown])
    drawn = [
        distort.epoch_of(some, config.distort, config.seed, epoch).images
        for epoch in range(epochs)
    ]
    return torch.stack([some.images, *drawn], dim=1)
