"""The lines of a run's metrics.jsonl: one epoch's numbers each, written and read."""

import json
import math
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from torchbasics.command.errors import UserError, as_user_error
from torchbasics.command.files import read_regular
from torchbasics.command.settings import Settings, from_table, shown

Metrics = dict[str, float]
"""One epoch's numbers, by their TensorBoard tags, with `epoch` and `step`."""

MAX_BYTES = 2**26
MAX_LINE = 2**18  # that of 200 layers has a fifth
RISING = ("epoch", "step")
SHARES = ("accuracy", "saturated", "dead")  # at most 1, but for rounding
SIZES = (
    *SHARES, "loss", "gradient_norm", "gradient_std", "activation_std", "update_ratio"
)  # fmt: skip
"""Kinds of tags whose numbers are never below 0."""


class MetricsLine(Settings):
    """What a line holds: these numbers, and more by their tags; null is not finite."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]
    epoch: int = Field(ge=1, lt=10**12)
    step: int = Field(ge=1, lt=10**12)
    lr: float = Field(ge=0)
    loss_train: float | None = Field(alias="loss/train", ge=0)
    accuracy_train: float = Field(alias="accuracy/train", ge=0, le=1)
    images_per_s: float | None = Field(alias="time/images_per_s", gt=0)

    @model_validator(mode="after")
    def _more_are_tags(self) -> "MetricsLine":
        for tag, value in (self.model_extra or {}).items():
            kind, slash, _ = tag.partition("/")
            if not slash:
                raise ValueError(f"{shown(tag)} is no tag: it must be like loss/test")
            least = 0 if kind in SIZES else -math.inf
            most = 1.000001 if kind in SHARES else math.inf
            if value is not None and not least <= value <= most:
                raise ValueError(f"{shown(tag)} = {value}: no run has such a number")
        return self


def append(path: Path, metrics: Metrics) -> None:
    """Add one line; what is not finite becomes null. Raises OSError."""
    finite = {
        tag: value if math.isfinite(value) else None for tag, value in metrics.items()
    }
    with path.open("ab") as file:
        file.write(f"{json.dumps(finite)}\n".encode())


def read(path: Path) -> list[dict[str, Any]]:
    """The lines that are there, up to one that a kill tore; none without a file.

    Raises UserError for a line that is whole but not as we write it.
    """
    if not path.is_symlink() and not path.exists():
        return []
    content = read_regular(path, MAX_BYTES)
    texts = content.splitlines()
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts, start=1):
        if len(text) > MAX_LINE:
            raise UserError(f"{path}: line {number} has {len(text):,} bytes: too many")
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            if number == len(texts) and not content.endswith(b"\n"):
                break
            raise UserError(f"{path}: line {number} is no JSON") from None
        with as_user_error(UserError, f"{path}: line {number}: "):
            from_table(MetricsLine, line)
            stale = [n for n in RISING if lines and line[n] <= lines[-1][n]]
            if stale:
                name = stale[0]
                raise UserError(f"{name} = {line[name]}: it must be after the last")
        lines.append(line)
    return lines
