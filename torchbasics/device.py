"""Which device the tensors live on, and why; how threads compute, and in which mode."""

import os
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

    Raises ValueError for a name PyTorch does not know, a device that is not there, or
    one that this PyTorch cannot compute on.
    """
    found = accelerator()
    wrong = problem(found) if found and name != "cpu" else ""
    if name == "auto":
        if wrong:
            return torch.device("cpu"), f"cpu, as {found} cannot compute: {wrong}"
        reason = "the accelerator found here" if found else "no accelerator found"
        return found or torch.device("cpu"), f"{found or 'cpu'}, {reason}"
    here = ["cpu"]
    if found is not None:
        count = torch.accelerator.device_count()
        here += [found.type] + [f"{found.type}:{index}" for index in range(count)]
    if name not in here:
        choices = ", ".join(["auto", *here])
        why = cuda_problem() if name.startswith("cuda") else ""
        raise ValueError(
            f"device {name!r} is not there; on this machine: {choices}"
            f"{why and f'. {why}'}"
        )
    if wrong:
        raise ValueError(f"device {name!r} cannot compute: {wrong}; take cpu")
    return torch.device(name), f"{name}, as asked"


def problem(device: torch.device) -> str:
    """Why nothing can be computed on a device that is there; empty where it can.

    For example a card that is too old for the kernels this PyTorch was built with.

    >>> problem(torch.device("cpu"))
    ''
    """
    try:
        torch.ones(1, device=device).add_(1).item()
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    return ""


def cuda_problem() -> str:
    """Why CUDA cannot be used here, in a sentence; empty where it can."""
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is built without CUDA"
    built = f"PyTorch is built for CUDA {torch.version.cuda}, but "
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return f"{built}CUDA_VISIBLE_DEVICES hides every card"
    try:
        torch.cuda.init()
    except RuntimeError as error:
        said = str(error)
        if "no NVIDIA driver" in said:
            return (
                f"{built}there is no NVIDIA driver: this machine has no NVIDIA GPU, "
                "or its driver is not installed (nvidia-smi would show both)"
            )
        return built + said.partition("\n")[0]
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
    kinds = filter(torch.is_autocast_enabled, ("cpu", "cuda", "mps", "xpu"))
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(torch.autocast(kind, enabled=False))
        with torch.inference_mode(False), torch.enable_grad():
            yield
