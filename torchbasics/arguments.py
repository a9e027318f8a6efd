"""What every function refuses: a wrong type, shape, label or choice.

Read as `from torchbasics import arguments as require`, then `require.tensor(x=x)`. An
error names the first argument that is wrong, what it is, and what was wanted.
"""

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any, SupportsIndex

import torch
from torch import Tensor


def kind(wanted: type, /, **values: object) -> None:
    """Raise TypeError unless all are of this type.

    >>> kind(Tensor, x=[1.0])
    Traceback (most recent call last):
    TypeError: x is a list; wanted a Tensor
    """
    for name, value in values.items():
        if not isinstance(value, wanted):
            given = type(value).__name__
            raise TypeError(f"{name} is a {given}; wanted a {wanted.__name__}")


def tensor(**values: Any) -> None:
    """Raise TypeError unless all are tensors of real numbers, stored densely."""
    kind(Tensor, **values)
    for name, x in values.items():
        if x.is_complex() or x.layout != torch.strided:
            given = f"{x.dtype}, {x.layout}"
            raise TypeError(f"{name} is {given}; wanted real numbers, dense")


def dtype(wanted: torch.dtype, /, **values: Tensor) -> None:
    """Raise TypeError unless all are of this dtype. Shape: (*)."""
    tensor(**values)
    for name, x in values.items():
        if x.dtype != wanted:
            raise TypeError(f"{name} is {x.dtype}; wanted {wanted}")


def rows(features: int | None, /, **values: Tensor) -> None:
    """Raise ValueError unless all are batches of so many features, None: of any number.

    Shape: (N, features).
    """
    tensor(**values)
    for name, x in values.items():
        if x.ndim != 2 or features not in (None, x.shape[1]):
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; "
                f"wanted (N, {features or 'D'}), one row per example"
            )


def examples(**values: Tensor) -> None:
    """Raise ValueError unless these are examples, as many of each. Shape: (N, ...)."""
    tensor(**values)
    counts = {len(x) if x.ndim and x.numel() else 0 for x in values.values()}
    if len(counts) > 1 or 0 in counts:
        shapes = (f"{name} has shape {tuple(x.shape)}" for name, x in values.items())
        raise ValueError(f"{', '.join(shapes)}; wanted examples, as many of each")


def same_shape(**values: Tensor) -> None:
    """Raise ValueError unless all are of the first one's shape. Shape: (*)."""
    tensor(**values)
    (first, wanted), *others = ((name, tuple(x.shape)) for name, x in values.items())
    for name, shape in others:
        if shape != wanted:
            raise ValueError(f"{name} has shape {shape}; wanted {wanted}, like {first}")


def labels(labels: Tensor, logits: Tensor) -> Tensor:
    """The labels as int64, if they are class numbers, one for each row of logits.

    Integers of any width will do. True and False would select rows instead of naming
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


def choice(choices: Iterable[object], /, **values: object) -> None:
    """Raise ValueError unless all are among the choices.

    >>> choice(("train", "test"), split="training")
    Traceback (most recent call last):
    ValueError: split is 'training'; wanted 'train' or 'test'
    """
    known = list(choices)
    for name, value in values.items():
        if value not in known:
            wanted = " or ".join(map(repr, known))
            raise ValueError(f"{name} is {value!r}; wanted {wanted}")


def whole(least: int, /, **values: object) -> None:
    """Raise ValueError unless all are whole numbers, or rows of them, not below least.

    >>> whole(1, in_features=784, hidden=[50, 0])
    Traceback (most recent call last):
    ValueError: hidden is [50, 0]; wanted whole numbers >= 1
    """
    for name, value in values.items():
        numbers = value if isinstance(value, Sequence) else [value]
        if not all(isinstance(n, SupportsIndex) and index(n) >= least for n in numbers):
            raise ValueError(f"{name} is {value!r}; wanted whole numbers >= {least}")


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
        given = f"whole numbers that {rounded.dtype} rounds"
        raise ValueError(f"x holds {given}; wanted them below {limit:,.0f}")
    return rounded
