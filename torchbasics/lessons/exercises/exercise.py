"""An exercise: a function to write, and the cases it is tried on; how one is asked."""

import copy
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import Tensor

from torchbasics.lessons.exercises.asking import (
    FORMS,
    TOLERANCE,
    Case,
    Form,
    Function,
    NoAnswerError,
    Right,
    as_tensor,
    typed,
)
from torchbasics.lessons.exercises.cases import CASES

ERRORS = (Exception, SystemExit)  # a learner's code may raise anything, and exit()
NO_ANSWER = torch.full((1, 1, 1, 1), torch.nan)  # after an error: equal to no answer


@dataclass(frozen=True, eq=False)
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
    words: Mapping[str, Any] | None = None
    values: Mapping[str, Right] | None = None
    asked: "dict[str, Mistake] | None" = None  # mistakes in the place of all others

    @property
    def cases(self) -> Sequence[Case]:
        """What it is tried on."""
        return CASES[self.kind or self.name]

    @property
    def names(self) -> list[str]:
        """What the arguments are called."""
        return list(inspect.signature(self.right).parameters)[: len(self.cases[0])]


class Ask:
    """A learner's function, called in one form with copies, which it may alter.

    `calls` are the arguments of the calls that the last question took, `answer` is the
    last one's own, and `overflow` what `math` raised where torch answers inf.
    """

    def __init__(self, exercise: Exercise, form: Form, function: Function) -> None:
        self.exercise, self.form, self.function = exercise, form, function
        self._seen: dict[int, Tensor] = {}

    def __call__(self, *case: Tensor) -> Tensor:
        """Shape: as the exercise has them, (*) each -> (*)."""
        self.calls: list[tuple[Any, ...]] = []
        self.overflow: OverflowError | None = None
        self.nothing: list[tuple[Any, ...]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = self.form(self._call, *(value.clone() for value in case))
        if self.nothing:
            everywhere = len(self.nothing) == len(self.calls)
            self.calls = self.nothing[:1]
            raise NoAnswerError("none" if everywhere else "none_here")
        got = as_tensor(answer)
        if self.overflow and got.shape != self.exercise.right(*case).shape:
            return torch.nan * self.exercise.right(*case)
        return got

    def _call(self, *arguments: Any) -> Any:
        before = copy.deepcopy(arguments)
        if self.overflow is None:
            self.calls.append(before)
        try:
            self.answer = self.function(*arguments)
        except OverflowError as error:
            self.overflow = self.overflow or error
            return torch.nan
        if self.answer is None and typed(*arguments) != typed(*before):
            raise NoAnswerError("changes_argument")
        if self.answer is None:
            self.nothing.append(before)
            return torch.nan
        return self.answer

    def seen(self, case: Case) -> Tensor:
        """The answer to one of the exercise's cases, asked once; or NO_ANSWER.

        Shape: as `__call__`.
        """
        if id(case) not in self._seen:
            try:
                self._seen[id(case)] = self(*case)
            except ERRORS:
                self._seen[id(case)] = NO_ANSWER
        return self._seen[id(case)]


Mistake = Callable[[Ask, Sequence[Case]], str | bool]
"""Whether a function made this mistake on the cases; or in which way, in Python."""
