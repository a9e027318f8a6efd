"""Which device the tensors live on, and why."""

from __future__ import annotations

import torch

from torchbasics.errors import UserError


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

    Raises UserError for a name PyTorch does not know or a device that is not there.
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
        raise UserError(f"device {name!r} is not there; on this machine: {choices}")
    return torch.device(name), f"{name}, as asked"
