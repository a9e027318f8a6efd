"""Exercises: functions that a learner writes, and one `check` that judges them."""

import re
from importlib import import_module

from torchbasics.lessons import LESSONS
from torchbasics.lessons.exercises.asking import Function
from torchbasics.lessons.exercises.exercise import Exercise
from torchbasics.lessons.exercises.judge import judge

BY_LESSON: dict[str, dict[str, Exercise]] = {
    lesson: import_module(f"{__name__}.{lesson}").EXERCISES for lesson in LESSONS
}
EXERCISES = {name: one for some in BY_LESSON.values() for name, one in some.items()}


def check(function: Function, exercise: str = "", lang: str = "auto") -> bool:
    """Judge a function of yours, print what there is to say, say if it is right.

    Without a name, the exercise is the one that the function is named after.

    >>> def my_or(x1, x2):
    ...     return 1 if x1 + x2 > 0.5 else 0
    >>> check(my_or, lang="en")
    Right.
    True
    """
    if lang not in ("auto", "en", "ko"):
        raise ValueError(f"no language {lang!r}; there are auto, en, ko")
    if not callable(function):
        raise TypeError(f"function is {function!r}; wanted a function, not its result")
    guessed = exercise or _named_after(function)
    if guessed not in EXERCISES:
        raise ValueError(f"no exercise {exercise!r}; there are {', '.join(EXERCISES)}")
    judgement = judge(EXERCISES[guessed], function, lang)
    certain = exercise or _name_of(function) in (guessed, f"my_{guessed}")
    print(judgement.printed, end="")
    print(judgement.message if certain else f"{guessed}: {judgement.message}")
    return judgement.passed


def _name_of(function: Function) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _named_after(function: Function) -> str:
    """The longest exercise, then the last, whose words the function's name holds."""
    name = _name_of(function)
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)
    spelled = f"_{'_'.join(parts).lower()}_"
    fitting = [key for key in EXERCISES if f"_{key}_" in spelled]
    if not fitting:
        raise ValueError(
            f"which exercise is {name}? Name it, as in check({name}, 'and'); "
            f"there are {', '.join(EXERCISES)}"
        )
    return max(fitting, key=lambda key: (len(key), spelled.rindex(f"_{key}_")))
