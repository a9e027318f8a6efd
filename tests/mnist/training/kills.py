"""Kill real training processes with SIGKILL, resume them, compare how they end.

    python tests/mnist/training/kills.py --kills 50 --seed 0

First one process is killed at each boundary of the writing of a checkpoint. Then runs
are started, killed at a random moment, resumed, killed again, three times over, until
as many processes have been killed as was asked for. Every run must end with the very
bytes of the run that nobody killed, and with every epoch once in metrics.jsonl. The
processes are forked from this one, which has imported everything and computed nothing,
so that a kill costs no imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import torchvision  # noqa: F401 - imported here, once, for all processes

from torchbasics.command import files, runs
from torchbasics.mnist import __main__ as program
from torchbasics.mnist.training import checkpoint

RUN = [
    *("--epochs", "5", "--batch-size", "1000", "--threads", "1", "--quiet"),
    *("--data.validation", "5000", "--optim.lr", "0.01"),
    *("--model.hidden", "40", "30", "--model.batch-norm", "--model.dropout", "0.1"),
]
BOUNDARIES = ("before the write", "before fsync", "before the rename", "after")


def die(*_: object, **__: object) -> None:
    """What a boundary is replaced with."""
    os.kill(os.getpid(), signal.SIGKILL)


def plant(boundary: str, number: int) -> None:
    """Let this process die at that boundary of its checkpoint of that number."""
    calls = 0
    write = checkpoint.write

    def deadly(path: Path, state: checkpoint.Checkpoint) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            if boundary == "before the write":
                die()
            if boundary == "before fsync":
                files.os.fsync = die
            if boundary == "before the rename":
                Path.replace = die  # type: ignore[method-assign]
        write(path, state)
        if calls == number:
            die()

    checkpoint.write = deadly


def process(argv: list[str], log: Path, seconds: float = 0, boundary: str = "") -> int:
    """Run the training command in a process of its own; kill it after `seconds`."""
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if boundary:
            plant(boundary, number=4)
        os._exit(program.main(argv))
    if seconds:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def command(folder: Path) -> list[str]:
    """Start a run, or go on with the one that is there."""
    where = ["--runs-dir", str(folder)]
    if any(folder.glob("*/*/manifest.json")):
        return ["--resume", "latest", *where]
    return [*RUN, *where]


def outcome(folder: Path) -> tuple[bytes, list[int]]:
    """The last checkpoint's bytes, and the epochs that metrics.jsonl tells of."""
    run = runs.find_run("latest", str(folder), "mnist")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    last = checkpoint.CheckpointManager(run).paths()[-1]
    return last.read_bytes(), [int(json.loads(line)["epoch"]) for line in lines]


def main() -> int:
    """Count the kills and what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as scratch:
        unbroken = Path(scratch, "unbroken")
        started = time.monotonic()
        assert process([*RUN, "--runs-dir", str(unbroken)], Path(scratch, "log")) == 0
        seconds = time.monotonic() - started
        wanted = outcome(unbroken)
        assert wanted[1] == [1, 2, 3, 4, 5]

        killed = trials = unequal = 0
        while trials < len(BOUNDARIES) or killed < asked.kills + len(BOUNDARIES):
            folder, log = Path(scratch, str(trials)), Path(scratch, f"{trials}.log")
            if trials < len(BOUNDARIES):
                plan = [(0.0, BOUNDARIES[trials])]
            else:
                plan = [(chance.uniform(0.05, 0.95 * seconds), "") for _ in range(3)]
            for after, boundary in plan:
                status = process(command(folder), log, after, boundary)
                killed += status == -signal.SIGKILL
            ended = process(command(folder), log)
            if ended != 0 or outcome(folder) != wanted:
                unequal += 1
                print(f"run {trials} {plan}: status {ended}\n{log.read_text()}")
            trials += 1
        print(
            f"unbroken run {seconds:.1f} s; {killed} processes killed in {trials} "
            f"runs, {unequal} of which ended otherwise"
        )
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
