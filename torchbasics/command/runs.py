"""A run folder: all that one run leaves behind, in one place.

It is made anew for each run, locked while a process uses it (a kill frees the lock),
described by its `manifest.json`, and found again by its path or as `latest`.
"""

import os
import re
import shutil
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from itertools import chain, count
from pathlib import Path

from torchbasics.command import files
from torchbasics.command.errors import UserError
from torchbasics.command.files import locked, reason
from torchbasics.command.manifest import (
    MAX_NUMBER,
    Manifest,
    new_manifest,
    read_manifest,
    write_manifest,
)

__all__ = [
    "config_name", "create", "find_run", "find_runs", "instance_address", "locked",
    "new_manifest", "read_manifest", "run_name", "write_manifest",
]  # fmt: skip

SECONDS_TO_MAKE = 60  # a folder, while others make theirs


def create(
    runs_dir: str,
    kind: str,
    name: str,
    config: str = "",
    manifest: Manifest | None = None,
) -> Path:
    """Make the folder `<runs_dir>/<kind>/<name>-<UTC time>`, a new one always.

    With `-2` where there is one already. In it is what runs there, if anything: its
    config and its manifest. It is there whole or not at all. Raises UserError.
    """
    time = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    parent = Path(os.path.expanduser(runs_dir), kind)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        part = files.part_of(parent / name)
        with locked(parent, SECONDS_TO_MAKE, shared=True), ExitStack() as undone:
            undone.callback(shutil.rmtree, part, ignore_errors=True)  # unless renamed
            part.mkdir()
            if manifest is not None:
                files.write_atomic(part / "config.toml", config.encode())
                write_manifest(part, manifest | {"number": _next_number(parent.parent)})
            folder = part.rename(_free(parent / f"{name}-{time}"))
        for place in (parent, parent.parent):
            files.sync_folder(place)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot make a run folder in {os.fspath(parent)!a} ({reason(error)}): "
            "choose another place with --runs-dir"
        ) from None
    return folder


def _free(place: Path) -> Path:
    numbered = (place.with_name(f"{place.name}-{number}") for number in count(2))
    return next(path for path in chain([place], numbered) if not path.exists())


def find_run(run: str, runs_dir: str, kind: str) -> Path:
    """The folder of a run: a path, or `latest`, the one of its kind started last.

    It holds nothing but files and folders. Raises UserError.
    """
    if run == "latest":
        found = find_runs(runs_dir, kind)
        if not found:
            said = f"there is no run in {runs_dir!r} yet: --runs-dir says where"
            raise UserError(said)
        run = os.fspath(found[-1])
    if not os.path.isdir(run):
        raise UserError(f"there is no run {run!r}: give its folder, or 'latest'")
    files.require_regular(Path(run))
    return Path(run)


def find_runs(runs_dir: str, kind: str) -> list[Path]:
    """The folders of all runs of a kind, in the order in which they started."""
    where = os.path.expanduser(runs_dir)
    started = _started(Path(where), kind) if os.path.isdir(where) else {}
    return sorted(started, key=started.__getitem__)


def _started(runs_dir: Path, kind: str) -> dict[Path, tuple[int, str]]:
    """The folders of runs, and of each what tells which started later."""
    started = {}
    for path in runs_dir.glob(f"{kind}/[!.]*/manifest.json"):
        with suppress(UserError):  # no run
            manifest = read_manifest(path.parent)
            started[path.parent] = manifest.get("number", 0), manifest["started"]
    return started


def _next_number(runs_dir: Path) -> int:
    """One above those of all runs: it tells the order where a clock was set back."""
    highest = max((number for number, _ in _started(runs_dir, "*").values()), default=0)
    return min(highest + 1, MAX_NUMBER - 1)  # where a stranger's is the last: again


def config_name(path: Path) -> str:
    """The name that a config file goes by: its own, or that of the run it lies in.

    >>> config_name(Path("my try (2).toml"))
    'my-try-2'
    """
    if path.name == "config.toml" and (path.parent / "manifest.json").is_file():
        return str(read_manifest(path.parent)["name"])
    return re.sub(r"[^\w.-]+", "-", path.stem).strip(".-") or "config"


def run_name(folder: Path, kind: str) -> str:
    """The name of a run to go on with. Raises UserError if it is of another kind."""
    manifest = read_manifest(folder)
    if manifest.get("kind") != kind:
        raise UserError(
            f"{folder} is of the kind {manifest.get('kind')!r}, not {kind!r}: it goes "
            "on with the command that made it"
        )
    return str(manifest["name"])


INSTANCE = Path("/mnt/azmnt/.nbvm")
"""In which an Azure ML compute instance names itself, in lines of `key=value`."""


def instance_address(port: int | str, instance_file: Path = INSTANCE) -> str:
    """Where the proxy of an Azure ML compute instance serves a port; "" elsewhere.

    That is `https://<instance>-<port>.<region>.instances.azureml.ms/`.
    """
    try:
        lines = instance_file.read_text(encoding="utf-8").splitlines()
        instance = dict(line.strip().split("=", 1) for line in lines if "=" in line)
        return f"https://{instance['instance']}-{port}.{instance['domainsuffix']}/"
    except (OSError, UnicodeDecodeError, KeyError):
        return ""
