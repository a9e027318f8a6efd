"""The judge: tries a learner's function, and names the misconception it shows."""

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
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
from torchbasics.lessons.exercises.exercise import (
    ERRORS,
    NO_ANSWER,
    Ask,
    Exercise,
    Mistake,
)
from torchbasics.lessons.exercises.mistakes import DERIVED, REPEATS, VAGUE, own

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
    tries = _tries(exercise, function, words)
    best = tries[0][1]
    if best.rank == RIGHT or best.text == words["unwritten"]:
        return Judgement(best.rank == RIGHT, "", best.text, best.printed)
    for ask, finding in tries:
        if made := _mistake_of(ask, exercise, finding, finding.rank == best.rank):
            name, how = made
            why = prose.sections("mistakes", language)[name].replace("{how}", how)
            return Judgement(False, name, f"{finding.text}\n{why}", best.printed)
    return Judgement(False, "", best.text, best.printed)


def _tries(
    exercise: Exercise, function: Function, words: Mapping[str, str]
) -> list[tuple[Ask, Finding]]:
    """The function in each form, and what it did in it, the nearest to right first.

    Number by number, a sum over the batch would be right. So that form counts only for
    a function which no other form suits.
    """

    def tried(form: Form) -> tuple[Ask, Finding]:
        ask = Ask(exercise, form, function)
        return ask, _try(exercise, ask, words)

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


def _mistake_of(
    ask: Ask, exercise: Exercise, finding: Finding, nearest: bool
) -> tuple[str, str] | None:
    """The first mistake that explains all answers, and in which way; None if none does.

    All are those up to the first that is wrong, as a second mistake may come later, and
    those to fresh questions. What is written for one size is looked at in that size,
    and what says least comes last.
    """
    with _apart():
        fresh = [case for case in exercise.fresh if ask.seen(case) is not NO_ANSWER]
    alike = [case for case in fresh if _sizes(case) == _sizes(exercise.cases[0])]
    tables = [(own(exercise), fresh), (own(exercise), alike)]
    if nearest and not exercise.asked:
        tables.insert(1, (DERIVED, fresh))
        tables.append((VAGUE, alike))
    for table, asked in tables:
        for name, mistake in table.items():
            cases = [*exercise.cases[: finding.tried], *asked]
            if how := _holds(mistake, ask, cases):
                return name, str(how)
    return None


def _sizes(case: Case) -> list[Any]:
    return [value.shape for value in case]


@contextlib.contextmanager
def _apart() -> Iterator[io.StringIO]:
    """Gather what a function prints; exit() closes an input that nobody needs."""
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            yield printed
    finally:
        sys.stdin = stdin


def _holds(mistake: Mistake, ask: Ask, cases: Sequence[Case]) -> str | bool:
    try:
        with _apart():
            return mistake(ask, cases)
    except ERRORS:  # what cannot be asked did not make this mistake
        return False


def _try(exercise: Exercise, ask: Ask, words: Mapping[str, str]) -> Finding:
    """The first thing that differs from what is right, if anything does."""
    shown = ""
    for tried, case in enumerate(exercise.cases, start=1):
        for repeat in range(REPEATS):
            with _apart() as printed:
                rank, text = _outcome(exercise, ask, case, words)
            shown = shown if repeat else printed.getvalue()
            if rank != RIGHT:
                return Finding(rank, text, tried, shown)
    return Finding(RIGHT, words["right"], len(exercise.cases), shown)


def _outcome(
    exercise: Exercise, ask: Ask, case: Case, words: Mapping[str, str]
) -> tuple[int, str]:
    """How near to right the answer to one case is, and what is wrong with it."""
    wanted = exercise.right(*case)
    try:
        got = ask(*case)
        if ask.overflow:
            raise ask.overflow
    except ERRORS as error:
        label, *gave = error.args if isinstance(error, NoAnswerError) else ("raises",)
        given, reason = typed(*ask.calls[-1]), f"{type(error).__name__}: {error}"
        told = words[label].format(given=given, got="".join(gave), error=reason)
        return _rank(error), told
    if got.shape != wanted.shape:
        by_rows = _by_rows(ask, got)
        shapes = {"got": tuple(got.shape[by_rows:])}
        shapes["wanted"] = tuple(wanted.shape[by_rows:])
        return SHAPE, words["shape"].format(given=typed(*ask.calls[-1]), **shapes)
    if not same(got, wanted, exercise.tolerance):
        return VALUES, _first_difference(exercise, ask, case, got, words)
    return RIGHT, ""


def _rank(error: BaseException) -> int:
    """An error in the call itself, or with the kind of argument, says less."""
    if isinstance(error, NoAnswerError | OverflowError):
        return VALUES if isinstance(error, OverflowError) else NOTHING
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


def _first_difference(
    exercise: Exercise, ask: Ask, case: Case, got: Tensor, words: Mapping[str, str]
) -> str:
    """How the function was called, and the first place that came out otherwise.

    If a part of the case goes wrong by itself, that is shown instead.
    """
    calls, by_rows, wanted = ask.calls, _by_rows(ask, got), exercise.right(*case)
    for part in _parts(exercise, case):
        with contextlib.suppress(Exception, SystemExit):
            answer, right = ask(*part), exercise.right(*part)
            if answer.shape == right.shape and not same(answer, right):
                calls, by_rows = ask.calls, _by_rows(ask, answer)
                got, wanted = answer, right
                break
    given, how, places = calls[0], "called", list[str]()
    while wanted.ndim and (not places or wanted.numel() > MANY):
        pairs = enumerate(zip(got, wanted, strict=True))
        row = next(i for i, pair in pairs if not same(*pair, exercise.tolerance))
        got, wanted = got[row], wanted[row]
        if by_rows:
            given, by_rows = calls[row], False
            continue
        how, places = "called_row", [*places, str(row)]
        if _plain(got) != _plain(wanted):
            break
    digits = 4 if _plain(got) != _plain(wanted) else 9
    return words[how].format(
        given=typed(*given),
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
