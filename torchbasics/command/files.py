"""Files that are there whole or not at all, and files that are read with care.

What is written is there also after a kill or a power cut. What is read may have been
made by anybody: a link, a pipe or a device in its place is never opened for long.
"""

import errno
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from torchbasics.command.errors import DISK, UserError, warn
from torchbasics.command.output import visible

PART = re.compile(r"\..+\.[0-9a-f]{8}")  # the names of what is not whole yet
MAX_BYTES = 2**31  # no file of a run comes near
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # for a pipe's other end
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without locks answer."""


def read_regular(
    path: Path, max_bytes: int, *, first: int = -1, follow: bool = False
) -> bytes:
    """What a regular file of at most so many bytes holds, or its first bytes.

    A symbolic link could lead anywhere, a pipe wait for ever, a device never end: they
    are refused. `follow` lets links be, for files that a user names. Raises UserError.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | NO_WAITING | (0 if follow else NO_LINK))

    try:
        with open(path, "rb", opener=opener) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("it is no regular file")
            if found.st_size > max_bytes:
                raise ValueError(
                    f"it has {found.st_size:,} bytes; {max_bytes:,} can be right"
                )
            return file.read(first)
    except (OSError, ValueError) as error:  # ValueError: also no name of any file
        raise UserError(f"cannot read {os.fspath(path)}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """What the system says went wrong, without the numbers around it."""
    return str(getattr(error, "strerror", None) or error)


def require_regular(folder: Path) -> None:
    """Raise UserError where a run's folder holds what no run leaves in it.

    A link there could let a run write elsewhere. Looked at are the folder and those in
    it: below them no run writes.
    """
    try:
        for path in chain(folder.iterdir(), folder.glob("*/*")):  # first meets links
            _require_regular(path)
    except OSError as error:
        raise UserError(f"cannot read {folder}: {reason(error)}") from None


def _require_regular(path: Path) -> None:
    with suppress(FileNotFoundError):  # what goes meanwhile was half-written
        found = path.lstat()
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise UserError(
                f"{path} is a link or a device: a run's folder holds files and folders "
                "only"
            )
        if found.st_size > MAX_BYTES:
            raise UserError(f"{path} has {found.st_size:,} bytes: no run's has")


def write_atomic(path: Path, content: bytes) -> None:
    """Put the content at `path`, whole or not at all. Raises OSError.

    It is written beside its place under a hidden name of its own, flushed, renamed.
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


def write_named(path: Path, content: bytes) -> None:
    """The same at a place that a user has named. Raises UserError."""
    try:
        write_atomic(path, content)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in DISK:
            raise
        raise UserError(f"cannot write {os.fspath(path)}: {reason(error)}") from None


def misnamed(name: str, *suffixes: str) -> str:
    """What is wrong with the name of a file to write, if anything.

    >>> misnamed("page.html/", ".html"), misnamed("a/.html", ".html")
    ('its name must end in .html', 'its name is nothing but .html')
    """
    if not name.endswith(suffixes):
        return f"its name must end in {' or '.join(suffixes)}"
    base = os.path.basename(name)
    return f"its name is nothing but {base}" if base in suffixes else ""


def require_writable(path: Path) -> None:
    """Raise UserError unless a file can be put there, before what makes it begins."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        part = part_of(path)
        part.touch(exist_ok=False)
        part.unlink()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {os.fspath(path)}: {reason(error)}") from None


def free_place(name: str, suffix: str, *, force: bool = False) -> Path:
    """Where a file that a user has named can be written. Raises UserError.

    What is there already may be replaced with `force`, or if a terminal is asked and
    says so. It is asked before the content is made, which may take long.
    """
    path = Path(name)
    if said := misnamed(name, suffix):
        raise UserError(f"{name}: {said}")
    require_writable(path)
    if os.path.lexists(path) and not force:
        if not sys.stdin or not sys.stdin.isatty():
            raise UserError(f"{name} is there already: --force replaces it")
        asked = f"{visible(name)} is there already: replace it? [y/N] "
        print(asked, end="", flush=True)
        if not sys.stdin.readline().strip().lower().startswith("y"):
            raise UserError(f"{name} is left as it was")
    return path


def part_of(path: Path) -> Path:
    """A name beside `path`, that of nothing else, for what is to become it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def make_folder(path: Path) -> None:
    """Make a folder where there is none, to last as the files in it. Raises OSError."""
    if not path.is_dir():
        path.mkdir()
        sync_folder(path.parent)


@contextmanager
def locked(folder: Path, seconds: float = 0, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder for this process alone; a kill frees it.

    What killed owners left half-written there, or of its checkpoints, goes. Raises
    UserError if another has it, and has it still after so many seconds. One that is
    `shared` is used without the lock where that is another user's.
    """
    lock = FileLock(folder / ".lock", seconds, fallback_to_soft=False)
    try:
        lock.acquire(poll_interval=0.02)
        for place in (folder, folder / "checkpoints"):
            with suppress(OSError):
                sweep(place)
    except (NotImplementedError, OSError) as error:
        number = getattr(error, "errno", errno.ENOSYS)
        may_write = not shared and os.access(folder / ".lock", os.W_OK)
        if isinstance(error, Timeout) or (number == errno.EACCES and may_write):
            raise UserError(f"{folder} is in use by another process") from None
        if number not in NO_LOCKS and not shared:
            raise UserError(f"cannot write to {folder} ({reason(error)})") from None
        if not shared:
            warn(f"{folder} cannot be locked here: start no second process in it")
    try:
        yield
    finally:
        lock.release()


def sweep(folder: Path) -> None:
    """Take away what is half-written. Raises OSError.

    Only for whoever holds the folder's lock: what another writes now looks the same.
    """
    for path in [path for path in folder.iterdir() if PART.fullmatch(path.name)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_json(path: Path, value: Any) -> None:
    """Put the value at `path` as JSON, whole or not at all. Raises OSError."""
    write_atomic(path, (json.dumps(value, indent=2) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut, where that is possible."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
        os.close(descriptor)
