"""Which device the tensors live on, and why; how threads compute, and in which mode."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


def accelerator() -> torch.device | None:
    """The accelerator of this machine (CUDA, MPS, XPU, ...), if one answers."""
    return torch.accelerator.current_accelerator(check_available=True)


def choose(name: str = "auto") -> tuple[torch.device, str]:
    """The device of that name and a one-line reason.

    `auto` takes the accelerator if there is one that can compute, else the CPU. A
    device asked for by name is that device or a ValueError, never silently another.

    >>> choose("cpu")
    (device(type='cpu'), 'cpu, as asked')
    """
    found, here = accelerator(), ["auto", "cpu"]
    if found:
        count = torch.accelerator.device_count()
        here += [found.type, *(f"{found.type}:{index}" for index in range(count))]
    if name not in here:
        why = problem(torch.device("cuda")) if name.startswith("cuda") else ""
        raise ValueError(
            f"device {name!r} is not there; on this machine: {', '.join(here)}"
            f"{why and f'. {why}'}"
        )
    device = torch.device(name) if name != "auto" else found or torch.device("cpu")
    if not (wrong := problem(device)):
        reason = "the accelerator found here" if found else "no accelerator found"
        return device, f"{device}, {'as asked' if name != 'auto' else reason}"
    if name == "auto":
        return torch.device("cpu"), f"cpu, as {device} cannot compute: {wrong}"
    raise ValueError(f"device {name!r} cannot compute: {wrong}; take cpu")


def problem(device: torch.device) -> str:
    """Why nothing can be computed on a device, in PyTorch's words; empty if it can.

    There may be no driver, or one too old for this PyTorch, or a card too old for it.

    >>> problem(torch.device("cpu"))
    ''
    """
    try:
        torch.ones(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError) as error:  # the second: not compiled for it
        return str(error).partition("\n")[0]
    return ""


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
    with ExitStack() as stack:
        for kind in filter(torch.is_autocast_enabled, ("cpu", "cuda", "mps", "xpu")):
            stack.enter_context(torch.autocast(kind, enabled=False))
        with torch.inference_mode(False), torch.enable_grad():
            yield
