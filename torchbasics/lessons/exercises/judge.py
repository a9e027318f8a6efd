"""An exercise: a function to write, and a judge that names the misconception.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torchbasics.lessons import prose

Function = Callable[..., Any]
Ask = Callable[..., Tensor]
"""A learner's function, called in one of the forms below: tensors in, tensor out."""

Case = tuple[Tensor, ...]
Mistake = Callable[[Ask, Sequence[Case]], bool]
"""Whether a function made this mistake, as seen on the cases up to its first error."""

TOLERANCE = 5e-3  # float16 is good to 1e-3; every mistake is far larger

MANY = 20  # numbers that a sentence cannot hold

FORMS: tuple[Callable[..., Any], ...] = (
    lambda function, *case: function(*case),
    lambda function, *case: function(*(value.numpy() for value in case)),
    lambda function, *case: function(*(value.tolist() for value in case)),
)
"""How a function may want its arguments: as tensors, as arrays, as lists."""

ROWS: tuple[Callable[..., Any], ...] = (
    lambda function, x: [function(*row) for row in x.tolist()],
    lambda function, x: [function(row) for row in x],
    lambda function, x: [function(row) for row in x.numpy()],
    *FORMS,
)
"""One example at a time first: as numbers, as a row; then all at once."""

NUMBERS: tuple[Callable[..., Any], ...] = (
    *FORMS[:2],
    lambda function, x: [_or_nan(function, value) for value in x.tolist()],
    FORMS[2],
)
"""Also number by number, for what is written with `math`."""


class Exercise(NamedTuple):
    """What is right, on which cases it is tried, and which mistakes are known."""

    right: Ask
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    forms: Sequence[Callable[..., Any]] = FORMS
    alone: bool = False  # each row, or number, is a question of its own


class NothingReturnedError(Exception):
    """A function gave None, most often because it prints its answer."""


class Finding(NamedTuple):
    """What a function did on the cases, in words; the higher, the nearer to right."""

    rank: int
    text: str
    tried: int  # cases, up to the first that went wrong


RAISES, NOTHING, SHAPE, VALUES, RIGHT = range(5)


class Judgement(NamedTuple):
    """Whether a function is right, or else the mistake's name, and a sentence."""

    passed: bool
    misconception: str
    message: str


def exercise(
    right: Ask,
    cases: Sequence[Case],
    forms: Sequence[Callable[..., Any]] = FORMS,
    *,
    alone: bool = False,
    batched: bool = False,
    **wrong: Ask,
) -> Exercise:
    """An exercise whose mistakes are functions that make them.

    Where the first argument is a batch, a function that is right only for each of its
    rows by itself is known, too: `one_example`.
    """
    mistakes = {name: _acts_like(function) for name, function in wrong.items()}
    if batched:
        mistakes["one_example"] = _right_by_rows(right)
    return Exercise(right, cases, mistakes, forms, alone)


def check(
    exercises: Mapping[str, Exercise], function: Function, name: str, lang: str
) -> bool:
    """Judge a learner's function, print the sentence, say whether it is right.

    Without a name, the exercise is the one that the function is named after.
    """
    if not callable(function):
        raise TypeError(f"function is {function!r}; wanted a function, not its result")
    name = name or _named_after(exercises, function)
    if name not in exercises:
        raise ValueError(f"no exercise {name!r}; there are {', '.join(exercises)}")
    judgement = judge(exercises[name], function, lang)
    print(judgement.message)
    return judgement.passed


def judge(exercise: Exercise, function: Function, lang: str = "auto") -> Judgement:
    """Try the function on each case, in each form in which it may want them."""
    language = prose.language(lang)
    words = prose.read("course", language).words
    asks = [_asker(exercise, form, function) for form in exercise.forms]
    findings = [_try(exercise, ask, words) for ask in asks]
    best = max(findings, key=lambda finding: finding.rank)
    if best.rank == RIGHT:
        return Judgement(True, "", best.text)
    for ask, finding in zip(asks, findings, strict=True):
        if name := _mistake_of(ask, exercise, finding):
            why = prose.sections("mistakes", language)[name]
            return Judgement(False, name, f"{finding.text}\n{why}")
    return Judgement(False, "", best.text)


