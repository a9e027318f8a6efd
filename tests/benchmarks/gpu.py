"""All that only a GPU can show, in one command of at most six minutes.

    python tests/benchmarks/gpu.py [--minutes 6] [--json gpu.json]

1. each option of a step: 200 steps by graph against one by one, loss by loss and
   weights; bit-equal, or the largest difference
2. a SIGTERM in mid-epoch and a resume against an unbroken run, byte by byte; a learning
   rate at which numbers overflow: the step is refused and named
3. images a second by graph, without graphs (`--no-graphs`), and JAX's where it is
   installed for the card
4. the shipped configs: test accuracy and seconds of training, as time is left
`--device cpu` goes the same way without graphs, which tests this script; there learning
rates are float64, and float32 in the plain loop, so that weights differ. Speeds are of
one run on one card: name it with them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from torchbasics import device as devices
from torchbasics.command.settings import find_config, read_config
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.device import accelerator_name, speed
from torchbasics.mnist.training.setup import Splits, load_splits

TESTS = Path(__file__).parent.parent
sys.path[:0] = [
    str(TESTS),
    str(TESTS / "mnist" / "training"),
    str(Path(__file__).parent),
]
import test_graphs as steps  # noqa: E402 - the options, and the plain loop
import throughput  # noqa: E402 - JAX's loop

PAIR = ModelConfig(hidden=(512, 512), activation="relu")
CIRESAN = ModelConfig(hidden=(2500, 2000, 1500, 1000, 500))
ROWS = {  # and what a prototype of these graphs showed on an H200
    "lesson's net, batch 64, fp32": (Config(batch_size=64), 472_000),
    "lesson's net, batch 100, fp32": (Config(batch_size=100), 510_000),
    "784-512-512-10 ReLU, batch 512, bf16": (
        Config(batch_size=512, precision="bf16", model=PAIR), 2_870_000,
    ),
    "record: 784-1024-1024-10, distorted, EMA": ("record", 2_430_000),
    "ciresan2010's net, batch 500, bf16": (
        Config(batch_size=500, precision="bf16", model=CIRESAN), 740_000,
    ),
}  # fmt: skip
CONFIGS = (
    "lesson", "textbook", "fast98", "fast99", "best", "record", "simard2003-elastic",
    "srivastava2014-maxnorm", "ciresan2010",
)  # fmt: skip


def options(where: torch.device) -> Iterator[tuple[str, str]]:
    """Each option of a step, and how steps by graph differ from those one by one."""
    splits = load_splits(Config(), where)
    few = Splits(splits.train.subset(slice(1000)), None, splits.test)
    for name, changes in steps.OPTIONS.items():
        config = Config(**steps.TWO_HUNDRED | changes)
        *weights, losses = steps.trained(config, few)
        *wanted, one_by_ones = steps.one_by_one(config, few)
        pairs = [*zip(sum(weights, []), sum(wanted, []), strict=True)]  # noqa: RUF017
        equal = losses == one_by_ones and all(torch.equal(*pair) for pair in pairs)
        apart = max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
        yield name, "bit-equal" if equal else f"weights differ by up to {apart:.2g}"


def train(place: str, *words: str) -> tuple[int, str, float]:
    """A training in a process of its own: status, what it printed, its seconds."""
    command = [sys.executable, "-m", "torchbasics.mnist", *words, "--runs-dir", place]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, time.perf_counter() - start


def last_weights(place: str) -> bytes:
    """The newest checkpoint of the one run in a folder."""
    *_, newest = sorted(Path(place).glob("mnist/*/checkpoints/*.safetensors"))
    return newest.read_bytes()


def resumes(device: str) -> str:
    """What came of a SIGTERM in mid-epoch."""
    words = ["--config", "fast98", "--epochs", "20", "--device", device, "--quiet"]
    words += ["--monitor.no-tensorboard", "--checkpoint.every", "0"]
    folder = tempfile.TemporaryDirectory
    with folder() as whole, folder() as broken:
        _, _, seconds = train(whole, *words)
        command = [sys.executable, "-m", "torchbasics.mnist", *words]
        process = subprocess.Popen([*command, "--runs-dir", broken], stdout=-3)
        time.sleep(0.7 * seconds)
        process.send_signal(signal.SIGTERM)
        status = process.wait()
        if status != 128 + signal.SIGTERM:
            return f"not stopped in time (exit status {status})"
        status, said, _ = train(broken, "--resume", "latest", "--device", device)
        after = re.search(r"going on after step \d+", said)
        equal = last_weights(whole) == last_weights(broken)
        return f"{after and after[0]}: {'bit-equal' if equal else 'NOT EQUAL'}"


def refuses(device: str) -> str:
    """What came of numbers that overflow."""
    words = ["--optim.name", "sgd", "--optim.lr", "1e30", "--device", device, "--quiet"]
    with tempfile.TemporaryDirectory() as place:
        status, said, _ = train(place, *words)
    return f"exit status {status}: {said.strip().splitlines()[-1]}"


def speeds(where: torch.device) -> Iterator[tuple[str, dict[str, float]]]:
    """Each row's images a second, by loop."""
    splits = load_splits(Config(), where)
    for name, (asked, prototype) in ROWS.items():
        config = asked
        if isinstance(asked, str):
            config = read_config(Config, find_config(asked))
        plain = speed(config.model_copy(update={"graphs": False}), splits)
        row = {"plain": plain, "graphs": speed(config, splits)}
        if where.type == "cuda" and importlib.util.find_spec("jax"):
            row["jax"] = jax_speed(config)
        yield name, row | {"prototype": float(prototype)}


