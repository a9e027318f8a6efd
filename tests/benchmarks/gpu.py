"""All that only a GPU can show, in one command of at most six minutes.

    python tests/benchmarks/gpu.py [--minutes 6] [--json gpu.json]
    python tests/benchmarks/gpu.py --device cpu --quick

1. each option of a step: 200 steps by graph against one by one, loss by loss and
   weights: bit-equal, or the largest difference; and how often a graph was replayed
2. a SIGTERM in mid-epoch and a resume against an unbroken run, byte by byte; a learning
   rate at which numbers overflow: the step is refused and named
3. images a second by graph, without graphs (`--no-graphs`), and those of a plain
   network of JAX's, where it is installed for the card
4. the shipped configs: test accuracy and seconds of training, as time is left

`--quick` takes a few steps of small networks. On a CPU the tests' stand-in for a graph
is replayed, which proves this script, and no speed. Speeds are of one run on one card:
name it with them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch

from torchbasics import device as devices
from torchbasics.command.settings import find_config, read_config
from torchbasics.data.mnist import default_folder
from torchbasics.mnist import device as measuring
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.training import graphs, metrics
from torchbasics.mnist.training.series import training_seconds
from torchbasics.mnist.training.setup import Splits, load_splits

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "mnist" / "training"), str(HERE)]
import test_graphs as steps  # noqa: E402 - the options, the plain loop, the stand-in
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
    "srivastava2014-maxnorm", "ciresan2010", "record-gpu",
)  # fmt: skip
SMALL = ["--model.hidden", "20", "--epochs", "3", "--max-steps", "400"]
METRICS = "mnist/*/metrics.jsonl"
SAVED = "mnist/*/checkpoints/*.safetensors"


class Bench(NamedTuple):
    """Where all is tried, on which images, and each replay of a graph there."""

    where: torch.device
    splits: Splits
    replays: list[int]
    quick: bool

    def few(self, images: int) -> Splits:
        """The first training images."""
        train = self.splits.train.subset(slice(images))
        return self.splits._replace(train=train)


def counted(capture: graphs.Capture, replays: list[int]) -> graphs.Capture:
    """The same capture, of whose graphs each replay is counted."""

    def counting(*what: Any) -> graphs.Graph:
        graph = capture(*what)
        return graph._replace(replay=lambda: (replays.append(1), graph.replay()))

    return counting


def options(bench: Bench) -> Iterator[tuple[str, str]]:
    """Each option of a step, and how steps by graph differ from those one by one."""
    few, short = bench.few(1000), {"epochs": 1} if bench.quick else {}
    for name, changes in steps.OPTIONS.items():
        config = Config(**steps.TWO_HUNDRED | changes | short)
        before = len(bench.replays)
        *weights, losses = steps.trained(config, few)
        replays = len(bench.replays) - before
        *wanted, one_by_ones = steps.one_by_one(config, few)
        pairs = [*zip(sum(weights, []), sum(wanted, []), strict=True)]  # noqa: RUF017
        equal = losses == one_by_ones and all(torch.equal(*pair) for pair in pairs)
        apart = max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
        found = "bit-equal" if equal else f"weights differ by up to {apart:.2g}"
        yield name, f"{found}; {replays} replays for {len(losses)} steps"


def command(place: str, *words: str) -> list[str]:
    """The command line of a training whose run lies in that place."""
    words = (*words, "--runs-dir", place, "--monitor.no-tensorboard")
    return [sys.executable, "-m", "torchbasics.mnist", *words]


def train(place: str, *words: str) -> tuple[int, str]:
    """A training in a process of its own: its exit status and its last line."""
    run = command(place, *words)
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


def interrupted(place: str, *words: str) -> int:
    """The exit status of one that gets a SIGTERM in its second epoch."""
    process = subprocess.Popen(command(place, *words), stdout=subprocess.DEVNULL)
    lines: list[dict[str, Any]] = []
    while process.poll() is None and not lines:
        time.sleep(0.002)
        runs = Path(place).glob(METRICS)
        lines = [line for path in runs for line in metrics.read(path)]
    if lines:
        time.sleep(20_000 / lines[0]["time/images_per_s"])
    process.send_signal(signal.SIGTERM)
    return process.wait()


def resumes(bench: Bench) -> tuple[str, str]:
    """What came of a SIGTERM in mid-epoch."""
    words = ["--config", "fast98", "--device", str(bench.where), "--quiet"]
    words += SMALL if bench.quick else ["--epochs", "20"]
    words += ["--checkpoint.every", "0"]
    folder = tempfile.TemporaryDirectory
    with folder() as whole, folder() as broken:
        train(whole, *words)
        status = interrupted(broken, *words)
        *_, newest = ["none", *(path.name for path in sorted(Path(broken).glob(SAVED)))]
        train(broken, "--resume", "latest", "--device", str(bench.where))
        ends = [sorted(Path(place).glob(SAVED))[-1:] for place in (whole, broken)]
        ended = [path.read_bytes() for some in ends for path in some]
    equal = "bit-equal" if ended[:1] == ended[1:] else "NOT EQUAL"
    return "SIGTERM", f"exit status {status}, saved {newest}; resumed: {equal}"


def refuses(bench: Bench) -> tuple[str, str]:
    """What came of numbers that overflow."""
    words = ["--model.activation", "relu", "--optim.name", "sgd", "--optim.lr", "1e30"]
    with tempfile.TemporaryDirectory() as place:
        status, said = train(place, *words, "--device", str(bench.where), "--quiet")
    return "sgd, learning rate 1e30", f"exit status {status}: {said}"


def speeds(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Each row's images a second, by loop."""
    for name, (asked, prototype) in ROWS.items():
        config, splits = asked, bench.splits
        if isinstance(asked, str):
            config = read_config(Config, find_config(asked, Config))
        if bench.quick:
            small = config.model.model_copy(update={"hidden": (20,)})
            config, splits = config.model_copy(update={"model": small}), bench.few(2000)
        plain = config.model_copy(update={"graphs": False})
        before = len(bench.replays)
        row = {loop: measuring.speed(one, splits)
               for loop, one in (("plain", plain), ("graphs", config))}  # fmt: skip
        row["replays"] = len(bench.replays) - before
        if importlib.util.find_spec("jax"):
            row |= jax_speed(config, bench.where)
        yield name, row | {"prototype": float(prototype)}


