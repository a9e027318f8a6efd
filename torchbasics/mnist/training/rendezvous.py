"""Several processes find each other, agree how to begin, and if one cannot, all leave.

Who a process is and where the others meet stands in its environment, as `torchrun` or a
cluster has set it. They speak through PyTorch's store, in plain text.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NoReturn, TypeVar

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store

from torchbasics.command.errors import TrainingError, UserError
from torchbasics.command.settings import shown
from torchbasics.mnist.training.farewell import (
    Farewell,
    launcher_keeps_store,
    status_of,
)

T = TypeVar("T")

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN = "torchrun --standalone --nproc-per-node=2 -m torchbasics.mnist"
MOST = 1024  # processes
TO_MEET = timedelta(minutes=10)  # until all are there; for rank 0 to evaluate and save


class Meeting:
    """So many processes, as the one of this rank sees them.

    The store where they speak goes with the process that `keeps_store`.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        store: Store | None = None,
        keeps_store: bool = False,
    ) -> None:
        self.rank, self.count = rank, count
        self._store, self._num_gathered = store, 0
        self._farewell: Farewell | None = None
        if store:
            self._farewell = Farewell(store, rank, count, keeps_store=keeps_store)

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

    def leave_early(self, failure: BaseException) -> NoReturn:
        """Leave because of this, or of what another has said that has left."""
        if self._farewell is None:
            raise failure
        if _is_of_connection(failure):
            # rank 0 may be about to say what it, too, has lost
            told = self._farewell.heard(1 if self.rank else 0)
            if told is None:
                lost = TrainingError(
                    f"process {self.rank} of {self.count} has lost another, which is "
                    "gone or silent; what was saved is kept, and --resume goes on "
                    "with it"
                )
                self._farewell.say(lost)
                raise lost from None
            failure = told
        self._farewell.say(failure)
        if isinstance(failure, (UserError, TrainingError, KeyboardInterrupt)):
            self.leave(failure, SystemExit(status_of(failure)))
        raise failure

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
        first, *others = map(json.loads, self.gather(json.dumps({**settings})))
        for rank, other in enumerate(others, start=1):
            for name in {**first, **other}:  # another version has other settings
                here, there = (f"{name} = {of.get(name)}" for of in (first, other))
                if here != there:
                    why = f"process 0 has {here}, process {rank} has {there}"
                    differ = UserError(f"{why}: start all with the same settings")
                    self.leave(differ, SystemExit(2))


def meet() -> tuple[int, int, Store | None, bool]:
    """The rank of this process, how many there are, and the store where they speak.

    And whether the store goes with this process. Raises UserError where the environment
    does not tell, or at once or in the end the others are not found.
    """
    count = _count()
    if count == 1:
        return 0, 1, None, False
    rank, port = number("RANK", 0, count - 1), number("MASTER_PORT", 1, 65_535)
    number("LOCAL_RANK", 0, count - 1, default="0")
    if not os.environ["MASTER_ADDR"].strip():
        raise UserError("MASTER_ADDR is empty: it must name the machine of process 0")
    keeps_store = rank == 0 and not launcher_keeps_store()
    store = _opened_store(port, count, keeps_store)
    # torchrun --max-restarts starts them anew at the same store
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return rank, count, PrefixStore(f"torchbasics/{attempt}", store), keeps_store


def require_alone(instead: str) -> None:
    """Raise UserError, with what to do instead, in one of several processes."""
    count = number("WORLD_SIZE", 1, MOST, default="1")
    if count > 1:
        raise UserError(
            f"WORLD_SIZE is {count}, but this is for one process: {instead}"
        )


def number(variable: str, low: int, high: int, default: str = "") -> int:
    """What a variable of the environment says. Raises UserError."""
    text = os.environ.get(variable, default)
    is_number = text.isascii() and text.isdecimal() and len(text) < 7
    if not (is_number and low <= int(text) <= high):
        of = f"WORLD_SIZE is {high + 1}, so " if low == 0 else ""
        right = f"a number from {low} to {high}" if high else "0"
        raise UserError(f"{variable} is {shown(text)}: {of}it must be {right}")
    return int(text)


def _count() -> int:
    """How many processes there are. Raises UserError where some variables are missing.

    Of one alone nothing need be said, but that it is no other than the first.
    """
    if not {"RANK", "WORLD_SIZE"} & set(os.environ):
        return 1
    count = number("WORLD_SIZE", 1, MOST, default="1")
    missing = [name for name in VARIABLES if name not in os.environ]
    if "WORLD_SIZE" in missing or (count > 1 and missing):
        has = "RANK" if "WORLD_SIZE" in missing else "WORLD_SIZE"
        raise UserError(
            f"{has} is {shown(os.environ[has])}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set, so the processes cannot "
            f"find each other: `{TORCHRUN}` sets all; alone, unset {has}"
        )
    if count == 1:
        number("RANK", 0, 0, default="0")
    return count


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
        except (RuntimeError, OSError, UnicodeError) as error:
            failures.append(str(error).partition("\n")[0])

    opening, begun = threading.Thread(target=open_store, daemon=True), time.monotonic()
    opening.start()
    opening.join(TO_MEET.total_seconds() + 5)
    if found:
        return found[0]
    if "EADDRINUSE" in "".join(failures):
        raise UserError(
            f"another program has the port {port} already: choose another MASTER_PORT"
        )
    if failures and time.monotonic() - begun < TO_MEET.total_seconds():
        raise UserError(f"nobody can be met at {_where()}: {failures[0]}")
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


def _where() -> str:
    return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"


def _absent() -> str:
    return (
        f"was not met at {_where()} within {TO_MEET.total_seconds():.0f} s: is it "
        "started, with the same address, and may it connect there?"
    )


def _is_of_connection(error: BaseException) -> bool:
    """Whether it is PyTorch's word for a process that does not answer."""
    if isinstance(error, dist.DistError):
        return True
    words = str(error) if isinstance(error, RuntimeError) else ""
    return "gloo" in words or "NCCL" in words
