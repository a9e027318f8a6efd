"""Train one recipe from several seeds: mean, spread, and what they say together.

Each seed is a run of its own, in a process of its own, in the folder of the series. A
series that was stopped goes on with --resume: what is finished is not trained again.
"""

from __future__ import annotations

import json
import shlex
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor

from torchbasics import data, runs, settings
from torchbasics.errors import TrainingError, UserError, command, run
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.evaluate import read_digits
from torchbasics.signals import StopRequest

PROGRAM = "python -m torchbasics.mnist.seeds"
SECONDS_PER_LOOK = 0.1  # at whether a run has ended


class Options(settings.Settings):
    """Which recipe, which seeds, and how many at once."""

    config: str = Field("lesson", description="a config file or a shipped one's name")
    seeds: tuple[int, ...] = Field((0, 1, 2, 3, 4), description="of the runs")
    processes: int = Field(
        1, ge=1, le=64, description="runs at once, each on its cores"
    )
    resume: str = Field("", description="a series to go on with: its folder, or latest")
    runs_dir: str = Field("runs", description="folder in which series are made")

    @model_validator(mode="after")
    def _each_seed_once(self) -> Options:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {list(self.seeds)}: name each seed once")
        return self


class Run(NamedTuple):
    """A finished run: what the network of a seed makes of the test set.

    Shape: probs (10000, 10), of each digit for each test image.
    """

    seed: int
    seconds: float
    probs: Tensor

    def misread(self, labels: Tensor) -> list[int]:
        """The test images that are read wrong. Shape: labels (10000,)."""
        return (self.probs.argmax(1) != labels).nonzero().flatten().tolist()


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not trained yet, then say what came of all seeds."""
    options = settings.parse_options(Options(), argv, prog=PROGRAM, about=__doc__)
    folder = series(options)
    with runs.locked(folder):
        config = settings.read_config(Config, folder / "config.toml")
        plan = json.loads((folder / "seeds.json").read_text(encoding="utf-8"))
        carry_out(folder, config, plan["seeds"], options.processes)
        result = summarize(folder, config, plan["seeds"])
        text = json.dumps(result, indent=1) + "\n"
        (folder / "result.json").write_text(text, encoding="utf-8")
    print("\n".join([*table(result), f"\nthe series is in {folder}"]))
    return 0


def series(options: Options) -> Path:
    """The folder of the series to go on with, or of a new one, with what it needs."""
    if options.resume:
        return runs.find(options.resume, options.runs_dir, "seeds")
    path = settings.find_config(options.config)
    config, name = settings.read_config(Config, path), runs.config_name(path)
    folder = runs.create(options.runs_dir, "seeds", name)
    manifest = runs.new_manifest("seeds", name, options.seeds[0])
    runs.describe(folder, settings.to_toml(config), manifest)
    seeds = json.dumps({"seeds": options.seeds})
    (folder / "seeds.json").write_text(seeds + "\n", encoding="utf-8")
    return folder


def carry_out(
    folder: Path, config: Config, seeds: Sequence[int], processes: int
) -> None:
    """Train each seed that is not finished, so many at once.

    Asked to stop, it lets the runs stop after their step, and starts no other.
    """
    threads = config.threads or max(1, torch.get_num_threads() // processes)
    waiting = [seed for seed in seeds if not is_finished(folder, seed)]
    running: dict[int, subprocess.Popen[str]] = {}
    statuses = []
    with StopRequest() as stop:
        while running or (waiting and not stop.signal):
            if waiting and len(running) < processes and not stop.signal:
                seed = waiting.pop(0)
                running[seed] = start(folder, threads, seed)
                continue
            time.sleep(SECONDS_PER_LOOK)
            if stop.signal == signal.SIGTERM:  # Ctrl+C reaches them by itself
                terminate(running.values())
            ended = [seed for seed in running if running[seed].poll() is not None]
            statuses += [finish(seed, running.pop(seed)) for seed in ended]
    again = f"to go on:\n  {PROGRAM} --resume {shlex.quote(str(folder))}"
    if stop.signal:
        print(f"\nstopped; {again}", file=sys.stderr)
        raise SystemExit(128 + stop.signal)
    if any(statuses):
        raise TrainingError(f"exit statuses of the runs: {statuses}; {again}")


def is_finished(folder: Path, seed: int) -> bool:
    """Whether the run of a seed has come to its end."""
    begun = folder_of(folder, seed)
    return begun is not None and "figures" in runs.read_manifest(begun)


def start(folder: Path, threads: int, seed: int) -> subprocess.Popen[str]:
    """The process that trains, or goes on training, the run of a seed."""
    begun = folder_of(folder, seed)
    words = ["--resume", str(begun)] if begun else [
        "--config", str(folder / "config.toml"), "--seed", str(seed),
        "--runs-dir", str(folder),
    ]  # fmt: skip
    train = [sys.executable, "-m", "torchbasics.mnist", *words]
    train += ["--threads", str(threads), "--quiet"]
    return subprocess.Popen(train, stdout=subprocess.PIPE, text=True)


def terminate(processes: Iterable[subprocess.Popen[str]]) -> None:
    """Ask the runs to stop after their step."""
    for process in processes:
        process.terminate()


def finish(seed: int, process: subprocess.Popen[str]) -> int:
    """Tell what a run that has ended printed; return its exit status."""
    printed, _ = process.communicate()
    if process.returncode == 0:
        print(f"seed {seed}: {printed.strip()}", flush=True)
    return process.returncode


def folder_of(folder: Path, seed: int) -> Path | None:
    """The folder of a seed's run in the series, if it has begun."""
    for path in sorted(folder.glob("mnist/*/manifest.json")):
        if runs.read_manifest(path.parent)["seed"] == seed:
            return path.parent
    return None


