"""Several processes find each other, agree how to begin, and if one cannot, all leave.

Who a process is and where the others meet stands in its environment, as `torchrun` or a
cluster has set it. They speak through PyTorch's store, in plain text.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn, TypeVar

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store

from torchbasics.command.errors import UserError

T = TypeVar("T")

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN = "torchrun --standalone --nproc-per-node=2 -m torchbasics.mnist"
FAILURE = "failure"  # in the store: why a process has gone
TO_MEET = timedelta(minutes=10)  # until all are there; for rank 0 to evaluate and save


class Meeting:
    """So many processes, as the one of this rank sees them."""

    def __init__(
        self, rank: int = 0, count: int = 1, store: Store | None = None
    ) -> None:
        self.rank, self.count = rank, count
        self._store, self._num_gathered = store, 0

    def together(self, work: Callable[..., T], *what: object) -> T:
        """What `work` gives here; where it is refused in one process, all leave."""
        if self.count == 1:
            return work(*what)
        refused, left = "", None
        try:
            value = work(*what)
        except UserError as error:
            refused = str(error)
        except SystemExit as stop:  # an option parser, which has said why
            if stop.code not in (0, 2):
                raise
            refused, left = "its command line is not that of process 0", stop
        for rank, why in enumerate(self.gather(refused)):
            if why:
                says = UserError(f"process {rank}: {why}" if rank else why)
                self.leave(left or says, left or SystemExit(2))
        return value

    def leave(self, says: BaseException, silently: SystemExit) -> NoReturn:
        """Rank 0 says why, and goes first: whoever sees one go ends the others."""
        if self.rank:
            time.sleep(1)
            raise silently
        raise says

    def tell_failure(self, why: str) -> None:
        """Let the others read why this process goes, which they would only lose."""
        says = f"process {self.rank}: {why}" if self.rank else why
        self._ask_store(lambda store: store.set(FAILURE, says))

    def told_failure(self) -> str:
        """Why another process has gone, if it could say so."""
        if not self._ask_store(lambda store: store.check([FAILURE])):
            return ""
        return (self._ask_store(lambda store: store.get(FAILURE)) or b"").decode()

    def _ask_store(self, ask: Callable[[Store], T]) -> T | None:
        """What the store answers, None if it does not: PyTorch would wait long."""
        answers: list[T] = []

        def wait(store: Store) -> None:
            with suppress(RuntimeError):
                answers.append(ask(store))

        if self._store is not None:
            waiting = threading.Thread(target=wait, args=[self._store], daemon=True)
            waiting.start()
            waiting.join(2)
        return answers[0] if answers else None

    def gather(self, text: str) -> list[str]:
        """What each process says here, by rank; it waits for all. Raises UserError."""
        if self._store is None:
            return [text]
        self._num_gathered += 1
        keys = [f"{self._num_gathered}/{rank}" for rank in range(self.count)]
        self._store.set(keys[self.rank], text)
        end = time.monotonic() + TO_MEET.total_seconds()
        for rank, key in enumerate(keys):
            while not self._store.check([key]):
                if time.monotonic() > end:
                    raise UserError(f"process {rank} of {self.count} {_absent()}")
                time.sleep(0.01)  # here, unlike in the store, signals are heard
        return [self._store.get(key).decode() for key in keys]

    def require_same(self, settings: Mapping[str, object]) -> None:
        """Leave, all of them, if a setting is not the same in each process."""
        mine = [f"{name} = {value}" for name, value in settings.items()]
        first, *others = (said.split("\n") for said in self.gather("\n".join(mine)))
        for rank, other in enumerate(others, start=1):
            for here, there in zip(first, other, strict=True):
                if here != there:
                    why = f"process 0 has {here}, process {rank} has {there}"
                    differ = UserError(f"{why}: start all with the same settings")
                    self.leave(differ, SystemExit(2))


def meet() -> tuple[int, int, Store | None]:
    """The rank of this process, how many there are, and the store where they speak.

    Raises UserError where the environment does not tell, or at once or in the end the
    others are not found.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return 0, 1, None
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise UserError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set, so the processes cannot "
            f"find each other: `{TORCHRUN}` sets all; alone, unset WORLD_SIZE"
        )
    count = number("WORLD_SIZE", 1, 1024)
    rank, port = number("RANK", 0, count - 1), number("MASTER_PORT", 1, 65_535)
    # torchrun's agent has a store already, at its own address
    hosts_store = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    store = _opened_store(port, count, hosts_store)
    # torchrun --max-restarts starts them anew at the same store
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return rank, count, PrefixStore(f"torchbasics/{attempt}", store)


def require_alone(instead: str) -> None:
    """Raise UserError, with what to do instead, in one of several processes."""
    count = os.environ.get("WORLD_SIZE") or "1"
    if count != "1":
        raise UserError(
            f"WORLD_SIZE is {count}, but this is for one process: {instead}"
        )


def number(variable: str, low: int, high: int, default: str = "") -> int:
    """What a variable of the environment says. Raises UserError."""
    text = os.environ.get(variable, default)
    if not (text.isdecimal() and len(text) < 7 and low <= int(text) <= high):
        raise UserError(f"{variable} is {text!r}: it must be from {low} to {high}")
    return int(text)


def _opened_store(port: int, count: int, hosts_it: bool) -> Store:
    """The store at the address where all meet; another thread waits for it.

    PyTorch would wait deaf to signals, and without end for a stranger at that port.
    """
    found: list[Store] = []
    failures: list[str] = []

    def open_store() -> None:
        try:
            if not hosts_it:
                _wait_for_port(port)
            found.append(
                dist.TCPStore(  # type: ignore[attr-defined]
                    os.environ["MASTER_ADDR"],
                    port,
                    count,
                    is_master=hosts_it,
                    timeout=TO_MEET,
                    wait_for_workers=False,
                )
            )
        except (RuntimeError, OSError) as error:
            failures.append(str(error))

    opening = threading.Thread(target=open_store, daemon=True)
    opening.start()
    opening.join(TO_MEET.total_seconds() + 5)
    if found:
        return found[0]
    if "EADDRINUSE" in "".join(failures):
        raise UserError(
            f"another program has the port {port} already: choose another MASTER_PORT"
        )
    raise UserError(f"process 0 of {count} {_absent()}")


def _wait_for_port(port: int) -> None:
    """Wait until somebody listens there. Raises OSError after a time."""
    end = time.monotonic() + TO_MEET.total_seconds()
    while True:
        try:
            socket.create_connection((os.environ["MASTER_ADDR"], port), 5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _absent() -> str:
    where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    return (
        f"was not met at {where} within {TO_MEET.total_seconds():.0f} s: is it "
        "started, with the same address, and may it connect there?"
    )
