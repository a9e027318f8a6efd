"""The judge: tries a learner's function, and names the misconception it shows."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from torchbasics.lessons import prose
from torchbasics.lessons.exercises.asking import (
    Ask,
    Function,
    NothingReturnedError,
    NotNumbersError,
    asker,
)
from torchbasics.lessons.exercises.exercise import Case, Exercise, Mistake, same

MANY = 20  # numbers that a sentence cannot hold

HERE = Path(__file__).parent


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
    """The name of the mistake that explains all answers; "" if none does.

    Or else those up to the first that is wrong: a second mistake may come later.
    """
    for cases in (exercise.cases, exercise.cases[: finding.tried]):
        for name, mistake in exercise.mistakes.items():
            if _holds(mistake, ask, cases):
                return name
    return ""


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
