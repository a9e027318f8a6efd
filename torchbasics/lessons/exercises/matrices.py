"""Exercises of lesson 3: a product by hand, a bias for a batch."""

import torch
from torch import tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise

_SQUARES = (tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[5.0, 6.0], [7.0, 8.0]]))
_RECTANGLES = (
    tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
)
_BATCH = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
_BIAS = tensor([10.0, 20.0, 30.0])
_CROOKED = (
    tensor([[0.123, -1.37, 0.5]]),
    tensor([[2.718, 0.456], [1.618, -0.789], [0.577, 1.414]]),
)


EXERCISES: dict[str, Exercise] = {
    "matmul": exercise(
        torch.matmul,
        [_SQUARES, _RECTANGLES, _CROOKED],
        number_by_number=torch.mul,
        swapped=lambda a, b: b @ a,
        rows_with_rows=lambda a, b: a @ b.T,
        columns_with_columns=lambda a, b: a.T @ b,
        transposed_result=lambda a, b: (a @ b).T,
        one_sum=lambda a, b: (a * b).sum(),
        one_sum_per_row=lambda a, b: (a * b).sum(1),
        one_term=(lambda a, b: a[:, -1:] * b[-1], lambda a, b: a[:, :1] * b[0]),
        square_only=lambda a, b: a[:, : len(a)] @ b[: len(a), : len(a)],
    ),
    "add_bias": exercise(
        torch.add,
        [(_BATCH, _BIAS), (_BATCH / 8, _CROOKED[0][0])],
        bias_per_example=lambda x, b: x + b[:, None],
        bias_first_only=lambda x, b: torch.cat([x[:1] + b, x[1:]]),
        one_bias_for_all=(lambda x, b: x + b.sum(), lambda x, b: x + b[0]),
        number_by_number=torch.mul,
        bias_sign=torch.sub,
        lists_joined=(
            lambda x, b: torch.cat([x, b[None]]),
            lambda x, b: torch.cat([x, b.expand(len(x), -1)], 1),
        ),
    ),
}
