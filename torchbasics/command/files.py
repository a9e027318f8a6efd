"""Files that are there whole or not at all, also after a kill or a power cut."""

import contextlib
import csv
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

PART = re.compile(r"\..+\.([0-9a-f]{8}|\d+)|\.unpack-.*")
"""Names of what is not whole yet; the last two are those that 0.1.0 gave."""
SECONDS_FOR_LOCK = 60


def write_atomic(path: Path, content: bytes) -> None:
    """Put the content at `path`, whole or not at all. Raises OSError.

    It is written beside its place, under a name that begins with a dot, flushed to the
    disk, then renamed. Of two writers at once, each has a name of its own.
    """
    part = part_of(path)
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """A name beside `path`, that of nothing else, for what is to become it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def make_folder(path: Path) -> None:
    """Make a folder where there is none, to last as the files in it. Raises OSError."""
    if not path.is_dir():
        path.mkdir()
        sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Take away what killed writers left half-written. Raises OSError.

    Only for whoever holds the folder's lock: what another writes now looks the same.
    """
    for path in [path for path in folder.iterdir() if PART.fullmatch(path.name)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def swept(folder: Path) -> Iterator[None]:
    """Write to a folder that all share: wait for its lock, then sweep it.

    Where no lock can be had it is not swept: another may be writing.
    """
    lock = FileLock(folder / ".lock", SECONDS_FOR_LOCK, fallback_to_soft=False)
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire(poll_interval=0.02)
        sweep(folder)
    try:
        yield
    finally:
        lock.release()


def write_json(path: Path, value: Any) -> None:
    """Put the value at `path` as JSON, whole or not at all. Raises OSError."""
    write_atomic(path, (json.dumps(value, indent=2) + "\n").encode())


def write_csv(
    path: Path, headers: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Put a table at `path` as CSV, whole or not at all. Raises OSError."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headers, *rows])
    write_atomic(path, text.getvalue().encode())


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut, where that is possible."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
        os.close(descriptor)
