"""An exercise: a function to write, the cases it is tried on, and known mistakes.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics.lessons.exercises.asking import FORMS, HALVES, Ask, Form

Case = tuple[Tensor, ...]
Mistake = Callable[[Ask, Sequence[Case]], bool]
"""Whether a function made this mistake, as seen on the cases up to its first error."""

TOLERANCE = 1e-3  # float16 on the way is good to this; mistakes are larger
HALF_TOLERANCE = 5e-3  # float16 is good to 1e-3, bfloat16 to 4e-3


class Exercise(NamedTuple):
    """What is right, on which cases it is tried, and which mistakes are known."""

    right: Ask
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    forms: Sequence[Form] = FORMS
    alone: bool = False  # each row, or number, is a question of its own
    if_none_answers: Form | None = None  # a form that hides how a whole batch comes out
    tolerance: float = TOLERANCE


def exercise(
    right: Ask,
    cases: Sequence[Case],
    forms: Sequence[Form] = FORMS,
    *,
    alone: bool = False,
    batched: bool = False,
    if_none_answers: Form | None = None,
    tolerance: float = TOLERANCE,
    **wrong: Ask | tuple[Ask, ...],
) -> Exercise:
    """An exercise whose mistakes are functions that make them.

    Where the first argument is a batch, a function that is right only for each of its
    rows by itself is known, too: `one_example`.
    """
    mistakes = {name: _acts_like(how, tolerance) for name, how in wrong.items()}
    if batched:
        mistakes["one_example"] = _right_by_rows(right)
    mistakes["column"] = _right_in_columns(right)
    return Exercise(right, cases, mistakes, forms, alone, if_none_answers, tolerance)


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether answers are equal in shape and, as far as their types go, in value.

    Shape: (*), (*).
    """
    if a.dtype in HALVES or b.dtype in HALVES:
        tolerance = HALF_TOLERANCE
    return a.shape == b.shape and bool(
        torch.isclose(
            a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True
        ).all()
    )


def _acts_like(wrong: Ask | tuple[Ask, ...], tolerance: float) -> Mistake:
    """Acting on all cases like one of these functions."""
    ways = wrong if isinstance(wrong, tuple) else (wrong,)
    return lambda ask, cases: any(
        all(same(ask(*case), way(*case), tolerance) for case in cases) for way in ways
    )


def _right_by_rows(right: Ask) -> Mistake:
    def each_row(ask: Ask, cases: Sequence[Case]) -> bool:
        return all(
            same(ask(row, *rest), right(row[None], *rest)[0])
            for first, *rest in cases
            for row in first
        )

    return each_row


def _right_in_columns(right: Ask) -> Mistake:
    return lambda ask, cases: all(
        same(ask(*case), right(*case).unsqueeze(-1)) for case in cases
    )
