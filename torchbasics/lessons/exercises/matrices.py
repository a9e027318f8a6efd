"""Exercises of lesson 3: a product by hand, a bias for a batch."""

from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise

EXERCISES = (
    Exercise(
        "matmul",
        lambda a, b: a @ b,
        fresh=drawn("normal N D", "normal D H", N=2, D=2, H=2),
        words={"pairs": lambda a, b: a[:, :, None] * b},
    ),
    Exercise(
        "add_bias", lambda x, b: x + b, fresh=drawn("normal N H", "normal H", N=3, H=3)
    ),
)
