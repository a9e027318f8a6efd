"""Why a process leaves, told to the others, who would only lose it.

They speak through a store that may go with the process that keeps it. So each listens
while it computes, and who keeps the store stays until all have heard. A launcher that
keeps it goes last; one that is killed before leaves nobody training alone.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from torch.distributed.distributed_c10d import Store

from torchbasics.command.errors import TrainingError, UserError

WORDS = "farewell"  # in the store: those of the first that left
SECONDS_TO_HEAR = 2


class Farewell:
    """What the first of several processes that leaves says to the others.

    In threads, since where nobody answers PyTorch waits long.
    """

    def __init__(
        self, store: Store, rank: int, count: int, *, keeps_store: bool
    ) -> None:
        self._store, self._rank, self._keeps_store = store, rank, keeps_store
        self._have_heard = [f"heard/{each}" for each in range(count)]
        self._has_heard = self._have_heard.pop(rank)
        self._heard = ""
        self._enough = threading.Event()
        self._listening = _in_thread(self._listen)

    def say(self, failure: BaseException) -> None:
        """Say why, unless another has said so; where the store goes, all hear it."""
        nobody_answers = self._enough.is_set() and self._listening.is_alive()
        if not (self._heard or nobody_answers):
            who = f"process {self._rank}: " if self._rank else ""
            words = f"{status_of(failure)} {who}{_reason(failure)}"
            saying = _in_thread(lambda: self._say(words))
            saying.join(SECONDS_TO_HEAR)
            self._end(saying, self._listening)

    def heard(self, patience: float = 0) -> BaseException | None:
        """What was said, if it is within so many seconds; listens no more then."""
        self._listening.join(patience)
        self._end(self._listening)
        status, _, why = self._heard.partition(" ")
        if status in ("", "0"):
            return SystemExit(0) if status else None
        return UserError(why) if status == "2" else TrainingError(why)

    def _end(self, *threads: threading.Thread) -> None:
        """Python aborts where it ends while a thread comes back from PyTorch."""
        self._enough.set()
        for thread in threads:
            thread.join(SECONDS_TO_HEAR)

    def _listen(self) -> None:
        is_last = False
        try:
            while not (is_last or self._heard):
                is_last = self._enough.wait(0.2)
                if self._store.check([WORDS]):
                    self._heard = self._store.get(WORDS).decode()
                    self._store.set(self._has_heard, "")
        except RuntimeError:  # the store has gone
            if launcher_keeps_store() and not is_last:
                signal.raise_signal(signal.SIGTERM)

    def _say(self, words: str) -> None:
        with suppress(RuntimeError):
            self._store.compare_set(WORDS, "", words)
            while self._keeps_store and not self._store.check(self._have_heard):
                if self._enough.wait(0.02):
                    break


def launcher_keeps_store() -> bool:
    """Whether torchrun's agent keeps the store, at its own address."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def status_of(failure: BaseException) -> int:
    """The exit status of a process that leaves because of it."""
    if isinstance(failure, SystemExit):
        return failure.code if isinstance(failure.code, int) else 0
    if isinstance(failure, KeyboardInterrupt):
        return 130
    return 2 if isinstance(failure, UserError) else 1


def _reason(failure: BaseException) -> str:
    if isinstance(failure, (UserError, TrainingError)):
        return str(failure)
    if isinstance(failure, (SystemExit, KeyboardInterrupt)):
        return "it was stopped"
    return f"{type(failure).__name__}: {failure}"


def _in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
