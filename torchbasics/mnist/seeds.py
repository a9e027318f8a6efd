"""Train one recipe from several seeds: mean, spread, and what they say together.

Each seed is a run of its own, in a process of its own, in the folder of the series. A
series that was stopped goes on with --resume: what is finished is not trained again.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, model_validator
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from torchbasics import device, runs, settings
from torchbasics.errors import TrainingError, command, run
from torchbasics.mnist.config import DEFAULTS, FREE, Config, Seed
from torchbasics.mnist.series import (
    folder_of,
    is_finished,
    steps_done,
    steps_of,
    summarize,
    table,
)
from torchbasics.mnist.state import refuse_changes
from torchbasics.signals import StopRequest
from torchbasics.terminal import LastingConsole

PROGRAM = "python -m torchbasics.mnist.seeds"
Process = subprocess.Popen[str]
SECONDS_PER_LOOK = 0.2  # at whether a run has ended


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
        if resumed:
            seeds = add_seeds(folder, words.seeds)
        else:
            seeds = [*words.seeds] or [*range(5)]
            manifest = runs.new_manifest("seeds", name, config.seed) | {"seeds": seeds}
            runs.describe(folder, settings.to_toml(config), manifest)
        if config.precision == "bf16" and not resumed:
            console.print(device.bf16_advice(where), soft_wrap=True, end="")
        carry_out(folder, config, seeds, words.processes, console)
        result = summarize(folder, config, seeds)
        print("\n".join([*table(result), f"\nthe series is in {folder}"]), flush=True)
        keep(folder, result)
    return 0


def add_seeds(folder: Path, more: Sequence[int]) -> list[int]:
    """The seeds of a series, these added. Raises TrainingError if they cannot be."""
    manifest = runs.read_manifest(folder)
    known = settings.from_table(Words, {"seeds": manifest.get("seeds", [])}).seeds
    seeds = [*known, *(seed for seed in more if seed not in known)]
    try:
        if seeds != [*known]:
            runs.write_manifest(folder, manifest | {"seeds": seeds})
    except OSError as error:
        raise TrainingError(f"cannot add seeds: {folder}: {error.strerror}") from None
    return seeds


def carry_out(
    folder: Path,
    config: Config,
    seeds: Sequence[int],
    processes: int,
    console: LastingConsole,
) -> None:
    """Train each seed that is not finished, so many at once; or say how to go on."""
    threads = config.threads or max(1, torch.get_num_threads() // processes)
    config = config.model_copy(update={"threads": threads})
    waiting = [seed for seed in seeds if not is_finished(folder, config, seed)]
    bars = Bars(
        *(TextColumn("{task.description}"), MofNCompleteColumn(), BarColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=not console.is_terminal or console.quiet,
    )
    again = f"to go on:\n  {PROGRAM} --resume {shlex.quote(str(folder))}"
    failed: list[str] = []
    with suppress(KeyboardInterrupt), StopRequest() as stop, bars:  # a second Ctrl+C
        failed = train(folder, config, waiting, processes, stop, bars)
    if stop.signal:
        print(f"\nstopped; {again}", file=sys.stderr)
        raise SystemExit(128 + stop.signal)
    if failed:
        raise TrainingError(f"{', '.join(failed)}; {again}")


def train(
    folder: Path,
    config: Config,
    waiting: list[int],
    processes: int,
    stop: StopRequest,
    bars: Bars,
) -> list[str]:
    """Train these seeds, so many at once; return what there is to complain of.

    Asked to stop, it lets the runs stop after their step, and starts no other. However
    it is left, but for a kill, none of them goes on alone.
    """
    running: dict[int, Process] = {}
    tasks: dict[int, TaskID] = {}
    failed: list[str] = []
    try:
        while running or (waiting and not stop.signal):
            if waiting and len(running) < processes and not stop.signal:
                seed = waiting.pop(0)
                running[seed] = start(folder, config, seed)
                tasks[seed] = bars.add_task(f"seed {seed}", total=steps_of(config))
                continue
            time.sleep(SECONDS_PER_LOOK)
            if stop.signal:
                terminate(running.values())
            for seed, process in ended(running).items():
                bars.remove_task(tasks.pop(seed))
                failed += finish(seed, process, bars.console)
            for seed, task in tasks.items():
                bars.update(task, completed=steps_done(folder, seed))
    finally:
        terminate(running.values())
        for process in running.values():
            process.communicate()
    return failed


def start(folder: Path, config: Config, seed: int) -> Process:
    """The process that trains, or goes on training, the run of a seed.

    Ctrl+C does not reach it by itself: it would end it while it is still importing.
    """
    begun = folder_of(folder, seed)
    words = ["--resume", str(begun)] if begun else [
        "--config", str(folder / "config.toml"), "--seed", str(seed),
        "--runs-dir", str(folder),
    ]  # fmt: skip
    train = [sys.executable, "-m", "torchbasics.mnist", *words, *free_words(config)]
    return subprocess.Popen(
        [*train, "--quiet"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def free_words(config: Config) -> list[str]:
    """What of the settings may be otherwise when a run goes on, as options.

    >>> free_words(Config(threads=2))[:6]
    ['--device', 'auto', '--threads', '2', '--data-dir', 'auto']
    """
    free = config.model_dump(mode="json", include=FREE - {"runs_dir", "quiet"})
    words: list[str] = []
    for name, value in settings.flat(free).items():
        group, _, last = name.replace("_", "-").rpartition(".")
        prefix = f"--{group}." if group else "--"
        if isinstance(value, bool):
            words.append(f"{prefix}{'' if value else 'no-'}{last}")
        else:
            words += [f"{prefix}{last}", str(value)]
    return words


def ended(running: dict[int, Process]) -> dict[int, Process]:
    """The runs that have come to an end, taken out of those that run."""
    done = [seed for seed, process in running.items() if process.poll() is not None]
    return {seed: running.pop(seed) for seed in done}


def terminate(processes: Iterable[Process]) -> None:
    """Ask the runs to stop after their step; on Windows, Ctrl+C has asked them."""
    if sys.platform != "win32":
        for process in processes:
            process.terminate()


def finish(seed: int, process: Process, console: Console) -> list[str]:
    """Tell what a run that has ended printed; return what there is to complain of."""
    printed, _ = process.communicate()
    if process.returncode:
        return [f"seed {seed} ended with status {process.returncode}"]
    console.print(f"seed {seed}: {printed.strip()}", soft_wrap=True)
    return []


def keep(folder: Path, result: dict[str, Any]) -> None:
    """Write the result into the folder of the series. Raises TrainingError."""
    try:
        runs.write_json(folder / "result.json", result)
    except OSError as error:
        raise TrainingError(f"no result.json in {folder}: {error.strerror}") from None


if __name__ == "__main__":
    run(main)
