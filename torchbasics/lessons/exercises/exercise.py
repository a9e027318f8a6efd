"""An exercise: a function to write, the cases it is tried on, and known mistakes.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics.lessons.exercises import asking
from torchbasics.lessons.exercises.asking import FORMS, HALVES, Ask, Form, Right

Case = tuple[Tensor, ...]
Mistake = Callable[[Ask, Sequence[Case]], bool]
"""Whether a function made this mistake, as seen on the cases up to its first error."""

TOLERANCE = 1e-5  # float32 on the way is good to this
_ALIASED = (lambda rows: rows[-1:, :], lambda rows: rows[:, :].sum(0))  # one row, often
REPEATS = 8  # a gate by chance is right once in 16 times, and 8 times in a row never


class Exercise(NamedTuple):
    """What is right, on which cases it is tried, and which mistakes are known."""

    right: Right
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    forms: Sequence[Form] = FORMS
    alone: int = 0  # so many arguments have rows that are questions of their own
    if_none_answers: Form | None = None  # a form that hides how a whole batch comes out
    tolerance: float = TOLERANCE


def exercise(
    right: Right,
    cases: Sequence[Case],
    forms: Sequence[Form] = FORMS,
    *,
    alone: int = 0,
    batched: int = 0,
    if_none_answers: Form | None = None,
    tolerance: float = TOLERANCE,
    special: Mapping[str, Mistake] | None = None,
    **wrong: Right | tuple[Right, ...],
) -> Exercise:
    """An exercise whose mistakes are functions that make them.

    Where the first arguments are batches, a function that is right only for each of
    their rows by itself is known, too: `one_example`.
    """
    mistakes = {**GENERAL, **(special or {})}
    for name, how in wrong.items():
        ways = how if isinstance(how, tuple) else (how,)
        mistakes[name] = _acts_like(ways, tolerance)
    if batched:
        mistakes["one_example"] = _right_by_rows(right, batched, tolerance)
    mistakes["column"] = _acts_like((lambda *case: right(*case).unsqueeze(-1),))
    mistakes["rounded"] = _acts_like(
        tuple(lambda *c, n=n: right(*c).double().round(decimals=n) for n in (1, 2, 3))
    )
    mistakes["aliased_rows"] = _acts_like(
        tuple(lambda *c, of=of: of(right(*c)).expand_as(right(*c)) for of in _ALIASED)
    )
    exact = [tuple(map(asking.decimal, case)) for case in cases]
    return Exercise(right, exact, mistakes, forms, alone, if_none_answers, tolerance)


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether answers are equal in shape and, as far as their types go, in value.

    Shape: (*), (*).
    """
    eps = max(2 * torch.finfo(v.dtype).eps if v.dtype in HALVES else 0 for v in (a, b))
    a, b, rtol, atol = a.double(), b.double(), max(tolerance, eps), max(TOLERANCE, eps)
    return a.shape == b.shape and torch.allclose(a, b, rtol, atol, equal_nan=True)


def _acts_like(ways: tuple[Right, ...], tolerance: float = TOLERANCE) -> Mistake:
    """Acting on all cases like one of these functions."""
    return lambda ask, cases: any(
        all(same(ask(*case), way(*case), tolerance) for case in cases) for way in ways
    )


def one_term(right: Right) -> tuple[Right, ...]:
    """Only the last or first row counted, as part of the sum or of the mean."""
    return tuple(
        lambda *case, i=i, n=n: right(*(v[i] for v in case)) / len(case[0]) ** n
        for i in (slice(-1, None), slice(1))
        for n in (0, 1)
    )


def _right_by_rows(right: Right, batched: int, tolerance: float) -> Mistake:
    def each_row(ask: Ask, cases: Sequence[Case]) -> bool:
        for case in cases:
            for rows in zip(*case[:batched], strict=True):
                wanted = right(*(row[None] for row in rows), *case[batched:])
                wanted = wanted[0] if wanted.ndim else wanted
                if not same(ask(*rows, *case[batched:]), wanted, tolerance):
                    return False
        return True

    return each_row


def _is_random(ask: Ask, cases: Sequence[Case]) -> bool:
    return any(
        not same(ask(*case), first)
        for case in cases
        for first in [ask(*case)]
        for _ in range(REPEATS)
    )


def _has_caret(ask: Ask, cases: Sequence[Case]) -> bool:
    """Stopping because `^` is no power; torch and NumPy call it bitwise_xor."""
    try:
        ask(*cases[-1])
    except Exception as error:  # a learner's code may raise anything
        return bool(re.search(r"for \^|bitwise_xor|__xor__", str(error)))
    return False


GENERAL: dict[str, Mistake] = {"random": _is_random, "caret": _has_caret}
