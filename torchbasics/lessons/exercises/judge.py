"""An exercise: a function to write, and a judge that names the misconception.

Each mistake is known by what it does, not by how it is written: most are functions
that make it, and a learner's function that answers as they do has made it too. So any
weights, NumPy, loops or float16 will do in a right answer.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torchbasics.lessons import prose
from torchbasics.lessons.exercises.asking import (
    FORMS,
    HALVES,
    Ask,
    Form,
    Function,
    NothingReturnedError,
    NotNumbersError,
    asker,
)

Case = tuple[Tensor, ...]
Mistake = Callable[[Ask, Sequence[Case]], bool]
"""Whether a function made this mistake, as seen on the cases up to its first error."""

TOLERANCE = 1e-3  # float16 on the way is good to this; mistakes are larger
HALF_TOLERANCE = 5e-3  # float16 is good to 1e-3, bfloat16 to 4e-3

MANY = 20  # numbers that a sentence cannot hold

HERE = Path(__file__).parent


class Exercise(NamedTuple):
    """What is right, on which cases it is tried, and which mistakes are known."""

    right: Ask
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    forms: Sequence[Form] = FORMS
    alone: bool = False  # each row, or number, is a question of its own
    if_none_answers: Form | None = None  # a form that hides how a whole batch comes out
    tolerance: float = TOLERANCE


class Finding(NamedTuple):
    """What a function did on the cases, in words; the higher, the nearer to right."""

    rank: int
    text: str
    tried: int  # cases, up to the first that went wrong
    printed: str = ""  # by the function itself


UNCALLED, UNFIT, RAISES, NOTHING, SHAPE, VALUES, RIGHT = range(7)


class Judgement(NamedTuple):
    """Whether a function is right, or else the mistake's name, and a sentence."""

    passed: bool
    misconception: str
    message: str
    printed: str = ""


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


def check(
    exercises: Mapping[str, Exercise], function: Function, name: str, lang: str
) -> bool:
    """Judge a learner's function, print the sentence, say whether it is right.

    Without a name, the exercise is the one that the function is named after.
    """
    if not callable(function):
        raise TypeError(f"function is {function!r}; wanted a function, not its result")
    guessed = name or _named_after(exercises, function)
    if guessed not in exercises:
        raise ValueError(f"no exercise {name!r}; there are {', '.join(exercises)}")
    judgement = judge(exercises[guessed], function, lang)
    certain = name or _name_of(function) in (guessed, f"my_{guessed}")
    print(judgement.printed, end="")
    print(judgement.message if certain else f"{guessed}: {judgement.message}")
    return judgement.passed


def judge(exercise: Exercise, function: Function, lang: str = "auto") -> Judgement:
    """Try the function on each case, in each form in which it may want them."""
    language = prose.language(lang)
    words = prose.read("course", language).words
    asks, findings = _tries(exercise, function, words)
    best = max(findings, key=lambda finding: finding.rank)
    if best.rank == RIGHT:
        return Judgement(True, "", best.text, best.printed)
    for ask, finding in zip(asks, findings, strict=True):
        if name := _mistake_of(ask, exercise, finding):
            why = prose.sections("mistakes", language)[name]
            return Judgement(False, name, f"{finding.text}\n{why}", best.printed)
    return Judgement(False, "", best.text, best.printed)


def _tries(
    exercise: Exercise, function: Function, words: Mapping[str, str]
) -> tuple[list[Ask], list[Finding]]:
    """The function in each form, and what it did in it.

    Number by number, a sum over the batch would be right. So that form counts only for
    a function which no other form suits.
    """
    asks = [asker(exercise.right, form, function) for form in exercise.forms]
    findings = [_try(exercise, ask, words) for ask in asks]
    if exercise.if_none_answers and all(f.rank < SHAPE for f in findings):
        ask = asker(exercise.right, exercise.if_none_answers, function)
        finding = _try(exercise, ask, words)
        place = 0 if finding.rank > UNFIT else len(asks)
        asks.insert(place, ask)
        findings.insert(place, finding)
    return asks, findings


