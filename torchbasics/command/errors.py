"""A user's mistake is one clear sentence and an exit status, never a traceback.

Exit statuses: 0 done, 1 training (or a check) failed, 2 bad input, 130
Ctrl+C, 143 SIGTERM.
"""

import errno
import functools
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, Protocol


class Main(Protocol):
    """A command: it takes the arguments of its command line, by default sys.argv's."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:  # noqa: D102
        ...


class UserError(Exception):
    """Bad input. Its text names what was wrong and what would be right."""


class TrainingError(Exception):
    """A training that cannot go on. Its text says why and what to try."""


def warn(text: str) -> None:
    """Say what went wrong without ending anything; also with --quiet."""
    print(f"warning: {text}", file=sys.stderr)


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


def drop_stdout() -> None:
    """Send what is still to be printed nowhere, because nobody can read it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


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
        try:
            return flushed(main(argv))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except TrainingError as error:
            print(f"training failed: {error}", file=sys.stderr)
            return 1
        except SystemExit as stop:  # the option parsers leave this way
            return flushed(stop.code if isinstance(stop.code, int) else 0)
        except KeyboardInterrupt:
            print("\nstopped by Ctrl+C", file=sys.stderr)
            return 130
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            drop_stdout()  # `... | head`: the reader has seen enough; or a full disk
            return 0 if error.errno == errno.EPIPE else 1

    return wrapped


def run(main: Main) -> NoReturn:
    """Run a command as this process, and leave with its status.

    What was imported never dies, so the garbage collector need not look through it:
    neither later, nor at the end, which would take longer than a lesson's epoch.
    """
    gc.freeze()
    status = main()
    gc.freeze()
    raise SystemExit(status)


def flushed(status: int) -> int:
    """The status, once all that was printed has arrived or cannot arrive."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_stdout()
    return status