def summarize(folder: Path, config: Config, seeds: Sequence[int]) -> dict[str, Any]:
    """All that came of the series, as numbers, test errors in percent."""
    images, labels = data.load("test", config.data_dir)
    done = [read_run(folder, config, seed, images) for seed in seeds]
    misread = {str(run.seed): run.misread(labels) for run in done}
    errors = [100 * len(wrong) / len(labels) for wrong in misread.values()]
    together = torch.stack([run.probs for run in done]).mean(0)
    manifest = runs.read_manifest(folder)
    return {
        "config": manifest["name"],
        "settings": config.model_dump(mode="json"),
        "platform": manifest["platform"],
        "versions": manifest["versions"],
        "error": {str(run.seed): e for run, e in zip(done, errors, strict=True)},
        "mean": statistics.mean(errors),
        "sd": statistics.stdev(errors) if len(errors) > 1 else None,
        "committee": 100 * float((together.argmax(1) != labels).double().mean()),
        "seconds": {str(run.seed): round(run.seconds, 1) for run in done},
        "misread": misread,
    }


def read_run(folder: Path, config: Config, seed: int, images: Tensor) -> Run:
    """The finished run of a seed, and what its network reads."""
    path = folder_of(folder, seed)
    if path is None:
        raise UserError(f"{folder} has no run of seed {seed}")
    model, _ = network.load(str(path))
    lines = (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rates = [json.loads(line)["time/images_per_s"] for line in lines]
    shown = (60_000 - config.data.validation) // config.batch_size * config.batch_size
    seconds = sum(shown / rate for rate in rates)
    return Run(seed, seconds, read_digits(model, images, config.data.scale))


def table(result: dict[str, Any]) -> list[str]:
    """The result in words and lines of less than 80 columns."""
    lines = [f"\n{result['config']}: test error", "seed   error  training"]
    for seed, error in result["error"].items():
        lines.append(f"{seed:>4}  {error:.2f} %  {result['seconds'][seed]:6.1f} s")
    if len(result["error"]) > 1:
        lines += [
            f"mean {result['mean']:.3f} %, sd {result['sd']:.3f}",
            f"committee {result['committee']:.2f} %: the mean of all their "
            "probabilities, not one network",
        ]
    return lines


if __name__ == "__main__":
    run(main)
