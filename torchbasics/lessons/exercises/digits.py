"""Exercises of lesson 7: a picture as a row, an answer, a share of right answers."""

import torch
from torch import Tensor, tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise

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
    tensor([1, 0, 0]),
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
        words={"rows": _rows},
        wrong="""
            own_maximum: rows(images) / rows(images).max();
                rows(images) / rows(images).amax(1, True)
            divided_by_256: images.flatten(1) / 256
            not_scaled: images.flatten(1)
            one_long_row: images.flatten() / 255; images.reshape(1, -1) / 255
            columns_first: images.transpose(1, 2).flatten(1) / 255
            not_flat: images / 255
            whole_numbers: images.flatten(1) // 255
            inverted_pixels: 1 - images.flatten(1) / 255
            standardized: (rows(images) - rows(images).mean()) / rows(images).std()
            otherwise: (images.flatten(1) / 255 - 0.1307) / 0.3081;
                images.flatten(1) / 255 / 255;
                images.flatten(1) / 127.5 - 1; (images.flatten(1) > 127) * 1;
                (images.flatten(1) > 0) * 1; (images.flatten(1) / 255).round();
                images.reshape(784, -1).T / 255;
                images.reshape(len(images), 784).T / 255;
                images.reshape(-1, 28) / 255; images.flip(2).flatten(1) / 255;
                images.flip(1).flatten(1) / 255; images.sum((1, 2)) / 255;
                images.double().mean((1, 2)) / 255; images.flatten(1) - 255;
                images.sum(1) / 255; images.sum(2) / 255; images[:, 0] / 255""",
    ),
    "predict": exercise(
        lambda logits: logits.argmax(1),
        [(_LOGITS,), (_LOGITS[[2, 3, 0]],)],
        batched=1,
        wrong="""
            best_score: logits.amax(1)
            over_examples_argmax: logits.argmax(0)
            one_answer: logits.argmax()
            probabilities: softmax(logits)
            one_hot_answer: (logits == logits.amax(1, True)) * 1
            smallest: logits.argmin(1)
            counted_from_1: logits.argmax(1) + 1
            otherwise: (logits > 0) * 1; (logits > 0.5) * 1;
                logits.softmax(0).argmax(1);
                abs(logits).argmax(1); logits.argsort(1)[:, -2];
                logits.argsort(1)[:, 1];
                logits.argsort(1); logits.argsort(1, descending=True);
                logits[:, 1:].argmax(1);
                logits.clip(min=0).argmax(1); logits[:, :-1].argmax(1);
                (logits > 0).sum(1);
                logits[:, 1:].argmax(1) + 1; (logits ** 2).argmax(1);
                softmax(logits).amax(1);
                logits.argmax(1).sum(); logits.sum(1); logits.max();
                logits.sum(0).argmax()""",
    ),
    "accuracy": exercise(
        lambda logits, labels: _marks(logits, labels).mean(),
        [(_LOGITS[: len(labels)], labels) for labels in _LABELS],
        terms=[(0, 0)],
        words={"marks": _marks},
        wrong="""
            count_for_share: (logits.argmax(1) == labels).sum()
            all_or_nothing: marks(logits, labels).mean().floor()
            scores_with_labels: (logits.amax(1) == labels).double().mean()
            in_percent: 100 * marks(logits, labels).mean()
            error_for_accuracy: (logits.argmax(1) != labels).double().mean()
            among_best: (logits.topk(2).indices == labels[:, None]).sum() / len(labels);
                (logits.topk(3).indices == labels[:, None]).sum() / len(labels)
            mean_probability: softmax(logits)[arange(len(labels)), labels].mean()
            otherwise: (logits.argmax(1) != labels).sum();
                (logits.argmax(1) == labels).any() * 1;
                (logits.argmax(1) == labels).sum() / logits.numel();
                (logits.argmax(1) == labels).sum() / logits.shape[1];
                (logits.argmax(1) == labels).sum() / (len(labels) - 1);
                (logits.argmax(1) == labels).sum() / 10;
                (logits.argmax(1) == labels).sum() / 100;
                (logits.argmax(1) == labels).sum() / labels.sum();
                (logits.argmin(1) == labels).double().mean();
                (logits.argmax(1) + 1 == labels).double().mean();
                (logits.argmax(1) == labels + 1).double().mean();
                (logits.argmax(0)[:len(labels)] == labels[:4]).double().mean();
                1 - abs(logits.argmax(1) - labels).double().mean();
                abs(logits.argmax(1) - labels).double().mean();
                (abs(logits.argmax(1) - labels) <= 1).double().mean();
                (logits.argmax() == labels).double().mean();
                logits.argmax(1).double().mean(); labels.double().mean()""",
    ),
}
