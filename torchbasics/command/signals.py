"""Ctrl+C, SIGTERM and SIGHUP, which a closed terminal sends, end a command.

While it imports, and when it is done, at once and silently. While it works, as an
exception that all `finally` see; a second one leaves at once. And a loop that has
something to save asks for a StopRequest.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, TypeVar

from torchbasics.command.output import drop_blocked

T = TypeVar("T")

NUMBERS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
STOP_AT_EOF = "TORCHBASICS_STOP_AT_EOF"
"""An environment variable: stop as by SIGTERM when standard input comes to its end."""


def handle(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Let these signals be handled so; returns what handled them before.

    A SIGHUP that is ignored stays so: `nohup` was asked for. Elsewhere than in the
    main thread nothing can be handled.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {
        number: signal.signal(number, handler)
        for number in NUMBERS
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN
    }


def leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Leave where nothing is to be saved, told or tidied up."""
    os._exit(128 + number)


def leave_while_importing() -> None:
    """Leave at once until a command begins, if it is one of ours that was called."""
    words = " ".join(sys.orig_argv)  # `-mMODULE` and `-um MODULE` are right, too
    if re.search(r" -[a-zA-Z]*m ?torchbasics(\.| |$)", words):
        handle(leave_at_once)


def leave(number: int, frame: FrameType | None) -> NoReturn:
    """Leave as an exception does; a second signal does not wait for that."""
    handle(leave_at_once)
    drop_blocked()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def stop_at_eof() -> None:
    """If so asked, stop when standard input ends: whoever held its other end is gone.

    Also by SIGKILL, of which nobody else could tell.
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        signal.raise_signal(signal.SIGTERM)

    if sys.stdin and os.environ.get(STOP_AT_EOF):
        threading.Thread(target=wait, daemon=True).start()


class BrokenOffError(KeyboardInterrupt):
    """Work was broken off because a stop was asked for."""


class StopRequest:
    """A context in which the first signal only sets `signal`, which is 0 before."""

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}
        self._may_break_off = False

    def __enter__(self) -> StopRequest:
        self._before = handle(self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._ask:
                signal.signal(number, handler)

    def unless_asked(self, work: Callable[..., T], *what: object) -> T | None:
        """What `work` gives; or None, at once, where a stop was or is asked for.

        For what takes seconds and changes nothing.
        """
        try:
            try:
                self._may_break_off = True
                return None if self.signal else work(*what)
            finally:
                self._may_break_off = False
        except BrokenOffError:
            return None

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal and number == signal.SIGINT:
            if callable(before := self._before[number]):
                before(number, frame)
            raise KeyboardInterrupt
        self.signal = number
        drop_blocked()
        if self._may_break_off:
            self._may_break_off = False
            raise BrokenOffError
