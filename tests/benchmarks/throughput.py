"""Images per second of three training loops: ours, the usual one, a short one.

    python tests/benchmarks/throughput.py [--epochs 3] [--batch-size 64]

All three train 784-50-100-10 sigmoid with the same fused AdamW on the same digits,
scaled alike. Their epochs are timed in turn, so that a machine that slows down slows
all of them; the first epoch of each is a warm-up, the median of the others counts.

- ours: the loop of torchbasics/mnist/train.py, with its schedule and its running
  means of loss and accuracy
- usual: torchvision's MNIST, ToTensor, Normalize and a DataLoader, as in
  pytorch/examples
- short: all images scaled once and kept as float32, 20 lines in all
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from itertools import islice

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision import datasets, transforms

from torchbasics import data
from torchbasics.data.mnist import MEAN, STD, default_folder
from torchbasics.mnist import network
from torchbasics.mnist.config import Config, Data, Optim, Schedule
from torchbasics.mnist.evaluate import evaluate
from torchbasics.mnist.optim import make_optimizer, refuse_nonfinite
from torchbasics.mnist.state import Splits, prepare
from torchbasics.mnist.train import training_steps

LR = 0.001


def ours(config: Config, model: nn.Module) -> Iterator[None]:
    """Our own loop, an epoch at a time."""
    splits = Splits(data.load("train"), None, data.load("test"))
    training = prepare(config, splits)
    training.model = model
    training.optimizer = make_optimizer(config.optim, model)
    refuse_nonfinite(training.optimizer, model)
    steps = training_steps(training)
    for _ in range(config.epochs):
        *_, progress = islice(steps, training.progress.plan.steps_per_epoch)
        progress.hits()
        yield


def usual(config: Config, model: nn.Module) -> Iterator[None]:
    """The loop of most tutorials, an epoch at a time."""
    scale = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    )
    digits = datasets.MNIST(default_folder(), train=True, transform=scale)
    loader = torch.utils.data.DataLoader(digits, config.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    for _ in range(config.epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images.flatten(1)), labels)
            loss.backward()
            optimizer.step()
        yield


def short(config: Config, model: nn.Module) -> Iterator[None]:
    """The shortest sensible loop, an epoch at a time."""
    images, labels = data.load("train")
    images = data.scale_pixels(images, "standard")
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    for _ in range(config.epochs):
        for batch in torch.randperm(60_000).split(config.batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
        yield


def main() -> None:
    """Time the three and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=3, help="timed, after a warm-up")
    parser.add_argument("--batch-size", type=int, default=64)
    asked = parser.parse_args()
    config = Config(
        epochs=1 + asked.epochs,
        batch_size=asked.batch_size,
        data=Data(scale="standard"),
        optim=Optim(lr=LR, weight_decay=0.01),
        schedule=Schedule(name="constant", warmup=0),
    )
    loops = {loop.__name__: loop for loop in (ours, usual, short)}
    models = {name: network.build(config) for name in loops}
    epochs = {name: loop(config, models[name]) for name, loop in loops.items()}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(config.epochs):
        for name in loops:
            start = time.perf_counter()
            next(epochs[name])
            seconds[name].append(time.perf_counter() - start)

    print(
        f"{network.describe(config)}, batch {config.batch_size}; "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"{torch.get_num_threads()} threads"
    )
    print(f"{'loop':8}{'images/s':>10}{'of usual':>10}{'test acc':>10}  epochs in s")
    base = statistics.median(seconds["usual"][1:])
    for name, times in seconds.items():
        median = statistics.median(times[1:])
        accuracy = evaluate(models[name], data.load("test"), "standard").accuracy
        rounded = " ".join(f"{second:.2f}" for second in times[1:])
        print(
            f"{name:8}{60_000 / median:10,.0f}{base / median:9.1f}x"
            f"{100 * accuracy:9.2f}%  {rounded}"
        )


if __name__ == "__main__":
    main()
