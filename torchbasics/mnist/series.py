"""What there is of a series of seeds: what is trained, and what came of it.

Each seed's error and its time, their mean and spread, and the error of all networks as
a committee, read from the folder of the series alone.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torchbasics import data, runs
from torchbasics.errors import UserError
from torchbasics.mnist import network
from torchbasics.mnist.checkpoint import Keeper
from torchbasics.mnist.config import FREE, Config
from torchbasics.mnist.evaluate import read_digits
from torchbasics.mnist.state import plan_steps, refuse_changes


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
        "settings": config.model_dump(mode="json", exclude=FREE),
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
    except (OSError, ValueError, TypeError, LookupError):
        return None
    return round(seconds, 1) if before == steps_of(config) else None


def table(result: dict[str, Any]) -> list[str]:
    """The result in words and lines of less than 80 columns."""
    lines = [f"\n{result['config']}: test error", "seed   error  training"]
    for seed, error in result["error"].items():
        seconds = result["seconds"][seed]
        time = " unknown" if seconds is None else f"{seconds:6.1f} s"
        lines.append(f"{seed:>4}  {error:.2f} %  {time}")
    if len(result["error"]) > 1:
        lines += [
            f"mean {result['mean']:.3f} %, sd {result['sd']:.3f}",
            f"committee {result['committee']:.2f} %: the mean of all their "
            "probabilities, not one network",
        ]
    return lines


def folder_of(folder: Path, seed: int) -> Path | None:
    """The folder of a seed's run in the series, if it has begun."""
    for path in sorted(folder.glob("mnist/*/manifest.json")):
        with suppress(UserError):  # a manifest that is damaged: trained anew
            if runs.read_manifest(path.parent).get("seed") == seed:
                return path.parent
    return None


def is_finished(folder: Path, config: Config, seed: int) -> bool:
    """Whether the run of a seed has come to its end, and its network is there."""
    path = folder_of(folder, seed)
    if path is None or "figures" not in runs.read_manifest(path):
        return False
    try:
        state = Keeper(path, warn=lambda text: None).newest()  # the run itself warns
    except UserError as error:
        raise UserError(f"{error}; without {path} it is trained again") from None
    return state is not None and state.facts["step"] == steps_of(config)


def steps_done(folder: Path, seed: int) -> int:
    """How many steps the run of a seed has done, by the last line of its metrics."""
    path = folder_of(folder, seed)
    if path is None:
        return 0
    try:
        lines = (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return int(json.loads(lines[-1])["step"])
    except (OSError, ValueError, TypeError, LookupError):
        return 0


def steps_of(config: Config) -> int:
    """How many steps each run has."""
    return plan_steps(config, 60_000 - config.data.validation).total_steps
