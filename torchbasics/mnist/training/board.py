"""TensorBoard: curves, histograms of every layer, pictures, and the final metrics."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torchbasics.command import settings
from torchbasics.command.events import Events
from torchbasics.evaluation import Evaluation, predict_probs
from torchbasics.mnist.training import distort, pictures
from torchbasics.mnist.training.resume import fixed_settings
from torchbasics.mnist.training.setup import Training
from torchbasics.probes import Probes

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

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

    @property
    def writer(self) -> SummaryWriter:
        """PyTorch's writer of event files; a folder that is gone stays gone."""
        importlib.import_module("torch.utils.tensorboard")  # it may go in that second
        self.folder.stat()
        return super().writer

    def write_epoch(self, metrics: dict[str, float], probes: Probes | None) -> None:
        """An epoch's numbers as curves; what the layers hold as histograms."""
        step = int(metrics["step"])
        for tag, value in metrics.items():
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

    def write_final(self, training: Training, evaluation: Evaluation) -> None:
        """Pictures of what was learned and what not, and the settings with metrics."""
        step, test = training.progress.step, training.splits.test
        config, model = training.config, training.eval_model
        probs = predict_probs(model, test.images, config.data.transform)
        first = next(iter(Probes(model).weights().values()))
        figures = {
            "first_layer_weights": pictures.weights(first),
            "confusion_matrix": pictures.confusion(evaluation.confusion),
            "misclassified": pictures.misclassified(test.images, test.labels, probs),
        }
        if config.distort.enabled:
            figures["distorted"] = pictures.distorted(distorted_examples(training))
        for name, picture in figures.items():
            after = step + 1  # where a process that ends this run again purges
            self.writer.add_image(f"figures/{name}", picture, after)
        self.writer.flush()
        for path in (self.folder / "hparams").glob("events.out.tfevents.*"):
            path.unlink()  # of a process that was killed here
        self.writer.add_hparams(
            settings.flatten(fixed_settings(config)),
            {"accuracy/test": evaluation.accuracy, "loss/test": evaluation.loss},
            run_name="hparams",
            global_step=step,
        )


def distorted_examples(training: Training, epochs: int = 8) -> Tensor:
    """Two examples of each digit, and what the first epochs make of them.

    Shape: (20, epochs + 1, 28, 28).
    """
    config, train = training.config, training.splits.train
    shown = [(train.labels == digit).nonzero()[:2, 0] for digit in range(10)]
    some = train.subset(torch.cat(shown))
    drawn = [
        distort.distorted(some, config.distort, config.seed, epoch).images
        for epoch in range(epochs)
    ]
    return torch.stack([some.images, *drawn], dim=1)
