"""Exercises of lesson 7: a picture as a row, an answer, a share of right answers."""

import torch
from torch import Tensor, tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn

_IMAGES, _PALE_IMAGES = (
    (torch.arange(1568) % levels).reshape(2, 28, 28).byte() for levels in (256, 100)
)
_LOGITS = tensor(
    [
        [0.1, 2.0, -1.0, 0.5],
        [3.25, 1.0, 0.0, 2.5],
        [-2.0, -1.0, -0.5, -3.0],
        [0.0, 0.4, 0.2, 0.9],
        [1.5, 1.0, 0.5, 0.0],
    ]
)
_LABELS = (
    tensor([1, 3, 2, 3, 3]),
    tensor([1, 1, 0, 3]),
    tensor([3, 0, 2]),
    tensor([1, 0]),
)


def _rows(images: Tensor) -> Tensor:
    return images.reshape(len(images), -1).float() / 255


def _marks(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).float()


EXERCISES: dict[str, Exercise] = {
    "flatten": exercise(
        _rows,
        [(_IMAGES,), (_PALE_IMAGES,)],
        batched=1,
        fresh=drawn("pixels N 28 28"),
        values={"rows": _rows},
        wrong=WRONG["flatten"],
    ),
    "predict": exercise(
        lambda logits: logits.argmax(1),
        [(_LOGITS,), (_LOGITS[[2, 3, 0]],)],
        batched=1,
        fresh=drawn("normal N C", N=5, C=4),
        wrong=WRONG["predict"],
    ),
    "accuracy": exercise(
        lambda logits, labels: _marks(logits, labels).mean(),
        [(_LOGITS[: len(labels)], labels) for labels in _LABELS],
        terms=[(0, 0)],
        fresh=[
            *drawn("normal N C", "labels N", times=6, N=5, C=4),
            *((logits, logits.argmax(1)) for (logits,) in drawn("normal N C", times=1)),
        ],
        values={"marks": _marks},
        wrong=WRONG["accuracy"],
    ),
}
