"""Seconds of a whole command, imports included, to 98 % of the MNIST test set.

    pip install -e '.[bench]'
    python tests/benchmarks/race.py [--rounds 3] [--only ours short ...]

Each entrant is a process of its own that reads MNIST from the same files, trains and
scores, with a batch size and a number of epochs that were found best for it; its
network is 784-512-512-10 ReLU where not said otherwise. Rounds go through all entrants
in turn, so that a machine that slows down slows all of them; the median counts. What an
entrant needs and is not installed leaves it out.

- ours: `python -m torchbasics.mnist --config fast98`, two epochs, as it stands: it also
  makes a run folder, a checkpoint, and shows a digit
- loader: torchvision's MNIST, ToTensor, Normalize and a DataLoader, Adam, batch 128
- short, short-bf16: the 20-line loop on resident images, AdamW, batch 256, linear decay
- sklearn: MLPClassifier
- keras, keras-bf16: on TensorFlow, AdamW; bf16 is the mixed_bfloat16 policy
- jax, jax-bf16: plain JAX, an epoch in one jitted scan, Adam written out
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEAN, STD = 0.1307, 0.3081
PEAK = 0.002  # learning rate of those with linear decay


def arrays():
    """MNIST as NumPy arrays: float32 rows, scaled to mean 0 and deviation 1; labels."""
    import numpy as np  # noqa: PLC0415

    folder = Path(os.environ["RACE_DATA"], "MNIST", "raw")
    for split in ("train", "t10k"):
        raw = np.fromfile(folder / f"{split}-images-idx3-ubyte", np.uint8)[16:]
        pixels = (raw.reshape(-1, 784).astype(np.float32) / 255 - MEAN) / STD
        yield pixels
        yield np.fromfile(folder / f"{split}-labels-idx1-ubyte", np.uint8)[8:]


def short(bf16: bool = False) -> float:
    """A plain torch loop, as short as it gets."""
    import torch  # noqa: PLC0415
    import torch.nn.functional as F  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    x, y, test_x, test_y = map(torch.from_numpy, arrays())
    y, test_y = y.long(), test_y.long()
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, fused=True)
    steps, batch_size = 3 * 234, 256
    for step in range(steps):
        if step % 234 == 0:
            order = torch.randperm(60_000)
        at = step % 234 * batch_size
        batch = order[at : at + batch_size]
        optimizer.param_groups[0]["lr"] = PEAK * (1 - step / steps)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return (model(test_x).argmax(1) == test_y).float().mean().item()


def loader() -> float:
    """The loop of most tutorials."""
    import torch  # noqa: PLC0415
    import torch.nn.functional as F  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415
    from torchvision import datasets, transforms  # noqa: PLC0415

    scale = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    )
    train, test = (
        torch.utils.data.DataLoader(
            datasets.MNIST(os.environ["RACE_DATA"], train=train, transform=scale),
            batch_size=128 if train else 1000, shuffle=train,
        )
        for train in (True, False)
    )  # fmt: skip
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(4):
        for images, labels in train:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in test)
    return hits / 10_000


def sklearn() -> float:
    """scikit-learn's own MLP."""
    import warnings  # noqa: PLC0415

    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    warnings.simplefilter("ignore")  # that eight epochs are not convergence
    x, y, test_x, test_y = arrays()
    model = MLPClassifier((512, 512), batch_size=256, max_iter=8)
    return float(model.fit(x, y).score(test_x, test_y))


