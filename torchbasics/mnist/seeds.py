"""Train one recipe from several seeds: mean, spread, and what they say together.

Each seed is a run of its own, in a process of its own, in the folder of the series. A
series that was stopped goes on with --resume: what is finished is not trained again.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor

from torchbasics import data, device, runs, settings
from torchbasics.errors import TrainingError, UserError, command, run
from torchbasics.mnist import network
from torchbasics.mnist.checkpoint import Keeper
from torchbasics.mnist.config import DEFAULTS, Config, Seed
from torchbasics.mnist.evaluate import read_digits
from torchbasics.mnist.state import plan_steps, refuse_changes
from torchbasics.signals import StopRequest
from torchbasics.terminal import LastingConsole

PROGRAM = "python -m torchbasics.mnist.seeds"
Process = subprocess.Popen[str]
SECONDS_PER_LOOK = 0.1  # at whether a run has ended


class Words(settings.ResumeWords):
    """What a series is told beside the settings of its runs."""

    kind: ClassVar[str] = "seeds"
    seeds: tuple[Seed, ...] = Field(
        (), description="of the runs, if none 0 1 2 3 4; with --resume, more of them"
    )
    processes: int = Field(
        1, ge=1, le=64, description="runs at once, each on its cores"
    )

    @model_validator(mode="after")
    def _each_seed_once(self) -> Words:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {list(self.seeds)}: name each seed once")
        return self


class Run(NamedTuple):
    """A finished run: what the network of a seed makes of the test set.

    Shape: probs (10000, 10), of each digit for each test image.
    """

    seed: int
    seconds: float | None
    probs: Tensor

    def misread(self, labels: Tensor) -> list[int]:
        """The test images that are read wrong. Shape: labels (10000,)."""
        return (self.probs.argmax(1) != labels).nonzero().flatten().tolist()


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not trained yet, then say what came of all seeds."""
    config, name, resumed, words = settings.parse(
        DEFAULTS, argv, prog=PROGRAM, about=__doc__, words=Words
    )
    assert isinstance(words, Words)
    if resumed:
        refuse_changes(config, resumed)
    where, _ = device.choose(config.device)
    console = LastingConsole(quiet=config.quiet, highlight=False)
    folder = resumed or runs.create(config.runs_dir, "seeds", name)
    with runs.locked(folder):
        if not resumed:
            manifest = runs.new_manifest("seeds", name, config.seed) | {"seeds": []}
            runs.describe(folder, settings.to_toml(config), manifest)
        seeds = add_seeds(folder, words.seeds)
        if config.precision == "bf16" and not resumed:
            console.print(device.bf16_advice(where), soft_wrap=True, end="")
        carry_out(folder, config, seeds, words.processes, console)
        result = summarize(folder, config, seeds)
        print("\n".join([*table(result), f"\nthe series is in {folder}"]), flush=True)
        keep(folder, result)
    return 0


def add_seeds(folder: Path, more: Sequence[int]) -> list[int]:
    """The seeds of a series, these added; of a new one 0 to 4 if none is named."""
    manifest = runs.read_manifest(folder)
    known = settings.from_table(Words, {"seeds": manifest.get("seeds", [])}).seeds
    seeds = [*known, *(seed for seed in more if seed not in known)] or [*range(5)]
    runs.write_manifest(folder, manifest | {"seeds": seeds})
    return seeds