def jax_speed(config: Config, where: torch.device) -> dict[str, float]:
    """JAX's images a second on that device, if it can use it, an epoch in one scan."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave us memory
    os.environ["RACE_DATA"] = str(default_folder())
    import jax  # noqa: PLC0415

    if jax.default_backend() != {"cuda": "gpu"}.get(where.type, where.type):
        return {}
    kind = "sigmoid" if config.model.activation == "sigmoid" else "relu"
    work = throughput.Work(config.model.hidden, kind, config.batch_size)
    ends: list[float] = []
    bf16, tick = config.precision == "bf16", lambda: ends.append(time.perf_counter())
    throughput.jax(work, bf16, 4, tick)
    return {"jax": 60_000 / min(b - a for a, b in pairwise(ends[1:]))}


def recipes(bench: Bench, until: float) -> Iterator[tuple[str, str]]:
    """Each shipped config's last line and seconds, as long as there is time."""
    for name in CONFIGS[: 2 if bench.quick else None]:
        if time.perf_counter() > until:
            yield name, "not run: no time left"
            continue
        words = ["--config", name, "--device", str(bench.where), "--quiet"]
        with tempfile.TemporaryDirectory() as place:
            start = time.perf_counter()
            _, said = train(place, *words, *(SMALL if bench.quick else []))
            whole = time.perf_counter() - start
            trained = [seconds_of(path.parent) for path in Path(place).glob(METRICS)]
        yield name, f"{said}, {sum(trained):.1f} s of training, {whole:.1f} s in all"


def seconds_of(run: Path) -> float:
    """For how long it trained; NaN if it did not come to its end."""
    config = read_config(Config, run / "config.toml")
    return training_seconds(run, config) or float("nan")


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


def set_up(where: torch.device, quick: bool) -> Bench:
    """Count replays, and on a CPU let the tests' stand-in record what is replayed."""
    replays: list[int] = []
    if where.type != "cuda":
        graphs.capture = steps.recorded
        graphs.steps_per_pause = lambda device: 4
    graphs.capture = counted(graphs.capture, replays)
    if quick:
        measuring.SECONDS = 0
    return Bench(where, load_splits(Config(), where), replays, quick)


def main() -> int:
    """Check and measure all, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="a few steps of each")
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    asked = parser.parse_args()
    until = time.perf_counter() + 60 * asked.minutes - 30
    try:
        where, _ = devices.choose(asked.device)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    card = measuring.accelerator_name(where)
    print(f"{card}; torch {torch.__version__}")
    bench = set_up(where, asked.quick)
    found = {"card": card, "torch": torch.__version__} | {
        "steps": shown("200 steps by graph, against one by one", options(bench)),
        "resume": shown("stopped and resumed", (f(bench) for f in (resumes,))),
        "refusal": shown("not finite", (f(bench) for f in (refuses,))),
        "images_per_s": shown("images a second", speeds(bench)),
        "recipes": shown("shipped configs", recipes(bench, until)),
    }
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
