"""A user's mistake is one clear sentence and an exit status, never a traceback.

Exit statuses: 0 done, 1 training (or a check) failed, 2 bad input, 130
Ctrl+C, 143 SIGTERM.
"""

from __future__ import annotations

import errno
import functools
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol

from torch import Tensor


class Main(Protocol):
    """A command: it takes the words of its command line, by default sys.argv's."""

    def __call__(self, argv: Sequence[str] | None = None) -> int: ...


class UserError(Exception):
    """Bad input. Its text names what was wrong and what would be right."""


class TrainingError(Exception):
    """A training that cannot go on. Its text says why and what to try."""


def warn(text: str) -> None:
    """Say what went wrong without ending anything; also with --quiet."""
    print(f"warning: {text}", file=sys.stderr)


def wanted_tensor(**values: object) -> None:
    """Raise TypeError for the first of these arguments that is no tensor.

    >>> wanted_tensor(x=[1.0])
    Traceback (most recent call last):
    TypeError: x is a list; wanted a torch.Tensor
    """
    for name, value in values.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{name} is a {kind}; wanted a torch.Tensor")


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
