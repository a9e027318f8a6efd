"""The manifest of a run: what ran, from which seed, when, on what, with what outcome.

It is a run folder's `manifest.json`, written by its commands and, it may be, by
anybody: what is read is checked as a configuration is.
"""

import json
import platform
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

from pydantic import FailFast, Field

from torchbasics.command.errors import UserError, as_user_error
from torchbasics.command.files import read_regular, write_json
from torchbasics.command.settings import Settings, from_table

Manifest = dict[str, Any]

PACKAGES = ("torchbasics", "torch", "torchvision", "tensorboard", "numpy")
MAX_BYTES = 2**20
MAX_NUMBER = 10**9  # of a run: more there never are
Count = Annotated[int, Field(ge=0, lt=MAX_NUMBER)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d(T[\d:.]+(\+00:00)?)?\Z")]
"""As `datetime.isoformat` writes it: moments are ordered as text is."""


class Figures(Settings, group="figures"):
    """What came of a training; a loss that is not finite is none."""

    accuracy_test: float = Field(alias="accuracy/test", ge=0, le=1)
    loss_test: float | None = Field(alias="loss/test")


class ManifestSchema(Settings):
    """All that a manifest may hold; what has a default, some do not."""

    kind: str
    name: str = Field(pattern=r"^\w[\w.-]*\Z")  # a part of folders' names
    seed: Seed
    command: tuple[str, ...]
    started: Moment
    python: str
    platform: str
    versions: dict[str, str]
    commit: str
    number: Count = 0
    device: str = ""
    threads: Count = 0
    processes: Count = 1
    data: dict[str, str] = Field({})
    seeds: Annotated[tuple[Seed, ...], FailFast()] = Field((), max_length=1000)
    finished: Moment | None = None
    figures: Figures | None = None


def new_manifest(kind: str, name: str, seed: int) -> Manifest:
    """What can be said of a run when it starts; nothing of the environment is kept."""
    words = (word.encode(errors="backslashreplace").decode() for word in sys.argv)
    return {
        "kind": kind,
        "name": name,
        "seed": seed,
        "command": [*words],
        "started": datetime.now(timezone.utc).isoformat(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {package: _version(package) for package in PACKAGES},
        "commit": _commit(),
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into the folder, whole or not at all. Raises OSError."""
    write_json(folder / "manifest.json", manifest)


def read_manifest(folder: Path) -> Manifest:
    """The folder's manifest. Raises UserError if it is no run's, or not as written."""
    path = folder / "manifest.json"
    try:
        path.lstat()
        manifest: Manifest = json.loads(read_regular(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        said = f"{folder} is no run: it holds no manifest.json of one"
        raise UserError(said) from None
    with as_user_error(UserError, f"{path}: "):
        from_table(ManifestSchema, manifest)
    return manifest


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The git commit of the checkout this package lies in, if it lies in one."""
    checkout = Path(__file__).parents[2]
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    with suppress(OSError):  # no git
        if (checkout / ".git").exists():
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.stdout.strip()
    return ""
