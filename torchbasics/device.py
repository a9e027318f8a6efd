"""Which device the tensors live on, and why; how threads compute, and in which mode."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


def accelerator() -> torch.device | None:
    """The accelerator of this machine (CUDA, MPS, XPU, ...), if one answers."""
    return torch.accelerator.current_accelerator(check_available=True)


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
        reason = "the accelerator found here" if found else "no accelerator found"
        return found or torch.device("cpu"), f"{found or 'cpu'}, {reason}"
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
    """
    tiny = torch.tensor(1e-40, dtype=torch.float32)
    threads, flushed = torch.get_num_threads(), not (tiny * 1)
    torch.set_num_threads(count or threads)
    torch.set_flush_denormal(flush_denormal or flushed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


@contextmanager
def default_mode() -> Iterator[None]:
    """With gradients and in the dtype of the inputs, whatever a caller has switched.

    That is `torch.no_grad`, `torch.inference_mode` and `torch.autocast`.
    """
    kinds = filter(torch.is_autocast_enabled, ("cpu", "cuda", "mps", "xpu"))
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(torch.autocast(kind, enabled=False))
        with torch.inference_mode(False), torch.enable_grad():
            yield
