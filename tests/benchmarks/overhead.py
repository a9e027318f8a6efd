"""What watching costs: the lesson's training with and without, in turn.

    python tests/benchmarks/overhead.py [--rounds 5]

- bare: the steps alone, with no check for numbers that are not finite
- checked: the steps alone, as they are taken
- silent: train(), with checkpoints, but without TensorBoard and looks into the layers
- watched: train() as it is by default

Seconds are of `--epochs` epochs, imports not counted; medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.utils.tensorboard  # so that no round pays for the import
from rich.console import Console

from torchbasics.command.signals import StopRequest
from torchbasics.mnist.config import Config, MonitorConfig
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.loop import train, training_steps
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.optim import make_optimizer
from torchbasics.mnist.training.setup import load_splits, setup


def steps(config: Config, splits, checked: bool) -> None:
    """The steps alone."""
    training = setup(config, splits)
    if not checked:
        training.optimizer = make_optimizer(config.optim, training.model)
    for _ in training_steps(training):
        pass


def whole(config: Config, splits) -> None:
    """Steps, evaluation, checkpoints, and what the config's monitor asks for."""
    training = setup(config, splits)
    with (
        tempfile.TemporaryDirectory() as folder,
        StopRequest() as stop,
        Monitor(Console(quiet=True), Path(folder), training) as monitor,
    ):
        train(training, monitor, CheckpointManager(Path(folder)), stop)


def main() -> None:
    """Time the four in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    watched = Config(epochs=asked.epochs)
    off = MonitorConfig(tensorboard=False, histograms=0)
    silent = watched.model_copy(update={"monitor": off})
    splits = load_splits(watched, torch.device("cpu"))
    kinds = {
        "bare": lambda: steps(watched, splits, checked=False),
        "checked": lambda: steps(watched, splits, checked=True),
        "silent": lambda: whole(silent, splits),
        "watched": lambda: whole(watched, splits),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(1 + asked.rounds):
        for name, kind in kinds.items():
            start = time.perf_counter()
            kind()
            seconds[name].append(time.perf_counter() - start)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    for name, times in seconds.items():
        rounded = " ".join(f"{second:.2f}" for second in times[1:])
        print(f"{name:8} {medians[name]:6.2f} s   rounds {rounded}")
    for more, less in (("checked", "bare"), ("watched", "silent")):
        ratios = [
            a / b for a, b in zip(seconds[more][1:], seconds[less][1:], strict=True)
        ]
        print(f"{more} over {less}: {statistics.median(ratios) - 1:+.1%}, pair by pair")


if __name__ == "__main__":
    main()