def jax_speed(config: Config) -> float:
    """JAX's images a second with such a network, an epoch in one compiled scan."""
    kind = "sigmoid" if config.model.activation == "sigmoid" else "relu"
    work = throughput.Work(config.model.hidden, kind, config.batch_size)
    ends: list[float] = []
    bf16, tick = config.precision == "bf16", lambda: ends.append(time.perf_counter())
    throughput.jax(work, bf16, 4, tick)
    return 60_000 / min(b - a for a, b in pairwise(ends[1:]))


def recipes(device: str, until: float) -> Iterator[tuple[str, str]]:
    """Each shipped config's last line and seconds, as long as there is time."""
    for name in CONFIGS:
        if time.perf_counter() > until:
            yield name, "not run: no time left"
            continue
        with tempfile.TemporaryDirectory() as place:
            words = ["--config", name, "--device", device, "--quiet"]
            _, said, seconds = train(place, *words, "--monitor.no-tensorboard")
        yield name, f"{said.strip().splitlines()[-1]}, {seconds:.1f} s in all"


def shown(title: str, rows: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    """Print what is found as it comes, and keep it."""
    print(f"\n{title}", flush=True)
    found = {}
    for name, value in rows:
        found[name] = value
        if isinstance(value, dict):
            value = "  ".join(f"{k} {v:,.0f}" for k, v in value.items())  # noqa: PLW2901
        print(f"  {name:<44} {value}", flush=True)
    return found


def main() -> int:
    """Check and measure all, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    asked = parser.parse_args()
    until = time.perf_counter() + 60 * asked.minutes - 30
    try:
        where, _ = devices.choose(asked.device)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    card = accelerator_name(where)
    print(f"{card}; torch {torch.__version__}")
    once: Callable[[str, Callable[[str], str]], Iterator[tuple[str, str]]]
    once = lambda name, work: iter([(name, work(asked.device))])  # noqa: E731
    found = {"card": card, "torch": torch.__version__} | {
        "steps": shown("200 steps by graph, against one by one", options(where)),
        "resume": shown("stopped and resumed", once("SIGTERM in mid-epoch", resumes)),
        "refusal": shown("not finite", once("sgd, learning rate 1e30", refuses)),
        "images_per_s": shown("images a second", speeds(where)),
        "recipes": shown("shipped configs", recipes(asked.device, until)),
    }
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
