"""An exercise: a function to write, the cases it is tried on, and known mistakes.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

import inspect
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from torch import Tensor

from torchbasics.lessons.exercises import asking
from torchbasics.lessons.exercises.asking import (
    FORMS,
    TOLERANCE,
    Ask,
    Case,
    Form,
    Right,
    same,
)
from torchbasics.lessons.exercises.derived import SHAPES, Mistake, derived, like
from torchbasics.lessons.exercises.formulas import Ways, by_heading, formulas

REPEATS = 8  # a gate by chance is right once in 16 times, and 8 times in a row never
Terms = tuple[int | None, ...]
"""Along which dimension of each argument lie the terms of a sum."""


class Exercise(NamedTuple):
    """What is right, on which cases it is tried, and which mistakes are known."""

    right: Right
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    forms: Sequence[Form] = FORMS
    alone: int = 0  # so many arguments have rows that are questions of their own
    if_raises: Callable[[Form], Form] | None = None  # for one that a batch stops
    if_none_answers: Form | None = None  # a form that hides how a whole batch comes out
    tolerance: float = TOLERANCE
    derived: Mapping[str, Mistake] = {}  # mistakes that any exercise can meet
    vague: Mapping[str, Mistake] = {}  # and those that say less than others
    fresh: Sequence[Case] = ()  # on which, too, has to hold what is said of a function


def exercise(  # noqa: PLR0913 - the page of an exercise
    right: Right,
    cases: Sequence[Case],
    forms: Sequence[Form] = FORMS,
    *,
    alone: int = 0,
    batched: int = 0,
    fresh: Sequence[Case] = (),
    if_raises: Callable[[Form], Form] | None = None,
    if_none_answers: Form | None = None,
    tolerance: float = TOLERANCE,
    terms: Sequence[Terms] = (),
    wrong: str = "",
    words: Mapping[str, Any] | None = None,
    values: Mapping[str, Right] | None = None,
) -> Exercise:
    """An exercise whose mistakes are functions that make them.

    `wrong` has them as formulas of the arguments, a heading a line, with `words` and
    `values` of the exercise's own. Where the first arguments are batches, a function
    that is right only for each of their rows by itself is known, too: `one_example`.
    """
    names = list(inspect.signature(right).parameters)[: len(cases[0])]
    mistakes = GENERAL | _of_terms(right, terms)
    formulas_of = partial(formulas, names, words=words, values=values)
    for name, text in by_heading(wrong).items():
        mistakes[name] = like(cache(partial(formulas_of, text)), tolerance)
    always = dict(derived(right, names, tolerance))
    if otherwise := mistakes.pop("otherwise", None):
        # Of formulas that differ in where they overflow, or not at all, none is told.
        earlier = {name: always[name] for name in ("overflows", "constant")}
        mistakes |= earlier | {"otherwise": otherwise}
    vague = {name: always.pop(name) for name in SHAPES}
    if batched:
        one_example = _right_by_rows(right, batched, tolerance)
        vague = {"one_example": one_example} | vague
    return Exercise(
        right,
        [tuple(map(asking.decimal, case)) for case in cases],
        mistakes,
        forms,
        alone,
        if_raises,
        if_none_answers,
        tolerance,
        always,
        vague,
        [tuple(map(asking.decimal, case)) for case in fresh],
    )


def _of_terms(right: Right, terms: Sequence[Terms]) -> dict[str, Mistake]:
    ends = {
        "one_term": (slice(-1, None), slice(1)),
        "term_missing": (slice(-1), slice(1, None)),
    }
    ways = {name: _some_terms(right, terms, *cuts) for name, cuts in ends.items()}
    return {name: like(some) for name, some in ways.items() if some}


def _some_terms(right: Right, terms: Sequence[Terms], *cuts: slice) -> Ways:
    """Only some terms counted, as part of the sum or of the mean."""

    def _only(*case: Tensor, dims: Terms, cut: slice, mean: bool) -> Tensor:
        part, share = list(case), 1.0
        for i, dim in enumerate(dims):
            if dim is not None:
                part[i] = case[i].movedim(dim, 0)[cut].movedim(0, dim)
                share = part[i].shape[dim] / case[i].shape[dim]
        return right(*part) * (share if mean else 1)

    return {
        f"{dims} {cut} {mean}": partial(_only, dims=dims, cut=cut, mean=mean)
        for dims in terms
        for cut in cuts
        for mean in (False, True)
    }


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


def _stops(pattern: str, ask: Ask, cases: Sequence[Case]) -> bool:
    """Stopping in a function, or with an error, that tells what was meant."""
    try:
        ask(*cases[-1])
    except Exception as error:  # a learner's code may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        said = f"{' '.join(frame.name for frame in frames)}: {error}"
        return bool(re.search(pattern, said))
    return False


GENERAL: dict[str, Mistake] = {
    "random": _is_random,
    # torch and NumPy call ^, which is no power, bitwise_xor
    "caret": partial(_stops, r"for \^|bitwise_xor|__xor__"),
    "axis": partial(_stops, r"_wrapreduction|_mean|_axis.*: .*(integer|index|axis)"),
}
