"""How a learner's function is called, and what it answers, as a tensor.

Nobody is told whether to write for tensors, arrays, lists or single numbers: a function
is called in each of these forms, and one in which it is right is enough.
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Function = Callable[..., Any]
Right = Callable[..., Tensor]
"""What is right, or a known mistake: tensors in, tensor out."""

Case = tuple[Tensor, ...]
TOLERANCE = 1e-5  # float32 on the way is good to this

Form = Callable[..., Any]
"""A way to call a function: the function, then the case's tensors, in float64."""


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


FORMS: tuple[Form, ...] = (
    lambda function, *case: function(*map(_single, case)),
    lambda function, *case: function(*case),
    lambda function, *case: function(*(value.numpy() for value in case)),
    lambda function, *case: function(*(value.tolist() for value in case)),
)
"""How a function may want its arguments: as tensors, as arrays, as lists."""

ROWS: tuple[Form, ...] = (
    lambda function, x: [function(*row) for row in x.tolist()],
    lambda function, x: [function(row) for row in x.float()],
    lambda function, x: [function(row) for row in x.numpy()],
    lambda function, x: [function(row) for row in x.tolist()],
    lambda function, x: function(*x.float().T),
    lambda function, x: function(*x.numpy().T),
    *FORMS,
    lambda function, x: [function(*map(round, row)) for row in x.tolist()],
)
"""One example at a time first: as numbers, as a row; then all at once; then as int."""


def number_by_number(function: Function, *case: Tensor) -> list[Any]:
    """Call what is written for one number, with `math` or an `if`, for each of many.

    Shape: (N,) or () each -> N answers.
    """
    columns = (value.tolist() for value in torch.broadcast_tensors(*case))
    return [function(*numbers) for numbers in zip(*columns, strict=True)]


def added_up(form: Form) -> Form:
    """Call what is written for one example for each, in this form, and add up."""

    def _rows(function: Function, *case: Tensor) -> Tensor:
        rows = zip(*case, strict=True)
        return as_tensor([form(function, *row) for row in rows]).sum(0)

    return _rows


class NoAnswerError(Exception):
    """A function gave no real numbers: under which label the words are, and what."""


class Ask:
    """A learner's function, called in one form with copies, which it may alter.

    `calls` are the arguments of the calls that the last question took, `answer` is the
    last one's own, and `overflow` what `math` raised where torch answers inf.
    """

    def __init__(self, right: Right, form: Form, function: Function) -> None:
        self.right, self.form, self.function = right, form, function
        self._seen: dict[int, Tensor | None] = {}

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
        if self.overflow and got.shape != self.right(*case).shape:
            return torch.full_like(self.right(*case).double(), torch.nan)
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

    def seen(self, case: Case) -> Tensor | None:
        """The answer to one of the exercise's cases, asked once; None after an error.

        Shape: as `__call__`.
        """
        if id(case) not in self._seen:
            try:
                self._seen[id(case)] = self(*case)
            except KeyboardInterrupt:
                raise
            except BaseException:  # a learner's code may raise anything
                self._seen[id(case)] = None
        return self._seen[id(case)]


def typed(*values: Any) -> str:
    """Arguments as one would type them.

    >>> typed(torch.tensor([0.1, 2.0]), np.eye(1), [3], 0.5)
    'torch.tensor([0.1, 2.0]), np.array([[1.0]]), [3], 0.5'
    """
    return ", ".join(map(_typed, values))


def _typed(value: Any) -> str:
    if callable(value) and not isinstance(value, Tensor):
        return str(value.__name__)
    if not isinstance(value, Tensor | np.ndarray | list):
        return repr(value)
    numbers = decimal(torch.as_tensor(value))
    if numbers.numel() > MANY:  # pictures, which count up, again and again
        count = f"torch.arange({numbers.numel()}) % {int(numbers.max()) + 1}"
        how = {Tensor: "", np.ndarray: ".numpy()", list: ".tolist()"}[type(value)]
        return f"({count}).reshape{tuple(numbers.shape)}.byte(){how}"
    if isinstance(value, list):
        return repr(numbers.tolist())
    if isinstance(value, np.ndarray):
        return f"np.array({numbers.tolist()})"
    kind = ", dtype=torch.float64" if value.dtype == torch.float64 else ""
    return f"torch.tensor({numbers.tolist()}{kind})"


MANY = 20  # numbers that a sentence cannot hold


def decimal(value: Tensor) -> Tensor:
    """The float64 numbers that are written as short as these, as 0.1 for float32's.

    Shape: (*) -> (*).
    """
    short = value.numpy().astype(str).astype(np.float64)
    return torch.from_numpy(short) if value.is_floating_point() else value


def as_tensor(answer: Any) -> Tensor:
    """An answer of any real kind as a dense tensor on the CPU, in float64.

    One of half precision keeps its type, which says how exact it can be.

    >>> as_tensor([[True, 2], (torch.tensor(3.0, requires_grad=True), np.float32(4))])
    tensor([[1., 2.],
            [3., 4.]], dtype=torch.float64)
    """
    if answer is None:
        raise NoAnswerError("none")
    if answer is ...:
        raise NoAnswerError("unwritten")
    if isinstance(answer, list) and all(type(part) is float for part in answer):
        return torch.tensor(answer, dtype=torch.float64)  # thousands of pixels
    if isinstance(answer, list | tuple):
        return _stacked([as_tensor(part) for part in answer])
    if not isinstance(answer, Tensor):
        answer = _from_array(np.asarray(answer))
    if answer.is_meta:
        raise NoAnswerError("no_values")
    plain: Tensor = answer.detach().to_dense().cpu()
    if plain.is_complex():
        raise NoAnswerError("not_numbers", str(plain.tolist()))
    return plain if plain.dtype in HALVES else plain.double()


HALVES = (torch.float16, torch.bfloat16)


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether answers are equal in shape and, as far as their types go, in value.

    Shape: (*), (*).
    """
    eps = max(2 * torch.finfo(v.dtype).eps if v.dtype in HALVES else 0 for v in (a, b))
    a, b, rtol, atol = a.double(), b.double(), max(tolerance, eps), max(TOLERANCE, eps)
    return a.shape == b.shape and torch.allclose(a, b, rtol, atol, equal_nan=True)


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype == np.float16:
        return torch.from_numpy(array.copy())
    if array.dtype.kind not in "bifuO":
        got = repr(array.item()) if array.ndim == 0 else str(array)
        raise NoAnswerError("not_numbers", got)
    try:
        return torch.from_numpy(array.astype(np.float64))
    except (TypeError, ValueError):
        raise NoAnswerError("not_numbers", repr(array.tolist())) from None


def _stacked(parts: list[Tensor]) -> Tensor:
    if len({part.shape for part in parts}) > 1:
        raise NoAnswerError("ragged")
    return torch.stack(parts) if parts else torch.empty(0).double()
