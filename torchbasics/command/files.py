"""Files that are there whole or not at all, and files that are read with care.

What is written is there also after a kill or a power cut. What is read may have been
made by anybody: a link, a pipe or a device in its place is never opened for long.
"""

import contextlib
import csv
import errno
import io
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock

from torchbasics.command.errors import DISK, UserError
from torchbasics.command.output import visible

PART = re.compile(r"\..+\.([0-9a-f]{8}|\d+)|\.unpack-.*")
"""Names of what is not whole yet; the last two are those that 0.1.0 gave."""
SECONDS_FOR_LOCK = 60
MAX_BYTES = 2**31  # no file of a run comes near
NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # for a pipe's other end
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_regular(
    path: Path, mode: Literal["rb", "ab"] = "rb", *, follow: bool = False
) -> IO[bytes]:
    """Open a regular file to read or to append to, made anew where it is missing.

    A symbolic link could lead anywhere, a pipe wait for ever, a device never end: they
    are OSErrors. `follow` lets links be, for files that a user names.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | NO_WAITING | (0 if follow else NO_LINK), 0o666)

    try:
        file = open(path, mode, opener=opener)  # noqa: SIM115 - given on
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise OSError(errno.ELOOP, "it is a symbolic link") from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file")
    return file


def read_regular(
    path: Path, max_bytes: int, *, first: int = -1, follow: bool = False
) -> bytes:
    """What a regular file of at most so many bytes holds, or its first bytes.

    Its size is looked at before it is read. Raises UserError.
    """
    try:
        with open_regular(path, follow=follow) as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise OSError(
                    errno.EFBIG, f"it has {size:,} bytes; {max_bytes:,} can be right"
                )
            return file.read(size if first < 0 else min(first, size))
    except (OSError, ValueError) as error:  # ValueError: no name of any file
        raise UserError(f"cannot read {os.fspath(path)}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """What the system says went wrong, without the numbers around it."""
    return str(getattr(error, "strerror", None) or error)


def require_regular(folder: Path) -> None:
    """Raise UserError where a run's folder holds what no run leaves in it.

    A link there could let a run write elsewhere. Looked at are the folder and those in
    it: below them no run writes. What goes meanwhile, its owner was writing.
    """
    try:
        for path, found in _found_in(folder):
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise UserError(
                    f"{path} is a link or a device: a run's folder holds files "
                    "and folders only"
                )
            if found.st_size > MAX_BYTES:
                raise UserError(f"{path} has {found.st_size:,} bytes: no run's has")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {os.fspath(folder)}: {reason(error)}") from None


def _found_in(
    folder: str | Path, folders: int = 1
) -> Iterator[tuple[str, os.stat_result]]:
    """What is in a folder, and in the folders in it, and of what kind it is."""
    for entry in [*os.scandir(folder)]:  # left open it would warn
        with contextlib.suppress(FileNotFoundError):
            yield entry.path, entry.stat(follow_symlinks=False)
            if folders and entry.is_dir(follow_symlinks=False):
                yield from _found_in(entry.path, folders - 1)


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


def write_named(path: Path, content: bytes) -> None:
    """The same at a place that a user has named. Raises UserError if it cannot be."""
    try:
        write_atomic(path, content)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in DISK:
            raise
        raise UserError(f"cannot write {os.fspath(path)}: {reason(error)}") from None


def free_place(name: str, suffix: str, *, force: bool = False) -> Path:
    """Where a file that a user has named can be written. Raises UserError.

    What is there already may be replaced with `force`, or if a terminal is asked and
    says so. It is found out before the content is made, which may take long.
    """
    path = Path(name)
    if path.suffix != suffix:
        raise UserError(f"{name}: its name must end in {suffix}")
    if not os.path.isdir(path.parent):
        raise UserError(f"cannot write {name}: there is no folder {path.parent}")
    if os.path.isdir(path):
        raise UserError(f"cannot write {name}: it is a folder")
    part = part_of(path)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except (OSError, ValueError) as error:  # no room, too long a name, no file system
        raise UserError(f"cannot write {name}: {reason(error)}") from None
    if os.path.lexists(path) and not force:
        if not sys.stdin or not sys.stdin.isatty():
            raise UserError(f"{name} is there already: --force replaces it")
        print(
            f"{visible(name)} is there already: replace it? [y/N] ", end="", flush=True
        )
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
