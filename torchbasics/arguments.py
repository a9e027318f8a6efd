"""What every function refuses, by name: no tensor, or one of another shape."""

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
