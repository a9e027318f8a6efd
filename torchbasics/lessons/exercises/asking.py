"""How a learner's function may be called, and what it answers, as a tensor.

Nobody is told whether to write for tensors, arrays, lists or single numbers: a function
is called in each of these forms, and one in which it is right is enough.
"""

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
HALVES = (torch.float16, torch.bfloat16)
MANY = 20  # numbers that a sentence cannot hold

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


def typed(*values: Any) -> str:
    """Arguments as one would type them.

    >>> typed(torch.tensor([0.1, 2.0]), np.eye(1), [3], 0.5)
    'torch.tensor([0.1, 2.0]), np.array([[1.0]]), [3], 0.5'
    """
    return ", ".join(map(_typed, values))


def _typed(value: Any) -> str:
    if not isinstance(value, Tensor | np.ndarray | list):
        return str(value.__name__) if callable(value) else repr(value)
    numbers = decimal(torch.as_tensor(value))
    if numbers.numel() > MANY:  # pictures, which count up, again and again
        count = f"torch.arange({numbers.numel()}) % {int(numbers.max()) + 1}"
        how = {Tensor: "", np.ndarray: ".numpy()", list: ".tolist()"}[type(value)]
        return f"({count}).reshape{tuple(numbers.shape)}.byte(){how}"
    if isinstance(value, Tensor):
        kind = ", dtype=torch.float64" if value.dtype == torch.float64 else ""
        return f"torch.tensor({numbers.tolist()}{kind})"
    listed = repr(numbers.tolist())
    return listed if isinstance(value, list) else f"np.array({listed})"


def decimal(value: Tensor) -> Tensor:
    """The float64 numbers that are written as short as these, as 0.1 for float32's.

    Shape: (*) -> (*).
    """
    short = value.numpy().astype(str).astype(np.float64)
    return torch.from_numpy(short) if value.is_floating_point() else value


class NoAnswerError(Exception):
    """A function gave no real numbers: under which label the words are, and what."""


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
        parts = [as_tensor(part) for part in answer]
        if len({part.shape for part in parts}) > 1:
            raise NoAnswerError("ragged")
        return torch.stack(parts) if parts else torch.empty(0).double()
    if not isinstance(answer, Tensor):
        answer = _from_array(np.asarray(answer))
    if answer.is_meta:
        raise NoAnswerError("not_numbers", repr(answer))
    plain: Tensor = answer.detach().to_dense().cpu()
    if plain.is_complex():
        raise NoAnswerError("not_numbers", repr(plain.tolist()))
    return plain if plain.dtype in HALVES else plain.double()


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    try:
        if array.dtype.kind in "bifuO":
            is_half = array.dtype == np.float16
            return torch.tensor(array if is_half else array.astype(np.float64))
    except (TypeError, ValueError):  # of some object
        pass
    raise NoAnswerError("not_numbers", repr(array.tolist()))


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether answers are equal in shape and, as far as their types go, in value.

    Shape: (*), (*).
    """
    eps = max(2 * torch.finfo(v.dtype).eps if v.dtype in HALVES else 0 for v in (a, b))
    a, b, rtol, atol = a.double(), b.double(), max(tolerance, eps), max(TOLERANCE, eps)
    return a.shape == b.shape and torch.allclose(a, b, rtol, atol, equal_nan=True)
