"""A user's mistake is one clear sentence and an exit status, never a traceback.

Exit statuses: 0 done, 1 training (or a check) failed or output was lost, 2 bad input,
130 Ctrl+C, 143 SIGTERM, 129 SIGHUP.
"""

import errno
import functools
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from torchbasics.command import signals
from torchbasics.command.output import fill_closed_descriptors, lasting, visible

Main = Callable[[Sequence[str] | None], int]
"""A command: the arguments of a command line in, an exit status out."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What a disk answers that takes no more; no bug, and no input either."""


class UserError(Exception):
    """Bad input. Its text names what was wrong and what would be right."""


class TrainingError(Exception):
    """A training that cannot go on. Its text says why and what to try."""


def warn(text: str) -> None:
    """Say what went wrong without ending anything; also with --quiet."""
    print(f"warning: {visible(text)}", file=sys.stderr)


@contextmanager
def as_user_error(kind: type[Exception], before: str = "") -> Iterator[None]:
    """Turn what the library refuses into a user's mistake, with a text before it.

    >>> with as_user_error(ValueError, "my.toml: "):
    ...     raise ValueError("lr = -1")
    Traceback (most recent call last):
    torchbasics.command.errors.UserError: my.toml: lr = -1
    """
    try:
        yield
    except kind as error:
        raise UserError(f"{before}{error}") from None


def command(main: Main) -> Main:
    """Turn what `main` raises into the exit status it returns.

    >>> @command
    ... def main(argv=None):
    ...     raise UserError("no such run")
    >>> main([])
    2
    """

    @functools.wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        with lasting() as out:
            status = status_of(main, argv or [])
            out.flush()
            if out.failure and not status:
                print(f"error: cannot print: {out.failure}", file=sys.stderr)
                return 1
            return status

    return wrapped


def status_of(main: Main, argv: Sequence[str] | None) -> int:
    """The exit status of a command, once it has said why it was left early."""
    try:
        return main(argv)
    except UserError as error:
        print(f"error: {visible(error)}", file=sys.stderr)
        return 2
    except TrainingError as error:
        print(f"training failed: {visible(error)}", file=sys.stderr)
        return 1
    except SystemExit as stop:  # the option parsers leave this way
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt:
        print("\nstopped by Ctrl+C", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"error: cannot write: {visible(error.strerror)}", file=sys.stderr)
        return 1


def run(main: Main) -> NoReturn:
    """Run a command as this process, and leave with its status."""
    signals.handle(signals.leave)
    try:
        gc.freeze()  # what was imported never dies: to look through it takes long
        fill_closed_descriptors()
        signals.stop_at_eof()
        status = main(sys.argv[1:])
        gc.freeze()
    except KeyboardInterrupt:  # before the command could say so, or after it was done
        status = 130
    signals.handle(signals.leave_at_once)
    raise SystemExit(status)
