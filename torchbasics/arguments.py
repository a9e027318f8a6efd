"""What every function refuses, by name: a wrong type, shape, label or choice.

Read as `from torchbasics import arguments as require`, then `require.tensor(x=x)`.
"""

from collections.abc import Iterable
from operator import index
from typing import SupportsIndex

import torch
from torch import Tensor, nn


def tensor(**values: object) -> None:
    """Raise TypeError for the first of these that is no tensor of real numbers.

    >>> tensor(x=[1.0])
    Traceback (most recent call last):
    TypeError: x is a list; wanted a torch.Tensor
    """
    for name, value in values.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{name} is a {kind}; wanted a torch.Tensor")
        if value.is_complex() or value.layout != torch.strided:
            kind = f"{value.dtype}, {value.layout}"
            raise TypeError(f"{name} is {kind}; wanted real numbers, dense")


def module(kind: type[nn.Module], **values: object) -> None:
    """Raise TypeError for the first of these that is no such part of a network."""
    for name, value in values.items():
        if not isinstance(value, kind):
            wanted = f"torch.nn.{kind.__name__}"
            raise TypeError(f"{name} is a {type(value).__name__}; wanted a {wanted}")


def rows(features: int | None, **values: Tensor) -> None:
    """Raise ValueError for the first of these that is no batch of so many features.

    None: of any number. Shape: (N, features).
    """
    tensor(**values)
    for name, x in values.items():
        if x.ndim != 2 or features not in (None, x.shape[1]):
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; "
                f"wanted (N, {features or 'D'}), one row per example"
            )


def dtype(wanted: torch.dtype, **values: Tensor) -> None:
    """Raise TypeError for the first of these of another dtype. Shape: (*)."""
    tensor(**values)
    for name, x in values.items():
        if x.dtype != wanted:
            raise TypeError(f"{name} is {x.dtype}; wanted {wanted}")


def examples(**values: Tensor) -> None:
    """Raise ValueError unless these are examples, as many each. Shape: (N, ...)."""
    tensor(**values)
    counts = {len(x) if x.ndim and x.numel() else 0 for x in values.values()}
    if len(counts) > 1 or 0 in counts:
        shapes = (f"{name} has shape {tuple(x.shape)}" for name, x in values.items())
        raise ValueError(f"{', '.join(shapes)}; wanted examples, as many of each")


def same_shape(**values: Tensor) -> None:
    """Raise ValueError unless these are all of the first one's shape. Shape: (*)."""
    tensor(**values)
    (first, wanted), *others = ((name, tuple(x.shape)) for name, x in values.items())
    for name, shape in others:
        if shape != wanted:
            raise ValueError(f"{name} has shape {shape}; wanted {wanted}, like {first}")


def labels(labels: Tensor, logits: Tensor) -> Tensor:
    """The labels as int64, if they are class numbers, one for each row of logits.

    Any width of integer will do. True and False would select rows instead of naming
    classes, so they are refused, as are fractions and numbers that name no class.
    Shape: labels (N,), logits (N, C) -> (N,).

    >>> labels(torch.tensor([3]), torch.zeros(1, 3))
    Traceback (most recent call last):
    ValueError: labels go from 3 to 3; wanted class numbers from 0 to 2
    """
    tensor(labels=labels, logits=logits)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits has shape {tuple(logits.shape)}, labels has "
            f"{tuple(labels.shape)}; wanted (N, C) and (N,), a class number each"
        )
    if labels.dtype == torch.bool or labels.is_floating_point():
        raise TypeError(f"labels is {labels.dtype}; wanted class numbers, torch.int64")
    examples(logits=logits)
    labels = labels.long()
    if not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}; "
            f"wanted class numbers from 0 to {logits.shape[1] - 1}"
        )
    return labels


def choice(choices: Iterable[object], **values: object) -> None:
    """Raise ValueError for the first of these arguments that is none of the choices.

    >>> choice(("train", "test"), split="training")
    Traceback (most recent call last):
    ValueError: split is 'training'; wanted 'train' or 'test'
    """
    known = list(choices)
    for name, value in values.items():
        if value not in known:
            *others, last = map(_shown, known)
            wanted = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(f"{name} is {_shown(value)}; wanted {wanted}")


def _shown(value: object) -> str:
    return value.__name__ if isinstance(value, type) else repr(value)


def whole(least: int, **values: object) -> None:
    """Raise ValueError for the first of these that is less, or no whole number."""
    for name, value in values.items():
        if not isinstance(value, SupportsIndex) or index(value) < least:
            raise ValueError(f"{name} is {value!r}; wanted a whole number >= {least}")


def numbered(name: str, values: Iterable[object]) -> dict[str, object]:
    """Some values, each by its place, as an error is to name it.

    >>> whole(1, **numbered("hidden", [3, 0]))
    Traceback (most recent call last):
    ValueError: hidden[1] is 0; wanted a whole number >= 1
    """
    return {f"{name}[{at}]": value for at, value in enumerate(values)}


def floating(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Whole numbers as floating point, so that -x and x - y cannot wrap round.

    ValueError for numbers so large that they may be rounded. Shape: (*) -> (*).
    """
    tensor(x=x)
    if x.is_floating_point():
        return x
    rounded = x.to(dtype or torch.get_default_dtype())
    limit = 2 / torch.finfo(rounded.dtype).eps
    if (rounded.abs() >= limit).any():
        kind = f"whole numbers that {rounded.dtype} rounds"
        raise ValueError(f"x holds {kind}; wanted them below {limit:,.0f}")
    return rounded