def _mistake_of(ask: Ask, exercise: Exercise, finding: Finding) -> str:
    """The name of the mistake that explains all answers, or else those up to the first
    that is wrong, as a function may make a second mistake later; "" if none does."""
    for cases in (exercise.cases, exercise.cases[: finding.tried]):
        for name, mistake in exercise.mistakes.items():
            if _holds(mistake, ask, cases):
                return name
    return ""


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether answers are equal in shape and, as far as their types go, in value."""
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


def _holds(mistake: Mistake, ask: Ask, cases: Sequence[Case]) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return mistake(ask, cases)
    except Exception:  # what cannot be asked did not make this mistake
        return False


def _try(exercise: Exercise, ask: Ask, words: Mapping[str, str]) -> Finding:
    """The first thing that differs from what is right, if anything does."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for tried, case in enumerate(exercise.cases, start=1):
            rank, text = _outcome(exercise, ask, case, words)
            if rank != RIGHT:
                return Finding(rank, text, tried, printed.getvalue())
    return Finding(RIGHT, words["right"], len(exercise.cases), printed.getvalue())


def _outcome(
    exercise: Exercise, ask: Ask, case: Case, words: Mapping[str, str]
) -> tuple[int, str]:
    """How near to right the answer to one case is, and what is wrong with it."""
    wanted = exercise.right(*case)
    try:
        got = ask(*case)
    except NothingReturnedError as error:
        return NOTHING, words["changes_argument" if error.args else "none"]
    except NotNumbersError as error:
        return NOTHING, words["not_numbers"].format(got=error)
    except Exception as error:  # a learner's code may raise anything
        reason = f"{type(error).__name__}: {error}"
        return _rank(error), words["raises"].format(error=reason)
    if got.shape != wanted.shape:
        shapes = {"got": tuple(got.shape), "wanted": tuple(wanted.shape)}
        return SHAPE, words["shape"].format(**shapes)
    if not same(got, wanted, exercise.tolerance):
        return VALUES, _first_difference(exercise, case, got, words)
    return RIGHT, ""


def _rank(error: Exception) -> int:
    """An error in the call itself, or with the kind of argument, says less."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace and Path(trace.tb_frame.f_code.co_filename).parent == HERE:
        return UNCALLED
    return UNFIT if isinstance(error, TypeError | AttributeError) else RAISES


def _first_difference(
    exercise: Exercise, case: Case, got: Tensor, words: Mapping[str, str]
) -> str:
    """How the function was called, and the first place that came out otherwise."""
    places: list[str] = []
    wanted, how = exercise.right(*case), "called"
    while wanted.ndim and (not places or wanted.numel() > MANY):
        pairs = enumerate(zip(got, wanted, strict=True))
        row = next(i for i, pair in pairs if not same(*pair, exercise.tolerance))
        got, wanted = got[row], wanted[row]
        how, places = "called_row", [*places, str(row)]
        if exercise.alone:
            how, case = "differs", (case[0][row], *case[1:])
        if _plain(got) != _plain(wanted):
            break
    digits = 4 if _plain(got) != _plain(wanted) else 9
    return words[how].format(
        given=", ".join(str(_plain(value)) for value in case),
        place=", ".join(places),
        got=_plain(got, digits),
        wanted=_plain(wanted, digits),
    )


def _plain(values: Tensor, digits: int = 4) -> Any:
    """Numbers as one would write them, with so many digits; many by their range."""
    if values.numel() > MANY:
        shape = tuple(values.shape)
        return f"{shape} {_plain(values.min())}..{_plain(values.max())}"
    if values.ndim:
        return [_plain(value, digits) for value in values]
    return float(f"{values.item():.{digits}g}")


def _name_of(function: Function) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _named_after(exercises: Mapping[str, Exercise], function: Function) -> str:
    """The longest exercise whose words are among those of the function's name."""
    name = _name_of(function)
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)
    spelled = f"_{'_'.join(parts).lower()}_"
    fitting = [key for key in exercises if f"_{key}_" in spelled]
    if not fitting:
        raise ValueError(
            f"which exercise is {name}? Name it, as in check({name}, "
            f"{next(iter(exercises))!r}); there are {', '.join(exercises)}"
        )
    return max(fitting, key=len)