def _mistake_of(ask: Ask, exercise: Exercise, finding: Finding) -> str:
    """The name of the mistake that explains all answers, or else those up to the first
    that is wrong, as a function may make a second mistake later; "" if none does."""
    for cases in (exercise.cases, exercise.cases[: finding.tried]):
        for name, mistake in exercise.mistakes.items():
            if _holds(mistake, ask, cases):
                return name
    return ""


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two answers are equal in shape and, within TOLERANCE, in value."""
    return a.shape == b.shape and bool(
        torch.isclose(
            a.double(), b.double(), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        ).all()
    )


def _acts_like(wrong: Ask) -> Mistake:
    return lambda ask, cases: all(same(ask(*case), wrong(*case)) for case in cases)


def _right_by_rows(right: Ask) -> Mistake:
    def each_row(ask: Ask, cases: Sequence[Case]) -> bool:
        return all(
            same(ask(row, *rest), right(row[None], *rest)[0])
            for first, *rest in cases
            for row in first
        )

    return each_row


def _asker(exercise: Exercise, form: Callable[..., Any], function: Function) -> Ask:
    """The function, called in this form, with a tensor as its answer."""

    def ask(*case: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                mine = (value.clone() for value in case)  # to alter as one likes
                return _tensor(form(function, *mine))
            except OverflowError:  # math.exp, where torch.exp gives inf
                return torch.full_like(exercise.right(*case).double(), torch.nan)

    return ask


def _tensor(answer: Any) -> Tensor:
    """An answer of any numeric kind as a tensor."""
    if answer is None or (isinstance(answer, list) and any(a is None for a in answer)):
        raise NothingReturnedError
    if isinstance(answer, Tensor):
        return answer.detach().double()
    return torch.from_numpy(np.asarray(answer, dtype=np.float64).copy())


def _or_nan(function: Function, value: float) -> Any:
    try:
        return function(value)
    except OverflowError:
        return torch.nan


def _holds(mistake: Mistake, ask: Ask, cases: Sequence[Case]) -> bool:
    try:
        return mistake(ask, cases)
    except Exception:  # what cannot be asked did not make this mistake
        return False


def _try(exercise: Exercise, ask: Ask, words: Mapping[str, str]) -> Finding:
    """The first thing that differs from what is right, if anything does."""
    for tried, case in enumerate(exercise.cases, start=1):
        wanted = exercise.right(*case)
        try:
            got = ask(*case)
        except NothingReturnedError:
            return Finding(NOTHING, words["none"], tried)
        except Exception as error:  # a learner's code may raise anything
            reason = f"{type(error).__name__}: {error}"
            return Finding(RAISES, words["raises"].format(error=reason), tried)
        if got.shape != wanted.shape:
            shapes = {"got": tuple(got.shape), "wanted": tuple(wanted.shape)}
            return Finding(SHAPE, words["shape"].format(**shapes), tried)
        if not same(got, wanted):
            text = _first_difference(exercise, case, got, words)
            return Finding(VALUES, text, tried)
    return Finding(RIGHT, words["right"], len(exercise.cases))


def _first_difference(
    exercise: Exercise, case: Case, got: Tensor, words: Mapping[str, str]
) -> str:
    """How the function was called, and the first row that came out otherwise."""
    wanted, how, place = exercise.right(*case), "called", ""
    if wanted.ndim:
        rows = zip(got, wanted, strict=True)
        row = next(index for index, pair in enumerate(rows) if not same(*pair))
        got, wanted = got[row], wanted[row]
        how, place = "called_row", str(row)
        if exercise.alone:
            how, case = "differs", (case[0][row], *case[1:])
    given = ", ".join(str(_plain(value)) for value in case)
    return words[how].format(
        given=given, row=place, got=_plain(got), wanted=_plain(wanted)
    )


def _plain(values: Tensor) -> Any:
    """Numbers as one would write them, four significant digits; many by their range."""
    if values.numel() > MANY:
        shape = tuple(values.shape)
        return f"{shape} {_plain(values.min())}..{_plain(values.max())}"
    if values.ndim:
        return [_plain(value) for value in values]
    return float(f"{values.item():.4g}")


def _named_after(exercises: Mapping[str, Exercise], function: Function) -> str:
    """The longest name of an exercise that is part of the function's name."""
    name = getattr(function, "__name__", type(function).__name__).lower()
    fitting = [key for key in exercises if key in name]
    if not fitting:
        raise ValueError(
            f"which exercise is {name}? Name it, as in check({name}, "
            f"{next(iter(exercises))!r}); there are {', '.join(exercises)}"
        )
    return max(fitting, key=len)
