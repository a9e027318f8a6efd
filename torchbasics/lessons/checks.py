"""What a lesson's parts yield: checked numbers, tables, listings, paragraphs, digits.

They are plain values. How each kind is shown, `render/` says, once for each medium.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, zip_longest
from typing import NamedTuple

import numpy as np
import torch
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
        near = partial(np.allclose, rtol=0, atol=self.tolerance, equal_nan=True)
        return len(here) == len(wanted) and near(here, wanted)

    def text(self, values: Iterable[float]) -> str:
        """Numbers with as many digits as the tolerance lets one trust.

        >>> Check("x", [], [], "", 5e-16).text([9.0949e-13, 0.0])
        '9.09e-13, 0'
        """
        return ", ".join(_number(value, self.tolerance) for value in values)

    def cells(self, words: Words) -> tuple[str, str, str, str, str]:
        """A line of a table: name, the source's numbers, ours, a mark, the source."""
        mark = "✓" if self.passed else f"✗ {words['wrong']}"
        numbers = self.text(self.expected), self.text(self.here)
        return (self.name, *numbers, mark, words.get(self.source, self.source))


class Table(NamedTuple):
    """Rows of cells under their headers."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


class Listing(NamedTuple):
    """Lines of text as they stand, each sign as wide as the next."""

    text: str

    @classmethod
    def side_by_side(cls, *drawings: str, gap: int = 4) -> Listing:
        r"""Drawings made of signs, the next to the right of the one before.

        >>> Listing.side_by_side("ab", "c\nd", gap=1).text
        'ab c\n   d\n'
        """
        columns = [drawing.split("\n") for drawing in drawings]
        widths = [max(map(len, column)) for column in columns]
        rows = zip_longest(*columns, fillvalue="")
        padded = (map(str.ljust, row, widths) for row in rows)
        return cls("".join((" " * gap).join(row).rstrip() + "\n" for row in padded))


class Paragraph(NamedTuple):
    """A sentence or two, to be broken where there is room."""

    text: str


class Images(NamedTuple):
    """Images side by side. Shape: (N, 28, 28) uint8."""

    images: Tensor


class Answer(NamedTuple):
    """A digit, the ten probabilities beside it, and a sentence on which was read.

    Of the two sentences, with places {answer} and {label}, the one that holds is told.
    Shape: image (28, 28) uint8, probs (10,).
    """

    image: Tensor
    probs: Tensor
    label: int
    if_right: str
    if_wrong: str

    @property
    def text(self) -> str:
        """The sentence that holds."""
        answer = int(self.probs.argmax())
        sentence = self.if_right if answer == self.label else self.if_wrong
        return sentence.format(answer=answer, label=self.label)


Item = Check | Table | Listing | Paragraph | Images | Answer
Part = Callable[[Words], Iterable[Item]]
"""A part of a lesson: checked numbers, and what else there is to look at."""


def checks_of(items: Iterable[Item]) -> list[Check]:
    """Only the checked numbers."""
    return [item for item in items if isinstance(item, Check)]


def grouped(items: Iterable[Item]) -> Iterator[Item | list[Check]]:
    """The items in order, checks that follow each other together."""
    for are_checks, group in groupby(items, lambda item: isinstance(item, Check)):
        members = list(group)
        yield from [checks_of(members)] if are_checks else members


def short(value: float) -> str:
    """A measured number with two digits, a power of ten only where it must be.

    >>> [short(value) for value in (15.03, 0.2361, 4e-7, 1234.0, 0.0, 99.7)]
    ['15', '0.24', '4.0e-07', '1,234', '0', '100']
    """
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.1e}"
    return f"{value:.2g}" if abs(value) < 99.5 else f"{value:,.0f}"


def _number(value: float, tolerance: float) -> str:
    if not math.isfinite(value):
        return str(value)
    places = math.ceil(-math.log10(2 * tolerance) - 1e-6)
    if value and not 1e-3 <= abs(value) < 1e9:
        return f"{value:.{max(0, places + math.floor(math.log10(abs(value))))}e}"
    text = f"{value:.{max(0, places)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
