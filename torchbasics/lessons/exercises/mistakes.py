"""Mistakes, each known by what it does, not by how it is written.

Most are formulas that make it, and a function that answers as one does has made it too.
So any weights, NumPy, loops or float16 will do in a right answer. What is told is what
was tried: `r.sum(0)` came out where r is wanted, `bias = -bias` was used.
"""

import re
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from itertools import combinations, product

import torch
from torch import Tensor

from torchbasics.lessons.exercises import numbers
from torchbasics.lessons.exercises.asking import Case, Right, same
from torchbasics.lessons.exercises.exercise import NO_ANSWER, Ask, Exercise, Mistake
from torchbasics.lessons.exercises.formulas import WRONG, Ways, by_heading, formulas

REPEATS = 8  # a gate by chance is right once in 16 times, and 8 times in a row never
NEARLY_INFINITE = 1e8
_OF_RIGHT, _OF_ANY = by_heading(WRONG["r"]), by_heading(WRONG["a"])
_PARTS = formulas(["answer"], "answer[{0|:, 0|-1|:, -1|:-1|:, :-1|1:|:, 1:|0, 0}]")


@cache
def own(exercise: Exercise) -> dict[str, Mistake]:
    """The mistakes that are known of an exercise, by the headings in mistakes.md."""
    if exercise.asked:
        return GENERAL | exercise.asked
    text = WRONG[exercise.name] + WRONG.get(exercise.kind, "")
    ways = partial(formulas, exercise.names)
    written = {
        heading: _like(ways(some, exercise.words, exercise.values))
        for heading, some in by_heading(text).items()
    }
    if otherwise := written.pop("otherwise", None):
        # of formulas that differ only in where they overflow, none is told
        earlier = {name: DERIVED[name] for name in ("overflows", "constant")}
        written |= earlier | {"otherwise": otherwise}
    return GENERAL | written


def _like(ways: Ways) -> Mistake:
    """Answering as one of these functions does, or stopping where it does."""
    return partial(_first, ways, _answers_as)


def _first(
    ways: Ways,
    fits: Callable[[Ask, Case, Right], bool],
    ask: Ask,
    cases: Sequence[Case],
) -> str:
    """The first way that fits all answers, some of them numbers, as it is told."""
    if any(_bounded(ask.seen(case)).isfinite().any() for case in cases):
        for how, way in ways.items():
            if all(fits(ask, case, way) for case in cases):
                return how
    return ""


def _answers_as(ask: Ask, case: Case, way: Right) -> bool:
    return same(_bounded(ask.seen(case)), _once(way, *case), ask.exercise.tolerance)


def _is_of_right(ask: Ask, case: Case, way: Right) -> bool:
    right = _once(ask.exercise.right, *case).double()
    return same(_bounded(ask.seen(case)), _once(way, right))


def mended_by(text: str) -> Mistake:
    """Right if something is done with the answer a: one of these formulas."""

    def fits(ask: Ask, case: Case, way: Right) -> bool:
        return same(_once(way, ask.seen(case)), ask.exercise.right(*case))

    return partial(_first, formulas(["a"], text), fits)


