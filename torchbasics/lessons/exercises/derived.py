"""Mistakes that any exercise can meet, derived from its right answer r.

Each is told in Python, and what is told is what is tried: `r.sum(0)` came out where r
is wanted, `bias = -bias` was used. So it is true of the answers that were seen.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import combinations

import torch
from torch import Tensor

from torchbasics.lessons.exercises import numbers
from torchbasics.lessons.exercises.asking import TOLERANCE, Ask, Case, Right, same
from torchbasics.lessons.exercises.formulas import WRONG, Ways, by_heading, formulas

NEARLY_INFINITE = 1e8
Mistake = Callable[[Ask, Sequence[Case]], str | bool]
"""Whether a function made this mistake on the cases; or in which way, in Python."""
_OF_RIGHT, _OF_ANY = by_heading(WRONG["r"]), by_heading(WRONG["a"])
_ENDS = {"0": slice(1), "-1": slice(-1, None), ":-1": slice(-1), "1:": slice(1, None)}


def derive(
    right: Right, names: Sequence[str], tolerance: float
) -> Iterator[tuple[str, Mistake]]:
    """What may be wrong with a function of arguments with these names, by its heading.

    The more telling come first.
    """
    scaled = partial(numbers.scaled, tolerance=tolerance)
    yield "overflows", _by_numbers(right, numbers.right_but_nan)
    yield "constant", _by_numbers(right, numbers.constant)
    for heading, text in _OF_RIGHT.items():
        ways = formulas(["r"], text).items()
        yield heading, like({how: _after(right, of) for how, of in ways})
        if heading == "rearranged":  # 1 - r is r.flip(1), of two shares
            yield "scaled", _by_numbers(right, scaled)
    yield "unfinished", lambda ask, cases: _unfinished(ask, cases, right)
    yield "ignored", lambda ask, cases: _ignored(ask, cases, names)
    yield "exchanged", like(dict(_exchanged(right, names)), tolerance)
    yield "replaced", like(dict(_replaced(right, names)), tolerance)
    yield "sign_lost", _by_numbers(right, numbers.sizes_right)
    yield "right_only_in", lambda ask, cases: _right_only_in(ask, cases, right)
    yield "whole_only", _by_numbers(right, numbers.whole_only)


def like(ways: Ways | Callable[[], Ways], tolerance: float = TOLERANCE) -> Mistake:
    """Answering as one of these functions does, which is told.

    They may be made when they are wanted. It stops with an error where they do, and
    answers at least one case in numbers.
    """

    def told(ask: Ask, cases: Sequence[Case]) -> str:
        answers = [_bounded(ask.seen(case)) for case in cases]
        if not any(got is not None and got.isfinite().any() for got in answers):
            return ""
        for how, way in (ways() if callable(ways) else ways).items():
            pairs = zip(answers, cases, strict=True)
            if all(_alike(got, _once(way, *case), tolerance) for got, case in pairs):
                return how
        return ""

    return told


def _alike(got: Tensor | None, wanted: Tensor | None, tolerance: float) -> bool:
    if got is None or wanted is None:
        return got is wanted
    return same(got, wanted, tolerance)


def _bounded(value: Tensor | None) -> Tensor | None:
    """Nan for all that is infinite, or nearly, as after 1 / (0 + 1e-9).

    Shape: (*) -> (*).
    """
    if value is None or not value.is_floating_point():
        return value
    return value.where(value.abs() < NEARLY_INFINITE, torch.nan)


def _or_none(way: Right, *case: Tensor) -> Tensor | None:
    """What it answers, or None where the shapes do not allow it. Shape: of any kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as of .T where there is only one dimension
        try:
            return _bounded(torch.as_tensor(way(*case)))
        except (RuntimeError, IndexError, TypeError, ValueError):
            return None


_once = lru_cache(maxsize=2**16)(_or_none)  # a formula's answers to fixed questions


def _after(right: Right, of: Right) -> Right:
    return lambda *case: of(right(*case).double())


def _by_numbers(right: Right, fits: Callable[[Tensor, Tensor], str | bool]) -> Mistake:
    return lambda ask, cases: fits(*_numbers(ask, cases, right))


