"""Several processes find each other, agree how to begin, and leave together.

Who a process is and where the others meet stands in its environment, as `torchrun` or a
cluster has set it. They speak through PyTorch's store, in plain text.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import NoReturn, TypeVar, cast

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store

from torchbasics.command.errors import TrainingError, UserError
from torchbasics.command.settings import shown

T = TypeVar("T")

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN = "torchrun --standalone --nproc-per-node=2 -m torchbasics.mnist"
MOST = 1024  # processes
TO_MEET = timedelta(minutes=10)  # until all are there; for rank 0 to evaluate and save
WHY = "why"  # in the store: why one has failed


class Meeting:
    """So many processes, as the one of this rank sees them, and where they speak."""

    def __init__(
        self, rank: int = 0, count: int = 1, store: Store | None = None
    ) -> None:
        self.rank, self.count = rank, count
        self._store, self._num_gathered = store, 0

    def together(self, work: Callable[..., T], *what: object) -> T:
        """What `work` gives here; where it is refused in one process, all leave."""
        refused, parsers = "", None
        try:
            value = work(*what)
        except UserError as error:
            refused = str(error)
        except SystemExit as stop:  # an option parser, which has said why
            if stop.code not in (0, 2):
                raise
            refused, parsers = "its command line is not that of process 0", stop
        for rank, why in enumerate(self.gather(refused)):
            if why:
                raise parsers or UserError(f"process {rank}: {why}" if rank else why)
        return value

    def leave(self, failure: BaseException) -> NoReturn:
        """Rank 0 says why all leave; another tells it, and goes a second later.

        Whoever sees one go, such as a launcher, ends the others.
        """
        store = self._store
        with suppress(RuntimeError):  # the store may have gone with its process
            if store and _is_of_connection(failure):
                failure = TrainingError(
                    f"process {self.rank} of {self.count} has lost another, which is "
                    "gone or silent; what was saved is kept, and --resume goes on "
                    "with it"
                )
                if self.rank == 0 and store.check([WHY]):
                    failure = TrainingError(store.get(WHY).decode())
            elif store and self.rank and isinstance(failure, TrainingError):
                store.set(WHY, f"process {self.rank}: {failure}")
        if self.rank:
            time.sleep(1)
        raise failure

    def gather(self, text: str) -> list[str]:
        """What each process says here, by rank; it waits for all. Raises UserError."""
        if self._store is None:
            return [text]
        self._num_gathered += 1
        keys = [f"{self._num_gathered}/{rank}" for rank in range(self.count)]
        self._store.set(keys[self.rank], text)
        self._wait_for(keys)
        texts = [self._store.get(key).decode() for key in keys]
        self._store.set(f"{keys[self.rank]} has read", "")
        if self.rank == 0:  # with which the store may go
            self._wait_for([f"{key} has read" for key in keys])
        return texts

    def _wait_for(self, keys: list[str]) -> None:
        for rank, key in enumerate(keys):
            _wait(partial(cast(Store, self._store).check, [key]), rank, self.count)

    def require_same(self, settings: Mapping[str, object]) -> None:
        """Raise UserError, in all of them, if a setting is not the same in each."""
        first, *others = map(json.loads, self.gather(json.dumps({**settings})))
        for rank, other in enumerate(others, start=1):
            for name in {**first, **other}:  # another version has other settings
                here, there = (f"{name} = {of.get(name)}" for of in (first, other))
                if here != there:
                    raise UserError(
                        f"process 0 has {here}, process {rank} has {there}: start all "
                        "with the same settings"
                    )


def meet() -> tuple[int, int, Store | None]:
    """The rank of this process, how many there are, and the store where they speak.

    Raises UserError where the environment does not tell, or the others are not found.
    """
    if not {"RANK", "WORLD_SIZE"} & set(os.environ):
        return 0, 1, None
    missing = [name for name in VARIABLES if name not in os.environ]
    if "WORLD_SIZE" in missing or (missing and number("WORLD_SIZE", 1, MOST) > 1):
        raise UserError(
            f"the processes cannot find each other: set {', '.join(missing)}, or let "
            f"`{TORCHRUN}` set all; alone, unset RANK and WORLD_SIZE"
        )
    count = number("WORLD_SIZE", 1, MOST)
    rank = number("RANK", 0, count - 1, default="0")
    if count == 1:
        return 0, 1, None
    port = number("MASTER_PORT", 1, 65_535)
    number("LOCAL_RANK", 0, count - 1, default="0")
    if not os.environ["MASTER_ADDR"].strip():
        raise UserError("MASTER_ADDR is empty: it must name the machine of process 0")
    # torchrun --max-restarts starts them anew at the same store
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = PrefixStore(f"torchbasics/{attempt}", _opened_store(rank, count, port))
    return rank, count, store


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


def launcher_keeps_store() -> bool:
    """Whether torchrun has started this process, and keeps the store itself."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _opened_store(rank: int, count: int, port: int) -> Store:
    """The store at the address where all meet; another thread opens it.

    PyTorch would wait deaf to signals, and without end for a stranger at that port.
    """
    address = os.environ["MASTER_ADDR"]
    keeps_it = rank == 0 and not launcher_keeps_store()
    options = {"is_master": keeps_it, "timeout": TO_MEET, "wait_for_workers": False}
    try:
        if not keeps_it:  # PyTorch would tell of each attempt
            _wait(lambda: _listens(address, port), 0, count)
        with ThreadPool(1) as pool:
            store = dist.TCPStore  # type: ignore[attr-defined]
            opening = pool.apply_async(store, (address, port, count), options)
            _wait(opening.ready, 0, count)
            return opening.get()
    except (RuntimeError, UnicodeError) as error:
        why = str(error).partition("\n")[0]
        if "EADDRINUSE" in why:
            why = f"another program has the port {port} already: choose another"
        raise UserError(f"nobody can be met at {address}:{port}: {why}") from None


def _listens(address: str, port: int) -> bool:
    """Whether somebody does there."""
    with suppress(OSError):
        socket.create_connection((address, port), 5).close()
        return True
    return False


def _wait(until: Callable[[], bool], rank: int, count: int) -> None:
    """Wait for the process of that rank, where signals are heard. Raises UserError."""
    end = time.monotonic() + TO_MEET.total_seconds()
    while not until():
        if time.monotonic() > end:
            where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            raise UserError(
                f"process {rank} of {count} was not met at {where} within "
                f"{TO_MEET.total_seconds():.0f} s: is it started, with the same "
                "address, and may it connect there?"
            )
        time.sleep(0.02)


def _is_of_connection(error: BaseException) -> bool:
    """Whether it is PyTorch's word for a process that does not answer."""
    if isinstance(error, dist.DistError):
        return True
    words = str(error) if isinstance(error, RuntimeError) else ""
    return "gloo" in words or "NCCL" in words
