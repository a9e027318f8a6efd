"""What every function refuses, by name: a wrong type, shape, label or choice."""

from collections.abc import Iterable

import torch
from torch import Tensor


def require_tensor(**values: object) -> None:
    """Raise TypeError for the first of these arguments that is no tensor.

    >>> require_tensor(x=[1.0])
    Traceback (most recent call last):
    TypeError: x is a list; wanted a torch.Tensor
    """
    for name, value in values.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{name} is a {kind}; wanted a torch.Tensor")


def require_rows(x: Tensor, features: int) -> None:
    """Raise ValueError unless `x` is a batch of that many features.

    Shape: x (N, features).
    """
    require_tensor(x=x)
    if x.ndim != 2 or x.shape[1] != features:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; wanted (N, {features}), one row per example"
        )


def require_labels(labels: Tensor, logits: Tensor) -> Tensor:
    """The labels as int64, if they are class numbers, one for each row of logits.

    Any width of integer will do. True and False would select rows instead of naming
    classes, so they are refused, as are fractions and numbers that name no class.

    Shape: labels (N,), logits (N, C) -> (N,).

    >>> require_labels(torch.tensor([3]), torch.zeros(1, 3))
    Traceback (most recent call last):
    ValueError: labels go from 3 to 3; wanted class numbers from 0 to 2
    """
    require_tensor(labels=labels, logits=logits)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits has shape {tuple(logits.shape)}, labels has "
            f"{tuple(labels.shape)}; wanted (N, C) and (N,), a class number each"
        )
    if labels.dtype == torch.bool or not is_integer(labels):
        raise TypeError(f"labels is {labels.dtype}; wanted class numbers, torch.int64")
    labels = labels.long()
    if len(labels) and not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}; "
            f"wanted class numbers from 0 to {logits.shape[1] - 1}"
        )
    return labels


def require_choice(choices: Iterable[str], **values: str) -> None:
    """Raise ValueError for the first of these arguments that is none of the choices.

    >>> require_choice(("train", "test"), split="training")
    Traceback (most recent call last):
    ValueError: split is 'training'; wanted 'train' or 'test'
    """
    known = list(choices)
    for name, value in values.items():
        if value not in known:
            *others, last = map(repr, known)
            wanted = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(f"{name} is {value!r}; wanted {wanted}")


def is_integer(x: Tensor) -> bool:
    """Whether a tensor holds whole numbers, or truth values. Shape: (*)."""
    return not (x.is_floating_point() or x.is_complex())


def as_float(x: Tensor) -> Tensor:
    """Whole numbers as floating point, so that -x and x - y cannot wrap round.

    Shape: (*) -> (*).
    """
    return x.to(torch.get_default_dtype()) if is_integer(x) else x
