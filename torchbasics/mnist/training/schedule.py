"""The learning rate as a function of the step."""

import math

import torch
from torch import Tensor

from torchbasics.mnist.config import ScheduleConfig


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float | Tensor) -> None:
    """Use this learning rate from the next step on. Shape: (1,) or a number."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def learning_rate(
    schedule: ScheduleConfig, lr: float, step: int, total_steps: int
) -> float:
    """The learning rate of a step, counted from 0: a formula, so it needs no state.

    It rises for `warmup * total_steps` steps to `lr`, then falls: not at all
    (`constant`), along a line (`linear`) or half a cosine (`cosine`) to 0, or by the
    same factor each step (`exponential`) to `final * lr`. `one-cycle` rises along half
    a cosine from lr / 25 and falls along one to lr / 250,000, as in
    Smith and Topin, "Super-convergence", 2018, and PyTorch's OneCycleLR.

    >>> half = ScheduleConfig(name="linear", warmup=0.5)
    >>> [learning_rate(half, 1.0, step, total_steps=8) for step in range(8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    warmup_steps = schedule.warmup * total_steps
    if schedule.name == "one-cycle":
        peak = max(warmup_steps - 1, 0.0)
        if step < peak:
            return _half_cosine(lr / 25, lr, step / peak)
        falling = max(total_steps - 1 - peak, 1)
        return _half_cosine(lr, lr / 25e4, (step - peak) / falling)
    if step < warmup_steps:
        return lr * min((step + 1) / warmup_steps, 1.0)
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    if schedule.name == "linear":
        return lr * (1 - progress)
    if schedule.name == "exponential":
        return float(lr * schedule.final**progress)
    return _half_cosine(lr, 0.0, progress) if schedule.name == "cosine" else lr


def _half_cosine(start: float, end: float, progress: float) -> float:
    """From `start` to `end`, level at both, as progress goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