def carry_out(
    folder: Path,
    config: Config,
    seeds: Sequence[int],
    processes: int,
    console: LastingConsole,
) -> None:
    """Train each seed that is not finished, so many at once.

    Asked to stop, it lets the runs stop after their step, and starts no other. However
    it is left, none of them goes on alone.
    """
    threads = config.threads or max(1, torch.get_num_threads() // processes)
    config = config.model_copy(update={"threads": threads})
    waiting = [seed for seed in seeds if not is_finished(folder, config, seed)]
    running: dict[int, Process] = {}
    failed: list[str] = []
    try:
        with StopRequest() as stop:
            while running or (waiting and not stop.signal):
                if waiting and len(running) < processes and not stop.signal:
                    seed = waiting.pop(0)
                    running[seed] = start(folder, config, seed)
                    continue
                time.sleep(SECONDS_PER_LOOK)
                if stop.signal:
                    terminate(running.values())
                for seed, process in ended(running).items():
                    failed += finish(seed, process, console)
    finally:
        terminate(running.values())
        for process in running.values():
            process.communicate()
    again = f"to go on:\n  {PROGRAM} --resume {shlex.quote(str(folder))}"
    if stop.signal:
        print(f"\nstopped; {again}", file=sys.stderr)
        raise SystemExit(128 + stop.signal)
    if failed:
        raise TrainingError(f"{', '.join(failed)}; {again}")


def is_finished(folder: Path, config: Config, seed: int) -> bool:
    """Whether the run of a seed has come to its end, and its network is there."""
    path = folder_of(folder, seed)
    if path is None or "figures" not in runs.read_manifest(path):
        return False
    state = Keeper(path).newest()
    return state is not None and state.facts["step"] == steps_of(config)


def steps_of(config: Config) -> int:
    """How many steps each run has."""
    return plan_steps(config, 60_000 - config.data.validation).total_steps


def start(folder: Path, config: Config, seed: int) -> Process:
    """The process that trains, or goes on training, the run of a seed.

    Ctrl+C does not reach it by itself: it would end it while it is still importing.
    """
    begun = folder_of(folder, seed)
    words = ["--resume", str(begun)] if begun else [
        "--config", str(folder / "config.toml"), "--seed", str(seed),
        "--runs-dir", str(folder),
    ]  # fmt: skip
    train = [sys.executable, "-m", "torchbasics.mnist", *words, "--quiet"]
    train += ["--threads", str(config.threads), "--device", config.device]
    train += ["--data-dir", config.data_dir]
    return subprocess.Popen(
        train, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def ended(running: dict[int, Process]) -> dict[int, Process]:
    """The runs that have come to an end, taken out of those that run."""
    done = [seed for seed, process in running.items() if process.poll() is not None]
    return {seed: running.pop(seed) for seed in done}


def terminate(processes: Iterable[Process]) -> None:
    """Ask the runs to stop after their step; on Windows, Ctrl+C has asked them."""
    if sys.platform != "win32":
        for process in processes:
            process.terminate()


def finish(seed: int, process: Process, console: LastingConsole) -> list[str]:
    """Tell what a run that has ended printed; return what there is to complain of."""
    printed, _ = process.communicate()
    if process.returncode:
        return [f"seed {seed} ended with status {process.returncode}"]
    console.print(f"seed {seed}: {printed.strip()}", soft_wrap=True)
    return []


def folder_of(folder: Path, seed: int) -> Path | None:
    """The folder of a seed's run in the series, if it has begun."""
    for path in sorted(folder.glob("mnist/*/manifest.json")):
        if runs.read_manifest(path.parent).get("seed") == seed:
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
        "seconds": {str(run.seed): run.seconds for run in done},
        "misread": misread,
    }


def read_run(folder: Path, config: Config, seed: int, images: Tensor) -> Run:
    """The finished run of a seed, and what its network makes of these images.

    Shape: images (N, 28, 28) -> probs (N, 10).
    """
    path = folder_of(folder, seed)
    if path is None:
        raise UserError(f"{folder} has no run of seed {seed}")
    refuse_changes(config.model_copy(update={"seed": seed}), path)
    model, _ = network.load(str(path))
    probs = read_digits(model, images, config.data.scale)
    return Run(seed, seconds_of(path, config), probs)


def seconds_of(path: Path, config: Config) -> float | None:
    """How long a run trained, by its metrics.jsonl; None if that is not whole."""
    seconds, before = 0.0, 0
    try:
        for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            images = (record["step"] - before) * config.batch_size
            seconds += images / record["time/images_per_s"]
            before = record["step"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return round(seconds, 1) if before == steps_of(config) else None


def keep(folder: Path, result: dict[str, Any]) -> None:
    """Write the result into the folder of the series. Raises TrainingError."""
    try:
        runs.write_json(folder / "result.json", result)
    except OSError as error:
        raise TrainingError(f"no result.json in {folder}: {error.strerror}") from None


def table(result: dict[str, Any]) -> list[str]:
    """The result in words and lines of less than 80 columns."""
    lines = [f"\n{result['config']}: test error", "seed   error  training"]
    for seed, error in result["error"].items():
        seconds = result["seconds"][seed]
        time = "unknown" if seconds is None else f"{seconds:6.1f} s"
        lines.append(f"{seed:>4}  {error:.2f} %  {time}")
    if len(result["error"]) > 1:
        lines += [
            f"mean {result['mean']:.3f} %, sd {result['sd']:.3f}",
            f"committee {result['committee']:.2f} %: the mean of all their "
            "probabilities, not one network",
        ]
    return lines


if __name__ == "__main__":
    run(main)
