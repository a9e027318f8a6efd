"""One training by several processes, which `torchrun` or a cluster has started.

Each process computes the gradients of its part of every batch; PyTorch's
DistributedDataParallel averages them, so that all take the same step, and after each
they agree whether to stop. Rank 0 alone reads and writes the run, evaluates and prints.
One process alone goes the same way, with nobody to ask.

Batch norm takes its means from a process's own part of the batch, and what evaluation
uses from rank 0's: with it, two processes train as well as one, but not the same.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from torchbasics.command.errors import UserError
from torchbasics.command.output import Nowhere
from torchbasics.command.settings import shown
from torchbasics.command.signals import StopRequest
from torchbasics.mnist.training.meeting import (
    TO_MEET,
    Meeting,
    launcher_keeps_store,
    meet,
    number,
)

TO_STEP = timedelta(seconds=20)  # within an epoch, where all should be at the same step
PARENT = os.getppid()  # who has started this process


class Processes(Meeting):
    """All processes of a training, as one of them sees them."""

    _patient: dist.ProcessGroup | None = None

    def connect(self, where: torch.device) -> int:
        """Let these processes compute together; how many CPU threads are for each."""
        if self.count == 1:
            return 0
        backends = {"cpu": "gloo"}
        backends[where.type] = dist.get_default_backend_for_device(where)
        dist.init_process_group(
            ",".join(":".join(pair) for pair in backends.items()),
            store=self._store,
            rank=self.rank,
            world_size=self.count,
            timeout=TO_STEP,
        )
        patient = dist.new_group(backend="gloo", timeout=TO_MEET)
        self._patient = cast(dist.ProcessGroup, patient)
        hosts = self.gather(socket.gethostname())
        return max(1, num_cores() // hosts.count(hosts[self.rank]))

    def require_network(self) -> None:
        """Raise UserError where the network that was named for them is not there."""
        named = os.environ.get("GLOO_SOCKET_IFNAME", "")
        here = [name for _, name in socket.if_nameindex()]
        asked = (name.partition(":")[0] for name in named.split(","))
        if named and self.count > 1 and not set(asked) <= {*here}:
            raise UserError(
                f"GLOO_SOCKET_IFNAME is {shown(named)}: there is {', '.join(here)}"
            )

    def own_device(self, where: torch.device) -> torch.device:
        """The device of this process: of a machine's accelerators each has its own."""
        if self.count == 1 or where.type == "cpu":
            return where
        local = number("LOCAL_RANK", 0, self.count - 1, default="0")
        here = torch.accelerator.device_count()
        if where.index is not None or local >= here:
            raise UserError(
                f"each process needs a {where.type} device of its own, and here "
                f"{'is' if here == 1 else 'are'} {here}: start as many, and name none "
                "by its number; or add --device cpu"
            )
        torch.accelerator.set_device_index(local)
        return torch.device(where.type, local)

    def own_part(self, order: Tensor, batch_size: int) -> Tensor:
        """This process's part of each whole batch. Shape: (M,) -> (M' / count,).

        >>> Processes(1, 2).own_part(torch.arange(9), batch_size=4)
        tensor([2, 3, 6, 7])
        """
        if self.count == 1:
            return order
        whole = len(order) // batch_size * batch_size
        parts = order[:whole].view(-1, batch_size).chunk(self.count, dim=1)
        return parts[self.rank].flatten()

    def averaging_gradients(self, model: nn.Module) -> nn.Module:
        """The model, whose backward pass gives the mean of all processes' gradients."""
        if self.count == 1:
            return model
        self.sum(torch.zeros(1))  # patiently: rank 0 has opened its run meanwhile
        return nn.parallel.DistributedDataParallel(model)

    def agree(self, stop: StopRequest, *, patiently: bool = False) -> bool:
        """Whether any process was asked to stop: then all are.

        `patiently` waits for rank 0, which does more than the others.
        """
        if self.count == 1:
            return stop.signal > 0
        if launcher_keeps_store() and os.getppid() != PARENT:  # killed: train no more
            stop.signal = stop.signal or signal.SIGTERM
        asked = torch.tensor(stop.signal)
        group = self._patient if patiently else None
        dist.all_reduce(asked, dist.ReduceOp.MAX, group)
        if asked:  # if not, one that came meanwhile must not be forgotten
            stop.signal = int(asked)
        return bool(asked)

    def cat(self, values: Tensor) -> Tensor:
        """What all processes have, side by side by rank. Shape: (S, n, *) -> (S, N, *).

        The batches of S steps, of which each has n images.
        """
        mine = values.cpu().contiguous()
        parts = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(parts, mine, self._patient)
        return torch.cat(parts, dim=1).to(values.device)

    def sum(self, values: Tensor) -> Tensor:
        """What all processes have, added up, on the CPU. Shape: (*) -> (*)."""
        total = values.detach().cpu().clone()
        if self.count > 1:
            dist.all_reduce(total, group=self._patient)
        return total

    def from_rank_0(self, content: bytes) -> bytes:
        """What rank 0 has; what the others give is not looked at."""
        if self.count == 1:
            return content
        length = int(self.sum(torch.tensor(0 if self.rank else len(content))))
        given = bytearray(length if self.rank else content)
        if length:
            buffer = torch.frombuffer(given, dtype=torch.uint8)
            dist.broadcast(buffer, 0, self._patient)
        return bytes(given)


@contextmanager
def joined() -> Iterator[Processes]:
    """This process as one of those that its environment tells of, or alone.

    Rank 0 alone prints, errors too, until the command ends. None leaves a training that
    went well before rank 0 has told its result. Raises TrainingError where another
    process is gone or silent.
    """
    processes = Processes(*meet())
    if processes.rank:
        sys.stdout = sys.stderr = cast(TextIO, Nowhere())
    try:
        yield processes
        processes.sum(torch.zeros(()))
    except BaseException as failure:
        processes.leave(failure)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def num_cores() -> int:
    """How many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
