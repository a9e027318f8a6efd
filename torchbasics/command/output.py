"""What a command prints arrives, or its loss is known; foreign text is only text."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast

PLAIN = str.maketrans("✓✗\u2212·→…●○", "+x-*>.#o")
"""What stands for a sign where the output's encoding has none."""
UNREAD = (errno.EPIPE, errno.EIO)  # `| head` has seen enough; the terminal is closed


def visible(text: object, kept: str = "") -> str:
    r"""A text from elsewhere, with nothing in it that a terminal would obey.

    Escape sequences, line breaks, signs that turn the direction of reading, bytes that
    are no text are shown as Python writes them, all but those that are `kept`.

    >>> print(visible("run\x1b]0;x\x07\n\u202e\udcff"))
    run\x1b]0;x\x07\n\u202e\udcff
    """
    return "".join(
        sign
        if sign.isprintable() or sign in kept
        else sign.encode("unicode_escape").decode()
        for sign in str(text)
    )


class Nowhere(io.TextIOBase):
    """A stream that nobody reads."""

    def write(self, text: str) -> int:
        """Forget the text."""
        return len(text)


class Output:
    """A text stream that outlives its reader, a full disk, and letters it lacks.

    `failure` says why something was lost. With `only_text` all is `visible`, in lines.
    """

    def __init__(self, stream: TextIO | None, *, only_text: bool = False) -> None:
        self.stream: Any = stream or Nowhere()  # none: closed, or a program without one
        self.only_text = only_text
        self.failure = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def isatty(self) -> bool:
        """Whether a person reads it who wants colours."""
        return not self.only_text and self.stream.isatty()

    def write(self, text: str) -> int:
        """Write the text as far as that can be."""
        shown = visible(text, kept="\n") if self.only_text else text
        with self._lasting():
            try:
                self.stream.write(shown)
            except UnicodeEncodeError:
                encoding = self.stream.encoding
                plain = shown.translate(PLAIN)
                self.stream.write(plain.encode(encoding, "replace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Let all that was written arrive."""
        with self._lasting():
            self.stream.flush()

    @contextmanager
    def _lasting(self) -> Iterator[None]:
        """What fails once is not tried again: the rest, buffers too, goes nowhere."""
        try:
            yield
        except OSError as error:
            if error.errno not in UNREAD:
                self.failure = error.strerror or str(error)
            with suppress(OSError, AttributeError):  # a stream of no file
                if self.stream.fileno() in (1, 2):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            self.stream = Nowhere()


def drop_blocked() -> None:
    """Send nowhere what a reader has not taken for a second: Ctrl+S, a full pipe.

    For a signal's handler: the write that it has interrupted would be tried again, and
    wait for that reader forever. One in another thread is interrupted, too.
    """
    if not hasattr(select, "poll"):  # Windows
        return
    for descriptor in (1, 2):
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        if not ready.poll(1000):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            signal.signal(signal.SIGURG, lambda *_: None)  # else it interrupts nothing
            for thread in threading.enumerate():
                signal.pthread_kill(cast(int, thread.ident), signal.SIGURG)


@contextmanager
def lasting(*, only_text: bool = False) -> Iterator[Output]:
    """Let nothing that is printed meanwhile end a command; gives stdout.

    `only_text` is for a library that repeats input.
    """
    out, err = (Output(one, only_text=only_text) for one in (sys.stdout, sys.stderr))
    with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
        try:
            yield out
        finally:
            out.flush()
            err.flush()


def fill_closed_descriptors() -> None:
    """Give a process that was started without stdout (`>&-`) one that goes nowhere.

    Else the next file that is opened would take its number, and what others print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
