"""Exercises of lesson 3: a product by hand, a bias for a batch."""

from torch import tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn

_RECTANGLES = (
    tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]),
)
_SQUARES = (tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[5.0, 6.0], [7.0, 8.0]]))
_BATCH = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
_BIAS = tensor([10.0, 20.0, 30.0])
_CROOKED = (
    tensor([[0.123, -1.37, 0.5]]),
    tensor([[2.718, 0.456], [1.618, -0.789], [0.577, 1.414]]),
)


EXERCISES: dict[str, Exercise] = {
    "matmul": exercise(
        lambda a, b: a @ b,
        [_SQUARES, _RECTANGLES, _CROOKED],
        terms=[(1, 0)],
        fresh=drawn("normal N D", "normal D H", N=2, D=2, H=2),
        words={"pairs": lambda a, b: a[:, :, None] * b},
        wrong=WRONG["matmul"],
    ),
    "add_bias": exercise(
        lambda x, b: x + b,
        [(_BATCH, _BIAS), (_BATCH / 8, _CROOKED[0][0]), (_BATCH[1:], _BIAS / 7)],
        fresh=drawn("normal N H", "normal H", N=3, H=3),
        wrong=WRONG["add_bias"],
    ),
}
