"""An exercise: a function to write, the cases it is tried on, and known mistakes.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

import inspect
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cache, cached_property, partial
from typing import Any

from torch import Tensor

from torchbasics.lessons.exercises.asking import (
    FORMS,
    TOLERANCE,
    Ask,
    Case,
    Form,
    Right,
    same,
)
from torchbasics.lessons.exercises.cases import CASES
from torchbasics.lessons.exercises.derived import Mistake, by_shape, derive, like
from torchbasics.lessons.exercises.formulas import WRONG, Ways, by_heading, formulas

REPEATS = 8  # a gate by chance is right once in 16 times, and 8 times in a row never
Terms = tuple[int | None, ...]
"""Along which dimension of each argument lie the terms of a sum."""


@dataclass(frozen=True)
class Exercise:
    """What is right, on which cases it is tried, and which mistakes are known.

    Its cases stand in cases.toml, or those of its kind do, and formulas of mistakes in
    wrong.md, of its own and of its kind. In these may be `words` and `values` besides.
    """

    name: str
    right: Right
    forms: Sequence[Form] = FORMS
    _: KW_ONLY
    kind: str = ""
    alone: int = 0  # so many arguments have rows that are questions of their own
    batched: int = 0  # so many are batches, whose rows may have been meant one by one
    fresh: Sequence[Case] = ()  # on which, too, has to hold what is said of a function
    if_raises: Callable[[Form], Form] | None = None  # for one that a batch stops
    if_none_answers: Form | None = None  # a form that hides how a whole batch comes out
    tolerance: float = TOLERANCE
    terms: Sequence[Terms] = ()
    words: Mapping[str, Any] | None = None
    values: Mapping[str, Right] | None = None
    asked: dict[str, Mistake] | None = None  # mistakes in the place of all others

    @property
    def cases(self) -> Sequence[Case]:
        """What it is tried on."""
        return CASES[self.kind or self.name]

    @property
    def names(self) -> list[str]:
        """What the arguments are called."""
        return list(inspect.signature(self.right).parameters)[: len(self.cases[0])]

    @cached_property
    def mistakes(self) -> Mapping[str, Mistake]:
        """Its own, by heading."""
        mistakes = GENERAL | (self.asked or self._terms_missing() | self._written())
        if otherwise := mistakes.pop("otherwise", None):
            # of formulas that differ only in where they overflow, none is told
            earlier = {name: self.derived[name] for name in ("overflows", "constant")}
            mistakes |= earlier | {"otherwise": otherwise}
        return mistakes

    @cached_property
    def derived(self) -> Mapping[str, Mistake]:
        """Those that any exercise can meet."""
        if self.asked:
            return {}
        return dict(derive(self.right, self.names, self.tolerance))

    @cached_property
    def vague(self) -> Mapping[str, Mistake]:
        """And those that say less than others."""
        if self.asked:
            return {}
        one_example = {"one_example": self._right_by_rows} if self.batched else {}
        return one_example | by_shape(self.right)

    def _written(self) -> dict[str, Mistake]:
        text = WRONG[self.name] + WRONG.get(self.kind, "")
        of = partial(formulas, self.names, words=self.words, values=self.values)
        return {
            heading: like(cache(partial(of, some)), self.tolerance)
            for heading, some in by_heading(text).items()
        }

    def _terms_missing(self) -> dict[str, Mistake]:
        ends = {
            "one_term": (slice(-1, None), slice(1)),
            "term_missing": (slice(-1), slice(1, None)),
        }
        return {
            heading: like(_some_terms(self.right, self.terms, *cuts))
            for heading, cuts in ends.items()
            if self.terms
        }

    def _right_by_rows(self, ask: Ask, cases: Sequence[Case]) -> bool:
        for case in cases:
            rest = case[self.batched :]
            for rows in zip(*case[: self.batched], strict=True):
                wanted = self.right(*(row[None] for row in rows), *rest)
                wanted = wanted[0] if wanted.ndim else wanted
                if not same(ask(*rows, *rest), wanted, self.tolerance):
                    return False
        return True


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
