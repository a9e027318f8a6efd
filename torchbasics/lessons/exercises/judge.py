"""The judge: tries a learner's function, and names the misconception it shows."""

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from torchbasics.lessons import prose
from torchbasics.lessons.exercises.asking import (
    MANY,
    Case,
    Form,
    Function,
    NoAnswerError,
    as_tensor,
    same,
    typed,
)
from torchbasics.lessons.exercises.exercise import ERRORS, NO_ANSWER, Ask, Exercise
from torchbasics.lessons.exercises.mistakes import DERIVED, REPEATS, VAGUE, own

HERE = Path(__file__).parent
UNCALLED, UNFIT, RAISES, NOTHING, SHAPE, VALUES, RIGHT = range(7)


class Finding(NamedTuple):
    """What a function did on the cases; the higher its rank, the nearer to right."""

    rank: int
    label: str  # of the words that tell it
    told: Mapping[str, Any]  # in these words
    tried: int = 0  # cases, up to the first that went wrong
    printed: str = ""  # by the function itself


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
    tries = _tries(exercise, function)
    best = tries[0][1]
    message = words[best.label].format(**best.told)
    for ask, finding in tries if best.label not in ("right", "unwritten") else ():
        if made := _mistake_of(ask, finding.tried):
            said = words[finding.label].format(**finding.told)
            why = prose.sections("mistakes", language)[made[0]]
            message = f"{said}\n{why.replace('{how}', made[1])}"
            return Judgement(False, made[0], message, best.printed)
    return Judgement(best.rank == RIGHT, "", message, best.printed)


def _tries(exercise: Exercise, function: Function) -> list[tuple[Ask, Finding]]:
    """The function in each form, and what it did in it, the nearest to right first.

    Number by number, a sum over the batch would be right. So that form counts only for
    a function which no other form suits.
    """

    def tried(form: Form) -> tuple[Ask, Finding]:
        ask = Ask(exercise, form, function)
        return ask, _try(ask)

    tries: list[tuple[Ask, Finding]] = []
    for form in exercise.forms:
        tries.append(tried(form))
        if tries[-1][1].rank == RIGHT:
            return tries[-1:]
    if exercise.if_raises:
        stopped = [ask.form for ask, finding in tries if finding.rank <= RAISES]
        tries += [tried(exercise.if_raises(form)) for form in stopped]
    if exercise.if_none_answers and all(f.rank < SHAPE for _, f in tries):
        last = tried(exercise.if_none_answers)
        tries.insert(0 if last[1].rank == RAISES else len(tries), last)
    return sorted(tries, key=lambda one: -one[1].rank)


def _mistake_of(ask: Ask, tried: int) -> tuple[str, str] | None:
    """The first mistake that explains all answers, and in which way; None if none does.

    All are those up to the first that is wrong, as a second mistake may come later, and
    those to fresh questions. What is written for one size is looked at in that size,
    and what says least comes last.
    """
    exercise = ask.exercise
    with _apart():
        fresh = [case for case in exercise.fresh if ask.seen(case) is not NO_ANSWER]
    sizes = [value.shape for value in exercise.cases[0]]
    alike = [case for case in fresh if [value.shape for value in case] == sizes]
    tables = [(own(exercise), fresh)]
    if not exercise.asked:
        tables += [(DERIVED, fresh), (own(exercise), alike), (VAGUE, alike)]
    known = (
        (*one, [*exercise.cases[:tried], *asked])
        for table, asked in tables
        for one in table.items()
    )
    for name, mistake, cases in known:
        # what cannot be asked did not make this mistake
        with _apart(), contextlib.suppress(*ERRORS):
            if how := mistake(ask, cases):
                return name, str(how)
    return None


@contextlib.contextmanager
def _apart() -> Iterator[io.StringIO]:
    """Gather what a function prints; exit() closes an input that nobody needs."""
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            yield printed
    finally:
        sys.stdin = stdin


