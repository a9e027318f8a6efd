"""Exercises: functions that a learner writes, and one `check` that judges them."""

import re
from collections import Counter
from importlib import import_module

from torchbasics.lessons import LESSONS, progress, prose
from torchbasics.lessons.exercises.asking import Function
from torchbasics.lessons.exercises.exercise import Exercise
from torchbasics.lessons.exercises.judge import judge

BY_LESSON: dict[str, dict[str, Exercise]] = {
    lesson: {one.name: one for one in import_module(f"{__name__}.{lesson}").EXERCISES}
    for lesson in LESSONS
}
EXERCISES = {name: one for some in BY_LESSON.values() for name, one in some.items()}
_hints_given: Counter[str] = Counter()


def names(lesson: str) -> tuple[str, ...]:
    """The exercises of a lesson, in order.

    >>> names("matrices")
    ('matmul', 'add_bias')
    """
    return tuple(BY_LESSON[lesson])


def check(
    function: Function, exercise: str = "", lang: str = "auto", *, hint: bool = False
) -> bool:
    """Judge a function of yours, print what there is to say, say if it is right.

    Without a name, the exercise is the one that the function is named after. With
    `hint`, a wrong answer gets the exercise's next hint, too; the last is an answer.

    >>> def my_or(x1, x2):
    ...     return 1 if x1 + x2 - 1.5 > 0 else 0
    >>> check(my_or, lang="en", hint=True)  # doctest: +ELLIPSIS
    For 1.0, 0.0 the answer is 0.0; wanted 1.0.
    These are the answers of AND. ...
    Hint 1 of 3: AND's weights will do. Only the line has to move.
    False
    """
    if lang not in ("auto", "en", "ko"):
        raise ValueError(f"no language {lang!r}; there are auto, en, ko")
    if not callable(function):
        raise TypeError(f"function is {function!r}; wanted a function, not its result")
    named = exercise.removeprefix("my_")  # as the exercises are listed
    guessed = named or _named_after(function)
    if guessed not in EXERCISES:
        raise ValueError(f"no exercise {exercise!r}; there are {', '.join(EXERCISES)}")
    judgement = judge(EXERCISES[guessed], function, lang)
    certain = exercise or _name_of(function) in (guessed, f"my_{guessed}")
    print(judgement.printed, end="")
    print(judgement.message if certain else f"{guessed}: {judgement.message}")
    if judgement.passed:
        progress.record(guessed)
    elif hint:
        print(_next_hint(guessed, prose.language(lang)))
    return judgement.passed


def _next_hint(exercise: str, lang: prose.Language) -> str:
    """The hint after the one that was given last; after the last one, that again."""
    words, hints = prose.read("course", lang).words, prose.tasks(lang)[exercise].hints
    number = min(_hints_given[exercise] + 1, len(hints))
    _hints_given[exercise] = number
    if number == len(hints):
        return f"{words['an answer']}\n{hints[-1]}"
    said = {"number": number, "total": len(hints), "hint": hints[number - 1]}
    return words["hint"].format(**said)


def _name_of(function: Function) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _named_after(function: Function) -> str:
    """The longest exercise, then the last, whose words the function's name holds."""
    name = _name_of(function)
    spelled = "_".join(["", *re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name), ""]).lower()
    fitting = [key for key in EXERCISES if f"_{key}_" in spelled]
    if not fitting:
        typed = name if hasattr(function, "__name__") and name.isidentifier() else "..."
        raise ValueError(
            f"which exercise is {name}? Name it, as in check({typed}, 'and'); "
            f"there are {', '.join(EXERCISES)}"
        )
    return max(fitting, key=lambda key: (len(key), spelled.rindex(f"_{key}_")))