def _numbers(ask: Ask, cases: Sequence[Case], right: Right) -> tuple[Tensor, Tensor]:
    """All numbers that came out, and all wanted, or none where a shape differs.

    Shape: (N,), (N,).
    """
    got, wanted = [ask.seen(case) for case in cases], [right(*case) for case in cases]
    pairs = list(zip(got, wanted, strict=True))
    if any(a is None or a.shape != r.shape for a, r in pairs):
        return torch.zeros(0), torch.zeros(0)
    flat = [(a.double().ravel(), r.double().ravel()) for a, r in pairs if a is not None]
    return torch.cat([a for a, _ in flat]), torch.cat([r for _, r in flat])


def _unfinished(ask: Ask, cases: Sequence[Case], right: Right) -> str:
    answers = [(ask.seen(case), right(*case)) for case in cases]
    if any(a is None for a, _ in answers):
        return ""
    for how, of in formulas(["a"], _OF_ANY["unfinished"]).items():
        ends = [(None if a is None else _or_none(of, a), r) for a, r in answers]
        if all(end is not None and same(end, r) for end, r in ends):
            return how
    return ""


def _ignored(ask: Ask, cases: Sequence[Case], names: Sequence[str]) -> str:
    """An argument that may be anything."""
    for i, name in enumerate(names):
        if all(
            answer is not None
            and answer.isfinite().any()
            and same(ask(*case[:i], other, *case[i + 1 :]), answer)
            for case in cases
            for answer in [ask.seen(case)]
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


def _exchanged(right: Right, names: Sequence[str]) -> Iterator[tuple[str, Right]]:
    for i, j in combinations(range(len(names)), 2):
        order = list(range(len(names)))
        order[i], order[j] = j, i
        how = f"{names[i]}, {names[j]} = {names[j]}, {names[i]}"
        yield how, lambda *case, order=order: right(*(case[k] for k in order))


def _replaced(right: Right, names: Sequence[str]) -> Iterator[tuple[str, Right]]:
    """Right for something else in place of one argument."""
    for i, name in enumerate(names):
        for how, of in formulas(["a"], _OF_ANY["replaced"]).items():
            told = re.sub(r"\ba\b", name, how)
            yield (
                f"{name} = {told}",
                lambda *case, i=i, of=of: right(*case[:i], of(case[i]), *case[i + 1 :]),
            )


def _right_only_in(ask: Ask, cases: Sequence[Case], right: Right) -> str:
    """The only rows, columns or entry that are right, in most cases."""
    answers = [(ask.seen(case), right(*case)) for case in cases]
    if any(a is None or a.shape != r.shape or not r.ndim for a, r in answers):
        return ""
    marks = [torch.isclose(a, r.to(a), 1e-5, 1e-5) for a, r in answers if a is not None]
    wrong = [mark for mark in marks if not mark.all()]
    if 2 * len(wrong) <= len(marks):
        return ""
    for where, at in _ENDS.items():
        for dim, before in enumerate(("", ":, ")):
            several = [m for m in wrong if m.ndim > dim and m.shape[dim] > 1]
            if several and all(_only(mark, dim, at) for mark in several):
                return f"answer[{before}{where}]"
    first = all(mark.ravel()[0] and mark.sum() == 1 for mark in wrong)
    return "answer[0, 0]" if first else ""


def _only(mark: Tensor, dim: int, at: slice) -> bool:
    rows = mark.movedim(dim, 0).flatten(1).all(1) if mark.ndim > 1 else mark
    wanted = torch.zeros_like(rows)
    wanted[at] = True
    return torch.equal(rows, wanted)


def _all_fit(
    right: Right, fits: Callable[..., bool], ask: Ask, cases: Sequence[Case]
) -> bool:
    """Whether each answer and what is wanted fit so."""
    pairs = [(ask.seen(case), right(*case)) for case in cases]
    return all(got is not None and fits(got, wanted) for got, wanted in pairs)


def by_shape(right: Right) -> dict[str, Mistake]:
    """What the shape alone tells, where nothing tells more."""
    return {heading: partial(_all_fit, right, fits) for heading, fits in SHAPES.items()}


SHAPES: Mapping[str, Callable[[Tensor, Tensor], bool]] = {
    "shape_of_one": lambda got, wanted: got.numel() == 1 < wanted.numel(),
    "shape_of_fewer": lambda got, wanted: got.numel() < wanted.numel(),
    "shape_of_more": lambda got, wanted: got.numel() > wanted.numel(),
}