@lru_cache(maxsize=2**16)
def _once(way: Right, *case: Tensor) -> Tensor:
    """A formula's answer to a fixed question, or NO_ANSWER where no shapes fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as of .T where there is only one dimension
        try:
            return _bounded(torch.as_tensor(way(*case)))
        except (RuntimeError, IndexError, TypeError, ValueError):
            return NO_ANSWER


def _bounded(value: Tensor) -> Tensor:
    """Nan for all that is infinite, or nearly, as after 1 / (0 + 1e-9)."""
    if not value.is_floating_point():
        return value
    return value.where(value.abs() < NEARLY_INFINITE, torch.nan)


def _by_numbers(fits: Callable[[Tensor, Tensor], str | bool]) -> Mistake:
    """All numbers that came out, beside all wanted, if each shape is right."""

    def told(ask: Ask, cases: Sequence[Case]) -> str | bool:
        got = [ask.seen(case).double() for case in cases]
        wanted = [ask.exercise.right(*case).double() for case in cases]
        if any(a.shape != r.shape for a, r in zip(got, wanted, strict=True)):
            return False
        return fits(*(torch.cat([*map(torch.ravel, some)]) for some in (got, wanted)))

    return told


def _by_size(fits: Callable[[int, int], bool]) -> Mistake:
    """How many numbers came out, beside how many are wanted."""
    return lambda ask, cases: all(
        ask.seen(case) is not NO_ANSWER
        and fits(ask.seen(case).numel(), ask.exercise.right(*case).numel())
        for case in cases
    )


def _ignored(ask: Ask, cases: Sequence[Case]) -> str:
    """An argument that may be anything."""
    for i, name in enumerate(ask.exercise.names):
        if all(
            ask.seen(case).isfinite().any()
            and same(ask(*case[:i], other, *case[i + 1 :]), ask.seen(case))
            for case in cases
            for other in _others(case[i])
        ):
            return name
    return ""


def _others(value: Tensor) -> tuple[Tensor, Tensor]:
    """Values of the same kind: labels stay labels. Shape: (*) -> (*) and (*)."""
    if value.is_floating_point():
        return value / 2 + 0.25, 3 - 2 * value
    if not value.ndim:
        return value + 1, value + 2
    return value.max() + value.min() - value, value.roll(1)


@cache
def _exchanged(exercise: Exercise) -> Mistake:
    pairs = combinations(exercise.names, 2)
    return _called(exercise, ({one: other, other: one} for one, other in pairs))


@cache
def _replaced(exercise: Exercise) -> Mistake:
    """Right for something else in place of one argument."""
    pairs = product(exercise.names, formulas(["a"], _OF_ANY["replaced"]))
    changes = ({name: re.sub(r"\ba\b", name, how)} for name, how in pairs)
    return _called(exercise, changes)


def _called(exercise: Exercise, changes: Iterable[Mapping[str, str]]) -> Mistake:
    """Right, but called with something else in place of some arguments."""
    text = "; ".join(
        f"{', '.join(change)} = {', '.join(change.values())} := "
        f"right({', '.join(change.get(name, name) for name in exercise.names)})"
        for change in changes
    )
    return _like(formulas(exercise.names, text, {"right": exercise.right}))


def _right_only_in(ask: Ask, cases: Sequence[Case]) -> str:
    """The only rows, columns or entry that are right, in most cases."""
    pairs = [(ask.seen(case).double(), ask.exercise.right(*case)) for case in cases]
    if any(got.shape != wanted.shape for got, wanted in pairs):
        return ""
    marks = [torch.isclose(a, r.double(), 1e-5, 1e-5) for a, r in pairs]
    wrong = [mark for mark in marks if not mark.all()]
    if 2 * len(wrong) <= len(marks):
        return ""
    for how, of in _PARTS.items():
        parts = [(_once(of, mark), mark) for mark in wrong]
        if all(part.all() and part.sum() == mark.sum() for part, mark in parts):
            return how
    return ""


def _right_by_rows(ask: Ask, cases: Sequence[Case]) -> bool:
    right, cut = ask.exercise.right, ask.exercise.batched
    for case in cases:
        for rows in zip(*case[:cut], strict=True):
            wanted = right(*(row[None] for row in rows), *case[cut:])
            wanted = wanted[0] if wanted.ndim else wanted
            if not same(ask(*rows, *case[cut:]), wanted, ask.exercise.tolerance):
                return False
    return cut > 0


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
DERIVED: dict[str, Mistake] = {
    "overflows": _by_numbers(numbers.right_but_nan),
    "constant": _by_numbers(numbers.constant),
    **{
        heading: partial(_first, formulas(["r"], text), _is_of_right)
        for heading, text in _OF_RIGHT.items()
    },
    "scaled": _by_numbers(numbers.scaled),  # 1 - r is r.flip(1), of two shares
    "unfinished": mended_by(_OF_ANY["unfinished"]),
    "ignored": _ignored,
    "exchanged": lambda ask, cases: _exchanged(ask.exercise)(ask, cases),
    "replaced": lambda ask, cases: _replaced(ask.exercise)(ask, cases),
    "sign_lost": _by_numbers(numbers.sizes_right),
    "right_only_in": _right_only_in,
    "whole_only": _by_numbers(numbers.whole_only),
}
"""What any exercise can get wrong, the more telling first."""

VAGUE: dict[str, Mistake] = {
    "one_example": _right_by_rows,
    "shape_of_one": _by_size(lambda got, wanted: got == 1 < wanted),
    "shape_of_fewer": _by_size(lambda got, wanted: got < wanted),
    "shape_of_more": _by_size(lambda got, wanted: got > wanted),
}
"""And what says less than others."""
