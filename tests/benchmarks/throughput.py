"""Images per second of training: our loop, the usual ones, and other frameworks.

    pip install -e '.[bench]'
    python tests/benchmarks/throughput.py [--epochs 5] [--rounds 2] [--only ours ...]

All train the same network with the same batch size and Adam or AdamW on the same
digits, scaled alike, each in a process of its own; the first epoch, in which some of
them compile, is a warm-up, and the median of all others counts. Rounds go through all
in turn, so that a machine that slows down slows all of them. What a framework needs
and is not installed leaves it out; `--ours` names the Python of an environment without
TensorFlow, which TensorBoard would import.

- ours: the loop of torchbasics/mnist/training/loop.py, with its schedule, its check of
  the gradients, and its running means of loss and accuracy
- usual: torchvision's MNIST, ToTensor, Normalize and a DataLoader, as in
  pytorch/examples
- short: all images scaled once and kept as float32, 20 lines in all
- sklearn: MLPClassifier, whose `fit` begins Adam anew in each epoch; keras: on
  TensorFlow; jax: an epoch in one compiled scan
- ...-bf16: the same with bfloat16 matrix products
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from race import MEAN, STD, arrays

LR = 0.001
Tick = Callable[[], None]


class Work(NamedTuple):
    """What is trained."""

    hidden: tuple[int, ...]
    activation: str
    batch_size: int


WORKS = [
    Work((50, 100), "sigmoid", 64),
    Work((50, 100), "sigmoid", 256),
    Work((512, 512), "relu", 512),
]


def ours(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """Our own loop."""
    from torchbasics import data  # noqa: PLC0415
    from torchbasics.evaluation import evaluate  # noqa: PLC0415
    from torchbasics.mnist.config import Config  # noqa: PLC0415
    from torchbasics.mnist.training.loop import training_steps  # noqa: PLC0415
    from torchbasics.mnist.training.setup import Splits, setup  # noqa: PLC0415

    config = Config.model_validate(
        {
            "epochs": epochs,
            "batch_size": work.batch_size,
            "precision": "bf16" if bf16 else "fp32",
            "model": {"hidden": work.hidden, "activation": work.activation},
            "data": {"scale": "standard"},
            "optim": {"lr": LR, "weight_decay": 0.01},
            "schedule": {"name": "constant", "warmup": 0},
        }
    )
    training = setup(config, Splits(data.load("train"), None, data.load("test")))
    steps = training_steps(training)
    for _ in range(epochs):
        *_, progress = islice(steps, training.progress.plan.steps_per_epoch)
        progress.num_correct()
        tick()
    test, transform = training.splits.test, config.data.transform
    return evaluate(training.model, *test, transform).accuracy


def torch_model(work: Work):
    """The same network, for the two loops below."""
    from torch import nn  # noqa: PLC0415

    activation = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}[work.activation]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((784, *work.hidden)):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers, nn.Linear(work.hidden[-1], 10))


def usual(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """The loop of most tutorials."""
    import torch  # noqa: PLC0415
    import torch.nn.functional as F  # noqa: PLC0415
    from torchvision import datasets, transforms  # noqa: PLC0415

    scale = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    )
    train, test = (
        torch.utils.data.DataLoader(
            datasets.MNIST(os.environ["RACE_DATA"], train=train, transform=scale),
            batch_size=work.batch_size if train else 1000, shuffle=train,
        )
        for train in (True, False)
    )  # fmt: skip
    model = torch_model(work)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    for _ in range(epochs):
        for images, labels in train:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = F.cross_entropy(model(images.flatten(1)), labels)
            loss.backward()
            optimizer.step()
        tick()
    with torch.no_grad():
        hits = sum((model(x.flatten(1)).argmax(1) == y).sum().item() for x, y in test)
    return hits / 10_000


def short(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """The shortest sensible loop."""
    import torch  # noqa: PLC0415
    import torch.nn.functional as F  # noqa: PLC0415

    x, y, test_x, test_y = map(torch.from_numpy, arrays())
    y, test_y = y.long(), test_y.long()
    model = torch_model(work)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    for _ in range(epochs):
        for batch in torch.randperm(60_000).split(work.batch_size):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = F.cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
        tick()
    with torch.no_grad():
        return (model(test_x).argmax(1) == test_y).float().mean().item()


def sklearn(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """scikit-learn's own MLP."""
    import warnings  # noqa: PLC0415

    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    warnings.simplefilter("ignore")  # that one epoch is not convergence
    x, y, test_x, test_y = arrays()
    activation = {"sigmoid": "logistic", "relu": "relu"}[work.activation]
    model = MLPClassifier(
        work.hidden, activation, batch_size=work.batch_size, max_iter=1,
        warm_start=True, learning_rate_init=LR,
    )  # fmt: skip
    for _ in range(epochs):
        model.fit(x, y)
        tick()
    return float(model.score(test_x, test_y))