def keras(bf16: bool = False) -> float:
    """Keras on TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras as k  # noqa: PLC0415

    if bf16:
        k.mixed_precision.set_global_policy("mixed_bfloat16")
    x, y, test_x, test_y = arrays()
    dense = k.layers.Dense
    model = k.Sequential(
        [dense(512, "relu"), dense(512, "relu"), dense(10, dtype="float32")]
    )
    epochs = 3
    decay = k.optimizers.schedules.PolynomialDecay(PEAK, epochs * 235, 0.0)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.AdamW(decay), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=256, epochs=epochs, verbose=0)
    return float(model.evaluate(test_x, test_y, batch_size=2000, verbose=0)[1])


def jax(bf16: bool = False) -> float:
    """JAX, each epoch one compiled scan over its batches."""
    import jax as j  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    x, y, test_x, test_y = map(jnp.asarray, arrays())
    kind = jnp.bfloat16 if bf16 else jnp.float32
    keys = j.random.split(j.random.key(0), 8)
    sizes = (784, 512, 512, 10)
    pairs = itertools.pairwise(sizes)
    weights = [
        (j.random.normal(key, pair) * (2 / pair[0]) ** 0.5, jnp.zeros(pair[1]))
        for key, pair in zip(keys, pairs, strict=False)
    ]
    epochs, batch_size = 3, 256
    steps = 60_000 // batch_size

    def model(weights, x):
        for index, (w, b) in enumerate(weights):
            x = x.astype(kind) @ w.astype(kind) + b.astype(kind)
            x = j.nn.relu(x) if index < 2 else x
        return x.astype(jnp.float32)

    def loss_of(weights, x, y):
        log_probs = j.nn.log_softmax(model(weights, x))
        return -jnp.take_along_axis(log_probs, y[:, None], 1).mean()

    def step(state, batch):
        weights, first, second, count = state
        gradients = j.grad(loss_of)(weights, x[batch], y[batch].astype(jnp.int32))
        count, tree = count + 1, j.tree.map
        lr = PEAK * (1 - count / (epochs * steps))
        first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate = lr * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        weights = tree(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), weights, first, second
        )
        return (weights, first, second, count), None

    @j.jit
    def epoch(state, key):
        order = j.random.permutation(key, 60_000)[: steps * batch_size]
        return j.lax.scan(step, state, order.reshape(steps, batch_size))[0]

    zeros = j.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, zeros, 0.0)
    for index in range(epochs):
        state = epoch(state, keys[3 + index])
    return float((j.jit(model)(state[0], test_x).argmax(1) == test_y).mean())


def ours() -> list[str]:
    """The command line that a user would type."""
    words = ["-m", "torchbasics.mnist", "--config", "fast98", "--epochs", "2"]
    return [*words, "--runs-dir", tempfile.mkdtemp()]


ENTRANTS = {
    "ours": ("torchbasics", ours),
    "short-bf16": ("torch", lambda: short(bf16=True)),
    "short": ("torch", short),
    "loader": ("torchvision", loader),
    "sklearn": ("sklearn", sklearn),
    "keras": ("keras", keras),
    "keras-bf16": ("keras", lambda: keras(bf16=True)),
    "jax": ("jax", jax),
    "jax-bf16": ("jax", lambda: jax(bf16=True)),
}


def timed(name: str, python: str) -> tuple[float, float]:
    """Seconds of the entrant's whole process, and its test accuracy in percent."""
    words = [sys.executable, __file__, "--run", name]
    if name == "ours":
        words = [python, *ours()]
    start = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    last = done.stdout.strip().splitlines()[-1]
    return seconds, float(last.split("accuracy ")[1].split(" %")[0])


def main() -> None:
    """Race, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=ENTRANTS, default=[*ENTRANTS])
    parser.add_argument(
        "--ours",
        default=sys.executable,
        metavar="PYTHON",
        help="of an environment without TensorFlow, which TensorBoard would import",
    )
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    parser.add_argument("--run", choices=ENTRANTS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        print(f"test accuracy {100 * ENTRANTS[asked.run][1]():.2f} %")
        return
    from torchbasics.data.mnist import default_folder, restore  # noqa: PLC0415

    restore(default_folder())
    os.environ["RACE_DATA"] = str(default_folder())
    here = [n for n in asked.only if importlib.util.find_spec(ENTRANTS[n][0])]
    rounds = [
        {name: timed(name, asked.ours) for name in here} for _ in range(asked.rounds)
    ]
    print(f"{'entrant':12}{'seconds':>8}{'of ours':>9}   test accuracy   each round")
    base = statistics.median(one["ours"][0] for one in rounds) if "ours" in here else 1
    for name in here:
        seconds = [one[name][0] for one in rounds]
        lowest = min(one[name][1] for one in rounds)
        median = statistics.median(seconds)
        each = " ".join(f"{second:.1f}" for second in seconds)
        print(
            f"{name:12}{median:8.1f}{median / base:8.1f}x   {lowest:.2f} % at least   "
            f"{each}"
        )
    if asked.json:
        text = json.dumps({n: [one[n] for one in rounds] for n in here}, indent=1)
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
