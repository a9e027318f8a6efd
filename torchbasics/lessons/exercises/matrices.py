"""Exercises of lesson 3: a product by hand, a bias for a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torchbasics.lessons.exercises import judge
from torchbasics.lessons.exercises.judge import Exercise, exercise

_SQUARES = (
    torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
    torch.tensor([[5.0, 6.0], [7.0, 8.0]]),
)
_RECTANGLES = (
    torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
)
_BATCH = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
_BIAS = torch.tensor([10.0, 20.0, 30.0])


EXERCISES: dict[str, Exercise] = {
    "matmul": exercise(
        torch.matmul,
        [_SQUARES, _RECTANGLES],
        number_by_number=torch.mul,
        swapped=lambda a, b: b @ a,
        rows_with_rows=lambda a, b: a @ b.T,
        columns_with_columns=lambda a, b: a.T @ b,
        transposed_result=lambda a, b: (a @ b).T,
        one_sum=lambda a, b: (a * b).sum(),
        one_sum_per_row=lambda a, b: (a * b).sum(1),
        square_only=lambda a, b: a[:, : len(a)] @ b[: len(a), : len(a)],
    ),
    "add_bias": exercise(
        torch.add,
        [(_BATCH, _BIAS)],
        bias_per_example=lambda x, b: x + b[:, None],
        bias_first_only=lambda x, b: torch.cat([x[:1] + b, x[1:]]),
        number_by_number=torch.mul,
        bias_sign=torch.sub,
        lists_joined=lambda x, b: torch.cat([x, b[None]]),
    ),
}


def check(function: Callable[..., Any], exercise: str = "", lang: str = "auto") -> bool:
    """Judge your own matmul(a, b) or add_bias(x, b).

    >>> def my_matmul(a, b):
    ...     return [[sum(p * q for p, q in zip(row, column))
    ...              for column in zip(*b)] for row in a]
    >>> check(my_matmul, lang="en")
    Right.
    True
    """
    return judge.check(EXERCISES, function, exercise, lang)
