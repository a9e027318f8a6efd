"""Files that are there whole or not at all, also after a kill or a power cut."""

import contextlib
import csv
import io
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write_atomic(path: Path, content: bytes) -> None:
    """Put the content at `path`, whole or not at all. Raises OSError.

    It is written beside its place, under a name that begins with a dot, flushed to the
    disk, then renamed. Of two writers at once, each has a name of its own.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


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


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut, where that is possible."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
        os.close(descriptor)
