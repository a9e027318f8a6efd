"""A checked number: what the source says beside what is computed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from torch import Tensor

Words = Mapping[str, str]
"""The labels of a lesson in the reader's language."""


class Check(NamedTuple):
    """Some numbers of a source, and the same numbers computed.

    `tolerance` is half a unit of the last digit that the source prints, or, for exact
    values, what rounding in float32 makes of numbers of size one.

    >>> Check("sigmoid(0)", [0.5], torch.tensor([0.5]), "theorem").passed
    True
    """

    name: str
    expected: Sequence[float]
    computed: Tensor | Sequence[float | Tensor]
    source: str
    tolerance: float = 1e-6

    @property
    def here(self) -> list[float]:
        """The computed numbers as one flat list."""
        computed = torch.as_tensor(self.computed, dtype=torch.float64).detach()
        return [float(value) for value in computed.flatten()]

    @property
    def passed(self) -> bool:
        """Whether each number is there, and is what the source says; nan is nan."""
        here, wanted = self.here, self.expected
        return len(here) == len(wanted) and all(
            abs(a - b) <= self.tolerance or (math.isnan(a) and math.isnan(b))
            for a, b in zip(here, wanted, strict=True)
        )


Item = Check | RenderableType
Part = Callable[[Words], Iterable[Item]]
"""A part of a lesson: checked numbers, and what else there is to look at."""


def shown(items: Iterable[Item], words: Words) -> RenderableType:
    """A part as the lesson shows it: its checks as tables, the rest between."""
    pieces: list[RenderableType] = []
    for _, group in groupby(items, lambda item: isinstance(item, Check)):
        members = list(group)
        if checks := checks_of(members):
            pieces.append(checks_table(checks, words))
        else:
            pieces += members  # type: ignore[arg-type]
    return Group(*pieces)


def checks_of(items: Iterable[Item]) -> list[Check]:
    """Only the checked numbers."""
    return [item for item in items if isinstance(item, Check)]


def checks_table(
    checks: Iterable[Check], words: Words, *, sources: bool = False
) -> Table:
    """The checks, a line each: name, the source's numbers, ours, and whether equal."""
    table = grid("", words["expected"], words["computed"], "")
    if sources:
        table.add_column(words["source"], overflow="fold")
    for check in checks:
        cells = [
            check.name,
            ", ".join(_number(value, check.tolerance) for value in check.expected),
            ", ".join(_number(value, check.tolerance) for value in check.here),
            "[green]✓" if check.passed else f"[bold red]✗ {words['wrong']}",
        ]
        table.add_row(
            *cells, *([words.get(check.source, check.source)] if sources else [])
        )
    return table


def grid(*headers: str) -> Table:
    """An empty table in the style of the course."""
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _number(value: float, tolerance: float) -> str:
    """A number with as many digits as the tolerance lets one trust.

    >>> _number(-0.19999999, 1e-6), _number(9.0949e-13, 5e-16), _number(1, 1e-6)
    ('-0.2', '9.09e-13', '1')
    """
    if not math.isfinite(value):
        return str(value)
    places = math.ceil(-math.log10(2 * tolerance) - 1e-6)
    if value and not 1e-3 <= abs(value) < 1e9:
        return f"{value:.{max(0, places + math.floor(math.log10(abs(value))))}e}"
    text = f"{value:.{max(0, places)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
