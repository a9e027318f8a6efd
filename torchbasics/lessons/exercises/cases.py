"""The cases that a function is tried on: chosen ones from a file, fresh ones at random.

What is said of a function has to hold on the fresh ones, too, which have other sizes:
on a handful of chosen numbers two formulas may agree by chance, and a loop may seem to
stop too early.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchbasics import rng
from torchbasics.lessons.exercises.asking import Case, decimal
from torchbasics.lessons.prose import TEXT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def _cases(listed: list[list[Any]]) -> list[Case]:
    return [tuple(torch.from_numpy(np.array(v)) for v in case) for case in listed]


_CHOSEN = tomllib.loads((TEXT / "cases.toml").read_text(encoding="utf-8"))
CASES = {name: _cases(listed) for name, listed in _CHOSEN.items()}
"""By exercise, or by a kind of exercises, the chosen ones, in float64 and int64."""

_UPWARDS = torch.arange(2 * 28 * 28)
CASES["flatten"] = [
    ((_UPWARDS % levels).reshape(2, 28, 28).byte(),) for levels in (256, 100)
]

_SIZES = {"N": (5, 3, 4), "C": (4, 6, 3), "D": (3, 5, 2), "H": (6, 2, 4)}
_Draw = Callable[[tuple[int, ...], torch.Generator, int], Tensor]
_KINDS: dict[str, _Draw] = {
    "normal": lambda size, g, _: torch.randn(size, generator=g),
    "probs": lambda size, g, _: torch.randn(size, generator=g).softmax(-1),
    "labels": lambda size, g, classes: torch.randint(classes, size, generator=g),
    "share": lambda size, g, _: 0.05 + 0.9 * torch.rand(size, generator=g),
    "whole": lambda size, g, _: torch.randint(4, 9, size, generator=g).float(),
    "pixels": lambda size, g, _: torch.randint(256, size, generator=g).byte(),
}


def drawn(*kinds: str, times: int = 3, **like: int) -> list[Case]:
    """So many cases with an argument of each kind, as `normal N D` or `labels N`.

    Two more are of the sizes that are given: some answers are for these only.

    >>> [tuple(x.shape) for x in drawn("normal N D", "normal D", "share")[1]]
    [(3, 5), (5,), ()]
    """
    cases = []
    for i in range(times + (2 if like else 0)):
        random = rng.generator(0, "questions", i)
        sizes = {name: some[i % len(some)] for name, some in _SIZES.items()}
        sizes |= like if i >= times else {}
        drawing = []
        for kind in kinds:
            name, *shape = kind.split()
            size = tuple(sizes.get(letter) or int(letter) for letter in shape)
            drawing.append(decimal(_KINDS[name](size, random, sizes["C"])))
        cases.append(tuple(drawing))
    return cases
