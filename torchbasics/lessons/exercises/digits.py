"""Exercises of lesson 7: a picture as a row, an answer, a share of right answers."""

import torch
from torch import Tensor, tensor

from torchbasics import rng
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_IMAGES = torch.randint(
    0, 256, (3, 28, 28), dtype=torch.uint8, generator=rng.generator(0, "exercise")
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
_LABELS = tensor([1, 3, 2, 3, 1])


def _rows(images: Tensor) -> Tensor:
    return images.reshape(len(images), -1).float() / 255


def _accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).float().mean()


EXERCISES: dict[str, Exercise] = {
    "flatten": exercise(
        _rows,
        [(_IMAGES,)],
        batched=True,
        divided_by_256=lambda images: _rows(images) * 255 / 256,
        not_scaled=lambda images: 255 * _rows(images),
        one_long_row=lambda images: _rows(images).flatten(),
        columns_first=lambda images: _rows(images.transpose(1, 2)),
        not_flat=lambda images: images.float() / 255,
        whole_numbers=lambda images: images.reshape(len(images), -1) // 255,
        inverted_pixels=lambda images: 1 - _rows(images),
    ),
    "predict": exercise(
        lambda logits: logits.argmax(1),
        [(_LOGITS,)],
        batched=True,
        best_score=lambda logits: logits.amax(1),
        over_examples_argmax=lambda logits: logits.argmax(0),
        one_answer=lambda logits: logits.argmax(),
        probabilities=lambda logits: logits.softmax(1),
        one_hot_answer=lambda logits: (logits == logits.amax(1, keepdim=True)).float(),
        smallest=lambda logits: logits.argmin(1),
        counted_from_1=lambda logits: logits.argmax(1) + 1,
    ),
    "accuracy": exercise(
        _accuracy,
        [(_LOGITS, _LABELS), (_LOGITS[:4], tensor([1, 0, 0, 3]))],
        count_for_share=lambda logits, labels: len(labels) * _accuracy(logits, labels),
        cut_to_whole=lambda logits, labels: _accuracy(logits, labels).floor(),
        scores_with_labels=lambda logits, labels: (
            (logits.amax(1) == labels).float().mean()
        ),
        in_percent=lambda logits, labels: 100 * _accuracy(logits, labels),
        error_for_accuracy=lambda logits, labels: 1 - _accuracy(logits, labels),
        not_counted=lambda logits, labels: (logits.argmax(1) == labels).float(),
        mean_probability=lambda logits, labels: logits.softmax(1)[
            torch.arange(len(labels)), labels
        ].mean(),
    ),
}
