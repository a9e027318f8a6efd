"""Train one recipe from several seeds: mean, spread, and what they say together.

Each seed is a run of its own, in a process of its own, in the folder of the series. A
series that was stopped goes on with --resume: what is finished is not trained again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from pydantic import Field, model_validator
from rich.console import Console

from torchbasics import device
from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import TrainingError, as_user_error, command, run
from torchbasics.command.files import reason, write_json
from torchbasics.command.output import visible
from torchbasics.command.signals import STOP_AT_EOF, StopRequest
from torchbasics.command.terminal import SafeConsole
from torchbasics.mnist import PROGRAM
from torchbasics.mnist.config import Config, Seed
from torchbasics.mnist.training import series
from torchbasics.mnist.training.meeting import require_alone
from torchbasics.mnist.training.resume import check_resume_config, override_options
from torchbasics.mnist.training.setup import bf16_hint

SEEDS = f"{PROGRAM}.seeds"
Process = subprocess.Popen[str]
SECONDS_PER_LOOK = 0.2  # at whether a run has ended


class SeedsOptions(cli.ResumeOptions):
    """What a series is told beside the settings of its runs."""

    seeds: tuple[Seed, ...] = Field((), max_length=1000)
    """of the runs, if none 0 1 2 3 4; with --resume, more of them"""
    processes: int = Field(1, ge=1, le=64)
    """runs at once, each on its cores"""

    @model_validator(mode="after")
    def _each_seed_once(self) -> SeedsOptions:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {list(self.seeds)}: name each seed once")
        return self


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not trained yet, then say what came of all seeds."""
    parsed = cli.parse(
        Config(), SeedsOptions(), argv, name="lesson", kind="seeds",
        prog=SEEDS, about=__doc__,
    )  # fmt: skip
    require_alone("it starts its own, as many at once as --processes says")
    config, options = parsed.config, parsed.options
    if parsed.resume:
        check_resume_config(config, parsed.resume)
        series.check_result(parsed.resume)
    with as_user_error(ValueError):
        where, _ = device.choose(config.device)
    console = SafeConsole(quiet=config.quiet)
    folder = parsed.resume or create_series(config, parsed.name, options)
    with runs.locked(folder):
        if not parsed.resume:
            console.print(bf16_hint(config, where), soft_wrap=True, end="")
        try:
            seeds = add_seeds(folder, options.seeds)
            train_seeds(folder, config, seeds, options.processes, console)
            summary = series.summarize(folder, config, seeds)
            write_json(folder / "result.json", summary)
        except OSError as error:
            raise TrainingError(f"cannot write to {folder}: {reason(error)}") from None
        print("\n".join(series.summary_table(summary)))
        print(f"\nthe series is in {visible(folder)}")
    return 0


def create_series(config: Config, name: str, options: SeedsOptions) -> Path:
    """A folder in which stands what runs here: the config of all runs, which seeds."""
    manifest = runs.new_manifest("seeds", name, config.seed)
    manifest["seeds"] = [*(options.seeds or range(5))]
    described = settings.to_toml(config, SEEDS), manifest
    return runs.create(config.runs_dir, "seeds", name, *described)


def add_seeds(folder: Path, more: Sequence[int]) -> list[int]:
    """The seeds of a series, these added."""
    manifest = runs.read_manifest(folder)
    known = manifest.get("seeds", [])
    seeds = [*dict.fromkeys([*known, *more])]
    if seeds != known:
        runs.write_manifest(folder, manifest | {"seeds": seeds})
    return seeds


def train_seeds(
    folder: Path,
    config: Config,
    seeds: Sequence[int],
    processes: int,
    console: SafeConsole,
) -> None:
    """Train each seed that is not finished, so many at once; or say how to go on."""
    threads = config.threads or max(1, torch.get_num_threads() // processes)
    config = config.model_copy(update={"threads": threads})
    waiting = [seed for seed in seeds if not series.is_finished(folder, config, seed)]
    again = f"; to go on: {SEEDS} --resume {shlex.quote(str(folder))}"
    failed: list[str] = []
    with suppress(KeyboardInterrupt), StopRequest() as stop:  # a second Ctrl+C
        failed = run_processes(folder, config, waiting, processes, stop, console)
    if stop.signal:
        kept = any(folder.glob("mnist/*/checkpoints/step-*"))
        print(f"\nstopped{visible(again) if kept else ''}", file=sys.stderr)
        raise SystemExit(128 + stop.signal)
    if failed:
        raise TrainingError(f"{', '.join(failed)}{again}")


def run_processes(
    folder: Path,
    config: Config,
    waiting: list[int],
    processes: int,
    stop: StopRequest,
    console: Console,
) -> list[str]:
    """Train these seeds, so many at once; return what there is to complain of.

    Asked to stop, it lets the runs stop after their step, and starts no other. However
    it is left, but for a kill, none of them goes on alone.
    """
    running: dict[int, Process] = {}
    failed: list[str] = []
    try:
        while running or (waiting and not stop.signal):
            if waiting and len(running) < processes and not stop.signal:
                seed = waiting.pop(0)
                running[seed] = start_process(folder, config, seed)
                console.print(f"seed {seed} is being trained")
                continue
            time.sleep(SECONDS_PER_LOOK)
            if stop.signal:
                terminate(running.values())
            ended = [seed for seed in running if running[seed].poll() is not None]
            for seed in ended:
                failed += finish(seed, running.pop(seed), console)
    finally:
        terminate(running.values())
        for process in running.values():
            process.communicate()
    return failed


def start_process(folder: Path, config: Config, seed: int) -> Process:
    """The process that trains, or goes on training, the run of a seed.

    Ctrl+C does not reach it by itself: it would end it while it is still importing.
    When this process ends, in whatever way, so does its standard input, and it stops.
    """
    begun = series.run_folder(folder, seed)
    what = ["--resume", str(begun)] if begun else [
        "--config", str(folder / "config.toml"), "--seed", str(seed),
        "--runs-dir", str(folder),
    ]  # fmt: skip
    command = [sys.executable, "-m", "torchbasics.mnist", "--quiet", *what]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*command, *override_options(config)],
        env=os.environ | {STOP_AT_EOF: "1"},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def terminate(processes: Iterable[Process]) -> None:
    """Ask the runs to stop after their step; on Windows, Ctrl+C has asked them."""
    if sys.platform != "win32":
        for process in processes:
            process.terminate()


def finish(seed: int, process: Process, console: Console) -> list[str]:
    """Tell what a run that has ended printed; return what there is to complain of."""
    printed, warned = process.communicate()
    for line in warned.splitlines():
        print(f"seed {seed}: {line}", file=sys.stderr)
    if process.returncode:
        return [f"seed {seed} ended with status {process.returncode}"]
    console.print(f"seed {seed}: {printed.strip()}", soft_wrap=True)
    return []


if __name__ == "__main__":
    run(main)
