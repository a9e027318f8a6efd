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
from typing import Annotated, Any

import torch
from pydantic import FailFast, Field, model_validator
from torch import Tensor

from torchbasics import data
from torchbasics.command import runs
from torchbasics.command.errors import UserError, as_user_error
from torchbasics.command.files import read_regular
from torchbasics.command.settings import Settings, from_table
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import metrics
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.resume import check_resume_config, fixed_settings
from torchbasics.mnist.training.state import plan_steps

MAX_RESULT_BYTES = 2**26
Index = Annotated[int, Field(ge=0, lt=10_000)]
ByIndex = Annotated[tuple[Index, ...], FailFast(), Field(max_length=10_000)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Result(Settings):
    """What a series' result.json holds; its keys are seeds."""

    config: str
    settings: dict[str, Any]
    platform: str
    versions: dict[str, str]
    error: dict[str, Percent]
    mean: Percent
    sd: Percent | None
    committee: Percent
    seconds: dict[str, float | None]
    misclassified: dict[str, ByIndex]

    @model_validator(mode="after")
    def _each_seed_everywhere(self) -> Result:
        for name in ("seconds", "misclassified"):
            if getattr(self, name).keys() != self.error.keys():
                raise ValueError(f"{name} has other seeds than error")
        return self


def summarize(folder: Path, config: Config, seeds: Sequence[int]) -> dict[str, Any]:
    """All that came of the series, as numbers, test errors in percent."""
    images, labels = data.load("test", config.data_dir)
    paths = {str(seed): finished_run(folder, config, seed) for seed in seeds}
    probs = {seed: network.load(str(p)).probs(images) for seed, p in paths.items()}
    wrong = {seed: misclassified(each, labels) for seed, each in probs.items()}
    error = {seed: 100 * len(each) / len(labels) for seed, each in wrong.items()}
    together = misclassified(torch.stack([*probs.values()]).mean(0), labels)
    manifest = runs.read_manifest(folder)
    return {
        "config": manifest["name"],
        "settings": fixed_settings(config),
        "platform": manifest["platform"],
        "versions": manifest["versions"],
        "error": error,
        "mean": statistics.mean(error.values()),
        "sd": statistics.stdev(error.values()) if len(error) > 1 else None,
        "committee": 100 * len(together) / len(labels),
        "seconds": {seed: training_seconds(p, config) for seed, p in paths.items()},
        "misclassified": wrong,
    }


def misclassified(probs: Tensor, labels: Tensor) -> list[int]:
    """The images that are read wrong. Shape: probs (N, 10), labels (N,)."""
    wrong: list[int] = (probs.argmax(1) != labels).nonzero().flatten().tolist()
    return wrong


def check_result(folder: Path) -> None:
    """Raise UserError where a file that is no result of a series would be replaced."""
    path = folder / "result.json"
    if not path.exists():
        return
    try:
        result = json.loads(read_regular(path, MAX_RESULT_BYTES))
    except (ValueError, RecursionError):
        return  # torn: it is written anew
    with as_user_error(UserError, f"{path}: "):
        from_table(Result, result)


def finished_run(folder: Path, config: Config, seed: int) -> Path:
    """The folder of a seed's run. Raises UserError unless it is one of the series."""
    path = run_folder(folder, seed)
    if path is None:
        raise UserError(f"{folder} has no run of seed {seed}")
    check_resume_config(config.model_copy(update={"seed": seed}), path)
    return path


def training_seconds(path: Path, config: Config) -> float | None:
    """How long a run trained, by its metrics.jsonl; None if that is not whole."""
    seconds, before = 0.0, 0
    for line in metrics.read(path / "metrics.jsonl"):
        if line["time/images_per_s"] is None:
            return None
        images = (line["step"] - before) * config.batch_size
        seconds += images / line["time/images_per_s"]
        before = line["step"]
    return round(seconds, 1) if before == total_steps(config) else None


def summary_table(summary: dict[str, Any]) -> list[str]:
    """The summary in words and lines of less than 80 columns."""
    lines = [f"\n{summary['config']}: test error", "seed   error  training"]
    for seed, error in summary["error"].items():
        seconds = summary["seconds"][seed]
        time = " unknown" if seconds is None else f"{seconds:6.1f} s"
        lines.append(f"{seed:>4}  {error:.2f} %  {time}")
    if len(summary["error"]) > 1:
        lines += [
            f"mean {summary['mean']:.3f} %, sd {summary['sd']:.3f}",
            f"committee {summary['committee']:.2f} %: the mean of all their "
            "probabilities, not one network",
        ]
    return lines


def run_folder(folder: Path, seed: int) -> Path | None:
    """The folder of a seed's run in the series, if it has begun."""
    for path in sorted(folder.glob("mnist/[!.]*/manifest.json")):
        with suppress(UserError):  # a manifest that is damaged: trained anew
            if runs.read_manifest(path.parent).get("seed") == seed:
                return path.parent
    return None


def is_finished(folder: Path, config: Config, seed: int) -> bool:
    """Whether the run of a seed has come to its end, and its network is there."""
    path = run_folder(folder, seed)
    if path is None or "figures" not in runs.read_manifest(path):
        return False
    try:
        quiet = CheckpointManager(path, warn=lambda text: None)  # the run itself warns
        latest = quiet.latest()
    except UserError as error:
        raise UserError(f"{error}; without {path} it is trained again") from None
    return latest is not None and latest.metadata["step"] == total_steps(config)


def total_steps(config: Config) -> int:
    """How many steps each run has."""
    return plan_steps(config, data.TRAINING_IMAGES - config.data.validation).total_steps
