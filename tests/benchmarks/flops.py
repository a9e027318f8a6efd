"""How much of the matrix unit's peak a training step reaches, and what a step costs.

    python tests/benchmarks/flops.py [--precision bf16] [--seconds 3]

The peak is that of the largest of three square products, measured in the same run. A
step's floating-point operations are those of its matrix products: forward 2, backward 4
for each weight and image, but no gradient for the pixels. The step is the training's
own, on random digits: AdamW, ReLU, no batch norm.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from torchbasics.mnist import network
from torchbasics.mnist.config import Config, ModelConfig, OptimConfig
from torchbasics.mnist.training.optim import add_refusals, make_optimizer
from torchbasics.mnist.training.step import training_step, with_autocast

CIRESAN = (2500, 2000, 1500, 1000, 500)
NETWORKS = [(width, width) for width in (128, 256, 512, 1024, 2048, 4096)]
DEPTHS = [(512,) * depth for depth in (1, 4, 8)]
BATCHES = (64, 256, 1024, 4096)


def seconds_of(work: Callable[[], object], seconds: float) -> float:
    """The median time of one call, of at least five, after a warm-up."""
    work()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak(dtype: torch.dtype, seconds: float) -> float:
    """The most floating-point operations per second of a square product."""
    best = 0.0
    for size in (1024, 2048, 4096):
        a, b = (torch.randn(size, size, dtype=dtype) for _ in range(2))
        out = torch.empty(size, size, dtype=dtype)

        def product(a: torch.Tensor = a, b: torch.Tensor = b) -> None:
            torch.mm(a, b, out=out)  # noqa: B023

        best = max(best, 2 * size**3 / seconds_of(product, seconds))
    return best


def step_of(hidden: tuple[int, ...], batch_size: int, precision: str) -> tuple:
    """A step to call, and its floating-point operations."""
    config = Config(
        model=ModelConfig(hidden=hidden, activation="relu"), optim=OptimConfig(lr=1e-4),
        precision=precision,
    )  # fmt: skip
    model = network.build(config)
    optimizer = make_optimizer(config.optim, model)
    add_refusals(optimizer, model)
    forward = with_autocast(model, precision, torch.device("cpu"))
    images, labels = torch.rand(batch_size, 784), torch.randint(10, (batch_size,))
    loss = nn.CrossEntropyLoss()
    widths = (784, *hidden, 10)
    products = [a * b for a, b in pairwise(widths)]
    work = batch_size * (6 * sum(products) - 2 * products[0])
    return lambda: training_step(forward, optimizer, loss, images, labels), work


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--seconds", type=float, default=2, help="for each line")
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    asked = parser.parse_args()
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[asked.precision]
    top = peak(dtype, asked.seconds)
    print(
        f"{asked.precision}, {torch.get_num_threads()} threads, torch "
        f"{torch.__version__}; a square product: {top / 1e9:,.0f} GFLOP/s\n"
        f"{'hidden':28}{'batch':>6}{'ms a step':>11}{'images/s':>11}{'GFLOP/s':>9}"
        "  of it"
    )
    cases = [(hidden, 1024) for hidden in (*NETWORKS, *DEPTHS, CIRESAN)]
    cases += [((512, 512), batch_size) for batch_size in BATCHES]
    rows = []
    for hidden, batch_size in cases:
        step, work = step_of(hidden, batch_size, asked.precision)
        seconds = seconds_of(step, asked.seconds)
        print(
            f"{'-'.join(map(str, hidden)):28}{batch_size:6}{1e3 * seconds:11.2f}"
            f"{batch_size / seconds:11,.0f}{work / seconds / 1e9:9,.0f}"
            f"{work / seconds / top:6.0%}",
            flush=True,
        )
        rows.append({"hidden": hidden, "batch_size": batch_size, "peak": top,
                     "seconds": seconds, "flop_per_s": work / seconds})  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
