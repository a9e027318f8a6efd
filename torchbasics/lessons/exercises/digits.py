"""Exercises of lesson 7: a picture as a row, an answer, a share of right answers."""

import numpy as np
import torch
from torch import Tensor, tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise, one_term, same

_IMAGES, _PALE_IMAGES = (
    (torch.arange(1568) % levels).reshape(2, 28, 28).byte() for levels in (256, 100)
)
_LOGITS = tensor(
    [
        [0.1, 2.0, -1.0, 0.5],
        [3.0, 1.0, 0.0, 2.5],
        [-2.0, -1.0, -0.5, -3.0],
        [0.0, 0.4, 0.2, 0.9],
        [1.5, 1.0, 0.5, 0.0],
    ]
)
_LABELS = (
    tensor([1, 3, 2, 3, 1]),
    tensor([1, 0, 0, 3]),
    tensor([1, 0, 0]),
    tensor([1, 0]),
)


def _rows(images: Tensor) -> Tensor:
    return images.reshape(len(images), -1).float() / 255


def _marks(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).float()


def _accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    return _marks(logits, labels).mean()


EXERCISES: dict[str, Exercise] = {
    "flatten": exercise(
        _rows,
        [(_IMAGES,), (_PALE_IMAGES,)],
        batched=1,
        own_maximum=(
            lambda x: _rows(x) / _rows(x).max(),
            lambda x: _rows(x) / _rows(x).amax(1, keepdim=True),
        ),
        divided_by_256=lambda x: _rows(x) * 255 / 256,
        not_scaled=lambda x: 255 * _rows(x),
        one_long_row=lambda x: _rows(x).flatten(),
        columns_first=lambda x: _rows(x.transpose(1, 2)),
        not_flat=lambda x: x.float() / 255,
        whole_numbers=lambda x: x.reshape(len(x), -1) // 255,
        inverted_pixels=lambda x: 1 - _rows(x),
    ),
    "predict": exercise(
        lambda z: z.argmax(1),
        [(_LOGITS,)],
        batched=1,
        best_score=lambda z: z.amax(1),
        over_examples_argmax=lambda z: z.argmax(0),
        one_answer=lambda z: z.argmax(),
        probabilities=lambda z: z.softmax(1),
        one_hot_answer=lambda z: (z == z.amax(1, keepdim=True)).float(),
        smallest=lambda z: z.argmin(1),
        counted_from_1=lambda z: z.argmax(1) + 1,
    ),
    "accuracy": exercise(
        _accuracy,
        [(_LOGITS[: len(labels)], labels) for labels in _LABELS],
        special={  # and `//`, which gives the same, gives it as a number
            "all_or_nothing": lambda ask, cases: all(
                same(ask(*case), _accuracy(*case).floor())
                and np.asarray(ask.answer).dtype == bool
                for case in cases
            )
        },
        count_for_share=lambda z, t: len(t) * _accuracy(z, t),
        cut_to_whole=lambda z, t: _accuracy(z, t).floor(),
        scores_with_labels=lambda z, t: (z.amax(1) == t).float().mean(),
        in_percent=lambda z, t: 100 * _accuracy(z, t),
        error_for_accuracy=lambda z, t: 1 - _accuracy(z, t),
        not_counted=_marks,
        one_term=one_term(_accuracy),
        mean_probability=lambda z, t: z.softmax(1)[torch.arange(len(t)), t].mean(),
    ),
}
