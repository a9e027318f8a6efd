"""Say what this machine trains with, how fast, and from what size a GPU pays.

What is measured is the training loop itself, on the digits, so it is what a training
will show, but for what other programs take meanwhile.
"""

import json
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple, get_args

import torch
from pydantic import Field

from torchbasics import device as devices
from torchbasics.command import cli
from torchbasics.command.errors import command, run
from torchbasics.command.settings import Settings
from torchbasics.command.terminal import SafeConsole, plural
from torchbasics.mnist import PROGRAM, network
from torchbasics.mnist.config import Config, ModelConfig, Precision
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.processes import num_cores
from torchbasics.mnist.training.progress import Progress
from torchbasics.mnist.training.setup import Splits, load_splits, setup

NETWORKS = {
    "784-50-100-10": ModelConfig(),
    "784-512-512-10": ModelConfig(hidden=(512, 512), activation="relu"),
    "784-1024-1024-10": ModelConfig(hidden=(1024, 1024), activation="relu"),
}
BATCH_SIZES = (100, 512)
SECONDS = 1.5  # of each measurement, at least; and a third of it before
FLAGS = {
    "avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 for bfloat16",
    "amx_bf16": "AMX for bfloat16",
}  # fmt: skip
CPUINFO = Path("/proc/cpuinfo")
DRIVER = Path("/sys/module/nvidia/version")


class Options(Settings):
    """How it is told."""

    as_json: cli.AsJson = False
    threads: int = Field(0, ge=0, le=1024)
    """CPU threads, 0: PyTorch's choice"""
    data_dir: network.DataDir = "auto"


class Speed(NamedTuple):
    """How many images a second a training shows, in each precision."""

    device: str
    network: str
    batch_size: int
    fp32: float
    bf16: float

    def __str__(self) -> str:
        where, network, size, *speeds = self
        numbers = "".join(f"{speed:12,.0f}" for speed in speeds)
        return f"{where:<8}{network:<20}{size:6}{numbers}"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Tell what is here, measure, and say what to train on."""
    options = cli.parse_options(Options(), argv, f"{PROGRAM}.device", __doc__)
    console = SafeConsole(quiet=options.as_json)
    with devices.cpu_threads(options.threads):
        facts = machine()
        for what, value in facts.items():
            console.print(f"{what:<12} {value}", soft_wrap=True)
        speeds = []
        console.print(f"\nimages a second in training\n{HEAD}")
        for one in measured(options.data_dir):
            speeds.append(one)
            console.print(str(one), soft_wrap=True)
    said = verdict(speeds)
    console.print(f"\n{said}")
    if options.as_json:
        told = [one._asdict() for one in speeds]
        print(json.dumps(facts | {"speeds": told, "verdict": said}, indent=1))
    return 0


def machine() -> dict[str, str]:
    """What there is to compute with, in words, by what it is."""
    found, build = devices.accelerator(), torch.version.cuda
    facts = {
        "CPU": cpu(),
        "cores": f"{num_cores()}, of which {plural(torch.get_num_threads(), 'thread')} "
        f"compute; {memory() / 1e9:.0f} GB",
        "torch": f"{torch.__version__}, for {f'CUDA {build}' if build else 'no CUDA'}",
        "accelerator": accelerator_name(found) if found else "none",
    }
    if DRIVER.exists():
        facts["driver"] = DRIVER.read_text().strip()
    if why := devices.problem(torch.device("cuda")):
        facts["no CUDA"] = why
    return facts


def cpu() -> str:
    """What the processor calls itself, and which units it has that matter here."""
    told = CPUINFO.read_text() if CPUINFO.exists() else ""
    named = re.search(r"^model name\s*: (.*)", told, re.MULTILINE)
    name = named[1] if named else platform.processor() or platform.machine()
    if not told:
        return f"{name}: features unknown"
    units = [unit for flag, unit in FLAGS.items() if flag in told.split()]
    return f"{name}: {', '.join(units) or 'none of AVX2 to AMX'}"


def memory() -> int:
    """The machine's memory in bytes; 0 if the system does not tell."""
    if not hasattr(os, "sysconf"):
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def accelerator_name(where: torch.device) -> str:
    """What an accelerator is, and what matters of it."""
    if where.type != "cuda":
        return where.type
    card = torch.cuda.get_device_properties(where)
    bf16 = "" if torch.cuda.is_bf16_supported(False) else ", without bfloat16"
    return (
        f"{card.name}, {card.total_memory / 1e9:.0f} GB, compute capability "
        f"{card.major}.{card.minor}{bf16}"
    )


def measured(data_dir: str) -> Iterator[Speed]:
    """The speeds of each network and batch size on each device."""
    found, _ = devices.choose("auto")
    for where in dict.fromkeys((torch.device("cpu"), found)):
        splits = load_splits(Config(data_dir=data_dir), where)
        for (name, model), size in product(NETWORKS.items(), BATCH_SIZES):
            configs = (
                Config(batch_size=size, precision=precision, model=model)
                for precision in get_args(Precision)
            )
            speeds = (speed(config, splits) for config in configs)
            yield Speed(str(where), name, size, *speeds)


def speed(config: Config, splits: Splits) -> float:
    """How many images a second such a training shows, once it is warm."""
    config = config.model_copy(update={"epochs": 1_000_000, "max_steps": 0})
    steps = training_steps(setup(config, splits))
    first = _take(steps, SECONDS / 3)
    start = time.perf_counter()
    last = _take(steps, SECONDS)
    return (last - first) * config.batch_size / (time.perf_counter() - start)


def _take(steps: Iterator[Progress], seconds: float) -> int:
    """Take steps for so long, at least three, and wait for the device; the last one."""
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or count < 3:
        progress = next(steps)
        count += 1
    float(progress.losses[-1].sum())
    return progress.step


HEAD = f"{'device':<8}{'network':<20}{'batch':>6}{'fp32':>12}{'bf16':>12}"


def verdict(speeds: Sequence[Speed]) -> str:
    """From which width and batch size on the accelerator wins, in a sentence.

    >>> cpu = Speed("cpu", "784-50-100-10", 100, fp32=80_000.0, bf16=9_000.0)
    >>> verdict([cpu])
    'There is no accelerator here: the CPU trains the networks of this course well.'
    >>> verdict([cpu, cpu._replace(device="cuda", bf16=400_000.0)])
    'cuda wins at every size measured: 5 to 5 times as fast as the CPU.'
    """
    other = next((one.device for one in speeds if one.device != "cpu"), "")
    if not other:
        return (
            "There is no accelerator here: the CPU trains the networks of this "
            "course well."
        )
    best = {one[:3]: max(one.fp32, one.bf16) for one in speeds}
    times = {
        f"{network} in batches of {size}": best[other, network, size] / cpus
        for (where, network, size), cpus in best.items()
        if where == "cpu"
    }
    wins = {size: ratio for size, ratio in times.items() if ratio > 1}
    if not wins:
        return f"The CPU wins at every size measured: leave {other} out, --device cpu."
    span = f"{min(wins.values()):.2g} to {max(wins.values()):.2g} times as fast"
    if len(wins) == len(times):
        return f"{other} wins at every size measured: {span} as the CPU."
    return f"{other} wins with {', '.join(wins)}: {span} as the CPU. Else --device cpu."


if __name__ == "__main__":
    run(main)