def _try(ask: Ask) -> Finding:
    """The first thing that differs from what is right, if anything does."""
    shown = ""
    for tried, case in enumerate(ask.exercise.cases, start=1):
        for repeat in range(REPEATS):
            with _apart() as printed:
                finding = _outcome(ask, case)
            shown = shown if repeat else printed.getvalue()
            if finding.rank != RIGHT:
                return finding._replace(tried=tried, printed=shown)
    return Finding(RIGHT, "right", {}, printed=shown)


def _outcome(ask: Ask, case: Case) -> Finding:
    """How near to right the answer to one case is, and what is wrong with it."""
    wanted = ask.exercise.right(*case)
    try:
        got = ask(*case)
        if ask.overflow:
            raise ask.overflow
    except NoAnswerError as error:
        label, *gave = error.args
        return Finding(NOTHING, label, _told(ask.calls[-1], got="".join(gave)))
    except ERRORS as error:
        told = _told(ask.calls[-1], error=f"{type(error).__name__}: {error}")
        return Finding(_rank(error), "raises", told)
    if got.shape != wanted.shape:
        by_rows = _by_rows(ask, got)
        shapes = [tuple(some.shape[by_rows:]) for some in (got, wanted)]
        told = _told(ask.calls[-1], got=shapes[0], wanted=shapes[1])
        return Finding(SHAPE, "shape", told)
    if not same(got, wanted, ask.exercise.tolerance):
        return _first_difference(ask, case, got)
    return Finding(RIGHT, "right", {})


def _rank(error: BaseException) -> int:
    """An error in the call itself, or with the kind of argument, says less."""
    if isinstance(error, OverflowError):
        return VALUES
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace and Path(trace.tb_frame.f_code.co_filename).parent == HERE:
        return UNCALLED
    return UNFIT if isinstance(error, TypeError | AttributeError) else RAISES


def _by_rows(ask: Ask, got: Tensor) -> bool:
    """Whether each row of an answer is that of a call by itself."""
    rows = got.shape[:1] == (len(ask.calls),)
    return rows and as_tensor(ask.answer).shape == got.shape[1:]


def _parts(exercise: Exercise, case: Case) -> Iterator[Case]:
    """A case's rows one by one, where they are questions of their own."""
    cut, rest = case[: exercise.alone], case[exercise.alone :]
    for dim in range(cut[0].ndim if cut else 0):
        for i in range(cut[0].shape[dim]):
            yield (*(value.narrow(dim, i, 1) for value in cut), *rest)


def _first_difference(ask: Ask, case: Case, got: Tensor) -> Finding:
    """How the function was called, and the first place that came out otherwise.

    If a part of the case goes wrong by itself, that is shown instead.
    """
    exercise, calls, by_rows = ask.exercise, ask.calls, _by_rows(ask, got)
    wanted = exercise.right(*case)
    for part in _parts(exercise, case):
        with contextlib.suppress(*ERRORS):
            answer, right = ask(*part), exercise.right(*part)
            if answer.shape == right.shape and not same(answer, right):
                calls, by_rows = ask.calls, _by_rows(ask, answer)
                got, wanted = answer, right
                break
    given, places = calls[0], list[str]()
    while wanted.ndim and (not places or wanted.numel() > MANY):
        pairs = enumerate(zip(got, wanted, strict=True))
        row = next(i for i, pair in pairs if not same(*pair, exercise.tolerance))
        got, wanted = got[row], wanted[row]
        if by_rows:
            given, by_rows = calls[row], False
            continue
        places.append(str(row))
        if _plain(got) != _plain(wanted):
            break
    digits = 4 if _plain(got) != _plain(wanted) else 9
    numbers = {"got": _plain(got, digits), "wanted": _plain(wanted, digits)}
    told = _told(given, place=", ".join(places), **numbers)
    return Finding(VALUES, "called_row" if places else "called", told)


def _told(given: tuple[Any, ...], **others: Any) -> dict[str, Any]:
    return {"given": typed(*given), **others}


def _plain(values: Tensor, digits: int = 4) -> Any:
    """Numbers as one would write them, with so many digits; many by their range."""
    if values.numel() > MANY:
        shape = tuple(values.shape)
        return f"{shape} {_plain(values.min())}..{_plain(values.max())}"
    if values.ndim:
        return [_plain(value, digits) for value in values]
    return float(f"{values.item():.{digits}g}")
