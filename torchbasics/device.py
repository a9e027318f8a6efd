"""Which device the tensors live on, and why; what bfloat16 is worth on this CPU."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import torch


def accelerator() -> torch.device | None:
    """The accelerator of this machine (CUDA, MPS, XPU, ...), if one answers."""
    if not torch.accelerator.is_available():
        return None
    return torch.accelerator.current_accelerator()


def choose(name: str = "auto") -> tuple[torch.device, str]:
    """The device of that name and a one-line reason.

    `auto` takes the accelerator if there is one, else the CPU. A device asked for by
    name is that device or an error, never silently another one.

    >>> choose("cpu")
    (device(type='cpu'), 'cpu, as asked')

    Raises ValueError for a name PyTorch does not know or a device that is not there.
    """
    found = accelerator()
    if name == "auto":
        if found is None:
            return torch.device("cpu"), "cpu, no accelerator found"
        return found, f"{found}, the accelerator found here"
    here = ["cpu"]
    if found is not None:
        count = torch.accelerator.device_count()
        here += [found.type] + [f"{found.type}:{index}" for index in range(count)]
    if name not in here:
        choices = ", ".join(["auto", *here])
        raise ValueError(f"device {name!r} is not there; on this machine: {choices}")
    return torch.device(name), f"{name}, as asked"


@contextmanager
def cpu_threads(count: int = 0, *, flush_denormal: bool = False) -> Iterator[None]:
    """Compute with so many CPU threads for a while, 0: as many as before.

    `flush_denormal` takes numbers below 1e-38, which are slow to compute with, as 0.
    Afterwards all is as it was, for whoever called.

    >>> before = torch.get_num_threads()
    >>> with cpu_threads(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    threads, flushed = torch.get_num_threads(), not (torch.tensor(1e-40) * 1.0)
    torch.set_num_threads(count or threads)
    torch.set_flush_denormal(flush_denormal or flushed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


def bf16_gain() -> float:
    """How many times as fast as in float32 this CPU multiplies matrices in bfloat16.

    Measured, as no name of an instruction tells: up to 8 with AMX, 2.6 on AMD's Zen 4,
    0.6 where AVX-512 has the instruction but does it slowly, far less without it. The
    factors are of a hidden layer's size, and each counts with the best of ten, in turn.

    >>> bf16_gain() > 0
    True
    """
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _, dtype in product(range(10), best):
        a, b = torch.ones(256, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
        start = time.perf_counter()
        a @ b
        best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best[torch.float32] / best[torch.bfloat16]