def keras(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """Keras on TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras as k  # noqa: PLC0415

    if bf16:
        k.mixed_precision.set_global_policy("mixed_bfloat16")
    x, y, test_x, test_y = arrays()
    dense = k.layers.Dense
    hidden = [dense(width, work.activation) for width in work.hidden]
    model = k.Sequential([*hidden, dense(10, dtype="float32")])
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.AdamW(LR), loss, metrics=["accuracy"])
    ticking = k.callbacks.LambdaCallback(on_epoch_end=lambda *_: tick())
    model.fit(
        x, y, batch_size=work.batch_size, epochs=epochs, verbose=0, callbacks=[ticking]
    )
    return float(model.evaluate(test_x, test_y, batch_size=2000, verbose=0)[1])


def jax(work: Work, bf16: bool, epochs: int, tick: Tick) -> float:
    """JAX, each epoch one compiled scan over its batches."""
    import jax as j  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    x, y, test_x, test_y = map(jnp.asarray, arrays())
    kind = jnp.bfloat16 if bf16 else jnp.float32
    keys = j.random.split(j.random.key(0), epochs + len(work.hidden) + 1)
    pairs = list(pairwise((784, *work.hidden, 10)))
    weights = [
        (j.random.normal(key, pair) / pair[0] ** 0.5, jnp.zeros(pair[1]))
        for key, pair in zip(keys, pairs, strict=False)
    ]
    steps = 60_000 // work.batch_size
    activate = {"sigmoid": j.nn.sigmoid, "relu": j.nn.relu}[work.activation]

    def model(weights, x):
        for index, (w, b) in enumerate(weights):
            x = x.astype(kind) @ w.astype(kind) + b.astype(kind)
            x = activate(x) if index < len(weights) - 1 else x
        return x.astype(jnp.float32)

    def loss_of(weights, x, y):
        log_probs = j.nn.log_softmax(model(weights, x))
        return -jnp.take_along_axis(log_probs, y[:, None], 1).mean()

    def step(state, batch):
        weights, first, second, count = state
        gradients = j.grad(loss_of)(weights, x[batch], y[batch].astype(jnp.int32))
        count, tree = count + 1, j.tree.map
        first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate = LR * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        weights = tree(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), weights, first, second
        )
        return (weights, first, second, count), None

    @j.jit
    def epoch(state, key):
        order = j.random.permutation(key, 60_000)[: steps * work.batch_size]
        return j.lax.scan(step, state, order.reshape(steps, work.batch_size))[0]

    zeros = j.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, zeros, 0.0)
    for key in keys[len(pairs) :]:
        state = j.block_until_ready(epoch(state, key))
        tick()
    return float((j.jit(model)(state[0], test_x).argmax(1) == test_y).mean())


LOOPS = {"ours": ours, "usual": usual, "short": short, "sklearn": sklearn,
         "keras": keras, "jax": jax}  # fmt: skip
NEEDS = {"ours": "torchbasics", "usual": "torchvision", "short": "torch"}
NAMES = [
    name + suffix
    for name in LOOPS
    for suffix in ("", "-bf16")
    if name + suffix not in ("usual-bf16", "sklearn-bf16")
]


def one(name: str, work: Work, epochs: int) -> dict:
    """Train here; the seconds of each epoch after the first, and the accuracy."""
    ends: list[float] = []
    loop = LOOPS[name.removesuffix("-bf16")]
    accuracy = loop(
        work, name.endswith("-bf16"), 1 + epochs,
        lambda: ends.append(time.perf_counter()),
    )  # fmt: skip
    seconds = [after - before for before, after in pairwise(ends)]
    return {"seconds": seconds, "accuracy": accuracy}


def in_own_process(name: str, index: int, epochs: int, python: str) -> dict:
    """What `one` returns, from a process of the entrant's own."""
    python = python if name.startswith("ours") else sys.executable
    words = ["--run", name, "--work", str(index), "--epochs", str(epochs)]
    done = subprocess.run(
        [python, __file__, *words], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(work: Work, rounds: list[dict[str, dict]]) -> list[dict]:
    """Print the work's table; return its rows."""
    hidden = "-".join(map(str, (784, *work.hidden, 10)))
    first = next(iter(rounds[0]))  # the usual loop, where it takes part
    print(f"\n{hidden} {work.activation}, batch {work.batch_size}")
    print(
        f"{'loop':12}{'images/s':>10}{f'of {first}':>10}{'test acc':>10}  epochs in s"
    )
    rows = []
    for name in rounds[0]:
        seconds = [second for each in rounds for second in each[name]["seconds"]]
        rate = 60_000 / statistics.median(seconds)
        accuracy = 100 * statistics.mean(each[name]["accuracy"] for each in rounds)
        rows.append({"network": hidden, "batch_size": work.batch_size, "loop": name,
                     "images_per_s": rate, "accuracy": accuracy})  # fmt: skip
        times = rate / rows[0]["images_per_s"]
        each = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{name:12}{rate:10,.0f}{times:9.1f}x{accuracy:9.2f}%  {each}")
    return rows


def main() -> None:
    """Time them all and print a table for each work."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=5, help="timed, after a warm-up")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    parser.add_argument("--ours", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    parser.add_argument("--run", choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        print(json.dumps(one(asked.run, WORKS[asked.work], asked.epochs)))
        return
    from torchbasics.data.mnist import default_folder, restore  # noqa: PLC0415

    restore(default_folder())
    os.environ["RACE_DATA"] = str(default_folder())
    # the usual loop first: the others are told as multiples of it
    names = sorted(
        (n for n in asked.only if is_installed(n)), key=lambda n: n != "usual"
    )
    rows = []
    for index, work in enumerate(WORKS):
        rounds = [
            {n: in_own_process(n, index, asked.epochs, asked.ours) for n in names}
            for _ in range(asked.rounds)
        ]
        rows += table(work, rounds)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def is_installed(name: str) -> bool:
    """Whether what the entrant needs is here."""
    loop = name.removesuffix("-bf16")
    return importlib.util.find_spec(NEEDS.get(loop, loop)) is not None


if __name__ == "__main__":
    main()
