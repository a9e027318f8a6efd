"""A run folder: all that one run leaves behind, in one place."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from torchbasics.errors import UserError


def create(runs_dir: str, kind: str, name: str, seed: int) -> Path:
    """Make the folder `<runs_dir>/<kind>/<name>-s<seed>-<UTC time>`, a new one always.

    Two runs that start in the same second get two folders, the later one with `-2`.
    """
    time = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    parent = Path(runs_dir, kind)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            suffix = f"-{number}" if number > 1 else ""
            folder = parent / f"{name}-s{seed}-{time}{suffix}"
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue
    except OSError as error:
        raise UserError(
            f"cannot make a run folder in {parent} ({error.strerror}): choose another "
            "place with --runs-dir"
        ) from None
    raise AssertionError("unreachable")
