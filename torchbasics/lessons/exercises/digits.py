"""Exercises of lesson 7: a picture as a row, an answer, a share of right answers."""

from torch import Tensor

from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise


def _rows(images: Tensor) -> Tensor:
    return images.reshape(len(images), -1).float() / 255


def _marks(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).float()


EXERCISES = (
    Exercise(
        "flatten",
        _rows,
        batched=1,
        fresh=drawn("pixels N 28 28"),
        values={"rows": _rows},
    ),
    Exercise(
        "predict",
        lambda logits: logits.argmax(1),
        batched=1,
        fresh=drawn("normal N C", N=5, C=4),
    ),
    Exercise(
        "accuracy",
        lambda logits, labels: _marks(logits, labels).mean(),
        fresh=[
            *drawn("normal N C", "labels N", times=6, N=5, C=4),
            *((logits, logits.argmax(1)) for (logits,) in drawn("normal N C", times=1)),
        ],
        values={"marks": _marks},
    ),
)
