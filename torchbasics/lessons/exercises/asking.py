"""How a learner's function is called, and what it answers, as a tensor.

Nobody is told whether to write for tensors, arrays, lists or single numbers: a function
is called in each of these forms, and one in which it is right is enough.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Function = Callable[..., Any]
Ask = Callable[..., Tensor]
"""A learner's function, called in one of the forms below: tensors in, tensor out."""

Form = Callable[..., Any]
"""A way to call a function: the function, then the case's tensors."""


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


FORMS: tuple[Form, ...] = (
    lambda function, *case: function(*case),
    lambda function, *case: function(*map(_double, case)),
    lambda function, *case: function(*(value.numpy() for value in case)),
    lambda function, *case: function(*(value.tolist() for value in case)),
)
"""How a function may want its arguments: as tensors, as arrays, as lists."""

ROWS: tuple[Form, ...] = (
    lambda function, x: [function(*row) for row in x.tolist()],
    lambda function, x: [function(row) for row in x],
    lambda function, x: [function(row) for row in x.numpy()],
    *FORMS,
)
"""One example at a time first: as numbers, as a row; then all at once."""


def number_by_number(function: Function, x: Tensor) -> list[Any]:
    """Call what is written for one number, with `math` or an `if`, for each of many.

    Shape: x (N,) -> N answers.
    """
    return [_or_nan(function, value) for value in x.tolist()]


def _or_nan(function: Function, value: float) -> Any:
    try:
        return function(value)
    except OverflowError:  # math.exp, where torch.exp gives inf
        return torch.nan


class NothingReturnedError(Exception):
    """A function gave None: it prints its answer or, if so told, alters an argument."""


class NotNumbersError(Exception):
    """A function gave a text, a complex number, a ragged list."""


def asker(right: Ask, form: Form, function: Function) -> Ask:
    """The function, called in this form with copies, which it may alter."""

    def ask(*case: Tensor) -> Tensor:
        """Shape: as the exercise has them, (*) each -> (*)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine = [value.clone() for value in case]
            try:
                answer = form(function, *mine)
            except OverflowError:
                return torch.full_like(right(*case).double(), torch.nan)
        if answer is None and not all(map(torch.equal, mine, case)):
            raise NothingReturnedError("changes its argument")
        return as_tensor(answer)

    return ask


def as_tensor(answer: Any) -> Tensor:
    """An answer of any real kind as a dense tensor on the CPU, in float64.

    One of half precision keeps its type, which says how exact it can be.

    >>> as_tensor([[True, 2], (torch.tensor(3.0, requires_grad=True), np.float32(4))])
    tensor([[1., 2.],
            [3., 4.]], dtype=torch.float64)
    """
    if answer is None:
        raise NothingReturnedError
    if isinstance(answer, list | tuple):
        return _stacked([as_tensor(part) for part in answer])
    if not isinstance(answer, Tensor):
        answer = _from_array(np.asarray(answer))
    if answer.is_complex():
        raise NotNumbersError("complex numbers")
    if answer.is_meta:
        raise NotNumbersError("a tensor without values")
    plain: Tensor = answer.detach().to_dense().cpu()
    return plain if plain.dtype in HALVES else plain.double()


HALVES = (torch.float16, torch.bfloat16)


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype == np.float16:
        return torch.from_numpy(array.copy())
    if array.dtype.kind not in "bifuO":
        raise NotNumbersError(repr(array.item()) if array.ndim == 0 else str(array))
    try:
        return torch.from_numpy(array.astype(np.float64))
    except (TypeError, ValueError):
        raise NotNumbersError(repr(array.tolist())) from None


def _stacked(parts: list[Tensor]) -> Tensor:
    if len({part.shape for part in parts}) > 1:
        raise NotNumbersError("rows of different lengths")
    return torch.stack(parts) if parts else torch.empty(0).double()
