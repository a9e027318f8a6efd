"""Several processes agree how to begin, and if one cannot, all leave."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NoReturn, TypeVar

import torch.distributed as dist
from torch.distributed.distributed_c10d import Store

from torchbasics.command.errors import TrainingError, UserError
from torchbasics.mnist.training.farewell import Farewell, status_of

T = TypeVar("T")

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
                    raise UserError(f"process {rank} of {self.count} {absent()}")
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


def where() -> str:
    """Where the processes of this environment meet."""
    return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"


def absent() -> str:
    """What is told of a process that did not come."""
    return (
        f"was not met at {where()} within {TO_MEET.total_seconds():.0f} s: is it "
        "started, with the same address, and may it connect there?"
    )


def _is_of_connection(error: BaseException) -> bool:
    """Whether it is PyTorch's word for a process that does not answer."""
    if isinstance(error, dist.DistError):
        return True
    words = str(error) if isinstance(error, RuntimeError) else ""
    return "gloo" in words or "NCCL" in words
