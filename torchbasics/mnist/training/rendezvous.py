"""Several processes find each other.

Who a process is and where the others meet stands in its environment, as `torchrun` or a
cluster has set it. They speak through PyTorch's store, in plain text.
"""

from __future__ import annotations

import os
import socket
import threading
import time

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store

from torchbasics.command.errors import UserError
from torchbasics.command.settings import shown
from torchbasics.mnist.training.farewell import launcher_keeps_store
from torchbasics.mnist.training.meeting import TO_MEET, absent, where

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN = "torchrun --standalone --nproc-per-node=2 -m torchbasics.mnist"
MOST = 1024  # processes


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
        raise UserError(f"nobody can be met at {where()}: {failures[0]}")
    raise UserError(f"process 0 of {count} {absent()}")


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
